"""Simulate how long jobs take on a cluster whose nodes differ in speed and lose jobs."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Elapsed:
    """What a simulation found."""

    hours: float
    """Until the last job has ended."""
    repeated: int
    """Jobs that died and were started again."""
    busy: float
    """Share of the workers' time in which they worked, 0 to 1."""


def simulate_queue(
    hours: Sequence[float], workers: int, *, slowest: float = 1.0, lost: float = 0.0, seed: int = 1
) -> Elapsed:
    """Run jobs in their order, each on the worker that is free first; one that dies starts anew at the end.

    Args:
        hours: Of each job on the fastest worker.
        workers: How many work at a time.
        slowest: How many times as long the slowest worker takes; the others lie evenly between.
        lost: Probability that a job dies in an hour, at any moment of it alike.
        seed: Of the deaths.
    """
    rng = np.random.default_rng(seed)
    slowness = np.linspace(1, slowest, workers)
    free = [(0.0, worker) for worker in range(workers)]
    waiting, repeated, worked, end = [*hours], 0, 0.0, 0.0
    rate = -np.log1p(-lost)  # of deaths an hour
    for job in waiting:  # grows by the jobs that die
        start, worker = heapq.heappop(free)
        needed = job * slowness[worker]
        death = rng.exponential(1 / rate) if rate else np.inf
        if death < needed:
            waiting.append(job)
            repeated += 1
        spent = min(needed, death)
        worked += spent
        end = max(end, start + spent)
        heapq.heappush(free, (start + spent, worker))
    return Elapsed(hours=float(end), repeated=repeated, busy=float(worked / (end * workers)) if end else 1.0)
