"""glaciersar.io.rasters"""

from contextlib import suppress
from functools import partial

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from glaciersar.errors import InputError
from glaciersar.io import rasters
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((430_000, 8_780_000, 430_400, 8_780_300), "EPSG:32633", resolution=10, tight=True)  # 30 × 40
WIDE = GeoBox.from_bbox((600_000, 8_700_000, 600_600, 8_700_400), "EPSG:32633", resolution=10)  # 40 × 60


@pytest.fixture
def path(tmp_path, rng):
    return write_raster(tmp_path / "p.tif", rng.random(GRID.shape).astype(np.float32), GRID)


@pytest.mark.parametrize("side", [7, 16, 100])
def test_windows_cover_every_pixel_once(path, side):
    with rasters.open_map(path) as file:
        whole = np.full(file.shape, np.nan)
        for window in rasters.iter_windows(file, side=side):
            here = window.toslices()
            assert np.isnan(whole[here]).all()
            assert max(whole[here].shape) <= side
            whole[here] = rasters.read_window(file, window)
        np.testing.assert_array_equal(whole, file.read(1))


def test_the_grid_of_maps_on_the_same_pixels_is_theirs(path, tmp_path, rng):
    other = write_raster(tmp_path / "q.tif", rng.random(GRID.shape).astype(np.float32), GRID)
    assert rasters.common_geobox([path, other]) == GRID


@pytest.mark.parametrize(
    ("grid", "found"),
    [
        (GRID.translate_pix(0.5, 0), r"40 × 30 pixels from \(430005, .* found, 40 × 30 from \(430000, .* expected"),
        (GRID.pad(1), "42 × 32 pixels from"),
        (GRID.zoom_to(resolution=20), "20 × 15 pixels from .* of 20 m"),
        (GeoBox(GRID.shape, GRID.affine, "EPSG:32634"), "EPSG:32634 found"),
    ],
)
def test_maps_that_do_not_align_are_refused_in_a_sentence_with_both_grids(path, tmp_path, grid, found):
    other = write_raster(tmp_path / "other.tif", np.zeros(grid.shape, np.float32), grid)
    with pytest.raises(InputError, match=found) as error:
        rasters.common_geobox([path, other])
    assert all(name in str(error.value) for name in ("other.tif", "p.tif"))


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # a map without a place is enough here
def test_a_map_of_two_bands_is_refused(tmp_path):
    with rasterio.open(
        tmp_path / "two.tif", "w", driver="GTiff", width=2, height=2, count=2, dtype="uint8", crs="EPSG:32633"
    ) as file:
        file.write(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(InputError, match=r"two\.tif: 2 bands found"), rasters.open_map(tmp_path / "two.tif"):
        pass


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), side=st.integers(1, 1500))
def test_a_coarser_grid_covers_the_same_ground_with_no_side_longer_than_it_may_be(height, width, side):
    geobox = GeoBox((height, width), WIDE.affine, WIDE.crs)
    coarse = rasters.coarsen_geobox(geobox, side)
    assert max(coarse.shape) <= side
    assert min(coarse.shape) >= 1
    assert coarse.boundingbox.bbox == pytest.approx(geobox.boundingbox.bbox, abs=1e-3)
    assert (coarse == geobox) == (max(height, width) <= side)


def test_pixels_are_numbered_by_the_polygon_that_their_centre_lies_in_beyond_the_file_too(path):
    with rasters.open_map(path) as file:
        left, top = file.bounds.left, file.bounds.top
        step = file.transform.a
        boxes = [(-2, -1, 3, 2), (3, 0, 5, 4)]  # columns and rows, from the file's corner
        shapes = gpd.GeoSeries(
            [shapely.box(left + a * step, top - d * step, left + c * step, top - b * step) for a, b, c, d in boxes],
            crs=file.crs,
        )
        found = rasters.label_pixels(shapes, file, Window(-3, -2, 10, 8))
    expected = np.zeros((8, 10), int)
    for k, (left, top, right, bottom) in enumerate(boxes, 1):
        expected[top + 2 : bottom + 2, left + 3 : right + 3] = k
    np.testing.assert_array_equal(found, expected)


def test_an_overview_averages_what_there_is(tmp_path, rng):
    values = rng.random(WIDE.shape, dtype=np.float32)
    values[:10, :25] = np.nan
    path = write_raster(tmp_path / "map.tif", values, WIDE)
    whole, geobox = rasters.read_overview(path)
    np.testing.assert_array_equal(whole, values)
    assert geobox == WIDE
    coarse, geobox = rasters.read_overview(path, side=12)
    expected = np.full((8, 12), np.nan)
    for y, x in np.ndindex(8, 12):
        block = values[5 * y : 5 * y + 5, 5 * x : 5 * x + 5]
        expected[y, x] = block.mean() if np.isfinite(block).all() else np.nan
    np.testing.assert_allclose(coarse, expected, atol=1e-6)
    assert geobox.shape == (8, 12)


def test_an_overview_is_scaled_as_the_file_says(tmp_path):
    path = write_raster(tmp_path / "map.tif", np.full(WIDE.shape, 127, np.uint8), WIDE, nodata=255)
    with rasterio.open(path, "r+") as file:
        file.scales = (1 / 254,)
    assert rasters.read_overview(path, side=20)[0].max() == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_map_is_read_or_refused_in_a_sentence_by_whatever_reads_it(tmp_path, rng, seed):
    path = tmp_path / "map.tif"
    rasters.write_cog(path, rng.random((80, 90)).astype(np.float32), GRID.pad(25))
    whole, spoil = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(10):
        content = bytearray(whole[: spoil.integers(1, len(whole) + 1)] if spoil.random() < 0.3 else whole)
        for place in spoil.integers(0, len(content), 5):
            content[place] = spoil.integers(256)
        path.write_bytes(content)

        def whole_map():
            with rasters.open_map(path) as file:
                for window in rasters.iter_windows(file):
                    rasters.read_window(file, window)

        for read in (whole_map, partial(rasters.read_overview, path, side=40), partial(rasters.common_geobox, [path])):
            with suppress(InputError):  # and no other error
                read()


def test_an_overview_of_a_map_without_a_place_is_refused(tmp_path, rng):
    path = write_raster(tmp_path / "a.tif", rng.random((8, 9)).astype(np.float32), GRID[:8, :9], crs=None)
    with pytest.raises(InputError, match=r"a\.tif: no coordinate system found"):
        rasters.read_overview(path)
    with pytest.raises(InputError, match=r"no such file, expected a map"):
        rasters.read_overview(tmp_path / "b.tif")
