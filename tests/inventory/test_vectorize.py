"""glaciersar.inventory.vectorize"""

from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.inference.calibration import IsotonicCalibration
from glaciersar.inventory import vectorize
from glaciersar.io import rasters
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((430_000, 8_780_000, 430_240, 8_780_180), "EPSG:32633", resolution=10, tight=True)  # 18 × 24
BIG = GeoBox.from_bbox((430_000, 8_780_000, 433_000, 8_782_000), "EPSG:32633", resolution=10, tight=True)  # 200 × 300
masks = arrays(bool, (18, 24))
fresh = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def blobs(rng, shape=(200, 300), smooth=6):
    """Probabilities of a smooth random field, glacier in about half of it."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), smooth)
    return (1 / (1 + np.exp(-4 * field / field.std()))).astype(np.float32)


def written(tmp_path, probability, grid=GRID):
    return write_raster(tmp_path / "probability.tif", probability.astype(np.float32), grid)


def trace(tmp_path, mask, grid=GRID, **settings):
    return vectorize.trace_glaciers(written(tmp_path, np.where(mask, 0.9, 0.1), grid), **settings)


@fresh
@given(masks)
def test_a_traced_map_has_the_area_of_its_glacier_pixels_and_gives_them_back(tmp_path, mask):
    traced = trace(tmp_path, mask, smallest=0)
    assert traced.geometry.is_valid.all()
    assert len(traced) == ndimage.label(mask)[1]  # 4-connected patches
    assert traced.area.sum() == pytest.approx(100 * mask.sum(), rel=1e-9)
    assert (outlines.to_mask(traced, GRID) == mask).all()


def test_the_areas_of_raster_and_polygons_are_told_before_any_is_left_out(tmp_path, rng):
    mask = blobs(rng, smooth=1.5) > 0.5
    traced = trace(tmp_path, mask, BIG, smallest=20_000)
    assert traced.attrs["raster_km2"] == pytest.approx(mask.sum() * 1e-4, rel=1e-3)
    assert traced.attrs["traced_km2"] == pytest.approx(traced.attrs["raster_km2"], rel=1e-7)
    assert abs(traced.area.sum() / 1e6 - traced.attrs["traced_km2"]) > 0.001  # some was left out, some filled


@pytest.mark.parametrize("crs", [32633, 32635, 3413, 3575, 3857])
def test_the_same_ice_has_the_same_area_in_any_system(tmp_path, crs):
    ice = gpd.GeoSeries([shapely.Point(431_500, 8_781_000).buffer(900)], crs=32633).to_crs(crs)
    grid = GeoBox.from_bbox(ice.buffer(50).total_bounds, f"EPSG:{crs}", shape=(300, 300))
    traced = trace(tmp_path, outlines.to_mask(ice.to_frame("geometry"), grid), grid, smallest=2.53e6)
    corners = ice.to_crs(4326).iloc[0].exterior.xy
    expected = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*corners)[0]) / 1e6
    assert len(traced) == 1  # also where the system makes it twenty times as large
    assert traced.attrs["raster_km2"] == pytest.approx(expected, rel=1e-3)
    assert traced.attrs["traced_km2"] == pytest.approx(expected, rel=1e-3)


def test_windows_leave_no_seam(tmp_path, rng, monkeypatch):
    path = written(tmp_path, blobs(rng), BIG)
    whole = vectorize.trace_glaciers(path)
    monkeypatch.setattr(rasters, "iter_windows", partial(rasters.iter_windows, side=37))
    assert len(list(rasters.iter_windows(rasterio.open(path)))) == 6 * 9
    pieces = vectorize.trace_glaciers(path)
    assert pieces.geometry.geom_equals(whole.geometry).all()


def test_a_list_of_rasters_is_refused(tmp_path):
    path = tmp_path / "mosaic.vrt"
    path.write_text('<VRTDataset rasterXSize="300" rasterYSize="200"></VRTDataset>')
    with pytest.raises(InputError, match=r"mosaic\.vrt: cannot be read as a raster .*GeoTIFF"):
        vectorize.trace_glaciers(path)


def test_where_there_is_no_data_there_is_no_glacier(tmp_path, rng):
    probability = blobs(rng)
    probability[50:120, 80:200] = np.nan
    traced = vectorize.trace_glaciers(written(tmp_path, probability, BIG), smallest=0)
    assert traced.area.sum() == pytest.approx(100 * (probability > 0.5).sum())


def test_a_scaled_byte_map_gives_the_polygons_of_its_probabilities(tmp_path, rng):
    byte = np.round(blobs(rng) * 200).astype(np.uint8)
    path = write_raster(tmp_path / "byte.tif", byte, BIG, nodata=255)
    with rasterio.open(path, "r+") as file:
        file.scales = (1 / 200,)
    assert vectorize.trace_glaciers(path, smallest=0).area.sum() == pytest.approx(100 * (byte > 100).sum())


@pytest.mark.parametrize("smallest", [500, 5_000])
def test_small_islands_and_holes_are_left_out_and_nothing_else(tmp_path, rng, smallest):
    mask = blobs(rng, smooth=3) > 0.5
    traced = trace(tmp_path, mask, BIG, smallest=smallest)
    holes = [shapely.Polygon(ring) for shape in traced.geometry for ring in shape.interiors]
    assert min(traced.area.min(), min(hole.area for hole in holes)) >= smallest
    island, _ = ndimage.label(mask)
    hole, _ = ndimage.label(~mask)
    large = [np.bincount(label.ravel())[label] * 100 >= smallest for label in (island, hole)]
    kept = outlines.to_mask(traced, BIG)
    assert kept[mask & large[0]].all()
    assert not kept[~mask & large[1]].any()
    overlap = gpd.overlay(traced, traced, how="intersection", keep_geom_type=True)
    assert overlap.area.sum() == pytest.approx(traced.area.sum())  # each only with itself


def test_a_calibration_moves_the_edge_to_where_glacier_and_none_are_as_likely(tmp_path, rng):
    probability = blobs(rng)
    rule = IsotonicCalibration(at=(-6.0, 6.0), value=(0.2, 1.0))  # 0.5 at a logit of −1.5
    traced = vectorize.trace_glaciers(written(tmp_path, probability, BIG), calibration=rule, smallest=0)
    assert traced.area.sum() == pytest.approx(100 * (probability > 1 / (1 + np.exp(1.5))).sum())


@fresh
@given(masks)
def test_simplifying_moves_no_edge_by_more_than_half_a_pixel(tmp_path, mask):
    traced = trace(tmp_path, mask, smallest=0)
    simple = vectorize.simplify_outlines(traced, pixel=10)
    assert simple.geometry.is_valid.all()
    for before, after in zip(traced.boundary, simple.boundary, strict=True):
        assert shapely.hausdorff_distance(before, after, densify=0.05) <= 5 + 1e-9
    apart = gpd.overlay(simple, simple, how="intersection", keep_geom_type=True)
    assert apart.area.sum() == pytest.approx(simple.area.sum())


def test_simplifying_keeps_the_area_and_makes_stairs_straight(tmp_path, rng):
    traced = trace(tmp_path, blobs(rng) > 0.5, BIG)
    simple = vectorize.simplify_outlines(traced.assign(name="x"), pixel=10)
    assert simple.area.sum() == pytest.approx(traced.area.sum(), rel=1e-3)
    assert simple.length.sum() < 0.9 * traced.length.sum()
    assert set(simple["name"]) == {"x"}
    staircase = trace(tmp_path, np.tri(18, 24, dtype=bool), smallest=0)
    assert shapely.get_num_coordinates(staircase.geometry[0]) > 30
    assert shapely.get_num_coordinates(vectorize.simplify_outlines(staircase, pixel=10).geometry[0]) < 10


ICE = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))], crs="EPSG:32633")


def inventory(*shapes, **columns):
    names = {"rgi_id": [f"RGI2000-v7.0-G-07-{k:05d}" for k in range(len(shapes))]}
    return gpd.GeoDataFrame(names | columns, geometry=list(shapes), crs="EPSG:32633")


@given(st.floats(-0.2, 0.2), st.floats(20, 80))
def test_a_divide_cuts_ice_in_two_and_keeps_its_area(slope, x):
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(x - 50 * slope, -10), (x + 50 * slope, 110)])], crs=ICE.crs)
    pieces = vectorize.split_by_glacier(ICE, lines)
    assert pieces.area.sum() == pytest.approx(9600)
    assert len(pieces) == 2
    assert pieces.geometry.is_valid.all()


def test_a_divide_that_ends_in_the_ice_cuts_nothing():
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(20, -10), (20, 50)])], crs=ICE.crs)
    assert len(vectorize.split_by_glacier(ICE, lines)) == 1


def test_ice_is_split_along_an_inventory_and_its_attributes_come_along():
    known = inventory(shapely.box(-50, -50, 30, 150), shapely.box(30, -50, 150, 150), shapely.box(500, 0, 600, 9))
    found = vectorize.split_by_glacier(ICE, known.to_crs(4326))
    assert found["rgi_id"].tolist() == known["rgi_id"].tolist()[:2]  # the third has no ice left
    np.testing.assert_allclose(found.area, [3000, 6600], rtol=1e-3)


def test_ice_outside_the_inventory_goes_to_the_glacier_that_it_touches_or_stays_new():
    far = gpd.GeoDataFrame(geometry=[shapely.box(300, 0, 310, 10)], crs=ICE.crs)
    ice = gpd.GeoDataFrame(geometry=[*ICE.geometry, *far.geometry], crs=ICE.crs)
    found = vectorize.split_by_glacier(ice, inventory(shapely.box(0, 0, 100, 80)))
    assert found["rgi_id"].tolist()[0].endswith("00000")
    assert found["rgi_id"].isna().tolist() == [False, True]
    np.testing.assert_allclose(found.area, [9600, 100])


def test_ice_between_two_glaciers_goes_to_the_nearer_one():
    known = inventory(shapely.box(0, 0, 100, 30), shapely.box(0, 70, 100, 100))
    found = vectorize.split_by_glacier(gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100)], crs=ICE.crs), known)
    np.testing.assert_allclose(found.area, [5000, 5000], rtol=1e-6)
    middle = shapely.intersection(*found.geometry)
    assert np.abs(shapely.get_coordinates(middle)[:, 1] - 50).max() < 1e-6


def test_ice_between_two_glaciers_is_divided_far_from_the_origin_too():
    """Outlines of a simulated region, in centimetres, on which the cells of nearest points once were no polygons."""
    file = Path(__file__).with_name("ice_between_two_glaciers.wkb")
    ice, *glaciers = shapely.get_parts(shapely.from_wkb(file.read_bytes()))
    known = gpd.GeoDataFrame({"rgi_id": ["a", "b"]}, geometry=glaciers, crs="EPSG:32633")
    found = vectorize.split_by_glacier(gpd.GeoDataFrame(geometry=[ice], crs=known.crs), known)
    assert found["rgi_id"].tolist() == ["a", "b"]
    assert found.area.sum() == pytest.approx(ice.area)


def test_a_sliver_between_two_glaciers_is_divided_by_few_points(monkeypatch):
    low, high = shapely.box(0, 0, 1000, 500), shapely.box(0, 500 + 1e-6, 1000, 1000)  # as after a change of projection
    divide, points = shapely.voronoi_polygons, []

    def count(shape, **how):
        points.append(len(shape.geoms))
        assert points[-1] < 10_000
        return divide(shape, **how)

    monkeypatch.setattr(shapely, "voronoi_polygons", count)
    glaciers = gpd.GeoDataFrame({"name": ["low", "high"]}, geometry=[low, high], crs="EPSG:32633")
    ice = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 1000)], crs="EPSG:32633")
    found = vectorize.split_by_glacier(ice, glaciers)
    assert points, "nothing lay between them"
    assert found["name"].tolist() == ["low", "high"]
    np.testing.assert_allclose(found.geometry.area, 5e5, rtol=1e-6)


def test_a_random_inventory_splits_random_ice_without_gap_or_overlap(tmp_path, rng):
    ice = vectorize.simplify_outlines(trace(tmp_path, blobs(rng) > 0.5, BIG), pixel=10)
    seeds = shapely.MultiPoint(rng.uniform(BIG.boundingbox.bbox[:2], BIG.boundingbox.bbox[2:], (9, 2)))
    cells = gpd.GeoSeries(shapely.get_parts(shapely.voronoi_polygons(seeds)), crs=ice.crs).buffer(-30)
    found = vectorize.split_by_glacier(ice, inventory(*cells))
    assert found.area.sum() == pytest.approx(ice.area.sum(), rel=1e-6)
    assert found.geometry.is_valid.all()
    assert found["rgi_id"].dropna().is_unique
    assert gpd.overlay(found, found, keep_geom_type=True).area.sum() == pytest.approx(found.area.sum(), rel=1e-6)


def test_an_inventory_that_counts_ice_twice_is_refused():
    with pytest.raises(InputError, match="in two outlines found"):
        vectorize.split_by_glacier(ICE, inventory(shapely.box(0, 0, 70, 100), shapely.box(30, 0, 100, 100)))


def test_what_is_no_probability_map_is_refused_in_a_sentence_that_names_the_file(tmp_path, rng):
    good = written(tmp_path, blobs(rng), BIG)
    cut = tmp_path / "cut.tif"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    write_raster(tmp_path / "empty.tif", np.full((200, 300), np.nan, np.float32), BIG)
    write_raster(tmp_path / "decibels.tif", 30 * blobs(rng) - 25, BIG)
    degrees = GeoBox.from_bbox((10, 78, 13, 80), "EPSG:4326", shape=(200, 300))
    write_raster(tmp_path / "degrees.tif", blobs(rng), degrees)
    (tmp_path / "text.tif").write_text("no raster")
    for name, found in (
        ("absent.tif", "no such file"),
        ("text.tif", "cannot be read as a raster"),
        ("cut.tif", "cannot be read"),
        ("empty.tif", "no pixel with data"),
        ("decibels.tif", "probabilities from 0 to 1 expected"),
        ("degrees.tif", "a projected one in metres expected"),
    ):
        with pytest.raises(InputError, match=found) as error:
            vectorize.trace_glaciers(tmp_path / name)
        assert name in str(error.value)
    with pytest.raises(InputError, match="threshold"):
        vectorize.trace_glaciers(good, threshold=1.0)


def test_a_mask_that_is_not_kept_whole_is_refused(tmp_path, rng, monkeypatch):
    path = written(tmp_path, blobs(rng), BIG)
    whole = vectorize._trace_mask

    def on_a_full_disk(mask):
        return list(whole(mask))[:-1]

    monkeypatch.setattr(vectorize, "_trace_mask", on_a_full_disk)
    with pytest.raises(InputError, match="space for it expected"):
        vectorize.trace_glaciers(path)


def test_a_full_disk_is_told_in_a_sentence(tmp_path, rng, full_disk):
    path = written(tmp_path, rng.random((200, 300)), BIG)
    with full_disk(room=2048), pytest.raises(InputError, match=r"mask of .*probability\.tif cannot be"):
        vectorize.trace_glaciers(path)


def test_a_stray_line_or_a_collection_among_the_outlines_of_an_inventory_stops_nothing(capsys):
    ice = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100)], crs="EPSG:32633")
    line = shapely.LineString([(0, 0), (100, 100)])
    shapes = [shapely.box(0, 0, 50, 100), line, shapely.GeometryCollection([shapely.box(50, 0, 100, 100), line])]
    known = gpd.GeoDataFrame({"name": ["a", "b", "c"]}, geometry=shapes, crs="EPSG:32633")
    divided = vectorize.split_by_glacier(ice, known)
    assert dict(zip(divided["name"], divided.area, strict=True)) == {"a": 5000, "c": 5000}
    assert "of 3 shapes 1 without an area left out" in capsys.readouterr().out
