"""Inventories of Svalbard: five glaciers in three years, and RGI 7 and the Norwegian inventory beside them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.inventory import change, compare, vectorize
from glaciersar.inventory.attributes import IDENTITY, add_attributes, utm_zone
from tests.support.archives import write_raster
from tools import five_glaciers


@pytest.fixture
def five(shared):
    """Five glaciers near Ny-Ålesund in 1936, 1990 and 2007 (König and others 2013)."""
    return outlines.read_outlines(shared / "data/svalbard/glaciers-konig-1936-1990-2007.gpkg")


def test_the_areas_and_rates_of_five_glaciers_come_out_of_their_polygons(five):
    areas = change.areas_by_year(five)
    assert len(areas) == 6
    np.testing.assert_allclose(areas.loc["total"], [32.9, 26.2, 24.9], atol=0.05)
    rates = change.change_rates(areas).loc["total"]
    np.testing.assert_allclose(rates["rate"], [(26.2 - 32.9) / 54, (24.9 - 26.2) / 17, (24.9 - 32.9) / 71], atol=0.004)
    assert (change.change_rates(areas)["change"] < 0).all()


def test_every_glacier_lies_within_its_outline_of_1936_but_for_a_little(five):
    before, after = (outlines.outlines_of_year(five, year) for year in (1936, 2007))
    moved = change.gained_and_lost(before, after).groupby("change")["area_km2"].sum()
    assert moved["lost"] - moved["gained"] == pytest.approx(32.885 - 24.930, rel=1e-3)  # theirs lie in a plane
    assert moved["gained"] < 0.03 * 24.93


@pytest.mark.parametrize("name", ["rgi7-region07-attributes.csv", "cryoclim-2010.csv"])
def test_both_inventories_agree_with_the_five_glaciers_of_2007(shared, five, name):
    theirs = compare.read_inventory(shared / "data/svalbard" / name)
    ours = outlines.outlines_of_year(five, 2007).set_index("name")
    table = compare.compare_inventories(ours, theirs)
    assert table["theirs_km2"].sum() == pytest.approx(24.93, rel=0.02)
    assert (table["relative"].abs() < 0.05).all()
    assert table.loc["Midtre Lovenbreen", "ids"].count(",") == 2  # one glacier of ours, three of theirs
    named = [table.loc[name, "names"] in ("", name) for name in table.index if "ø" not in name]
    assert all(named)


def test_the_inventories_have_the_glaciers_and_areas_that_their_authors_tell(shared):
    rgi = compare.read_inventory(shared / "data/svalbard/rgi7-region07-attributes.csv")
    norwegian = compare.read_inventory(shared / "data/svalbard/cryoclim-2010.csv")
    undated = compare.read_inventory(shared / "data/svalbard/glaciers-npi-s1000.gpkg")
    assert [len(table) for table in (rgi, norwegian, undated)] == [1666, 1668, 915]
    totals = [table["area_km2"].sum() for table in (rgi, norwegian, undated)]
    assert totals[0] == pytest.approx(33_958.8, abs=0.06)
    # the Norwegian ones tell areas of the plane of EPSG:32633, which lie up to 0.08 % below those on the ground
    assert all(0 < found / told - 1 < 8e-4 for found, told in zip(totals[1:], (33_774.6, 35_403.0), strict=True))
    for table in (rgi, norwegian):
        assert table["year"].between(2000, 2010).all()
    assert rgi["id"].is_unique


def test_the_ice_of_2007_split_by_the_outlines_of_1936_keeps_names_and_areas(five):
    now = gpd.GeoDataFrame(geometry=outlines.outlines_of_year(five, 2007).geometry.explode().array, crs=five.crs)
    divided = vectorize.split_by_glacier(now, outlines.outlines_of_year(five, 1936))
    expected = change.areas_by_year(five)[2007].drop("total")
    found = divided.dissolve("name").area / 1e6
    np.testing.assert_allclose(found[expected.index], expected, rtol=0.01)
    assert divided.area.sum() == pytest.approx(now.area.sum())


def test_utm_zones_are_those_of_rgi_7(shared):
    table = pd.read_csv(shared / "data/svalbard/rgi7-region07-attributes.csv")
    assert (utm_zone(table["cenlon"].to_numpy(), table["cenlat"].to_numpy()) == table["utm_zone"]).all()


def test_what_is_named_as_in_rgi_7_is_one_of_its_attributes(shared, tmp_path):
    attributes = set(pd.read_csv(shared / "data/svalbard/rgi7-region07-attributes.csv", nrows=1))
    square = gpd.GeoDataFrame(geometry=[shapely.box(430_000, 8_780_000, 431_000, 8_781_000)], crs="EPSG:32633")
    grid = GeoBox.from_bbox(square.total_bounds, "EPSG:32633", resolution=100)
    table = add_attributes(square, write_raster(tmp_path / "p.tif", np.full((10, 10), 0.9, np.float32), grid))
    own = {"perimeter_km", "confidence", "date_first", "date_last", "n_dates", "model", "weights", "geometry"}
    assert set(table) - own <= attributes
    assert set(IDENTITY) <= attributes


def test_the_tables_of_the_five_glaciers_are_those_committed(shared, tmp_path):
    five_glaciers.write(shared / "data/svalbard", tmp_path / "inventories.md")
    committed = Path(__file__).parents[2] / "docs/inventories.md"
    assert (tmp_path / "inventories.md").read_text() == committed.read_text()
    totals = five_glaciers.tables(shared / "data/svalbard")["Areas, km²"].set_index("glacier").loc["total"]
    np.testing.assert_allclose(totals.str.partition(" ")[0].astype(float), [32.9, 26.2, 24.9], atol=0.05)
