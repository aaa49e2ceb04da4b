"""Speckle: multiplicative gamma noise of a stated number of looks, correlated over about two pixels."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Field = NDArray[np.float32]

_KNOTS = np.linspace(-5.5, 5.5, 4097, dtype=np.float32)


def gaussian(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Draw the normal field from which speckle is made: (H, W), variance 1, correlation 1/2 to the next pixel, else 0.

    This is the correlation of a resolution of twice the pixel spacing, as in GRD products (20 m on 10 m, 93 m on 40 m).
    """
    white = rng.standard_normal((shape[0] + 1, shape[1] + 1), dtype=np.float32)
    rows: Field = white[1:] + white[:-1]
    summed: Field = rows[:, 1:] + rows[:, :-1]
    return summed / np.float32(2)


def gamma(normal: Field, looks: float) -> Field:
    """Turn a normal field into speckle: each pixel gamma distributed, mean 1, variance 1 / looks; same shape."""
    quantiles = special.gammaincinv(looks, special.ndtr(_KNOTS.astype(np.float64))) / looks
    place = (np.clip(normal, -5.49, 5.49) + 5.5) * np.float32(4096 / 11)
    below = place.astype(np.int32)
    table = quantiles.astype(np.float32)
    speckle: Field = table[below] + (place - below) * np.diff(table)[below]
    return speckle
