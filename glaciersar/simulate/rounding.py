"""Round what processors compute differently, so that an archive is the same on each of them.

A sum, difference, product, quotient or root of two numbers is the same everywhere (IEEE 754). Exponentials, powers,
angles and sums of many numbers are not: their last digit depends on the vector unit. After a threshold, another
last digit is another pixel, and the ice flow makes another glacier of it. So such values are computed in float64 and
rounded far above its last digit before they are used.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Values = TypeVar("Values", NDArray[np.float32], NDArray[np.float64])
STEP = 2.0**-12  # of a field of variance 1; in metres a quarter of a millimetre


def rounded(values: Values, *, step: float = STEP) -> Values:
    """Round to multiples of a step, which is a power of two, so that the multiples are exact; same shape and type."""
    multiples: Values = np.rint(values / step) * step
    return multiples


def evaluate(function: Callable[..., NDArray[np.floating]], *arguments: ArrayLike) -> NDArray[np.float32]:
    """Compute a function such as `np.exp` in float64 and return it in float32."""
    return function(*(np.asarray(argument, np.float64) for argument in arguments)).astype(np.float32)


def norm(rows: Values, columns: Values) -> Values:
    """Compute the length of vectors, as `np.hypot` does, from products and a root only."""
    return np.sqrt(rows * rows + columns * columns)


def blur(values: Values, sigma: float) -> Values:
    """Smooth with a Gaussian, as `ndimage.gaussian_filter` does, with weights that are the same everywhere.

    Args:
        values: (H, W).
        sigma: Standard deviation, pixels.

    Returns:
        (H, W), of the same type.
    """
    for axis in range(values.ndim):
        values = ndimage.correlate1d(values, _weights(float(sigma)), axis=axis)
    return values


@cache
def _weights(sigma: float) -> NDArray[np.float64]:
    reach = int(4 * sigma + 0.5)  # pixels; beyond it a Gaussian is below 0.0004 of its height
    heights = [math.exp(-(k**2) / (2 * sigma**2)) for k in range(-reach, reach + 1)] if reach else [1.0]
    return rounded(np.array(heights) / math.fsum(heights), step=2.0**-40)
