"""glaciersar.inventory.single_parts"""

import geopandas as gpd
import numpy as np
import shapely

from glaciersar.geodesy import areas_km2
from glaciersar.inventory.single_parts import to_single_parts

CORNER = 8_700_000


def square(x, side):
    return shapely.box(x, CORNER, x + side, CORNER + side)


def glaciers(*shapes):
    table = gpd.GeoDataFrame({"rgi_id": [f"G-{k}" for k in range(len(shapes))]}, geometry=list(shapes), crs=32633)
    return table.assign(area_km2=areas_km2(table), zmin_m=100.0, glac_name="Breen")


def test_glaciers_of_one_part_are_left_as_they_are():
    one = glaciers(square(500_000, 900), shapely.MultiPolygon([square(510_000, 900)]))
    assert to_single_parts(one) is one


def test_area_is_kept_and_the_largest_part_keeps_the_identity(capsys):
    both = shapely.MultiPolygon([square(500_000, 500), square(502_000, 1500)])
    table = glaciers(square(490_000, 900), both)
    found = to_single_parts(table, measured=("zmin_m",), source="map.gpkg")
    assert (found.geom_type == "Polygon").all()
    np.testing.assert_allclose(found["area_km2"], areas_km2(found), rtol=1e-6)
    assert np.isclose(found["area_km2"].sum(), table["area_km2"].sum())
    assert list(found["rgi_id"].fillna("")) == ["G-0", "G-1", ""]
    np.testing.assert_array_equal(found["zmin_m"], [100, 100, np.nan])
    assert list(found["glac_name"]) == ["Breen"] * 3  # a part belongs to the glacier of that name
    assert "map.gpkg: 1 of 2 glaciers lie in several parts" in capsys.readouterr().out


def test_the_uncertainty_is_shared_out_and_splinters_are_left_out():
    parts = shapely.MultiPolygon([square(500_000, 1000), square(502_000, 1000), square(504_000, 90)])
    found = to_single_parts(glaciers(parts).assign(unc_km2=0.2))
    np.testing.assert_allclose(found["unc_km2"], 0.2 / 2.0081, rtol=1e-3)
