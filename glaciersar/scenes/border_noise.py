"""Border noise: the faint values that older Sentinel-1 products carry along the edges of a swath."""

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT = 1e-3
"""Linear power, −30 dB. Land and ice lie above it. Farther from an edge so low a value is kept: calm water has it."""
REACH = 20
"""Distance from an edge, in pixels of the raster, within which values are judged."""
BODY = 5
"""Side of the smallest hole that counts as an edge, in pixels; single zeros, left by noise subtraction, do not."""
MARGIN = REACH + BODY
"""Pixels around a window that decide whether a pixel inside is border noise."""


def border_noise(power: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Find values below −30 dB within 20 pixels of a patch without values.

    Args:
        power: (H, W) linear power of a raster or a window of it, NaN where nothing was measured.

    Returns:
        (H, W) True where a value is border noise. It depends on no pixel more than `MARGIN` away.
    """
    empty = np.isnan(power)  # (H, W)
    faint = power < FAINT  # False for NaN
    if not (faint.any() and empty.any()):
        return np.zeros(power.shape, bool)
    body = cv2.morphologyEx(empty.view(np.uint8), cv2.MORPH_OPEN, np.ones((BODY, BODY), np.uint8))
    near = cv2.dilate(body, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
    noise: NDArray[np.bool_] = faint & near.astype(bool)
    return noise
