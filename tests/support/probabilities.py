"""Probabilities of a model that is too sure, with their truth."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit


def pixels(
    rng: np.random.Generator, *, temperature: float = 2.0, count: int = 40_000
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probabilities that are too sure by a known temperature, with their truth."""
    z = rng.normal(-0.5, 2.5, count)
    return expit(z * temperature).astype(np.float32), rng.random(count) < expit(z)
