"""glaciersar.io.open_raster"""

import os
import struct

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioError

from glaciersar.errors import InputError
from glaciersar.io.open_raster import open_raster
from tests.support.archives import GRID, write_raster


@pytest.fixture
def path(tmp_path, rng):
    return write_raster(tmp_path / "a.tif", rng.random(GRID.shape).astype(np.float32), GRID)


def test_a_geotiff_is_opened_as_by_rasterio(path):
    with open_raster(path) as found, rasterio.open(path) as expected:
        assert str(found.profile) == str(expected.profile)
        np.testing.assert_array_equal(found.read(), expected.read())


def test_one_band_of_a_geotiff_is_opened_by_its_own_name(tmp_path, rng):
    values = rng.random((2, 8, 9)).astype(np.float32)
    profile = {"driver": "GTiff", "count": 2, "height": 8, "width": 9, "dtype": "float32", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "two.tif", "w", transform=GRID.affine, **profile) as file:
        file.write(values)
    with open_raster(f"vrt://{tmp_path / 'two.tif'}?bands=2") as file:
        assert file.count == 1
        np.testing.assert_array_equal(file.read(1), values[1])


def test_xml_that_names_other_files_and_other_formats_are_not_opened(path, tmp_path):
    source = f"<SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand>"
    band = f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource>{source}</SimpleSource></VRTRasterBand>'
    xml = f'<VRTDataset rasterXSize="9" rasterYSize="9">{band}</VRTDataset>'
    (tmp_path / "b.tif").write_text(xml)
    with rasterio.open(path) as file:
        picture = file.read(1)
    with rasterio.open(tmp_path / "c.tif", "w", driver="PNG", width=100, height=100, count=1, dtype="uint8") as file:
        file.write((picture * 255).astype(np.uint8), 1)
    with rasterio.open(tmp_path / "b.tif"), rasterio.open(tmp_path / "c.tif"):
        pass  # GDAL itself opens all of them
    for name in (tmp_path / "b.tif", tmp_path / "c.tif", xml, f"vrt://{tmp_path / 'b.tif'}?bands=1"):
        with pytest.raises(RasterioError):
            open_raster(name)


def test_a_sidecar_that_names_another_file_as_overview_is_refused(path):
    named = '<MDI key="OVERVIEW_FILE">/vsicurl/http://127.0.0.1/a.tif</MDI>'
    text = f'<PAMDataset><Metadata domain="OVERVIEWS">{named}</Metadata></PAMDataset>'
    path.with_name("a.tif.aux.xml").write_text(text)
    with pytest.raises(InputError, match="another file with its overviews found"):
        open_raster(path)


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    for name in (tmp_path / "pipe.tif", "/dev/zero", tmp_path, f"file://{tmp_path}/pipe.tif"):
        with pytest.raises(InputError, match="a folder, pipe or device found, a file expected"):
            open_raster(name)


def test_a_name_with_a_zero_byte_is_refused():
    with pytest.raises(InputError, match="a file expected"):
        open_raster("a\0.tif")


def with_entry(path, tag, value):
    """Write another value into an entry of the first directory of a little-endian TIFF."""
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for k in range(count):
        place = start + 2 + 12 * k
        if struct.unpack_from("<H", content, place)[0] == tag:
            struct.pack_into("<HII", content, place + 2, 4, 1, value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("tag", "value"), [(256, 2**31 - 1), (257, 2**31 - 1), (257, 10**8)])
def test_a_header_that_asks_for_more_than_the_file_can_hold_takes_no_memory(path, tag, value):
    with pytest.raises((InputError, RasterioError)):
        open_raster(with_entry(path, tag, value)).read()


def test_blocks_that_take_more_memory_than_the_limit_are_refused(path, monkeypatch):
    with open_raster(path) as file:
        rows, columns = file.block_shapes[0]
    monkeypatch.setenv("GLACIERSAR_MAX_BLOCK_BYTES", str(4 * rows * columns - 1))
    with pytest.raises(
        InputError, match=rf"a\.tif: a block of {columns} × {rows} pixels by its header: {4 * rows * columns} "
    ):
        open_raster(path)


def test_the_limit_of_pixels_is_stated_and_can_be_set(path, monkeypatch):
    monkeypatch.setenv("GLACIERSAR_MAX_PIXELS", "9999")
    with pytest.raises(InputError, match=r"a\.tif: 100 × 100 pixels by its header: 10000 pixels found, at most 9999"):
        open_raster(path)
