"""glaciersar.polygons"""

import geopandas as gpd
import pytest
import shapely

from glaciersar import polygons

SQUARE = shapely.box(0, 0, 10, 10)
BOW = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
SPIKE = shapely.Polygon([(0, 0), (10, 0), (20, 0), (10, 0), (10, 10), (0, 10)])  # a square's half with a line out of it
LINE = shapely.LineString([(0, 0), (1, 1)])


def frame(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:32633")


@pytest.mark.parametrize(
    ("shape", "name", "area"),
    [
        (BOW, "mended", 50),
        (SPIKE, "mended", 100),
        (shapely.GeometryCollection([shapely.MultiPolygon([SQUARE]), LINE]), "mixed", 100),
        (shapely.force_3d(SQUARE, 7), "heights", 100),
    ],
)
def test_a_faulty_outline_keeps_its_area_and_is_counted(shape, name, area):
    found, count = polygons.clean(frame(shape, shapely.box(20, 20, 30, 30)))
    assert found.geometry.is_valid.all()
    assert not found.has_z.any()
    assert found.geom_type.isin(("Polygon", "MultiPolygon")).all()
    assert found.area.iloc[0] == pytest.approx(area)
    assert count[name] == 1
    assert "1 " + polygons.SAID[name] in polygons.describe(count)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (None, "empty"),
        (shapely.Polygon(), "empty"),
        (LINE, "lines"),
        (shapely.Point(1, 1), "lines"),
        (shapely.Polygon([(0, 0), (5, 5), (10, 10)]), "collapsed"),
        (shapely.GeometryCollection([LINE, shapely.Point(1, 1)]), "collapsed"),
    ],
)
def test_what_has_no_area_is_left_out_and_counted(shape, name):
    found, count = polygons.clean(frame(shape, SQUARE, name=["a", "b"]))
    assert list(found["name"]) == ["b"]
    assert count[name] == 1


def test_the_same_outline_twice_counts_once_whatever_its_number_and_where_it_begins():
    turned = shapely.Polygon([(10, 10), (0, 10), (0, 0), (10, 0)])
    found, count = polygons.clean(frame(SQUARE, turned, SQUARE, OBJECTID=[1, 2, 3], name=["a", "a", None]))
    assert list(found["OBJECTID"]) == [1, 3]
    assert count["twice"] == 1


def test_one_shape_in_two_years_is_two_outlines_and_in_one_year_is_told():
    found, count = polygons.clean(frame(SQUARE, SQUARE, SQUARE, year=[2016, 2020, 2020], by=["a", "a", "b"]))
    assert len(found) == 3
    assert count["twice"] == 0
    assert polygons.same_shape(found, found["year"]) == 1


def test_sound_outlines_stay_as_they_are_to_the_bit():
    given = frame(
        SQUARE, shapely.MultiPolygon([shapely.box(20, 0, 30, 10), shapely.box(40, 0, 50, 10)]), name=["a", "b"]
    )
    found, count = polygons.clean(given)
    assert (found.geometry.to_wkb() == given.geometry.to_wkb()).all()
    assert found.equals(given)
    assert polygons.describe(count) == ""
