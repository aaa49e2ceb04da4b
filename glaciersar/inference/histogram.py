"""Pixels counted by probability and truth: all that a calibration needs, in little memory whatever their number."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from glaciersar.errors import InputError

Array = NDArray[np.float64]

LIMIT = 16.0  # of the logit: float32 cannot tell a probability further up from 1
BINS = 4096  # so a bin is at most 0.002 of probability wide


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbabilityHistogram:
    """Pixels counted by probability and truth; histograms of several maps add up."""

    counts: NDArray[np.int64]
    """(2, BINS): pixels without glacier, with glacier."""
    total: Array
    """(BINS,): sum of their probabilities."""

    @classmethod
    def empty(cls) -> "ProbabilityHistogram":
        return cls(counts=np.zeros((2, BINS), np.int64), total=np.zeros(BINS))

    @classmethod
    def of(
        cls, probability: NDArray[np.floating], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
    ) -> "ProbabilityHistogram":
        """Count the pixels of a map, any shape; only those that are `valid`, if given."""
        inside = slice(None) if valid is None else valid
        p, glacier = probability[inside].ravel().astype(float), truth[inside].ravel()
        if not ((p >= 0) & (p <= 1)).all():  # NaN fails both
            raise InputError("a probability that is NaN or not within 0 and 1 found, one in every valid pixel expected")
        index = bin_of(p)
        counts = np.bincount(index + BINS * glacier, minlength=2 * BINS).reshape(2, BINS)
        return cls(counts=counts, total=np.bincount(index, p, BINS).astype(float))

    def __add__(self, other: "ProbabilityHistogram") -> "ProbabilityHistogram":
        return ProbabilityHistogram(counts=self.counts + other.counts, total=self.total + other.total)

    def filled(self) -> tuple[Array, Array, Array]:
        """Return the bins that hold pixels: mean probability, pixels, and pixels with glacier; each (n,)."""
        pixels = self.counts.sum(0)
        held = pixels > 0
        if not held.any():
            raise InputError("no valid pixel to calibrate on found, at least one expected")
        return self.total[held] / pixels[held], pixels[held].astype(float), self.counts[1, held].astype(float)


def bin_of(probability: Array) -> NDArray[np.intp]:
    """Find the bin of each probability; 0.5 falls into the last one that is not called glacier."""
    place = (clipped_logit(probability) + LIMIT) * (BINS / (2 * LIMIT))
    return np.clip(np.ceil(place).astype(np.intp) - 1, 0, BINS - 1)


def clipped_logit(probability: ArrayLike) -> Array:
    clipped: Array = np.clip(logit(np.asarray(probability, float)), -LIMIT, LIMIT)
    return clipped
