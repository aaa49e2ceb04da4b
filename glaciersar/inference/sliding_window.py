"""Map glaciers: a model applied to a series in overlapping windows, blended by a Gaussian."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch import Tensor, nn
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.inference.ensemble import make_predictor
from glaciersar.inference.out_of_memory import map_within_memory, smaller_tilings
from glaciersar.inference.predictor import Predictor
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write
from glaciersar.models import Network

SIGMA = 0.5  # of the blending weights, as the paper's authors have it
STEP = 8  # pixels: 2 to the power of how often the deepest of the networks halves its sides
LARGE = 128  # pixels: of a window; starting at such places would need many more of the smaller ones
HALO_WEIGHT = 1e-9  # factor on the weights of a window's margin
LEAST_WEIGHT = 1e-100  # of a pixel far from the middle, which no other window may cover

Place = tuple[slice, slice]
"""Rows and columns of a raster."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a raster is cut into overlapping windows and how their maps are blended.

    Raises:
        InputError: A value out of range, named.
    """

    window: int = 640
    """Longest side of a window, pixels; windows are no larger than they must be to cover the raster. Memory grows with
    its square. Where a pixel depends on the whole window, as in `unet3d_weighted`, take the authors' 384 and their
    overlap of 0.5."""
    overlap: float = 0.05
    """Share of a window that it has in common with the next, 0 to below 1; `benchmarks/overlap.py` shows what it
    changes. The default, 32 pixels of 640, is the least whose maps are as good as those of half a window, to 0.001 of
    IoU."""
    sigma: float = SIGMA
    """How far a window's blending weights reach from its middle, as for `gaussian_window`."""
    halo: int = 0
    """Margin of a window that is used only where no other window has better, pixels."""

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise InputError(f"overlap={self.overlap} found, 0 to below 1 expected")
        if self.window < 1:
            raise InputError(f"window={self.window} found, 1 pixel or more expected")
        if not self.sigma > 0:
            raise InputError(f"sigma={self.sigma} found, more than 0 expected")
        if self.halo < 0:
            raise InputError(f"halo={self.halo} found, 0 pixels or more expected")


DEFAULT_TILING = Tiling()


def gaussian_window(height: int, width: int | None = None, *, sigma: float = SIGMA, halo: int = 0) -> Tensor:
    """Weight the pixels of a window by their distance from its middle.

    exp(−r² / 2σ²) with r from −1 to 1 along each side, as the paper's authors blend; the middle weighs 1. In the margin
    of `halo` pixels, where the network sees little of the surroundings, weights are 1e-9 times as large: it counts only
    where no other window has a value.

    Returns:
        (height, width) float64; square where no width is given.
    """
    sides = height, width or height
    down, right = (
        torch.linspace(-1, 1, side, dtype=torch.float64) ** 2 if side > 1 else torch.zeros(1, dtype=torch.float64)
        for side in sides
    )
    weight = torch.exp(-(down[:, None] + right[None, :]) / (2 * sigma**2)).clamp(min=LEAST_WEIGHT)
    for axis, side in zip((weight.T, weight), sides, strict=True):  # a corner lies in two margins
        axis[:, : min(halo, side)] *= HALO_WEIGHT
        axis[:, max(halo, side - halo) :] *= HALO_WEIGHT
    return weight


