"""Outlines of RGI 6 and RGI 7 in Nepal, Alaska, Iceland and the Alps, as their files are."""

import numpy as np
import pytest
from pyproj import Geod

from glaciersar import outlines
from glaciersar.inventory import compare, vectorize

FILES = {
    "everest_rgi60.gpkg": (86, "RGI60-15.03410", "15-02", "Area"),
    "RGI60-01.10689.shp": (1, "RGI60-01.10689", "01-04", "Area"),
    "RGI6_icecap.shp": (61, "RGI60-06.00313", "06-01", "Area"),
    "rgi7g_hef_complex.shp": (23, "RGI2000-v7.0-G-11-03113", "11-01", "area_km2"),
}


@pytest.fixture(params=FILES)
def read(shared, request):
    return outlines.read_outlines(shared / "data/outlines-elsewhere" / request.param), FILES[request.param]


def geodesic_km2(shapes):
    return np.array([abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) / 1e6 for shape in shapes])


def test_every_outline_is_a_valid_flat_polygon_with_the_identity_of_rgi_7(read):
    table, (count, first, region, _) = read
    assert len(table) == count
    assert table.geometry.is_valid.all()
    assert not table.has_z.any()
    assert (table["rgi_id"].iloc[0], table["o2region"].iloc[0]) == (first, region)
    assert table["rgi_id"].is_unique
    assert {"glac_name", "glims_id", "o1region"} <= set(table)


def test_the_mended_outlines_have_the_areas_of_their_inventories(read):
    table, (*_, column) = read
    found = geodesic_km2(table.geometry)
    assert found.sum() == pytest.approx(table[column].sum(), rel=0.005)


def test_what_was_mended_and_made_flat_is_said(shared, capsys):
    for name, said in {"RGI6_icecap.shp": "1 invalid ones mended", "rgi7g_hef_complex.shp": "23 with heights"}.items():
        outlines.read_outlines(shared / "data/outlines-elsewhere" / name)
        assert said in capsys.readouterr().out


def test_the_ice_of_an_inventory_split_by_itself_is_its_glaciers(read):
    table, _ = read
    metric = table.to_crs(table.estimate_utm_crs())
    divided = vectorize.split_by_glacier(metric[["geometry"]].dissolve().explode(ignore_index=True), metric)
    known = divided.set_index("rgi_id").area
    expected = metric.set_index("rgi_id").area
    np.testing.assert_allclose(known.reindex(expected.index), expected, rtol=1e-3)
    assert divided.geom_type.isin(("Polygon", "MultiPolygon")).all()


def test_an_inventory_of_rgi_6_keeps_ids_names_and_years(shared):
    table = compare.read_inventory(shared / "data/outlines-elsewhere/RGI60-01.10689.shp")
    assert table.drop(columns="geometry").iloc[0].to_dict() == {
        "id": "RGI60-01.10689",
        "name": "Columbia Glacier",
        "year": 2009.0,
        "area_km2": 773.873,
    }
