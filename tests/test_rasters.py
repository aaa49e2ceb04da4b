import numpy as np
import pytest
import rasterio
from archives import write_raster
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from glaciersar import rasters

GRID = GeoBox.from_bbox((600_000, 8_700_000, 600_600, 8_700_400), "EPSG:32633", resolution=10)  # 40 × 60


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), side=st.integers(1, 1500))
def test_a_coarser_grid_covers_the_same_ground_with_as_many_pixels_as_it_may_have(height, width, side):
    geobox = GeoBox((height, width), GRID.affine, GRID.crs)
    coarse = rasters.coarser(geobox, side)
    assert max(coarse.shape) <= side
    assert min(coarse.shape) >= 1
    assert coarse.boundingbox.bbox == pytest.approx(geobox.boundingbox.bbox, abs=1e-3)
    assert (coarse == geobox) == (max(height, width) <= side)


def test_an_overview_averages_what_there_is(tmp_path, rng):
    values = rng.random(GRID.shape, dtype=np.float32)
    values[:10, :25] = np.nan
    path = write_raster(tmp_path / "map.tif", values, GRID)
    whole, geobox = rasters.overview(path)
    np.testing.assert_array_equal(whole, values)
    assert geobox == GRID
    coarse, geobox = rasters.overview(path, side=12)
    expected = np.full((8, 12), np.nan)
    for y, x in np.ndindex(8, 12):
        block = values[5 * y : 5 * y + 5, 5 * x : 5 * x + 5]
        expected[y, x] = block.mean() if np.isfinite(block).all() else np.nan
    np.testing.assert_allclose(coarse, expected, atol=1e-6)
    assert geobox.shape == (8, 12)


def test_an_overview_is_scaled_as_the_file_says(tmp_path):
    path = write_raster(tmp_path / "map.tif", np.full(GRID.shape, 127, np.uint8), GRID, nodata=255)
    with rasterio.open(path, "r+") as file:
        file.scales = (1 / 254,)
    assert rasters.overview(path, side=20)[0].max() == pytest.approx(0.5)
