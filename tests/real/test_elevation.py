"""Elevation and ice divides on the elevation model and the outlines of Kongsfjorden (Norwegian Polar Institute)."""

import geopandas as gpd
import pytest
import rasterio
import shapely

from glaciersar import outlines
from glaciersar.inventory import elevation, ice_divides


@pytest.fixture(scope="module")
def dem(shared):
    return shared / "data/svalbard/dem-kongsfjorden-20m.tif"


@pytest.fixture(scope="module")
def ice(shared, dem):
    with rasterio.open(dem) as file:
        frame = shapely.box(*file.bounds)
    drawn = outlines.read_outlines(shared / "data/svalbard/glaciers-npi-s1000.gpkg")
    cut = gpd.clip(drawn, frame.buffer(-100))
    return cut[cut.area > 1e6].explode(ignore_index=True)


def test_the_ice_lies_within_the_elevations_of_the_model_and_its_bands_sum_to_it(ice, dem):
    table = elevation.add_elevation(ice, dem)
    assert table["zmin_m"].min() >= 0
    assert table["zmax_m"].max() <= 1037
    assert table["slope_deg"].between(1, 45).all()
    bands = elevation.areas_by_band(ice, dem)
    assert bands.sum() == pytest.approx(ice.area.sum() / 1e6, rel=0.002)


def test_divided_ice_fills_the_ice_without_overlap(ice, dem):
    found = ice_divides.divide_ice(ice, dem)
    assert found.geometry.is_valid.all()
    assert found.area.sum() == pytest.approx(ice.area.sum(), rel=1e-6)
    assert found.union_all().symmetric_difference(ice.union_all()).area < 1
    assert (found.area > ice_divides.SMALLEST * 1e6).all()
