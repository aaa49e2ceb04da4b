"""Bootstrap intervals of ratios of sums: shares, pooled scores, means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glaciersar.inventory.area import resample

DRAWS = 10_000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A ratio and its bootstrap interval of 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio_of_sums(parts: Sequence[float], wholes: Sequence[float], *, seed: int) -> Estimate:
    """Give sum(parts) / sum(wholes), with the interval of rows drawn with replacement.

    A draw whose wholes sum to 0 has no ratio and is left out. With few rows the interval is too narrow.

    Args:
        parts: One a row, such as pixels called glacier in a sample.
        wholes: One a row, such as all pixels of the sample.
        seed: The same seed gives the same interval.
    """
    rows = np.stack([np.asarray(parts, float), np.asarray(wholes, float)], axis=1)  # (N, 2)
    sums = resample(rows, draws=DRAWS, rng=np.random.default_rng(seed))  # (draws, 2)
    kept = sums[sums[:, 1] > 0]
    low, high = np.percentile(kept[:, 0] / kept[:, 1], (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    part, whole = rows.sum(axis=0)
    return Estimate(value=float(part / whole), low=float(low), high=float(high))
