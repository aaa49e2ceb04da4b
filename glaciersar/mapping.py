"""Map glaciers: a model applied to a series in overlapping windows, blended by a Gaussian."""

from math import ceil
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch import Tensor, nn
from tqdm import tqdm

from glaciersar.backends import Predictor, prepare
from glaciersar.errors import InputError
from glaciersar.files import written_whole

WINDOW = 640  # pixels
OVERLAP = 0.05  # 32 pixels of 640: the map of a tile is as good, to 0.001 of IoU, as with half of 384 pixels


def gaussian_window(height: int, width: int | None = None, *, sigma: float = 0.5) -> Tensor:
    """Weight the pixels of a window by their distance from its middle.

    exp(−r² / 2σ²) with r from −1 to 1 along each side, as the paper's authors blend; the middle weighs 1.

    Returns:
        (height, width) float64; square where no width is given.
    """
    down, right = (
        torch.linspace(-1, 1, side, dtype=torch.float64) ** 2 if side > 1 else torch.zeros(1, dtype=torch.float64)
        for side in (height, width or height)
    )
    return torch.exp(-(down[:, None] + right[None, :]) / (2 * sigma**2))


def place_windows(length: int, window: int, overlap: int) -> tuple[int, list[int]]:
    """Cover one side by as few windows as will do, all of one length, evenly.

    Args:
        length: Of the side, pixels.
        window: The longest that a window may be.
        overlap: The least that a window has in common with the next, pixels, less than `window`.

    Returns:
        The length of the windows, no more than `window`, and where they start.
    """
    if length <= window:
        return length, [0]
    count = ceil((length - overlap) / (window - overlap))
    side = ceil((length + (count - 1) * overlap) / count)
    return side, [round(index * (length - side) / (count - 1)) for index in range(count)]


def map_array(
    model: nn.Module | Predictor,
    series: NDArray[np.float32] | Tensor,
    *,
    valid: NDArray[np.bool_] | None = None,
    window: int = WINDOW,
    overlap: float = OVERLAP,
    backend: str = "auto",
    precision: str = "auto",
    progress: bool = False,
) -> NDArray[np.float32]:
    """Map the probability of glacier from a scaled series.

    Args:
        model: From `models.build` or `pretrained.load`, put into evaluation mode here; or what `backends.prepare`
            made of it, once for many rasters.
        series: (F, T, H, W) scaled features, finite; any number of dates, any size.
        valid: (H, W) where radar sees the ground, as `radiometry.prepare` tells; windows without any are left out.
        window: Longest side of a window in pixels; windows are no larger than they must be to cover the raster. Memory
            grows with its square. Where a pixel depends on the whole window, as in `unet3d_weighted`, take the
            authors' 384 and their overlap of 0.5.
        overlap: Share of a window that it has in common with the next, 0 to below 1; `benchmarks/mapping.py` shows
            what it costs and changes.
        backend: "auto", "torch" or "openvino", as for `backends.prepare`; a small raster is always mapped by "torch".
        precision: "auto", "float32" or "bf16"; a small raster is always mapped in "float32".
        progress: Show a progress bar.

    Returns:
        (H, W) probability of glacier, 0 to 1; NaN where not valid, and nowhere else.
    """
    if not 0 <= overlap < 1:
        raise InputError(f"overlap={overlap} found, 0 to below 1 expected")
    if window < 1:
        raise InputError(f"window={window} found, 1 pixel or more expected")
    series = torch.as_tensor(series)
    if series.ndim != 4:
        raise InputError(f"a series of shape {tuple(series.shape)} found, (features, dates, height, width) expected")
    if not torch.isfinite(series).all():
        raise InputError("the series holds NaN or infinite values; radiometry.prepare fills them")
    if not isinstance(model, Predictor):
        model = prepare(model, backend=backend, precision=precision, size=series[0].numel())
    height, width = series.shape[-2:]
    common = min(round(window * overlap), window - 1)
    (rows, tops), (columns, lefts) = (place_windows(side, window, common) for side in (height, width))
    seen = torch.ones(height, width, dtype=torch.bool) if valid is None else torch.from_numpy(valid)
    windows = [(..., slice(y, y + rows), slice(x, x + columns)) for y in tops for x in lefts]
    windows = [here for here in windows if seen[here].any()]
    weight = gaussian_window(rows, columns)
    blended = torch.zeros(height, width, dtype=torch.float64)
    weights = torch.zeros(height, width, dtype=torch.float64)
    for here in tqdm(windows, desc=f"mapping ({model})", disable=not progress):
        (glacier,) = model(series[here][None])  # (1, F, T, rows, columns) -> (rows, columns)
        blended[here] += glacier.double() * weight
        weights[here] += weight
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
