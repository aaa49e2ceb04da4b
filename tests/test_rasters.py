"""glaciersar.rasters"""

import numpy as np
import pytest
import rasterio
from archives import write_raster
from odc.geo.geobox import GeoBox

from glaciersar import rasters
from glaciersar.errors import InputError

GRID = GeoBox.from_bbox((430_000, 8_780_000, 430_400, 8_780_300), "EPSG:32633", resolution=10, tight=True)  # 30 × 40


@pytest.fixture
def path(tmp_path, rng):
    return write_raster(tmp_path / "p.tif", rng.random(GRID.shape).astype(np.float32), GRID)


@pytest.mark.parametrize("side", [7, 16, 100])
def test_windows_cover_every_pixel_once(path, side):
    with rasters.opened(path) as file:
        whole = np.full(file.shape, np.nan)
        for window in rasters.windows(file, side=side):
            here = window.toslices()
            assert np.isnan(whole[here]).all()
            assert max(whole[here].shape) <= side
            whole[here] = rasters.read(file, window)
        np.testing.assert_array_equal(whole, file.read(1))


def test_the_grid_of_maps_on_the_same_pixels_is_theirs(path, tmp_path, rng):
    other = write_raster(tmp_path / "q.tif", rng.random(GRID.shape).astype(np.float32), GRID)
    assert rasters.common_grid([path, other]) == GRID
    with rasters.opened(path) as file:
        assert rasters.pixel_area(file) == pytest.approx(1e-4)


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
        rasters.common_grid([path, other])
    assert all(name in str(error.value) for name in ("other.tif", "p.tif"))


def test_a_map_of_two_bands_is_refused(tmp_path):
    with rasterio.open(
        tmp_path / "two.tif", "w", driver="GTiff", width=2, height=2, count=2, dtype="uint8", crs="EPSG:32633"
    ) as file:
        file.write(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(InputError, match=r"two\.tif: 2 bands found"), rasters.opened(tmp_path / "two.tif"):
        pass
