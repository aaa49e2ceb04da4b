"""When to kill: a number of finished steps, and seconds after the next one began."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class Moment:
    """A moment of a run's work, which does not depend on how often it was begun."""

    finished: int
    """Steps that are finished."""
    seconds: float
    """Since the last of them was, or since the work was begun again."""

    def has_come(self, finished: int, seconds: float) -> bool:
        """Tell whether a run has reached or passed the moment."""
        return finished > self.finished or (finished == self.finished and seconds >= self.seconds)


def draw_moments(ends: Sequence[float], count: int, rng: np.random.Generator) -> list[Moment]:
    """Draw moments evenly over the work of a run, in the order of time.

    Args:
        ends: Seconds from the beginning of the work to the end of each step, increasing.
        count: How many.
        rng: Draws them.
    """
    moments = []
    for time in np.sort(rng.uniform(0, ends[-1], count)):
        finished = int(np.searchsorted(ends, time, side="right"))
        moments.append(Moment(finished, float(time - (ends[finished - 1] if finished else 0.0))))
    return moments
