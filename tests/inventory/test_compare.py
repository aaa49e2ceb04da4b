"""glaciersar.inventory.compare"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2
from glaciersar.inventory import compare

CRS = "EPSG:32633"


def square(x, y, side=1000):
    return shapely.box(500_000 + x, 8_700_000 + y, 500_000 + x + side, 8_700_000 + y + side)


OURS = gpd.GeoDataFrame(
    {"rgi_id": ["G-1", "G-2", None]}, geometry=[square(0, 0), square(2000, 0), square(9000, 0)], crs=CRS
)


def of_rgi(*shapes, **columns):
    count = len(shapes)
    given = {"rgi_id": [f"G-{k + 1}" for k in range(count)], "glac_name": [f"Breen {k + 1}" for k in range(count)]}
    given |= {"src_date": ["2008-07-23T00:00:00"] * count}
    given |= {"area_km2": areas_km2(gpd.GeoSeries(shapes, crs=CRS)).tolist()}
    return gpd.GeoDataFrame(given | columns, geometry=list(shapes), crs=CRS)


def test_outlines_of_rgi_7_are_read_by_its_column_names(tmp_path):
    of_rgi(square(0, 0), square(2000, 0), area_km2=[1.5, 2.5]).to_crs(4326).to_file(tmp_path / "rgi.gpkg")
    read = compare.read_inventory(tmp_path / "rgi.gpkg")
    assert read["id"].tolist() == ["G-1", "G-2"]
    assert read["year"].tolist() == [2008, 2008]
    assert read["area_km2"].tolist() == [1.5, 2.5]  # as the inventory tells it


@pytest.mark.parametrize(
    "names",
    [
        {"rgi_id": "RGIId", "glac_name": "Name", "src_date": "BgnDate", "area_km2": "Area"},  # RGI 6
        {"rgi_id": "glac_id", "area_km2": "area"},  # GLIMS
    ],
)
def test_outlines_of_rgi_6_and_glims_are_read_by_their_column_names_too(tmp_path, names):
    dates = ["20080723", "-9999999"] if "src_date" in names else ["2008-07-23T00:00:00", None]
    there = of_rgi(square(0, 0), square(2000, 0), area_km2=[1.5, 2.5], src_date=dates).rename(columns=names)
    there.to_crs(4326).to_file(tmp_path / "other.gpkg")
    read = compare.read_inventory(tmp_path / "other.gpkg")
    assert read["id"].tolist() == ["G-1", "G-2"]
    assert read["name"].tolist() == ["Breen 1", "Breen 2"]
    np.testing.assert_array_equal(read["year"], [2008, np.nan])
    assert read["area_km2"].tolist() == [1.5, 2.5]


def test_the_norwegian_table_is_read_in_square_metres_with_its_points(tmp_path):
    rows = {"IDENT": [15506.1, 15414.0], "NAME": ["Midtre Lovenbreen", None], "YEAR_": [2007, 2008]}
    rows |= {"Shape_Area": [5_200_000.0, 1e6], "X_cent": [500_500.0, 502_500.0], "Y_cent": [8_700_500.0] * 2}
    pd.DataFrame(rows).to_csv(tmp_path / "cryoclim.csv", index=False)
    read = compare.read_inventory(tmp_path / "cryoclim.csv")
    assert read["id"].tolist() == ["15506.1", "15414"]
    assert read["name"].tolist() == ["Midtre Lovenbreen", ""]
    np.testing.assert_allclose(read["area_km2"], [5.2, 1.0], rtol=1e-3)  # from the plane to the ground
    assert read.crs == CRS
    np.testing.assert_allclose(compare.compare_inventories(OURS, read)["theirs_km2"], [5.2, 1.0, 0.0], rtol=1e-3)


def test_outlines_without_attributes_have_the_area_of_their_shape(tmp_path):
    gpd.GeoDataFrame(geometry=[square(0, 0, 2000)], crs=CRS).to_crs(4326).to_file(tmp_path / "plain.gpkg")
    read = compare.read_inventory(tmp_path / "plain.gpkg")
    assert read["area_km2"].tolist() == [pytest.approx(4, rel=1e-3)]
    assert read["id"].tolist() == ["0"]


def test_glaciers_are_joined_by_id_wherever_they_lie(tmp_path):
    of_rgi(square(50_000, 0, 2000), square(60_000, 0, 500)).to_file(tmp_path / "rgi.gpkg")
    table = compare.compare_inventories(OURS, compare.read_inventory(tmp_path / "rgi.gpkg"), on="rgi_id")
    assert table["ids"].tolist() == ["G-1", "G-2", ""]
    np.testing.assert_allclose(table["difference_km2"], [-3, 0.75, 1], rtol=1e-3)
    np.testing.assert_allclose(table["relative"], [-0.75, 3, np.nan], rtol=1e-3)
    assert table["iou"].iloc[0] == 0


def test_several_glaciers_of_ours_that_the_inventory_does_not_know_belong_to_nothing(tmp_path):
    ours = gpd.GeoDataFrame(
        {"rgi_id": ["G-1", None, None]}, geometry=[square(0, 0), square(2000, 0), square(9000, 0)], crs=CRS
    )
    of_rgi(square(0, 0)).to_file(tmp_path / "rgi.gpkg")
    table = compare.compare_inventories(ours, compare.read_inventory(tmp_path / "rgi.gpkg"), on="rgi_id")
    assert table["ids"].tolist() == ["G-1", "", ""]
    np.testing.assert_allclose(table["theirs_km2"], [1, 0, 0], rtol=1e-3)


def test_glaciers_are_joined_by_the_polygon_that_holds_most_of_them(tmp_path):
    shapes = [square(0, 0, 500), square(600, 0, 400), square(950, 100, 1200), square(5000, 0, 100), square(-90_000, 0)]
    of_rgi(*shapes).to_file(tmp_path / "rgi.gpkg")
    table = compare.compare_inventories(OURS, compare.read_inventory(tmp_path / "rgi.gpkg"))
    assert table["ids"].tolist() == ["G-1, G-2", "G-3", ""]
    whole = shapely.union_all(shapes[:2])
    both = shapely.intersection(whole, OURS.geometry[0]).area
    assert table["iou"][0] == pytest.approx(both / (1e6 + whole.area - both))
    assert table["theirs_km2"].sum() == pytest.approx(0.25 + 0.16 + 1.44, rel=1e-3)
    assert table.attrs["unmatched"] == 1  # the small one; the far one lies outside our bounds


def test_an_inventory_against_itself_shows_no_difference(tmp_path):
    of_rgi(*OURS.geometry).to_file(tmp_path / "rgi.gpkg")
    for on in ("", "rgi_id"):
        ours = OURS.assign(rgi_id=["G-1", "G-2", "G-3"])
        table = compare.compare_inventories(ours, compare.read_inventory(tmp_path / "rgi.gpkg"), on=on)
        np.testing.assert_allclose(table["difference_km2"], 0, atol=1e-9)
        np.testing.assert_allclose(table["iou"], 1)


def test_without_any_ice_of_ours_the_table_is_empty(tmp_path):
    of_rgi(square(0, 0)).to_file(tmp_path / "rgi.gpkg")
    for on in ("", "rgi_id"):
        table = compare.compare_inventories(OURS.iloc[:0], compare.read_inventory(tmp_path / "rgi.gpkg"), on=on)
        assert table.empty
        assert table.attrs["unmatched"] == 0


def test_what_cannot_be_joined_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    pd.DataFrame({"rgi_id": ["a"], "area_km2": [1]}).to_csv(tmp_path / "placeless.csv", index=False)
    pd.DataFrame({"cenlon": [15], "cenlat": [78]}).to_csv(tmp_path / "nameless.csv", index=False)
    for name, found in (
        ("absent.csv", "no such file"),
        ("absent.gpkg", "no such file"),
        ("empty.csv", "cannot be read as a table"),
        ("placeless.csv", "cenlon and cenlat or X_cent and Y_cent expected"),
        ("nameless.csv", "rgi_id and area_km2"),
    ):
        with pytest.raises(InputError, match=found) as error:
            compare.read_inventory(tmp_path / name)
        assert name in str(error.value)
    theirs = compare.read_inventory(of_rgi(square(0, 0)).to_file(tmp_path / "rgi.gpkg") or tmp_path / "rgi.gpkg")
    with pytest.raises(InputError, match="'glims_id' of ids not found"):
        compare.compare_inventories(OURS, theirs, on="glims_id")
    with pytest.raises(InputError, match="an id twice"):
        compare.compare_inventories(OURS.assign(rgi_id="G-1"), theirs, on="rgi_id")
