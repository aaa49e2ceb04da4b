"""glaciersar.io.process_pool; that they end with a killed parent is tested in tests/dataset/test_build_parallel.py"""

import multiprocessing
import os
import random
import signal
import threading
import time
from contextlib import closing, suppress

import pytest

from glaciersar.errors import InputError
from glaciersar.io.process_pool import WorkerDiedError, run_all
from tests.support import workers

SECONDS = 60
"""After which a pool counts as waiting forever; it takes a second."""


def test_work_is_done_in_other_processes_that_begin_empty():
    found = [answer for _, answer in run_all(workers.whoami, [(k,) for k in range(6)], workers=2)]
    assert os.getpid() not in {pid for pid, _ in found}
    assert 1 <= len({pid for pid, _ in found}) <= 2
    assert not any(has_torch for _, has_torch in found)  # as in this one


@pytest.mark.parametrize("count", [1, 3, 20])
def test_each_job_is_done_once_for_any_number_of_workers(count):
    assert sorted(run_all(workers.double, [(k,) for k in range(7)], workers=count)) == [(k, 2 * k) for k in range(7)]
    assert not list(run_all(workers.double, [], workers=count))


def test_an_error_is_that_of_the_function_and_names_no_worker():
    with pytest.raises(InputError) as refusal, closing(run_all(workers.refuse, [(7,)], workers=1)) as results:
        list(results)
    assert str(refusal.value) == "7: no such number"
    assert not multiprocessing.active_children()


def test_what_cannot_be_sent_is_an_error_and_no_end_without_a_word():
    with pytest.raises(Exception, match=r"pickle|local object"):
        list(run_all(workers.unwieldy, [(1,)], workers=1))


def test_after_an_error_others_finish_what_they_do_and_start_nothing(tmp_path):
    jobs = [(tmp_path, k, 1.0) for k in range(9)]
    with pytest.raises(InputError, match="the first"), closing(run_all(workers.mark, jobs, workers=2)) as results:
        list(results)
    assert {path.name for path in tmp_path.iterdir()} <= {"1"}
    assert not multiprocessing.active_children()


def test_closed_early_it_waits_for_no_answer_however_long():
    with closing(run_all(workers.large, [(10_000_000,)] * 4, workers=2)) as results:
        assert len(next(results)[1]) == 10_000_000
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_at_its_job_is_told():
    with (
        pytest.raises(WorkerDiedError) as death,
        closing(run_all(workers.die, [(k, 2) for k in range(4)], workers=2)) as a,
    ):
        list(a)
    assert death.value.job == 2


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_is_killed_while_the_next_one_starts_never_makes_it_wait(victim):
    """Of Python's ProcessPoolExecutor, one in about twenty such pools never ends."""
    draw, outcomes = random.Random(victim), []
    for _ in range(40):
        after = draw.uniform(0, 0.006 if draw.random() < 0.7 else 0.2)
        killer = threading.Thread(target=kill_worker, args=(victim, after), daemon=True)
        user = threading.Thread(target=use_pool, args=(outcomes,), daemon=True)
        user.start()
        killer.start()
        user.join(SECONDS)
        assert not user.is_alive(), f"a pool waits after {len(outcomes)} that ended"
        killer.join()
    assert outcomes.count("died") > 20
    assert set(outcomes) <= {"died", "done"}
    assert not multiprocessing.active_children()


def use_pool(outcomes):
    try:
        with closing(run_all(workers.double, [(k,) for k in range(6)], workers=2)) as results:
            assert len(list(results)) == 6
        outcomes.append("done")
    except WorkerDiedError:
        outcomes.append("died")


def kill_worker(victim, after):
    """Kill the first or second worker some seconds after it was started."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        started = sorted(child.pid for child in multiprocessing.active_children())
        if len(started) > victim:
            time.sleep(after)
            with suppress(ProcessLookupError):
                os.kill(started[victim], signal.SIGKILL)
            return
