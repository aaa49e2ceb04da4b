"""Map glaciers: a model applied to a series in overlapping windows, blended by a Gaussian."""

from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch import Tensor, nn
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.files import written_whole


def gaussian_window(size: int, *, sigma: float = 0.5) -> Tensor:
    """Weight the pixels of a window by their distance from its middle.

    exp(−r² / 2σ²) with r from −1 to 1 along each side, as the paper's authors blend; the middle weighs 1.

    Returns:
        (size, size) float64.
    """
    squared = torch.linspace(-1, 1, size, dtype=torch.float64) ** 2 if size > 1 else torch.zeros(1, dtype=torch.float64)
    return torch.exp(-(squared[:, None] + squared[None, :]) / (2 * sigma**2))


def window_starts(length: int, window: int, step: int) -> list[int]:
    """Place windows along one side so that every pixel is covered; the last one ends at the margin."""
    last = max(length - window, 0)
    return sorted({*range(0, last, step), last})


@torch.inference_mode()
def map_array(
    model: nn.Module,
    series: NDArray[np.float32] | Tensor,
    *,
    valid: NDArray[np.bool_] | None = None,
    window: int = 384,
    overlap: float = 0.5,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Map the probability of glacier from a scaled series.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        series: (F, T, H, W) scaled features, finite; any number of dates, any size.
        valid: (H, W) where radar sees the ground, as `radiometry.prepare` tells; windows without any are left out.
        window: Side of a window in pixels; a smaller raster is mapped in one piece.
        overlap: Share of a window that it has in common with the next, 0 to below 1.
        progress: Show a progress bar.

    Returns:
        (H, W) probability of glacier, 0 to 1; NaN where not valid, and nowhere else.
    """
    if not 0 <= overlap < 1:
        raise InputError(f"overlap={overlap} found, 0 to below 1 expected")
    series = torch.as_tensor(series)
    if series.ndim != 4:
        raise InputError(f"a series of shape {tuple(series.shape)} found, (features, dates, height, width) expected")
    if not torch.isfinite(series).all():
        raise InputError("the series holds NaN or infinite values; radiometry.prepare fills them")
    device = next(model.parameters()).device
    model.eval()
    height, width = series.shape[-2:]
    step = max(round(window * (1 - overlap)), 1)
    seen = torch.ones(height, width, dtype=torch.bool) if valid is None else torch.from_numpy(valid)
    corners = [
        (y, x)
        for y in window_starts(height, window, step)
        for x in window_starts(width, window, step)
        if seen[y : y + window, x : x + window].any()
    ]
    blended = torch.zeros(height, width, dtype=torch.float64)
    weights = torch.zeros(height, width, dtype=torch.float64)
    side = gaussian_window(window)
    for y, x in tqdm(corners, desc="mapping", disable=not progress):
        piece = series[None, :, :, y : y + window, x : x + window].to(device)  # (1, F, T, h, w)
        glacier = model(piece).float().softmax(1)[0, 1].double().cpu()  # (h, w)
        weight = side[: glacier.shape[0], : glacier.shape[1]]
        blended[y : y + window, x : x + window] += glacier * weight
        weights[y : y + window, x : x + window] += weight
    return torch.where(seen, blended / weights, torch.nan).float().numpy()


def write_map(path: str | Path, probability: NDArray[np.float32], geobox: GeoBox, **tags: str) -> Path:
    """Write a probability map as a cloud-optimised GeoTIFF.

    Args:
        path: The file to write, whole or not at all.
        probability: (H, W) float32, NaN where there is no data.
        geobox: Its grid.
        tags: Metadata to keep in the file, such as model=… and dates=….
    """
    path = Path(path)
    height, width = probability.shape
    if (height, width) != tuple(geobox.shape):
        raise InputError(
            f"{path.name}: a map of {height} × {width} found, a grid of {geobox.shape[0]} × {geobox.shape[1]} expected"
        )
    profile = {
        "driver": "COG",
        "dtype": "float32",
        "count": 1,
        "height": height,
        "width": width,
        "crs": str(geobox.crs),
        "transform": geobox.affine,
        "nodata": np.nan,
        "compress": "deflate",
    }
    with written_whole(path) as temporary, rasterio.open(temporary, "w", **profile) as file:
        file.write(probability.astype(np.float32), 1)
        file.set_band_description(1, "probability of glacier")
        file.update_tags(**tags)
    return path
