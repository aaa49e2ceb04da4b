"""glaciersar.scenes.aoi"""

from datetime import UTC, datetime

import geopandas as gpd
import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.grid import SVAL, Tile, grid_at
from glaciersar.scenes.aoi import aoi_name, parse_aoi, place_of_tiles, union_footprint
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import intersecting
from tests.support.archives import glaciers

BOWTIE = shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])


def test_two_numbers_are_a_point_and_four_a_box():
    assert parse_aoi("15.5, 78.9") == parse_aoi([15.5, 78.9]) == shapely.Point(15.5, 78.9)
    assert parse_aoi("11,78,13,79").equals(shapely.box(11, 78, 13, 79))
    assert parse_aoi((-13, -79, -11, -78)).bounds == (-13, -79, -11, -78)


def test_a_tile_by_name_lies_where_the_grid_has_it():
    tile = Tile(column=10, row=38)
    corners = gpd.GeoSeries([shapely.box(*tile.bounds)], crs=SVAL.crs).to_crs("EPSG:4326").iloc[0]
    alone = parse_aoi("SVAL-10-38")
    assert alone.symmetric_difference(corners).area < 0.01 * corners.area
    assert set(corners.exterior.coords) <= set(alone.exterior.coords)
    both = parse_aoi("SVAL-10-38, SVAL-12-38")
    assert both.contains(corners.buffer(-1e-4))
    assert both.contains(parse_aoi("SVAL-11-38").centroid)  # what lies between belongs to the place


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp"])
def test_outlines_in_any_coordinates_are_a_place_in_degrees(tmp_path, suffix):
    outlines = glaciers()
    path = tmp_path / f"outlines.{suffix}"
    outlines.to_crs("EPSG:4326" if suffix == "geojson" else "EPSG:3575").to_file(path)
    middle = outlines.to_crs("EPSG:4326").union_all().centroid
    assert parse_aoi(path).contains(middle)
    assert parse_aoi(str(path)).area < 0.1  # square degrees: a glacier of 4 km


def test_outlines_that_cross_themselves_are_a_place(tmp_path):
    gpd.GeoDataFrame(geometry=[shapely.affinity.translate(BOWTIE, 5e5, 8.7e6)], crs=SVAL.crs).to_file(
        tmp_path / "a.gpkg"
    )
    assert parse_aoi(tmp_path / "a.gpkg").is_valid


def test_a_tile_of_another_grid_is_a_place_too():
    assert parse_aoi("UTM45N-48-309").distance(shapely.Point(86.85, 28)) < 0.1
    assert place_of_tiles("UTM45N-48-309, UTM45N-49-309") == Tile.parse("UTM45N-48-309")
    assert place_of_tiles("86.9,28") is None
    with pytest.raises(InputError, match="tile 'XYZ-1-2' found, a name such as SVAL-10-38 or UTM45N-48-309 expected"):
        parse_aoi("XYZ-1-2")


def test_a_box_over_180_degrees_has_a_part_on_each_side():
    box = parse_aoi("178,66,-178,68")
    assert box.equals(shapely.union(shapely.box(178, 66, 180, 68), shapely.box(-180, 66, -178, 68)))
    assert aoi_name(box) == "the box 178,66,182,68"


def test_tiles_and_outlines_over_180_degrees_do_not_reach_around_the_earth(tmp_path):
    tile = grid_at(180, 67).tiles_within((360_000, 7_430_000, 390_000, 7_450_000))[0]
    ice = gpd.GeoSeries([shapely.box(*tile.bounds).buffer(9000)], crs=tile.grid.crs)
    ice.to_file(tmp_path / "a.gpkg")
    halves = [shapely.box(179, 66, 180, 67), shapely.box(-180, 66, -179, 67)]
    gpd.GeoSeries(halves, crs=4326).to_file(tmp_path / "b.gpkg")
    for place in (tile.name, tmp_path / "a.gpkg", tmp_path / "b.gpkg"):
        shape = parse_aoi(place)
        assert shape.is_valid
        assert 0 < shape.area < 2.1  # square degrees
        assert shape.distance(shapely.Point(180, 67)) < 1


def test_a_footprint_over_180_degrees_is_one_shape_on_its_grid():
    across = [(179.5, 66.5), (-179.5, 66.5), (-179.5, 67.5), (179.5, 67.5)]  # sides across the whole map
    known = {"time": datetime(2020, 1, 1, tzinfo=UTC), "relative_orbit": 1, "orbit_state": "ascending"}
    scene = Scene(id="x", hrefs={}, outline=shapely.Polygon(across), **known)
    shape = union_footprint([scene], grid_at(180, 67).crs)
    assert shape.area / 1e6 == pytest.approx(43.5 * 111.5, rel=0.02)  # a degree at 67° N
    assert intersecting([scene], shapely.Point(180, 67)) == [scene]
    assert intersecting([scene], shapely.Point(0, 67)) == []


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("15.5", "place 15.5 found, lon,lat, or west,south,east,north"),
        ("1,2,3", "place 1, 2, 3 found"),
        ("13,78,11,79", "place 13, 78, 11, 79 found"),
        ("11,79,13,78", "place 11, 79, 13, 78 found"),
        ("78,115", "longitudes and latitudes expected"),
        ("500000,8700000,510000,8710000", "500000, 8.7e.06, .* longitudes and latitudes expected"),
        ("nan,78", "longitudes and latitudes expected"),
        ("SVAL-10-38,Kongsfjorden", "tile 'Kongsfjorden' found, a name such as SVAL-10-38 or UTM45N-48-309 expected"),
        ("UTM00N-1-1", "tile UTM00N-1-1: zone 00 found, a UTM zone from 01 to 60 expected"),
        ("UTM61N-1-1", "zone 61 found"),
        ("SVAL-10-38,SVAL-999999999-3", "tile SVAL-999999999-3: no place on Earth found"),
        ("UTM33N-1900-1", "place UTM33N-1900-1: no place on Earth found, lon,lat"),
        ("Kongsfjorden", "place Kongsfjorden: no such file"),
        ("absent.gpkg", r"place absent\.gpkg: no such file"),
        (shapely.Point(), "longitudes and latitudes expected"),
    ],
)
def test_what_is_no_place_is_refused(place, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_aoi(place)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")  # which is one of the faults
def test_a_file_that_tells_no_place_is_refused(tmp_path):
    (tmp_path / "bad.gpkg").write_text("no GeoPackage")
    gpd.GeoDataFrame(geometry=[], crs=SVAL.crs).to_file(tmp_path / "empty.gpkg")
    gpd.GeoDataFrame(geometry=[BOWTIE]).to_file(tmp_path / "nowhere.shp")
    (tmp_path / "metres.geojson").write_text(
        '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [500000, 8700000]}}'
    )
    for name, sentence in {
        "bad.gpkg": "cannot be read as outlines",
        "empty.gpkg": "no shape found",
        "nowhere.shp": "no coordinate system found",
        "metres.geojson": "longitudes and latitudes expected",
    }.items():
        with pytest.raises(InputError, match=rf"{name}.*{sentence}"):
            parse_aoi(tmp_path / name)
