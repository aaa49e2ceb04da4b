"""glaciersar.scenes.footprint; more of it in tests/scenes/test_reader_refused.py and tests/dataset/test_bad_input.py"""

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox, open_backscatter, scene_footprints
from glaciersar.scenes.scene import Scene
from tests.support.archives import TILE, TIMES, backscatter, write_raster


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


def test_the_grid_and_the_footprints_of_two_polarisations_cover_the_rasters_of_both(tmp_path, rng):
    grid = TILE.geobox(pixel=1000)
    left, right = write_raster(tmp_path / "hh.tif", backscatter(rng, (10, 6)), grid[:, :6]), tmp_path / "hv.tif"
    write_raster(right, backscatter(rng, (10, 7)), grid[:, 3:])
    hrefs = {"HH": (str(left),), "HV": (str(right),)}
    scene = Scene(id="a", time=TIMES[0], relative_orbit=14, orbit_state=None, hrefs=hrefs)
    assert covering_geobox([scene], "HH") == grid[:, :6]
    assert covering_geobox([scene], "HH+HV") == grid
    assert [box.bounds for box in scene_footprints(scene, "HH+HV", str(grid.crs))] == [
        part.boundingbox.bbox for part in (grid[:, :6], grid[:, 3:])
    ]
    with pytest.raises(InputError, match="a: no VV found"):
        covering_geobox([scene], "VV+VH")
