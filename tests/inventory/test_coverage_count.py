"""glaciersar.inventory.coverage_count"""

import numpy as np
import pytest

from glaciersar.inference.calibration import UNCALIBRATED
from glaciersar.inventory import coverage_count, coverage_landscapes, error_model, interval_coverage
from tests.support import erring_maps

HOW = {"calibration": UNCALIBRATED, "disagreement": 40.0, "pixel": 80.0, "looks": 10.7, "draws": 100, "seed": 1}


@pytest.fixture
def errors():
    known = erring_maps.draw_landscapes(np.random.default_rng(5), 20)
    return error_model.fit_errors(coverage_landscapes.landscape_residuals(known))


@pytest.fixture
def asked(monkeypatch):
    """Landscapes that err as told, instead of those of a network; gives what was asked for."""
    found = {}

    def draw(network, *, landscapes, **how):
        found.update(how)
        return erring_maps.draw_landscapes(np.random.default_rng(8), len(landscapes))

    monkeypatch.setattr(coverage_landscapes, "map_landscapes", draw)
    monkeypatch.setattr(coverage_landscapes, "sum_landscape", lambda mapped, *, calibration: mapped)
    return found


def test_no_landscapes_give_nothing(errors, asked):
    assert coverage_count.count_on_landscapes(None, errors, landscapes=0, **HOW) == {}
    assert coverage_count.whole_landscapes({}) == {}
    assert not asked


def test_areas_and_changes_are_counted_by_both_kinds_of_residuals(errors, asked):
    measured = coverage_count.count_on_landscapes(None, errors, landscapes=10, **HOW)
    assert asked["years"] == (2016, 2020)
    assert asked["pixel"] == HOW["pixel"]
    table = coverage_count.tabulate_coverage(measured)
    assert table.index.names == ["of, km²", "residuals of", "group", "interval"]
    expected = interval_coverage.grouped_coverage(measured["other landscapes"]["change"])
    found = table.loc[("change", "other landscapes", "all landscapes", "residuals")]
    assert found["coverage"] == expected.loc[("all landscapes", "residuals"), "coverage"]
    assert set(table.index.unique("residuals of")) == {"validation tiles", "other landscapes"}


def test_whole_landscapes_are_those_with_intervals_of_other_landscapes(errors, asked):
    measured = coverage_count.count_on_landscapes(None, errors, landscapes=10, **HOW)
    whole = coverage_count.whole_landscapes(measured)
    assert list(whole) == ["area", "change"]
    for of, rows in whole.items():
        assert len(rows) == 10
        assert set(rows["glacier"]) == {"total"}
        assert (
            rows["low_residuals"].tolist() == measured["other landscapes"][of].loc[rows.index, "low_residuals"].tolist()
        )
