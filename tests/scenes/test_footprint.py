"""glaciersar.scenes.footprint; more of it in tests/scenes/test_reader_refused.py and tests/dataset/test_bad_input.py"""

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import open_backscatter
from tests.support.archives import TILE


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_with_ground_control_points_alone_is_refused_as_a_ground_range_product(tmp_path):
    path = tmp_path / "s1a-ew-grd-hh.tiff"
    corners = [(0, 0, 15.0, 79.0), (0, 100, 17.0, 79.3), (100, 0, 14.5, 78.5), (100, 100, 16.5, 78.8)]
    points = [GroundControlPoint(row, column, x, y) for row, column, x, y in corners]
    with rasterio.open(path, "w", "GTiff", 100, 100, 1, dtype="uint16", gcps=points, crs="EPSG:4326") as file:
        file.write(np.full((1, 100, 100), 300, np.uint16))
    with (
        pytest.raises(
            InputError, match=r"s1a-ew-grd-hh\.tiff: a ground-range product .*\(4 control points.*RTC\) expected"
        ),
        open_backscatter(str(path)),
    ):
        pass


def test_the_raster_itself_is_given(tmp_path):
    path, grid = tmp_path / "hh.tif", TILE.geobox(pixel=1000)
    with rasterio.open(
        path, "w", "GTiff", 10, 10, 1, dtype="float32", crs=str(grid.crs), transform=grid.affine
    ) as file:
        file.write(np.full((1, 10, 10), 0.1, np.float32))
    with open_backscatter(str(path)) as file:
        assert file.shape == (10, 10)
