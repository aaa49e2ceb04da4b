"""Mapping in windows as the authors' two scripts do it, to the digit; to map, see `inference.sliding_window`.

Both take windows of side P at every P/2 from the top left and blend them by a Gaussian. The script that scores tiles
takes only windows that fit, so rows and columns at the bottom and right may be left over. The script that maps scenes
lets windows hang over the edge and fills them up with 0, which stands for −146 dB.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.inference.sliding_window import gaussian_window

LARGEST = 100.0  # scaled values above it are nodata in the authors' mapping script; no negative value is


def map_inner_windows(model: nn.Module, series: NDArray[np.float32] | Tensor, *, window: int) -> NDArray[np.floating]:
    """Map as the authors score tiles: only windows that fit.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        series: (F, T, H, W) scaled features, with the padding of the tile.
        window: Side of a window in pixels, P.

    Returns:
        (2, H, W) float64 probabilities of background and glacier; NaN where no window lies, which their argmax calls
        background.

    Raises:
        InputError: No window fits.
    """
    height, width = series.shape[-2:]
    if window < 2 or window > min(height, width):
        raise InputError(f"window={window} found, 2 to {min(height, width)} expected: as released, only whole ones fit")
    rows, columns = (range(0, side - window + 1, window // 2) for side in (height, width))
    return _blend(model, torch.as_tensor(series), rows, columns, window, torch.float64)


def map_overhanging(model: nn.Module, series: NDArray[np.float32] | Tensor, *, window: int) -> NDArray[np.floating]:
    """Map as the authors map scenes: every pixel, with windows that hang over the edge, nodata taken for 0.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        series: (F, T, H, W) scaled features; NaN, infinite values and those above 100 become 0, negative ones stay.
        window: Side of a window in pixels, P.

    Returns:
        (2, H, W) float32 probabilities of background and glacier.
    """
    if window < 2:
        raise InputError(f"window={window} found, 2 or more pixels expected")
    series = torch.as_tensor(series)
    series = torch.where(torch.isfinite(series) & (series <= LARGEST), series, 0)
    height, width = series.shape[-2:]
    rows, columns = (range(0, side, window // 2) for side in (height, width))
    filled = torch.nn.functional.pad(series, (0, window, 0, window))  # as far as a window can hang over
    return _blend(model, filled, rows, columns, window, torch.float32)[:, :height, :width]


@torch.inference_mode()
def _blend(
    model: nn.Module, series: Tensor, rows: Sequence[int], columns: Sequence[int], window: int, kind: torch.dtype
) -> NDArray[np.floating]:
    """Add up windows at the given corners, weighted, in the given precision."""
    device = next(model.parameters()).device
    model.eval()
    weight = gaussian_window(window)  # (P, P)
    blended = torch.zeros(2, *series.shape[-2:], dtype=kind)
    weights = torch.zeros(series.shape[-2:], dtype=kind)
    for y in rows:
        for x in columns:
            here = (..., slice(y, y + window), slice(x, x + window))
            piece = series[None][here].to(device)  # (1, F, T, P, P)
            blended[here] += model(piece).float().softmax(1)[0].cpu() * weight
            weights[here] += weight
    return (blended / weights).numpy()  # 0 / 0 is NaN