def window_offsets(length: int, window: int, overlap: int) -> tuple[int, list[int]]:
    """Cover one side by the fewest windows, all of one length, evenly spaced.

    Large ones start at multiples of `STEP`, unless they overlap almost entirely: so a pixel has the same place in the
    networks' pooling whichever window it lies in.

    Args:
        length: Of the side, pixels.
        window: Longest length of a window, pixels.
        overlap: Least overlap of a window with the next, pixels, less than `window`.

    Returns:
        The length of the windows, no more than `window`, and where they start.
    """
    if length <= window:
        return length, [0]
    longest, step = window - (window - length) % STEP, STEP  # the last window starts at a multiple and ends the side
    if window < LARGE or longest < overlap + step:
        longest, step = window, 1

    def fewest(side: int) -> int:
        return 1 + ceil((length - side) // step / ((side - overlap) // step))

    side = min(side for side in range(longest, overlap + step - 1, -step) if fewest(side) == fewest(longest))
    steps = (length - side) // step
    last = fewest(side) - 1
    return side, [step * round(index * steps / last) for index in range(last + 1)]


@dataclass(frozen=True, kw_only=True)
class WindowLayout:
    """Positions of the windows of a raster: all of one size, in rows."""

    shape: tuple[int, int]
    """Of the raster: height, width; pixels."""
    size: tuple[int, int]
    """Of a window: height, width; pixels."""
    tops: list[int]
    """First row of the windows of each row of windows."""
    lefts: list[int]
    """First column of the windows of each column of windows."""
    tiling: Tiling
    """What the layout follows; sigma and halo weight a window's pixels."""

    @classmethod
    def over(cls, shape: tuple[int, int], tiling: Tiling) -> "WindowLayout":
        """Cover a raster by windows.

        Raises:
            InputError: The raster has no pixel.
        """
        if 0 in shape:
            raise InputError(f"an area of {shape[0]} × {shape[1]} pixels found, at least one pixel expected")
        window = tiling.window
        common = min(round(window * tiling.overlap), window - 1)
        (rows, tops), (columns, lefts) = (window_offsets(side, window, common) for side in shape)
        return cls(shape=shape, size=(rows, columns), tops=tops, lefts=lefts, tiling=tiling)

    def window(self, row: int, column: int) -> Place:
        """Return the pixels of a window."""
        (top, left), (height, width) = (self.tops[row], self.lefts[column]), self.size
        return slice(top, top + height), slice(left, left + width)

    def finished(self, row: int, column: int) -> Place:
        """Return the pixels of a window that no later one covers; those of all windows make up the raster."""
        top, left = self.tops[row], self.lefts[column]
        bottom, right = (*self.tops, self.shape[0])[row + 1], (*self.lefts, self.shape[1])[column + 1]
        return slice(top, bottom), slice(left, right)

    def carry(self) -> Tensor:
        """Create the empty sums that the first row of windows begins with: (2, overlap, width of the raster)."""
        steps = [after - before for before, after in pairwise(self.tops)]
        return torch.zeros(2, self.size[0] - min(steps, default=self.size[0]), self.shape[1], dtype=torch.float64)


def blend_row(
    layout: WindowLayout, row: int, maps: Iterable[tuple[Tensor | None, Tensor]], carry: Tensor
) -> Iterator[tuple[Place, Tensor]]:
    """Blend a row of windows, from left to right; memory holds one window and what the next row needs.

    Args:
        layout: Of all windows.
        row: Which row of windows.
        maps: For each window of the row its probability, (height, width), None where it has no radar; and its valid
            pixels, (height, width).
        carry: From `WindowLayout.carry`: sums of weighted probabilities and of weights of the row above in the first
            pixel rows; overwritten by the sums that the next row needs.

    Yields:
        Pixels that are finished, and their probability in float32, NaN where not valid.
    """
    height, width = layout.size
    weight = gaussian_window(height, width, sigma=layout.tiling.sigma, halo=layout.tiling.halo)
    sums = torch.zeros(2, height, width, dtype=torch.float64)  # of weighted probabilities, of weights
    deep, known = carry.shape[1], 0  # known: columns of the raster whose carry has been added
    for column, (glacier, seen) in enumerate(maps):
        _, across = layout.window(row, column)
        sums[:, :deep, known - across.stop :] += carry[:, :, known : across.stop]
        known = across.stop
        if glacier is not None:
            sums[0] += glacier.double() * weight
            sums[1] += weight
        place = layout.finished(row, column)
        down, right = (slice(0, here.stop - here.start) for here in place)
        blended = sums[0, down, right] / sums[1, down, right]
        yield place, torch.where(seen[down, right], blended, torch.nan).float()
        left = sums[:, down.stop :, right]  # to the next row of windows
        carry[:, :, place[1]] = 0
        carry[:, : height - down.stop, place[1]] = left
        sums = torch.nn.functional.pad(sums[:, :, right.stop :], (0, right.stop))  # to the next window


def map_array(
    model: nn.Module | Predictor | Sequence[Network],
    series: NDArray[np.float32] | Tensor,
    *,
    valid: NDArray[np.bool_] | None = None,
    tiling: Tiling = DEFAULT_TILING,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    progress: bool = False,
) -> NDArray[np.float32]:
    """Map the probability of glacier from a scaled series in memory; `large_raster` maps scenes of any size.

    Where the memory of a GPU is not enough for a window, the map is started anew with smaller ones.

    Args:
        model: From `models.build` or `pretrained.load`, put into evaluation mode here; several such, of which this is
            the mean; or a predictor that `make_predictor` prepared once for many rasters.
        series: (F, T, H, W) scaled features, finite; any number of dates, any size.
        valid: (H, W) pixels with radar, from `radiometry.prepare`; windows without any are left out.
        tiling: Size, overlap and blending of the windows.
        backend: "auto", "torch" or "openvino", as for `backends.make_predictor`; "auto" maps a small raster by "torch".
        precision: As for `backends.make_predictor`; "auto" maps a small raster in "float32".
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.make_predictor`.
        progress: Show a progress bar.

    Returns:
        (H, W) probability of glacier, 0 to 1; NaN where not valid, and nowhere else.
    """
    series = torch.as_tensor(series)
    if series.ndim != 4:
        raise InputError(f"a series of shape {tuple(series.shape)} found, (features, dates, height, width) expected")
    layout = WindowLayout.over((series.shape[-2], series.shape[-1]), tiling)
    if not torch.isfinite(series).all():
        raise InputError("the series holds NaN or infinite values; radiometry.prepare fills them")
    if not isinstance(model, Predictor):
        model = make_predictor(model, backend=backend, precision=precision, device=device, size=series[0].numel())
    predictor, seen = model, torch.ones(layout.shape, dtype=torch.bool) if valid is None else torch.from_numpy(valid)

    def map_by(tried: Tiling) -> NDArray[np.float32]:
        return _map_windows(predictor, series, seen, WindowLayout.over(layout.shape, tried), progress=progress)

    return map_within_memory(map_by, [tiling, *smaller_tilings(tiling, layout.shape)])


def _map_windows(
    predictor: Predictor, series: Tensor, seen: Tensor, layout: WindowLayout, *, progress: bool
) -> NDArray[np.float32]:
    def map_window(row: int, column: int) -> tuple[Tensor | None, Tensor]:
        here = layout.window(row, column)
        bar.update()
        if not seen[here].any():
            return None, seen[here]
        (glacier,) = predictor(series[:, :, *here][None])  # (1, F, T, rows, columns) -> (rows, columns)
        return glacier, seen[here]

    probability = torch.empty(layout.shape)
    carry = layout.carry()
    windows = len(layout.tops) * len(layout.lefts)
    with tqdm(total=windows, desc=f"mapping ({predictor})", disable=not progress) as bar:
        for row in range(len(layout.tops)):
            maps = (map_window(row, column) for column in range(len(layout.lefts)))
            for here, block in blend_row(layout, row, maps, carry):
                probability[here] = block
    return probability.numpy()


def write_map(path: str | Path, probability: NDArray[np.float32], geobox: GeoBox, **tags: str) -> Path:
    """Write a probability map as a cloud-optimised GeoTIFF.

    Args:
        path: The file to write, whole or not at all.
        probability: (H, W) float32, NaN where there is no data.
        geobox: Its grid.
        tags: Metadata of the file, such as model=… and dates=….

    Raises:
        InputError: The map has another shape than its grid, or the file cannot be written.
    """
    path = Path(path)
    height, width = probability.shape
    if (height, width) != tuple(geobox.shape):
        raise InputError(
            f"{path.name}: a map of {height} × {width} found, a grid of {geobox.shape[0]} × {geobox.shape[1]} expected"
        )
    with atomic_write(path) as temporary:
        rasters.write_cog(
            temporary, probability, geobox, exact=True, level=6, description="probability of glacier", tags=tags
        )
    return path
