"""glaciersar.geodesy"""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import geodesy, outlines
from glaciersar.errors import InputError

GEOD = pyproj.Geod(ellps="WGS84")  # an oracle of its own: geodesic, without any projection
PLACES = {  # middle in degrees, and systems that people have maps of it in
    "Svalbard": ((14.0, 78.5), [32633, 32635, 3857, 3413, 3575, 4326, 3035]),
    "Nepal": ((86.9, 28.0), [32645, 32644, 32633, 3857, 4326, 4087]),
    "Alps": ((7.6, 46.0), [32632, 3413, 3035, 3857, 4326, 2056]),
    "Patagonia": ((-73.2, -50.3), [32718, 32719, 3857, 4326]),
    "Antarctica": ((-62.0, -77.0), [3031, 32720, 4326, 3976]),
    "Chukotka": ((179.95, 67.0), [32660, 32601, 3413]),
}
CASES = [(name, crs) for name, (_, systems) in PLACES.items() for crs in systems]


def ice_of(name):
    """A tongue with a nunatak, some 14 by 5 km; its sides of 1 km are geodesics within centimetres."""
    longitude, latitude = PLACES[name][0]
    plane = f"+proj=aeqd +lon_0={longitude} +lat_0={latitude} +datum=WGS84"
    tongue = shapely.affinity.rotate(shapely.box(-7000, -2500, 7000, 2500), 30).segmentize(1000)
    return gpd.GeoSeries([tongue.difference(shapely.Point(2000, 1000).buffer(700))], crs=plane)


def geodesic(name):
    """Area in km² and perimeter in km."""
    shape = ice_of(name).to_crs(4326).iloc[0]
    rings = [GEOD.polygon_area_perimeter(*ring.xy) for ring in (shape.exterior, *shape.interiors)]
    areas = [abs(area) / 1e6 for area, _ in rings]
    return areas[0] - sum(areas[1:]), sum(length for _, length in rings) / 1e3


@pytest.mark.parametrize(("name", "crs"), CASES)
def test_the_same_ice_has_the_same_area_and_perimeter_in_every_system(name, crs):
    ice, (area, perimeter) = ice_of(name).to_crs(crs), geodesic(name)
    assert geodesy.areas_km2(ice).iloc[0] == pytest.approx(area, rel=1e-6)
    assert geodesy.lengths_km(ice).iloc[0] == pytest.approx(perimeter, rel=1e-6)


@pytest.mark.parametrize(("name", "crs"), CASES)
def test_the_pixels_of_a_map_in_any_system_have_the_area_of_its_ice(name, crs):
    ice = ice_of(name).to_crs(crs)
    box = GeoBox.from_bbox(ice.total_bounds, f"EPSG:{crs}", shape=(467, 512))
    areas = geodesy.pixel_areas_km2(box)
    assert areas.shape == box.shape
    mask = outlines.to_mask(ice.to_frame("geometry"), box)
    assert areas[mask].sum() == pytest.approx(geodesic(name)[0], rel=1e-3)
    across, down = geodesy.pixel_sides(box)
    assert across * down / 1e6 == pytest.approx(areas[233, 256], rel=0.1)  # in no system here are pixels skew


@pytest.mark.parametrize("crs", [32633, 3857, 4326])
def test_a_window_of_a_map_has_the_pixels_of_the_whole(crs):
    ice = ice_of("Svalbard").to_crs(crs)
    box = GeoBox.from_bbox(ice.total_bounds, f"EPSG:{crs}", shape=(100, 130))
    whole = geodesy.pixel_areas_km2(box)
    np.testing.assert_allclose(geodesy.pixel_areas_km2(box[31:70, 90:91]), whole[31:70, 90:91], rtol=1e-6)


def test_lines_and_points_have_no_area_and_nothing_has_no_length():
    line = shapely.LineString([(15, 78), (15, 78.1)])
    shapes = gpd.GeoSeries([line, shapely.Point(15, 78), shapely.Polygon()], crs=4326)
    assert geodesy.areas_km2(shapes).tolist() == [0, 0, 0]
    np.testing.assert_allclose(geodesy.lengths_km(shapes), [11.16, 0, 0], rtol=1e-3)
    assert geodesy.areas_km2(shapes.iloc[:0]).empty
    with pytest.raises(InputError, match="without a coordinate system"):
        geodesy.areas_km2(gpd.GeoSeries([shapely.box(0, 0, 1, 1)]))


@pytest.mark.parametrize(
    ("name", "crs", "metric"),
    [
        ("Svalbard", 32633, True),
        ("Svalbard", 32635, True),
        ("Svalbard", 3413, True),
        ("Svalbard", 3857, False),
        ("Svalbard", 4326, False),
        ("Nepal", 32645, True),
        ("Nepal", 3857, False),
        ("Alps", 3413, False),
        ("Alps", 3035, True),
        ("Antarctica", 3031, True),
    ],
)
def test_a_metric_grid_has_pixels_that_are_what_they_say(name, crs, metric):
    middle, side = ice_of(name).to_crs(crs).iloc[0].centroid, 1e-4 if crs == 4326 else 20
    bounds = middle.x, middle.y, middle.x + 50 * side, middle.y + 50 * side
    box = GeoBox.from_bbox(bounds, f"EPSG:{crs}", resolution=side)
    assert geodesy.is_metric(box) == metric
    assert geodesy.middle_of(box) == pytest.approx(PLACES[name][0], abs=0.05)


def test_the_middle_of_a_place_over_180_degrees_lies_in_it():
    sides = shapely.union_all([shapely.box(178, 66, 180, 68), shapely.box(-180, 66, -178, 68)])
    longitude, latitude = geodesy.middle_of_place(sides)
    assert abs(longitude) == pytest.approx(180, abs=0.01)
    assert latitude == pytest.approx(67, abs=0.05)
    joined = geodesy.join_at_180(sides)
    assert joined.bounds == (178, 66, 182, 68)
    assert geodesy.split_at_180(joined).equals(sides)
    assert geodesy.join_at_180(shapely.box(-170, 60, -160, 70)).bounds == (-170, 60, -160, 70)


@pytest.mark.parametrize("latitude", [67, -78])
def test_a_shape_over_180_degrees_is_as_large_as_the_same_shape_elsewhere(latitude):
    there = shapely.Polygon([(179.9, latitude), (-179.9, latitude), (-179.9, latitude + 0.1), (179.9, latitude + 0.1)])
    elsewhere = gpd.GeoSeries([shapely.box(9.9, latitude, 10.1, latitude + 0.1)], crs=4326)
    both = gpd.GeoSeries([there, geodesy.split_at_180(geodesy.join_at_180(there))], crs=4326)
    np.testing.assert_allclose(geodesy.areas_km2(both), float(geodesy.areas_km2(elsewhere).iloc[0]), rtol=1e-6)
    assert geodesy.join_at_180(there).bounds == pytest.approx((179.9, latitude, 180.1, latitude + 0.1))
    west = shapely.box(-180.1, latitude, -179.9, latitude + 0.1)
    assert geodesy.split_at_180(west).symmetric_difference(both.iloc[1]).area < 1e-12
