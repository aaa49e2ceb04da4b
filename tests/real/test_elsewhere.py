"""The way from outlines and labelled patches elsewhere than Svalbard to areas: tools.elsewhere on the real data."""

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Geod

from glaciersar.geodesy import areas_km2
from glaciersar.inventory import compare
from glaciersar.inventory.from_map import outline_glaciers
from tools.elsewhere import chain, labelled, places

PAGE = Path(__file__).resolve().parents[2] / "docs/elsewhere.md"
SMALL = chain.Sizes(pixel=200.0, steps=2, patch=32, batch=1)
PROJECTIONS = {"EPSG:32622", "EPSG:3031", "EPSG:32606"}


def geodesic_km2(shapes):
    """Areas on the ellipsoid by Karney's polygons, which know of no projection."""
    geod = Geod(ellps="WGS84")
    return np.array([abs(geod.geometry_area_perimeter(shapely.geometry.polygon.orient(s))[0]) / 1e6 for s in shapes])


@pytest.fixture(params=places.PLACES, ids=lambda place: place.short)
def place(request):
    return request.param


def test_our_areas_are_the_inventorys_own_and_single_outlines_differ_by_its_rounding_alone(shared, place):
    table = places.areas_beside_inventory(places.read_glaciers(shared / "data", place), place)
    assert table["ours_km2"].sum() == pytest.approx(table["own_km2"].sum(), rel=0.005)
    far = table["relative"].abs() > 0.005
    assert table.loc[far, "rounding"].all()
    assert table["rounding"].mean() > 0.9  # nearly every area is the same to the digits that are given


def test_rock_within_outlines_is_no_ice_for_the_inventories(shared, place):
    glaciers = places.read_glaciers(shared / "data", place)
    parts = glaciers.explode(ignore_index=True)
    filled = gpd.GeoSeries([shapely.Polygon(ring) for ring in parts.exterior], crs=parts.crs)
    assert areas_km2(filled).sum() > 1.005 * glaciers[place.area].astype(float).sum()


@pytest.mark.parametrize("place", places.MAPPED, ids=lambda place: place.short)
def test_a_block_lies_on_the_grid_of_its_place_and_holds_several_glaciers_wholly(shared, place):
    glaciers = places.read_glaciers(shared / "data", place)
    block = places.choose_block(glaciers)
    assert len(block) == 4
    (grid,) = {tile.grid for tile in block}
    assert grid.crs == str(glaciers.estimate_utm_crs())
    assert places.within(glaciers.to_crs(grid.crs), places.square_of(block[0])).sum() >= 10


@pytest.fixture(scope="module")
def alps(shared, tmp_path_factory):
    return chain.simulate_site(places.ALPS, shared / "data", tmp_path_factory.mktemp("alps"), SMALL)


@pytest.mark.slow
def test_the_inventory_as_a_map_comes_back_as_an_inventory_of_its_area(alps, tmp_path):
    found = chain.write_glaciers(alps, chain.write_truth(alps, tmp_path / "truth.tif"), tmp_path / "truth.gpkg")
    own, ours, mapped = chain.compare_areas(alps, found)
    assert ours == pytest.approx(own, rel=0.005)
    assert mapped == pytest.approx(own, rel=0.005)
    back = compare.read_inventory(tmp_path / "truth.gpkg")
    assert set(alps.whole["rgi_id"]) >= set(back["id"])
    assert back["area_km2"].sum() == pytest.approx(own, rel=0.005)


@pytest.mark.slow
def test_simulated_radar_over_the_alps_becomes_a_dataset_a_training_and_a_map(alps, tmp_path):
    network, data = chain.build_and_train([alps], tmp_path, SMALL)
    scores = chain.score_tiles({"tuned": network}, data)["tuned"]
    assert list(scores) == ["UTM32N"]
    assert 0 <= scores["UTM32N"].iou <= 1
    made = chain.map_site(network, alps, tmp_path / "map.tif")
    with rasterio.open(made) as found:
        probability = found.read(1)
        assert found.shape == alps.geobox.shape
    assert ((probability >= 0) & (probability <= 1)).mean() > 0.99  # two steps promise no more


@pytest.mark.slow
def test_labelled_patches_of_three_projections_are_mapped_outlined_and_measured_on_the_ground(shared, tmp_path):
    config = labelled.fine_tuning(2, patch=32)
    network, split = labelled.train_on_patches(shared / "data/caffe-patches", tmp_path, config)
    maps = labelled.map_patches(network, split, tmp_path)
    assert len(maps) == 17
    areas = labelled.areas_by_projection(split, maps, tmp_path)
    assert set(areas["crs"]) == PROJECTIONS
    assert areas["patches"].sum() == 17
    np.testing.assert_allclose(areas["outlines_km2"], areas["pixels_km2"], rtol=0.005)
    for crs in PROJECTIONS:
        name = next(name for groups in split.values() for name, p in groups.items() if str(p.geobox.crs) == crs)
        drawn = outline_glaciers(tmp_path / f"labels/{name}.tif", smallest=labelled.SMALLEST)
        np.testing.assert_allclose(drawn["area_km2"], geodesic_km2(drawn.to_crs(4326).geometry), rtol=2e-3)
    assert 0 <= labelled.score_maps(split["test"], maps).iou <= 1


def test_the_page_holds_every_place_within_half_a_percent():
    text = PAGE.read_text()
    for place in places.PLACES:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {place.name}") and "%" in line][:1]
        assert abs(float(re.search(r"([+-]\d+\.\d+)%", row)[1])) < 0.5
    assert "*simulated*" in text
    assert not re.search(r"(?<![\w:/.])/(tmp|home|work|root|Users)\b", text)
