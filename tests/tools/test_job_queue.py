"""tools.job_queue"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.job_queue import simulate_queue

JOBS = st.lists(st.floats(0.1, 5), min_size=1, max_size=30)
WORKERS = st.integers(1, 8)


@given(hours=JOBS, workers=WORKERS)
def test_equal_workers_take_no_longer_than_graham_s_bound(hours, workers):
    found = simulate_queue(hours, workers)
    assert max(hours) <= found.hours + 1e-9
    assert sum(hours) / workers <= found.hours + 1e-9
    assert found.hours <= sum(hours) / workers + (1 - 1 / workers) * max(hours) + 1e-9
    assert found.busy == pytest.approx(sum(hours) / (workers * found.hours))
    assert found.repeated == 0


@given(hours=JOBS)
def test_one_worker_takes_the_sum(hours):
    assert simulate_queue(hours, 1, slowest=1.5).hours == pytest.approx(sum(hours))


@given(hours=JOBS, workers=WORKERS, seed=st.integers(0, 100))
def test_slow_workers_and_deaths_never_help_a_single_worker_and_every_job_ends(hours, workers, seed):
    found = simulate_queue(hours, workers, slowest=2, lost=0.05, seed=seed)
    assert found.hours >= sum(hours) / workers / 2  # no worker is faster than the fastest
    assert 0 < found.busy <= 1 + 1e-9
    assert found == simulate_queue(hours, workers, slowest=2, lost=0.05, seed=seed)


def test_deaths_are_as_frequent_as_they_should():
    found = simulate_queue([1.0] * 20_000, 100, lost=0.02)
    assert found.repeated / (20_000 + found.repeated) == pytest.approx(0.02, rel=0.1)
