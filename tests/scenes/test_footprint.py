"""glaciersar.scenes.footprint; more of it in tests/scenes/test_reader_refused.py and tests/dataset/test_bad_input.py"""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from rasterio.control import GroundControlPoint

from glaciersar import geodesy
from glaciersar.errors import InputError
from glaciersar.scenes.footprint import choose_grid, covering_geobox, open_backscatter, raster_geobox, scene_footprints
from glaciersar.scenes.reader import read_series
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


def around(longitude, latitude, crs, size, *, side=0.02):
    """Lay pixels over a box of `side` degrees of latitude."""
    half = side / 2 / np.cos(np.radians(latitude))
    corners = shapely.box(longitude - half, latitude - side / 2, longitude + half, latitude + side / 2)
    bounds = gpd.GeoSeries([corners], crs=4326).segmentize(0.001).to_crs(crs).total_bounds
    return GeoBox.from_bbox(bounds, crs, resolution=size)


def scenes_on(tmp_path, *boxes):
    """Write a raster of about one power on each grid; to the bit the same everywhere it would be a fill."""
    spread = np.random.default_rng(3)
    paths = [
        write_raster(tmp_path / f"{k}.tif", spread.uniform(0.099995, 0.100005, box.shape).astype(np.float32), box)
        for k, box in enumerate(boxes)
    ]
    known = {"relative_orbit": 14, "orbit_state": None}
    return [
        Scene(id=path.stem, time=time, hrefs={"HH": (str(path),)}, **known)
        for path, time in zip(paths, TIMES, strict=False)
    ]


@pytest.mark.parametrize(
    ("boxes", "crs", "pixel"),
    [
        ([(90, 28, "EPSG:32645", 20), (90, 28, "EPSG:32646", 20)], "EPSG:32646", 20),  # two zones
        ([(180, 67, "EPSG:32660", 20), (180, 67, "EPSG:32601", 20)], "EPSG:32601", 20),  # and over 180°
        ([(15, 78.5, "EPSG:3857", 100)], "EPSG:32633", 20),  # Web Mercator
        ([(86.9, 28, "EPSG:4326", 0.0002)], "EPSG:32645", 22),  # degrees, nearly square
        ([(15, 78.5, "EPSG:4326", 0.0002)], "EPSG:32633", 22),  # degrees, five times as long as wide
    ],
)
def test_rasters_without_a_metric_system_in_common_are_mapped_on_the_grid_of_their_place(
    tmp_path, capsys, boxes, crs, pixel
):
    scenes = scenes_on(tmp_path, *(around(*box) for box in boxes))
    box = covering_geobox(scenes, "HH")
    assert str(box.crs) == crs
    assert box.resolution.x == pytest.approx(pixel, abs=0.5)
    assert geodesy.is_metric(box)
    assert f"mapped on pixels of {pixel} m in {crs} instead" in capsys.readouterr().out
    for scene in scenes:  # all of each raster lies on it
        (extent,) = scene_footprints(scene, "HH", crs)
        assert shapely.box(*box.boundingbox.bbox).buffer(1).covers(extent)
    power = read_series(scenes, box, "HH").power
    assert (np.isfinite(power).mean((1, 2)) > 0.7).all()
    np.testing.assert_allclose(power[np.isfinite(power)], 0.1, rtol=1e-4)


def test_a_system_can_be_asked_for_if_it_is_true_to_scale(tmp_path):
    scenes = scenes_on(tmp_path, around(15, 78.5, "EPSG:32633", 20))
    assert covering_geobox(scenes, "HH", crs="EPSG:32633") == covering_geobox(scenes, "HH")
    asked = covering_geobox(scenes, "HH", crs="EPSG:3413", pixel=40)
    assert str(asked.crs) == "EPSG:3413"
    assert asked.resolution.x == 40
    with pytest.raises(InputError, match=r"crs=EPSG:3857: pixels of 4 × 4 m on the ground found for 20 m"):
        covering_geobox(scenes, "HH", crs="EPSG:3857")
    with pytest.raises(InputError, match=r"crs='EPSG:4326': WGS 84 found, a projected system in metres"):
        covering_geobox(scenes, "HH", crs="EPSG:4326")


def test_the_grid_of_tiles_is_that_of_the_rasters_where_they_share_one_off_svalbard():
    box = around(7.6, 46, "EPSG:3035", 20)
    assert choose_grid([box]).name == "EPSG3035"
    assert choose_grid([box, around(7.6, 46, "EPSG:32632", 20)]).name == "UTM32N"
    assert choose_grid([box], crs="EPSG:32633").name == "UTM33N"
    assert choose_grid([around(25, 79, "EPSG:32635", 20)]).name == "SVAL"


@pytest.mark.parametrize("nodata", [np.nan, None, -9999])
def test_a_raster_whose_first_row_is_the_southernmost_is_read_with_north_up(tmp_path, rng, nodata, capsys):
    grid, power = TILE.geobox(pixel=100), backscatter(rng, (100, 100))
    power[20:30, 40:] = np.nan if nodata is None else nodata
    left, bottom, _, _ = grid.boundingbox.bbox
    upward = rasterio.Affine(100, 0, left, 0, 100, bottom)
    path = write_raster(
        tmp_path / "S1_ro14_20200102T063005Z_HH.tif", power[::-1], grid, nodata=nodata, transform=upward
    )
    usual = write_raster(tmp_path / "usual" / path.name, power, grid, nodata=nodata)
    scenes = [
        Scene(id="a", time=TIMES[0], relative_orbit=14, orbit_state=None, hrefs={"HH": (str(one),)})
        for one in (path, usual)
    ]
    assert covering_geobox(scenes[:1], "HH") == grid
    for part in (grid, grid[10:50, 30:90], grid.zoom_out(2.5)):
        found, expected = (read_series([scene], part, "HH").power for scene in scenes)
        np.testing.assert_array_equal(found, expected)
    told = capsys.readouterr().out
    assert told.count(f"{tmp_path}: rasters whose first row is the southernmost found") == 1


def test_what_is_wrong_in_a_raster_read_with_north_up_names_the_file(tmp_path, rng):
    grid = TILE.geobox(pixel=100)
    left, bottom, _, _ = grid.boundingbox.bbox
    upward = rasterio.Affine(100, 0, left, 0, 100, bottom)
    path = write_raster(tmp_path / "a.tif", 10 * np.log10(backscatter(rng, (100, 100))), grid, transform=upward)
    scene = Scene(id="a", time=TIMES[0], relative_orbit=14, orbit_state=None, hrefs={"HH": (str(path),)})
    with pytest.raises(InputError, match=rf"^{tmp_path.name}/a\.tif: values from .*look like decibels"):
        read_series([scene], grid, "HH")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=rf"{tmp_path.name}/a\.tif: "):
        read_series([scene], grid, "HH")


LOCAL = 'LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'


def test_a_raster_in_a_local_system_is_refused(tmp_path, rng):
    grid = GeoBox((8, 8), rasterio.Affine(10, 0, 0, 0, -10, 80), None)
    path = write_raster(tmp_path / "local.tif", backscatter(rng, (8, 8)), grid, crs=LOCAL)
    with pytest.raises(InputError, match=r"local\.tif: a local coordinate system found, one of a place on Earth"):
        raster_geobox(str(path))
