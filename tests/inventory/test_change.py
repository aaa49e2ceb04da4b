"""glaciersar.inventory.change"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.inventory import block_sums, change


def square(x, side):
    return shapely.box(500_000 + x, 8_700_000, 500_000 + x + side, 8_700_000 + side)


OUTLINES = gpd.GeoDataFrame(
    {"name": ["A", "A", "A", "B", "B", "A"], "year": [1936.0, 1990.0, 2007.0, 1936.0, 1990.0, 2007.0]},
    geometry=[
        square(0, 3000),
        square(0, 2000),
        square(0, 1000),
        square(9000, 1000),
        square(9000, 500),
        square(5000, 500),
    ],
    crs="EPSG:32633",
)


def test_areas_are_summed_by_glacier_and_year():
    table = change.areas_by_year(OUTLINES)
    assert table.columns.tolist() == [1936, 1990, 2007]
    np.testing.assert_allclose(table.loc["A"], [9, 4, 1.25])
    np.testing.assert_allclose(table.loc["B"], [1, 0.25, 0])
    np.testing.assert_allclose(table.loc["total"], [10, 4.25, 1.25])


def test_rates_are_changes_by_the_years_between():
    table = change.change_rates(change.areas_by_year(OUTLINES))
    assert [key[1:] for key in table.loc[["total"]].index] == [(1936, 1990), (1990, 2007), (1936, 2007)]
    row = table.loc[("total", 1936, 1990)]
    np.testing.assert_allclose(row, [-5.75, -5.75 / 54, -57.5 / 54])
    whole, parts = table.loc[("A", 1936, 2007)], table.loc["A"].iloc[:2]
    assert whole["change"] == pytest.approx(parts["change"].sum())


def blocks(rng, expected, spread=0.2):
    n = len(expected)
    table = {"glacier": np.arange(n) % 3 - 1, "row": np.arange(n) // 8, "column": np.arange(n) % 8, "mapped": 10.24}
    return pd.DataFrame(table | {"expected": expected, "spread": spread, "true": np.nan})


@pytest.fixture
def two_years(rng):
    before = rng.uniform(2, 10, 64)
    return {2016: blocks(rng, before), 2020: blocks(rng, before - rng.uniform(0, 0.4, 64))}


def test_rates_of_maps_are_those_of_their_areas_and_glaciers_add_up(rng, two_years):
    known = pd.DataFrame({"scene": rng.choice(list("ab"), 60), "z": rng.normal(0, 0.1, 60)})
    for rates in (change.rates_by_blocks, lambda blocks, **how: change.rates_by_residuals(blocks, known, **how)):
        table = rates(two_years, draws=500, seed=1)
        assert table.index.tolist() == [("total", 2016, 2020), (0, 2016, 2020), (1, 2016, 2020)]
        lost = two_years[2020]["expected"].sum() - two_years[2016]["expected"].sum()
        assert table["change"].iloc[0] == pytest.approx(lost)
        np.testing.assert_allclose(table["rate"], table["change"] / 4)
        assert ((table["low"] < table["rate"]) & (table["rate"] < table["high"])).all()
        assert table.equals(rates(two_years, draws=500, seed=1))


def test_a_block_is_drawn_with_all_its_years_so_that_what_stays_cancels(two_years):
    table = change.rates_by_blocks(two_years, draws=4000, seed=2).loc[("total", 2016, 2020)]
    difference = (two_years[2020]["expected"] - two_years[2016]["expected"]).to_numpy()
    expected = 2 * 1.96 * difference.std() * 8 / 4
    assert table["high"] - table["low"] == pytest.approx(expected, rel=0.06)


def test_maps_that_err_each_on_their_own_have_a_rate_with_the_errors_of_both(rng, two_years):
    z = rng.normal(0, 0.1, 5000)
    known = pd.DataFrame({"scene": "a", "z": z - z.mean()})
    table = change.rates_by_residuals(two_years, known, draws=4000, seed=2).loc[("total", 2016, 2020)]
    expected = 2 * 1.96 * z.std() * np.sqrt(2 * 64 * 0.2) / 4
    assert table["high"] - table["low"] == pytest.approx(expected, rel=0.06)


def test_a_glacier_loses_no_more_than_was_mapped_and_gains_no_more_than_is(rng, two_years):
    known = pd.DataFrame({"scene": "a", "z": rng.normal(0, 300, 60)})  # errors beyond all bounds
    two_years[2020].loc[two_years[2020]["glacier"] == 1, ["glacier", "expected"]] = [block_sums.NO_GLACIER, 0.0]
    table = change.rates_by_residuals(two_years, known, draws=200, seed=1)
    most = {year: blocks.groupby("glacier")["mapped"].sum() for year, blocks in two_years.items()}
    for glacier in (0, 1):
        row = table.loc[(glacier, 2016, 2020)]
        assert row["low"] == pytest.approx(-most[2016][glacier] / 4)
        assert row["high"] == pytest.approx(most[2020].get(glacier, 0.0) / 4)
    assert table.loc[("total", 2016, 2020), "low"] == pytest.approx(-64 * 10.24 / 4)


def test_a_glacier_that_is_gone_in_a_year_has_no_area_there(rng, two_years):
    gone = two_years[2020]["glacier"] == 1
    two_years[2020].loc[gone, "glacier"] = block_sums.NO_GLACIER
    two_years[2020].loc[gone, "expected"] = 0
    table = change.rates_by_blocks(two_years, draws=100, seed=1)
    before = two_years[2016].groupby("glacier")["expected"].sum()[1]
    assert table.loc[(1, 2016, 2020), "change"] == pytest.approx(-before)


def test_the_areas_of_advance_and_retreat_are_the_differences_of_the_outlines():
    before = gpd.GeoDataFrame(geometry=[square(0, 2000), square(5000, 1000)], crs="EPSG:32633")
    after = gpd.GeoDataFrame(geometry=[square(0, 1000), square(5500, 1000)], crs="EPSG:32633")
    found = change.gained_and_lost(before, after.to_crs(4326))
    areas = found.groupby("change")["area_km2"].sum()
    assert areas["lost"] == pytest.approx(3.5, rel=1e-3)
    assert areas["gained"] == pytest.approx(0.5, rel=1e-3)
    assert found.geometry.is_valid.all()
    none = change.gained_and_lost(before, before)
    assert none.area.sum() == pytest.approx(0)


def test_what_cannot_be_compared_is_refused_in_a_sentence(rng, two_years):
    with pytest.raises(InputError, match="glac_name expected"):
        change.areas_by_year(OUTLINES, glacier="glac_name")
    with pytest.raises(InputError, match="a projected system"):
        change.areas_by_year(OUTLINES.to_crs(4326))
    with pytest.raises(InputError, match=r"years \[1936\] found, at least two expected"):
        change.change_rates(change.areas_by_year(OUTLINES[OUTLINES["year"] == 1936]))
    swapped = two_years[2020].copy()
    swapped.loc[[3, 40], "mapped"] = [5.0, 10.24]
    other = two_years[2016].copy()
    other.loc[[3, 40], "mapped"] = [10.24, 5.0]  # as much, but elsewhere
    with pytest.raises(InputError, match=r"650\.1 km² in 2016, 650\.1 km² in 2020 mapped found, apart in 2 blocks"):
        change.rates_by_blocks({2016: other, 2020: swapped}, seed=1)
    two_years[2020] = two_years[2020].iloc[:-5]
    with pytest.raises(InputError, match=r"655\.4 km² in 2016, 604\.2 km² in 2020 mapped found"):
        change.rates_by_blocks(two_years, seed=1)
