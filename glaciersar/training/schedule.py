"""What Adam takes at each step: the learning rate, by cosine annealing with restarts, and its epsilon."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from glaciersar.errors import InputError

RESTARTS = (10, 30, 70, 150)  # epochs, as the authors train


def learning_rate(
    step: int,
    *,
    steps_per_epoch: int,
    start: float = 5e-4,
    restarts: Sequence[float] = RESTARTS,
    warmup: int = 0,
) -> float:
    """Give the learning rate of a training step.

    In a cycle from step a to step b it falls as start/2 · (1 + cos π (s − a)/(b − a)), and is `start` again at b
    (Loshchilov & Hutter 2017, arXiv 1608.03983).

    Args:
        step: Training steps finished so far, over all epochs.
        steps_per_epoch: Training steps in an epoch.
        start: Highest rate, at the begin of each cycle; also the rate after the last restart.
        restarts: Epochs at which a cycle ends and the next begins, rising; a short run may scale them.
        warmup: Steps in which the rate rises from 0 to what the schedule says; the authors have none.

    Raises:
        InputError: The restarts do not rise from above 0.
    """
    if any(late <= early for early, late in pairwise((0, *restarts))):
        raise InputError(f"restarts={tuple(restarts)} found, rising epochs above 0 expected")
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    bounds = [0, *(epoch * steps_per_epoch for epoch in restarts)]
    cycle = bisect_right(bounds, step)
    if cycle == len(bounds):
        return rise * start
    begin, end = bounds[cycle - 1], bounds[cycle]
    return rise * start / 2 * (1 + math.cos(math.pi * (step - begin) / (end - begin)))


def adam_epsilon(step: int, *, epsilon: float = 1e-7, beta: float = 0.999) -> float:
    """Give the epsilon with which torch's Adam takes the step that Keras' Adam takes.

    Keras adds epsilon before it corrects the bias of the second moment, torch after; at the first step they differ by
    a factor of 32, after some thousand steps not at all.

    Args:
        step: Training steps finished so far, over all epochs.
        epsilon: As given to Keras.
        beta: Decay of the second moment.
    """
    return epsilon / math.sqrt(1 - beta ** (step + 1))
