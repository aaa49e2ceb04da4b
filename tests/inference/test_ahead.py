"""glaciersar.inference.ahead"""

import threading
from contextlib import closing

import pytest

from glaciersar.inference.ahead import compute_ahead


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    assert list(compute_ahead(lambda x: x * x, range(7), threads=threads)) == [x * x for x in range(7)]
    assert list(compute_ahead(abs, [], threads=threads)) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_than_the_threads_are_ahead_of_the_result_in_use(threads):
    called = []
    with closing(compute_ahead(called.append, range(9), threads=threads)) as results:
        for used, _ in enumerate(results, start=1):
            assert len(called) <= used + threads


def test_several_threads_work_at_a_time():
    together = threading.Barrier(3, timeout=60)
    assert len(list(compute_ahead(lambda _: together.wait(), range(6), threads=3))) == 6


def test_an_error_comes_at_its_place():
    results = compute_ahead(lambda x: 1 // x, [1, 1, 0, 1], threads=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
