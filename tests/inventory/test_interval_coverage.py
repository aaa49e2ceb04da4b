"""glaciersar.inventory.interval_coverage"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inventory import error_model, interval_coverage
from glaciersar.inventory.coverage_landscapes import MappedLandscape, YearMap, landscape_residuals, sum_landscape
from tests.support import erring_maps

pytestmark = pytest.mark.slow

RIGHT = interval_coverage.GOOD


@cache
def model(count=400):
    known = erring_maps.draw_landscapes(np.random.default_rng(5), count)
    return error_model.fit_errors(landscape_residuals(known))


@cache
def measured(side, count, divided=False):
    """Areas and changes of landscapes that err as those of the model do."""
    drawn = erring_maps.draw_landscapes(np.random.default_rng(8), count, side=side, divided=divided)
    return interval_coverage.measure(drawn, model(), 40.0, draws=400, seed=1)


def whole(rows):
    return rows[rows["glacier"] == "total"]


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("of", ["area", "change"])
def test_intervals_hold_the_truth_in_19_of_20_landscapes_that_err_like_the_validation_tiles(side, of):
    found = interval_coverage.interval_coverage(measured(side, 500)[of]).loc["residuals"]  # a standard error is 0.01
    assert RIGHT[0] <= found["coverage"] <= RIGHT[1]
    assert found["verdict"] == "right"


def test_intervals_of_sixteen_tiles_hold_the_truth_about_as_often():
    for rows in measured(4, 100).values():  # a standard error is 0.022
        assert 0.9 <= interval_coverage.interval_coverage(rows).loc["residuals", "coverage"] <= 0.99


def test_intervals_of_glaciers_hold_the_truth_as_those_of_landscapes_do():
    for rows in measured(2, 250, divided=True).values():
        glaciers = interval_coverage.interval_coverage(rows[rows["glacier"] != "total"]).loc["residuals"]
        assert glaciers["n"] == 500  # a standard error is 0.012, as two of a landscape err together
        assert 0.92 <= glaciers["coverage"] <= 0.98


def test_a_change_is_known_better_than_by_two_maps_that_err_on_their_own():
    areas, changes = measured(2, 500).values()
    width = [(rows["high_residuals"] - rows["low_residuals"]).median() for rows in (areas, changes)]
    assert width[1] < 0.8 * np.sqrt(2) * width[0]
    score = interval_coverage.interval_coverage(changes).loc["residuals", "score"]
    wider = changes.assign(
        low_residuals=changes["expected"] - np.sqrt(2) * width[0] / 2,
        high_residuals=changes["expected"] + np.sqrt(2) * width[0] / 2,
    )
    assert score < interval_coverage.interval_coverage(wider).loc["residuals", "score"]


def test_maps_that_err_more_than_the_validation_tiles_are_told_to_be_missed():
    far = {"map": 1.0, "tile": 0.6, "block": 0.6}
    drawn = erring_maps.draw_landscapes(np.random.default_rng(4), 100, side=1, deviations=far)
    found = interval_coverage.measure_areas(drawn, model(), disagreement=40, draws=400, seed=1)
    assert interval_coverage.interval_coverage(whole(found)).loc["residuals", "verdict"] == "too narrow"


def test_intervals_from_few_landscapes_are_right_on_the_average_and_wider():
    drawn = erring_maps.draw_landscapes(np.random.default_rng(3), 40)
    held, width = [], []
    for seed in range(6):
        known = erring_maps.draw_landscapes(np.random.default_rng(100 + seed), 6)
        few = error_model.fit_errors(landscape_residuals(known))
        found = whole(interval_coverage.measure_areas(drawn, few, disagreement=40, draws=400, seed=1))
        table = interval_coverage.interval_coverage(found).loc["residuals"]
        held.append(table["coverage"])
        width.append(table["width"])
    many = whole(interval_coverage.measure_areas(drawn, model(), disagreement=40, draws=400, seed=1))
    assert 0.93 < np.mean(held) < 0.99
    assert np.mean(width) > interval_coverage.interval_coverage(many).loc["residuals", "width"]


def test_rows_name_their_landscape_size_and_end():
    areas, changes = measured(2, 250, divided=True).values()
    assert areas.columns[:6].tolist() == changes.columns[:6].tolist()
    assert set(areas["glacier"]) == {"total", 0, 1}
    assert set(areas.loc[areas["glacier"] == 0, "end"]) == {"sea"}
    assert set(areas.loc[areas["glacier"] == 1, "end"]) == {"land"}
    assert (areas["tiles"] == 4).all()
    groups = interval_coverage.grouped_coverage(areas)
    expected = ["all landscapes", "4 tiles", "orbit 14", "glaciers from 10 km²", "glaciers that end in the sea"]
    assert set(expected) <= set(groups.index.get_level_values("group"))
    halves = groups.loc[["glaciers that end on land", "glaciers that end in the sea"]].xs("residuals", level="interval")
    assert halves["n"].tolist() == [250, 250]


@pytest.mark.parametrize("pixel", [16, 20, 40, 80, 200])
def test_the_interval_of_a_landscape_all_of_ice_holds_its_truth(pixel):
    box = GeoBox.from_bbox((500_000, 8_700_000, 510_000, 8_710_000), "EPSG:32633", resolution=pixel, tight=True)
    ice = np.ones(box.shape, bool)
    year = YearMap(probability=ice - np.float32(0.001), truth=ice, reference=ice, sea=~ice)
    sums = sum_landscape(MappedLandscape(name="ice", orbit=14, incidence=38.0, geobox=box, years={2020: year}))
    assert sums.perimeter[2020] == 0
    rows = interval_coverage.measure_areas([sums], model(), disagreement=500, draws=300, seed=1)
    table = interval_coverage.interval_coverage(whole(rows.assign(high_boundary=rows["truth"])))
    assert table.loc["residuals", "coverage"] == table.loc["boundary", "coverage"] == 1


def test_the_fraction_of_intervals_that_hold_the_truth_is_counted_and_scored():
    frame = pd.DataFrame({"truth": [1.0, 2.0, 3.0, 4.0], "expected": [2.0, 3.0, 4.0, 1.0]})
    for name in ("blocks", "residuals"):
        frame[f"low_{name}"], frame[f"high_{name}"] = [0.0, 0.0, 0.0, 5.0], [1.0, 3.0, 2.0, 6.0]
    frame.loc[3, ["low_blocks", "high_blocks"]] = np.nan  # not given
    table = interval_coverage.interval_coverage(frame)
    assert table.index.tolist() == ["blocks", "residuals"]
    assert table["n"].tolist() == [3, 4]
    assert table["coverage"].tolist() == [pytest.approx(2 / 3), 0.5]
    assert table.loc["residuals", "standard_error"] == 0.25
    assert table.loc["residuals", "width"] == 1.5
    assert table.loc["residuals", "score"] == pytest.approx((1 + 3 + 2 + 1 + 40 * (1 + 1)) / 4)  # 2/0.05 = 40
    assert table.loc["residuals", "bias"] == 0.0
    assert table.loc["residuals", "error"] == pytest.approx(np.sqrt(3))
    assert set(table["verdict"]) == {"too few to tell"}
    verdicts = [
        interval_coverage.interval_coverage(pd.concat([frame] * 40).assign(expected=0, **wider))
        for wider in ({}, {"low_residuals": 0.0, "high_residuals": 9.0})
    ]
    assert [verdict.loc["residuals", "verdict"] for verdict in verdicts] == ["too narrow", "too wide"]


def test_glaciers_of_one_landscape_count_as_one_for_the_standard_error():
    frame = pd.DataFrame({"landscape": ["a", "b", "c", "d"], "truth": 0.0, "expected": 0.0})
    frame["low_residuals"], frame["high_residuals"] = [-1.0, -1.0, 1.0, 1.0], 2.0
    alone = interval_coverage.interval_coverage(frame)["standard_error"].iloc[0]
    thrice = interval_coverage.interval_coverage(pd.concat([frame] * 3))["standard_error"].iloc[0]
    assert alone == thrice == 0.25


def test_each_fold_is_measured_by_the_residuals_of_the_others():
    drawn = erring_maps.draw_landscapes(np.random.default_rng(6), 7)
    crossed = interval_coverage.measure_crossed(drawn, 40.0, draws=200, seed=1, folds=2)
    assert sorted(crossed["area"]["landscape"]) == sorted(sums.name for sums in drawn)
    others = error_model.fit_errors(landscape_residuals(drawn[1::2]))
    alone = interval_coverage.measure(drawn[::2], others, 40.0, draws=200, seed=1)
    for name, frame in alone.items():
        pd.testing.assert_frame_equal(crossed[name].iloc[:4], frame)
    with pytest.raises(InputError, match="7 landscapes found, at least 8 expected"):
        interval_coverage.measure_crossed(drawn, 40.0, draws=200, seed=1, folds=8)
