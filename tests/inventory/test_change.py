"""glaciersar.inventory.change"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.inventory import block_sums, change, error_model


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
    np.testing.assert_allclose(table.loc["A"], [9, 4, 1.25], rtol=1e-3)
    np.testing.assert_allclose(table.loc["B"], [1, 0.25, 0], rtol=1e-3)
    np.testing.assert_allclose(table.loc["total"], [10, 4.25, 1.25], rtol=1e-3)


@pytest.mark.parametrize("crs", [4326, 3857, 3413, 3575])
def test_areas_are_the_same_in_any_system(crs):
    expected = change.areas_by_year(OUTLINES)
    np.testing.assert_allclose(change.areas_by_year(OUTLINES.to_crs(crs)), expected, rtol=1e-5)


def test_rates_are_changes_by_the_years_between():
    table = change.change_rates(change.areas_by_year(OUTLINES))
    assert [key[1:] for key in table.loc[["total"]].index] == [(1936, 1990), (1990, 2007), (1936, 2007)]
    row = table.loc[("total", 1936, 1990)]
    np.testing.assert_allclose(row, [-5.75, -5.75 / 54, -57.5 / 54], rtol=1e-3)
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


def model_of(stays=0.0, year=0.01, *, level="pixels", paired=True):
    """An error model with one effect, known exactly."""
    none, many = dict.fromkeys(error_model.LEVELS, 0.0), dict.fromkeys(error_model.LEVELS, 1e6)
    return error_model.ErrorModel(
        stays=none | {level: stays}, year=none | {level: year}, count=many, landscapes=9, paired=paired
    )


def test_the_change_between_maps_is_that_of_their_areas_and_glaciers_add_up(two_years):
    table = change.change_intervals(two_years, model_of(), draws=500, seed=1)
    assert table.index.tolist() == [("total", 2016, 2020), (0, 2016, 2020), (1, 2016, 2020)]
    lost = two_years[2020]["expected"].sum() - two_years[2016]["expected"].sum()
    assert table["change"].iloc[0] == pytest.approx(lost)
    by_glacier = [two_years[year].groupby("glacier")["expected"].sum() for year in (2016, 2020)]
    np.testing.assert_allclose(table["change"].iloc[1:], (by_glacier[1] - by_glacier[0])[[0, 1]])
    assert ((table["low"] < table["change"]) & (table["change"] < table["high"])).all()
    assert table.equals(change.change_intervals(two_years, model_of(), draws=500, seed=1))


def test_a_map_between_the_ends_changes_nothing(rng, two_years):
    three = two_years | {2018: blocks(rng, rng.uniform(2, 10, 64))}
    model = model_of()
    one, other = (change.change_intervals(maps, model, draws=200, seed=1) for maps in (two_years, three))
    pd.testing.assert_frame_equal(one, other)


def test_errors_of_one_year_widen_a_change_by_both_and_what_stays_cancels(two_years):
    for stays in (0.0, 0.5):
        table = change.change_intervals(two_years, model_of(stays), draws=20_000, seed=2)
        row = table.loc[("total", 2016, 2020)]
        expected = 2 * 1.96 * 0.1 * np.sqrt(2 * 64 * 0.2)
        assert row["high"] - row["low"] == pytest.approx(expected, rel=0.06)


def test_a_change_of_the_detectable_size_is_told_from_none_four_times_in_five(two_years, rng):
    row = change.change_intervals(two_years, model_of(), draws=40_000, seed=2).loc[("total", 2016, 2020)]
    deviation = 0.1 * np.sqrt(2 * 64 * 0.2)
    assert row["detectable"] == pytest.approx(2.8 * deviation, rel=0.02)
    found = row["detectable"] + rng.normal(0, deviation, 100_000)
    assert (np.abs(found) > 1.96 * deviation).mean() == pytest.approx(0.8, abs=0.01)


def test_a_rate_is_told_only_for_a_change_that_could_be_detected(two_years):
    lost = two_years[2020]["expected"].sum() - two_years[2016]["expected"].sum()
    for year, told in ((1e-4, True), (1.0, False)):
        row = change.change_intervals(two_years, model_of(year=year), draws=500, seed=2).loc[("total", 2016, 2020)]
        assert (abs(lost) >= row["detectable"]) == told
        assert row["rate"] == pytest.approx(lost / 4) if told else np.isnan(row["rate"])


def test_a_change_tells_whether_what_its_maps_have_in_common_cancels(two_years):
    for paired in (True, False):
        table = change.change_intervals(two_years, model_of(paired=paired), draws=50, seed=2)
        assert (table["paired"] == paired).all()


def test_a_glacier_loses_no_more_than_was_mapped_and_gains_no_more_than_is(two_years):
    model = model_of(year=1e4, level="map")  # errors beyond all bounds
    two_years[2020].loc[two_years[2020]["glacier"] == 1, ["glacier", "expected"]] = [block_sums.NO_GLACIER, 0.0]
    table = change.change_intervals(two_years, model, draws=200, seed=1)
    most = {year: blocks.groupby("glacier")["mapped"].sum() for year, blocks in two_years.items()}
    for glacier in (0, 1):
        row = table.loc[(glacier, 2016, 2020)]
        assert row["low"] == pytest.approx(-most[2016][glacier])
        assert row["high"] == pytest.approx(most[2020].get(glacier, 0.0), abs=1e-9)
    assert table.loc[("total", 2016, 2020), "low"] == pytest.approx(-64 * 10.24)


def test_a_glacier_that_is_gone_in_a_year_has_no_area_there(two_years):
    gone = two_years[2020]["glacier"] == 1
    two_years[2020].loc[gone, "glacier"] = block_sums.NO_GLACIER
    two_years[2020].loc[gone, "expected"] = 0
    table = change.change_intervals(two_years, model_of(), draws=100, seed=1)
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
    with pytest.raises(InputError, match="without a coordinate system"):
        change.areas_by_year(OUTLINES.set_crs(None, allow_override=True))
    with pytest.raises(InputError, match=r"years \[1936\] found, at least two expected"):
        change.change_rates(change.areas_by_year(OUTLINES[OUTLINES["year"] == 1936]))
    swapped = two_years[2020].copy()
    swapped.loc[[3, 40], "mapped"] = [5.0, 10.24]
    other = two_years[2016].copy()
    other.loc[[3, 40], "mapped"] = [10.24, 5.0]  # as much, but elsewhere
    with pytest.raises(InputError, match=r"650\.1 km² in 2016, 650\.1 km² in 2020 mapped found, apart in 2 blocks"):
        change.change_intervals({2016: other, 2020: swapped}, model_of(), seed=1)
    two_years[2020] = two_years[2020].iloc[:-5]
    with pytest.raises(InputError, match=r"655\.4 km² in 2016, 604\.2 km² in 2020 mapped found"):
        change.change_intervals(two_years, model_of(), seed=1)
