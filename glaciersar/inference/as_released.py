"""Map in windows as the authors' two released scripts do, to the digit, for comparison with their results.

To map glaciers use `inference.sliding_window`, which corrects both. The scripts take windows of side P at every P/2
from the top left and blend them by a Gaussian. The script that scores tiles takes only windows that fit, so rows and
columns at the bottom and right may stay without a value. The script that maps scenes takes windows that reach over
the edge and fills them with 0, which stands for −146 dB.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glaciersar.devices import exact_float32
from glaciersar.errors import InputError
from glaciersar.inference.sliding_window import gaussian_window

LARGEST = 100.0  # scaled values above it are nodata in the authors' mapping script; no negative value is


def map_inner_windows(model: nn.Module, series: NDArray[np.float32] | Tensor, *, window: int) -> NDArray[np.floating]:
    """Map as the authors' scoring script does: only windows that fit.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        series: (F, T, H, W) scaled features, with the padding of the tile included.
        window: Side of a window in pixels, P.

    Returns:
        (2, H, W) float64 probabilities of background and glacier; NaN where no window lies, which their argmax calls
        background.

    Raises:
        InputError: No window fits.
    """
    height, width = series.shape[-2:]
    if window < 2 or window > min(height, width):
        raise InputError(f"window={window} found, 2 to {min(height, width)} expected: only whole windows count")
    rows, columns = (range(0, side - window + 1, window // 2) for side in (height, width))
    return _blend(model, torch.as_tensor(series), rows, columns, window, torch.float64)


def map_overhanging(model: nn.Module, series: NDArray[np.float32] | Tensor, *, window: int) -> NDArray[np.floating]:
    """Map as the authors' mapping script does: every pixel, with windows that reach over the edge, nodata as 0.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        series: (F, T, H, W) scaled features; NaN, infinite values and those above 100 become 0, negative ones stay.
        window: Side of a window in pixels, P.

    Returns:
        (2, H, W) float32 probabilities of background and glacier.

    Raises:
        InputError: A window of less than 2 pixels.
    """
    if window < 2:
        raise InputError(f"window={window} found, 2 or more pixels expected")
    series = torch.as_tensor(series)
    series = torch.where(torch.isfinite(series) & (series <= LARGEST), series, 0)
    height, width = series.shape[-2:]
    rows, columns = (range(0, side, window // 2) for side in (height, width))
    filled = torch.nn.functional.pad(series, (0, window, 0, window))  # as far as a window can reach over the edge
    return _blend(model, filled, rows, columns, window, torch.float32)[:, :height, :width]


@torch.inference_mode()
def _blend(
    model: nn.Module, series: Tensor, rows: Sequence[int], columns: Sequence[int], window: int, dtype: torch.dtype
) -> NDArray[np.floating]:
    """Blend the maps of windows at the given corners, summed in the given precision; (2, H, W), NaN without window."""
    device = next(model.parameters()).device
    model.eval()
    weight = gaussian_window(window)  # (P, P)
    blended = torch.zeros(2, *series.shape[-2:], dtype=dtype)
    weights = torch.zeros(series.shape[-2:], dtype=dtype)
    for y in rows:
        for x in columns:
            here = (..., slice(y, y + window), slice(x, x + window))
            piece = series[None][here].to(device)  # (1, F, T, P, P)
            with exact_float32():
                blended[here] += model(piece).float().softmax(1)[0].cpu() * weight
            weights[here] += weight
    return (blended / weights).numpy()  # 0 / 0 is NaN
