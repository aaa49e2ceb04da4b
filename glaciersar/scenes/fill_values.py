"""Tell measurements from fills that a raster does not declare, and backscatter from whole numbers that were scaled.

Speckle makes every pixel differ: a value that many pixels share to the bit was not measured. Values are looked at in
samples of the whole raster, so that any window of it is read in the same way.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.windows import Window

from glaciersar.errors import InputError
from glaciersar.scenes.onto_grid import read_window
from glaciersar.scenes.scene import local_file

SHARED = 0.01
"""Share of the pixels of a raster from which on a value is looked at."""
OUTSTANDING = 10
"""How many times as many pixels hold a fill as hold the values next to it; whole numbers share their values, too."""
NEIGHBOURS = 6
"""Values below and above it, by rank."""
ENOUGH = 1000
"""Pixels below which a raster is too small to tell."""
DIFFERENT = 30
"""Distinct values of a measurement; fewer, but more than one, tell nothing."""
BLOCKS, BLOCK = 4, 256
"""Blocks looked at in each direction, and their side in pixels."""

NO_RADAR_BELOW = -200.0
"""Decibels or power. No radar measures so little."""
FAINTEST = -60.0
"""Decibels, above which the median of any scene lies: the noise of Sentinel-1 is −22 dB or better."""


@dataclass(frozen=True)
class Fills:
    """Values of a raster that are no measurement although it does not say so."""

    values: tuple[float, ...] = ()
    share: float = 0.0
    """Of the pixels that hold one of them."""


def find_fills(values: NDArray[np.floating]) -> Fills:
    """Find the values that many pixels share to the bit and those next to them do not.

    Args:
        values: Of a raster, any shape; NaN, infinity and zero, which are no measurement in any case, are left aside.
    """
    seen = values[np.isfinite(values) & (values != 0)]
    if seen.size < ENOUGH:
        return Fills()
    distinct, counts = np.unique(seen, return_counts=True)
    if distinct.size == 1:
        return Fills((float(distinct[0]),), seen.size / values.size)
    if distinct.size < DIFFERENT:
        return Fills()
    common = np.flatnonzero(counts >= SHARED * seen.size).tolist()
    found = [k for k in common if counts[k] >= OUTSTANDING * _nearby(counts, k)]
    return Fills(tuple(float(distinct[k]) for k in found), float(counts[found].sum() / values.size))


def _nearby(counts: NDArray[np.integer], k: int) -> float:
    """Return the median count of the values next to one."""
    around = np.concatenate((counts[max(k - NEIGHBOURS, 0) : k], counts[k + 1 : k + 1 + NEIGHBOURS]))
    return float(np.median(around))


def fills_of(file: DatasetReader, href: str) -> Fills:
    """Find the undeclared fills of a raster; each file is looked at once.

    A raster on a server that declares a nodata value is believed: looking takes many requests. Of one that declares
    none and has no overviews only blocks are looked at: pixels from all over it would take the whole file.
    """
    path = local_file(href)
    if path is None and file.nodata is not None:
        return Fills()
    state = (path.stat().st_size, path.stat().st_mtime_ns) if path is not None else ()
    key = (href, state)
    if key not in _known:
        if len(_known) >= KEPT:
            _known.clear()
        _known[key] = _look(file, everywhere=path is not None or bool(file.overviews(1)))
    return _known[key]


def _look(file: DatasetReader, *, everywhere: bool) -> Fills:
    """Find the fills of a raster in blocks of it, and of a large one `everywhere` in pixels from all over it, too."""
    blocks = find_fills(sample_values(file))
    step = math.ceil(max(file.shape) / (BLOCKS * BLOCK))
    if step == 1 or not everywhere:
        return blocks
    spread = read_window(file, Window(0, 0, file.width, file.height), step)  # at most (BLOCKS · BLOCK) squared
    values = tuple(sorted({*blocks.values, *find_fills(spread).values}))
    return Fills(values, float(np.isin(spread, np.asarray(values, np.float32)).mean()))


KEPT = 10_000
"""Rasters whose fills are remembered."""
_known: dict[tuple[object, ...], Fills] = {}


def sample_values(file: DatasetReader) -> NDArray[np.float32]:
    """Read evenly spaced blocks of a raster, all of a small one; one row of values, scaled as the file says."""
    blocks = [
        read_window(file, Window.from_slices(rows, columns), 1).ravel()
        for rows in _spread(file.height)
        for columns in _spread(file.width)
    ]
    return np.concatenate(blocks)


def _spread(length: int) -> list[tuple[int, int]]:
    """Choose spans of BLOCK pixels along a side, the whole side if they would cover it."""
    if length <= BLOCKS * BLOCK:
        return [(0, length)]
    starts = np.linspace(0, length - BLOCK, BLOCKS).astype(int)
    return [(int(start), int(start) + BLOCK) for start in starts]


def check_scaling(values: NDArray[np.floating], file: DatasetReader, *, units: str, name: str) -> None:
    """Refuse scaled numbers that do not say so: whole numbers, decibels of hundreds.

    Args:
        values: Of a part of the raster, scaled as it says, fills left out; any shape.
        file: The raster, which may declare a scale.
        units: "linear" or "db", as the values will be read.
        name: Of the raster, for the message.
    """
    seen = values[np.isfinite(values) & (values != 0)]
    if not seen.size:
        return
    middle = float(np.median(seen))
    whole = np.issubdtype(np.dtype(file.dtypes[0]), np.integer) and _unscaled(file)
    found = f"whole numbers from {seen.min():g} to {seen.max():g} without a scale found"
    if units == "linear" and whole:
        raise InputError(f"{name}: {found}, {_guess(seen)}, linear power expected; {REMEDY}")
    if units == "db" and middle < FAINTEST and np.unique(seen[seen < FAINTEST]).size >= DIFFERENT:
        factor = 10 ** max(round(float(np.log10(-middle / 12))), 1)
        raise InputError(
            f"{name}: values around {middle:g} found, which look like decibels times {factor}, decibels expected; "
            f"write the scale into the file, such as gdal_edit.py -scale {1 / factor:g}"
        )
    if units == "db" and whole:  # times 2 or 5 they lie where decibels do
        raise InputError(
            f"{name}: {found}, which may be decibels or a multiple of them, decibels expected; write the scale into "
            f"the file, such as gdal_edit.py -scale 0.5 for decibels times 2, or whole decibels as floating point by "
            f"gdal_translate -ot Float32"
        )


REMEDY = "write into the file how they are scaled, such as gdal_edit.py -scale 0.01 -offset -40, and pass units"


SKEWED = 0.25
"""Skewness above which whole numbers are power or amplitude: speckle of four looks has 1 and 0.5, in decibels −0.5."""


def _unscaled(file: DatasetReader) -> bool:
    return bool(file.scales[0] == 1 and file.offsets[0] == 0)


def _guess(seen: NDArray[np.floating]) -> str:
    """Say what whole numbers are by their distribution: power has a long tail upwards, decibels have none."""
    if np.median(seen) < 0:
        return "which look like scaled decibels"
    spread = float(seen.std())
    skewness = float(((seen - seen.mean()) ** 3).mean() / spread**3) if spread else 0.0
    return f"distributed as {'power or amplitude' if skewness > SKEWED else 'shifted decibels'}"
