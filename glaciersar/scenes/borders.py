"""Border noise: the faint values that older Sentinel-1 products carry along the edges of a swath."""

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT = 1e-3
"""−30 dB, linear power: land and ice measure more; farther from an edge, a value so low is kept (calm water)."""
REACH = 20
"""Pixels of the raster, how far from an edge values are judged."""
BODY = 5
"""Pixels, side of the smallest hole that is an edge: single zeros, where noise subtraction overshot, are none."""
MARGIN = REACH + BODY
"""Pixels around a window that decide about those within."""


def border_noise(power: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Find values below −30 dB within 20 pixels of a patch without values.

    Args:
        power: (H, W) linear power of a raster or a window of it, NaN where nothing was measured.

    Returns:
        (H, W) True where a value is border noise. It depends on no more than `MARGIN` pixels around.
    """
    empty = np.isnan(power)  # (H, W)
    faint = power < FAINT  # False for NaN
    if not (faint.any() and empty.any()):
        return np.zeros(power.shape, bool)
    body = cv2.morphologyEx(empty.view(np.uint8), cv2.MORPH_OPEN, np.ones((BODY, BODY), np.uint8))
    near = cv2.dilate(body, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
    return faint & near.astype(bool)
