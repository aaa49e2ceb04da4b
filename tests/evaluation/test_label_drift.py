"""glaciersar.evaluation.label_drift"""

import numpy as np
import pandas as pd
import pytest

from glaciersar.errors import InputError
from glaciersar.evaluation.label_drift import apparent_change


@pytest.fixture
def table(rng):
    """Glaciers that lose 2 %; ragged outlines hold 5 % more; a network draws what it was trained on, in both years."""
    rows = []
    for landscape, size in enumerate(rng.uniform(20, 80, 8)):
        for share in (0.0, 0.5, 1.0):
            for seed in range(3):
                style = 1 + 0.05 * share + 0.001 * rng.standard_normal()
                for year, truth in ((2016, size), (2020, 0.98 * size)):
                    rows.append(
                        (share, seed, f"landscape-{landscape}", year, style * truth, truth, 1.05 * truth, truth)
                    )
    columns = ["share", "seed", "landscape", "year", "mapped", "truth", "ragged", "smooth"]
    return pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=1)


def test_a_reference_of_two_styles_shows_a_change_that_is_none(table):
    found = apparent_change(table, first=2016, last=2020).set_index("style")
    row = found.loc["ragged, smooth"]
    assert row["fraction"] == pytest.approx(-0.05)
    assert row["km2"] == pytest.approx(-0.05 * table.query("year == 2016")["truth"].mean())
    assert row["high"] < -0.04
    assert found.loc["smooth", "fraction"] == pytest.approx(0, abs=1e-9)
    assert found.loc["ragged", "fraction"] == pytest.approx(-0.05 * 0.02)  # its excess shrinks with the glacier


def test_a_network_that_draws_both_years_alike_shows_only_the_true_change(table):
    found = apparent_change(table, first=2016, last=2020).query("source == 'network'").set_index("share")
    assert list(found.index) == [0, 0.5, 1]
    assert (found["fraction"].abs() < 0.002).all()


def test_a_network_that_draws_the_last_year_larger_shows_it(table):
    larger = table.assign(mapped=table["mapped"] * np.where((table["year"] == 2020) & (table["share"] == 1), 1.1, 1))
    found = apparent_change(larger, first=2016, last=2020).query("source == 'network'").set_index("share")
    assert found.loc[1, "fraction"] == pytest.approx(0.98 * 0.1 * 1.05, abs=0.003)
    assert found.loc[1, "low"] < found.loc[1, "fraction"] < found.loc[1, "high"]
    assert abs(found.loc[0, "fraction"]) < 0.002


def test_a_table_without_a_year_a_column_or_a_row_is_refused(table):
    with pytest.raises(
        InputError, match=r"no row of share 0\.0, seed 0, landscape landscape-0, year 2018 found, and 71 others"
    ):
        apparent_change(table, first=2016, last=2018)
    with pytest.raises(InputError, match="lacks the columns ragged"):
        apparent_change(table.drop(columns="ragged"), first=2016, last=2020)
    with pytest.raises(InputError, match="seed 2, landscape landscape-0, year 2020 found"):
        apparent_change(table.query("year == 2016 or seed != 2"), first=2016, last=2020)
    with pytest.raises(
        InputError, match=r"no row of share 0\.5, seed 2, landscape landscape-0, year 2016 found, and 15 others"
    ):
        apparent_change(table.query("seed != 2 or share != 0.5"), first=2016, last=2020)
