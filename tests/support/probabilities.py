"""Probabilities of a model that is too sure, with their truth."""

import numpy as np
from scipy.special import expit


def pixels(rng, *, temperature=2.0, count=40_000):
    """Probabilities that are too sure by a known temperature, with their truth."""
    z = rng.normal(-0.5, 2.5, count)
    return expit(z * temperature).astype(np.float32), rng.random(count) < expit(z)
