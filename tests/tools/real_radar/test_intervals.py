"""tools.real_radar.intervals"""

import numpy as np
import pytest
from scipy import stats

from tools.real_radar.intervals import ratio_of_sums


def test_the_interval_is_that_of_scipys_percentile_bootstrap(rng):
    parts, wholes = rng.integers(0, 50, 12), rng.integers(50, 100, 12)
    found = ratio_of_sums(parts, wholes, seed=1)
    assert found.value == parts.sum() / wholes.sum()
    theirs = stats.bootstrap(
        (parts, wholes), lambda a, b, axis: a.sum(axis) / b.sum(axis), paired=True, method="percentile", rng=2
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_equal_rows_leave_nothing_to_vary():
    found = ratio_of_sums([3, 3, 3], [4, 4, 4], seed=1)
    assert (found.value, found.low, found.high) == (0.75, 0.75, 0.75)


def test_the_same_seed_gives_the_same_interval_and_it_holds_the_value(rng):
    parts = rng.random(9)
    one, two = (ratio_of_sums(parts, np.ones(9), seed=5) for _ in range(2))
    assert one == two
    assert one.low < one.value < one.high
    assert str(one) == f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def test_draws_without_any_whole_are_left_out():
    found = ratio_of_sums([0, 1], [0, 2], seed=1)  # a quarter of the draws takes the first row twice
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
