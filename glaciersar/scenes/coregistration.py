"""Measure how far the dates of a series lie from one another: archives have shifted some of theirs by whole pixels.

Dates are compared by cross-correlation of what stays the same through the year, edges and texture of the ground: in dB,
without what is finer than speckle or wider than some twenty pixels, and where the ground changes least. Phase
correlation would give speckle, which lies in the finest waves, the same weight as the ground. What counts is what two
halves of the ground have in common: sea ice that drifts beside the land moves a part of it alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.fft import fft2, fftfreq, ifft2
from scipy.ndimage import gaussian_filter

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.io import rasters
from glaciersar.scenes.reader import Series, read_series
from glaciersar.scenes.scene import Scene, merge_passes

MAX_OFFSET = 0.75
"""Pixels between two dates from which on a series is refused. A whole pixel is found; below, where few pixels are to be
compared, speckle alone moves offsets by some tenths."""
SIDE, WINDOWS = 256, 4
"""Pixels along a side of the windows that are compared, and how many there are in a large grid."""
SMALLEST = 48
"""Pixels along the sides of half a window in which offsets are told."""
LOOK = 256
"""Pixels along the side of the coarse look by which they are chosen."""
REACH = 16
"""Largest offset that is looked for, pixels."""
FINEST, WIDEST = 1.0, 8.0
"""Standard deviations of the two Gauss filters between which structure is compared, pixels."""
STABLE = 2 / 3
"""Share of the ground that is compared, of least change through the series."""
CLEAR = 4.0
"""How far the peak of a correlation must stand above the rest, in its standard deviations, to be an offset."""
NOTICED = 3.0
"""The same in half of the ground, and in a quick look, of which a measurement is the judge."""
AGREEING = 0.4
"""Pixels within which the offsets of a date in two halves of the ground must agree: a shift moves both alike, but melt,
wind and chance do not."""
MOST = 0.5
"""Share of the dates that must have a clear peak: over open water two of fifteen have one by chance."""
STEP = 0.05
"""Pixels to which an offset is found."""

Waves = NDArray[np.complexfloating]


def measure_offsets(passes: Sequence[Scene], geobox: GeoBox, polarisation: str) -> pd.DataFrame:
    """Measure the offsets of the dates of scenes on a grid, in up to `WINDOWS` windows of it; as for `offsets_of`.

    On how many dates none could be measured is printed.
    """
    dates = merge_passes(passes)

    def look(coarse: GeoBox) -> NDArray[np.float32]:
        return read_series(dates, coarse, polarisation, check=False, sample=True).power

    windows = choose_windows(geobox, look)
    table = offsets_of([read_series(dates, part, polarisation, check=False) for part in windows])
    if len(table) > 1 and (missing := _unmeasured(table)):
        print(f"offsets between the dates {missing}, which may lie anywhere: little in common, or a grid too small")
    return table


def choose_windows(geobox: GeoBox, look: Callable[[GeoBox], NDArray[np.float32]]) -> list[GeoBox]:
    """Choose the windows of a grid with the most contrast that all dates see, by a coarse look; all of a small grid.

    Args:
        geobox: The grid.
        look: Reads single values (T, h, w) of the series onto a coarse grid.
    """
    if max(geobox.shape) <= 2 * SIDE:
        return [geobox]
    power = look(rasters.coarsen_geobox(geobox, LOOK))
    level = radiometry.to_decibel(power, floor=radiometry.NOISE_FLOOR).mean(axis=0)  # (h, w), NaN if one misses
    return [geobox[top : top + SIDE, left : left + SIDE] for top, left in _corners(level, geobox.shape)]


def _corners(level: NDArray[np.floating], shape: Sequence[int]) -> list[tuple[int, int]]:
    """Choose windows of SIDE pixels in a raster of `shape` by a coarse look at it, (h, w) dB; their first pixels."""
    step = shape[0] / level.shape[0], shape[1] / level.shape[1]
    found = []
    for top, left in product(*(range(0, max(length - SIDE, 0) + 1, SIDE) for length in shape)):
        rows, columns = (
            slice(int(start / k), int((start + SIDE) / k) + 1) for start, k in zip((top, left), step, strict=True)
        )
        seen = np.isfinite(level[rows, columns])
        contrast = float(level[rows, columns][seen].std()) if seen.any() else 0.0
        found.append((contrast * seen.mean(), top, left))
    return [(top, left) for _, top, left in sorted(found, reverse=True)[:WINDOWS]]


def offsets_of(windows: Sequence[Series]) -> pd.DataFrame:
    """Measure how far each date of a series is displaced from the others.

    Args:
        windows: Parts of one series, of the same dates; without any the table has no row.

    Returns:
        A row a date: date, east and north (pixels from the median of the dates), and peak, by how many standard
        deviations the correlation stands out. Without a clear peak, as over open water, farther than `REACH`, or in a
        grid narrower than twice `SMALLEST` pixels, east and north are NaN.
    """
    times = windows[0].times if windows else ()
    compared = _halves_of([window.power for window in windows])
    offsets, peaks = np.full((len(times), 2), np.nan), np.zeros(len(times))
    if compared and len(times) > 1:
        offsets, peaks = _compare(compared)
    return pd.DataFrame(
        {
            "date": [f"{time:%Y-%m-%d}" for time in times],
            "east, pixels": offsets[:, 1],
            "north, pixels": -offsets[:, 0],
            "peak": peaks,
        }
    )


def largest_offset(table: pd.DataFrame) -> float:
    """Return the largest distance between two dates of `offsets_of`, pixels; NaN where fewer than two are known."""
    known = table[["east, pixels", "north, pixels"]].dropna().to_numpy()
    return float(np.hypot(*(known[:, None] - known[None, :]).T).max()) if len(known) > 1 else np.nan


def describe_offsets(table: pd.DataFrame, *, max_offset: float = MAX_OFFSET) -> str:
    """Say in a sentence how far the dates of `offsets_of` lie from one another, and on how many this is not known."""
    if not len(table):
        return "no date of backscatter to compare"
    largest, missing = largest_offset(table), _unmeasured(table)
    known = f"dates lie up to {largest:.1f} pixels from one another, {max_offset:g} are allowed"
    if np.isnan(largest):
        return f"how far the dates lie from one another is {missing}"
    return f"{known}; {missing}" if missing else known


def _unmeasured(table: pd.DataFrame) -> str:
    """Say on how many dates no offset was measured; empty where there is none."""
    missing = int(table["east, pixels"].isna().sum())
    return f"not measured on {missing} of {len(table)} dates" if missing else ""


def check_aligned(table: pd.DataFrame, *, max_offset: float = MAX_OFFSET) -> None:
    """Refuse a series whose dates lie farther from one another than `max_offset` pixels."""
    found = largest_offset(table)
    if found > max_offset:
        known = table.dropna()
        far = known.iloc[int(np.hypot(*known[["east, pixels", "north, pixels"]].to_numpy().T).argmax())]
        raise InputError(
            f"dates up to {found:.2f} pixels apart found, such as {far['date']} by {far['east, pixels']:.2f} east and "
            f"{far['north, pixels']:.2f} north, at most {max_offset:g} expected; leave such dates out, or allow more "
            f"by max_offset"
        )


def check_series(series: Series, *, max_offset: float = MAX_OFFSET) -> None:
    """Refuse a series in memory as `check_aligned` does; all is measured only if a quick look finds a date displaced.

    The look compares each date with the sum of the others at whole pixels, a tenth of the work, as many tiles are
    checked. An allowance below `MAX_OFFSET` needs the measurement.
    """
    power = series.power  # (T, H, W)
    if len(power) < 2 or np.isposinf(max_offset):
        return
    parts = [power]
    if max(power.shape[1:]) > 2 * SIDE:
        step = -(-max(power.shape[1:]) // LOOK)
        level = radiometry.to_decibel(power[:, ::step, ::step], floor=radiometry.NOISE_FLOOR).mean(axis=0)
        parts = [power[:, top : top + SIDE, left : left + SIDE] for top, left in _corners(level, power.shape[1:])]
    if max_offset < MAX_OFFSET or _looks_displaced(_halves_of(parts)):
        check_aligned(offsets_of([replace(series, power=part) for part in parts]), max_offset=max_offset)


def _looks_displaced(windows: Sequence["_Texture"]) -> bool:
    """Tell whether a date correlates best with the sum of the others when it is moved by a pixel or more."""
    if not windows:
        return False
    totals = [window.waves.sum(axis=0) for window in windows]
    bases_near = np.maximum(_sum_near([window.weight * window.weight.conj() for window in windows]), 1e-9)
    for k in range(len(windows[0].waves)):
        pairs = zip(windows, totals, strict=True)
        near = _sum_near([w.waves[k] * (total - w.waves[k]).conj() for w, total in pairs]) / bases_near
        row, column, peak = _highest(near)
        if (row, column) != (0, 0) and peak >= NOTICED:
            return True
    return False


@dataclass(frozen=True)
class _Texture:
    """What is compared of a window."""

    waves: Waves
    """(T, h, w) spectra of the texture, weighted."""
    weight: Waves
    """(h, w) spectrum of the weight, whose own correlation is divided out: it would draw offsets to zero."""


def _halves_of(windows: Sequence[NDArray[np.float32]]) -> list[_Texture]:
    """Return what is compared of windows (T, h, w), each in two halves, which follow one another."""
    found = []
    for power in windows:
        seen = np.asarray(np.isfinite(power).all(axis=0))  # (h, w)
        if seen.any():
            top, bottom = np.flatnonzero(seen.any(axis=1))[[0, -1]]
            left, right = np.flatnonzero(seen.any(axis=0))[[0, -1]]
            inside = power[:, top : bottom + 1, left : right + 1]
            longer = int(np.argmax(inside.shape[1:])) + 1
            halves = [_texture_of(half) for half in np.array_split(inside, 2, axis=longer)]
            found += [half for half in halves if half and all(halves)]
    return found


def _texture_of(power: NDArray[np.float32]) -> _Texture | None:
    """Return what is compared of half a window; None where nothing can be."""
    if min(power.shape[1:]) < SMALLEST:
        return None
    decibel = radiometry.to_decibel(power, floor=radiometry.NOISE_FLOOR)  # (T, h, w), NaN without radar
    seen = np.isfinite(decibel).all(axis=0)  # (h, w)
    if seen.mean() < 0.1:
        return None
    level = np.where(seen, decibel, decibel[:, seen].mean(axis=1)[:, None, None])
    sides = np.array((0, 1, 1))
    texture = gaussian_filter(level, FINEST * sides) - gaussian_filter(level, WIDEST * sides)
    change = gaussian_filter(level, WIDEST / 2 * sides).std(axis=0)  # (h, w), so wide that a shift is no change
    stable = seen & (change <= np.quantile(change[seen], STABLE))
    weight = gaussian_filter(stable.astype(float), WIDEST / 2) * np.outer(*(np.hanning(n) for n in seen.shape))
    return _Texture(fft2(texture * weight, axes=(1, 2)), fft2(weight))


def _compare(halves: Sequence[_Texture]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare each date with one, and then, aligned by that, with the sum of the others.

    Args:
        halves: Of `_halves_of`.

    Returns:
        Offsets (T, 2), rows and columns from the median of the dates, as far as both halves of the ground show them,
        NaN where they are not clear; and peaks (T,).
    """
    count, everywhere = len(halves[0].waves), tuple(range(len(halves)))
    parts = everywhere, everywhere[::2], everywhere[1::2]
    bases = [half.weight * half.weight.conj() for half in halves]
    nears = {part: _sum_near([bases[i] for i in part]) for part in parts}

    def peak(others: Sequence[Waves], k: int, part: Sequence[int] = everywhere) -> tuple[NDArray[np.float64], float]:
        products = [halves[i].waves[k] * others[i].conj() for i in part]
        return _peak(products, [bases[i] for i in part], nears[tuple(part)])

    first = np.array([peak([half.waves[count // 2] for half in halves], k)[0] for k in range(count)])
    aligned = [half.waves / _ramp(half.waves.shape[1:], first) for half in halves]
    totals = [waves.sum(axis=0) for waves in aligned]
    found, peaks = np.full((count, 2, 2), np.nan), np.zeros(count)  # of each date in both halves
    for k in range(count):
        others = [total - waves[k] for total, waves in zip(totals, aligned, strict=True)]
        (_, peaks[k]), (one, one_peak), (two, two_peak) = (peak(others, k, part) for part in parts)
        clear = peaks[k] >= CLEAR and min(one_peak, two_peak) >= NOTICED
        if clear and np.abs(one - two).max() <= AGREEING:
            found[k] = one, two
    if np.isfinite(found).all(axis=(1, 2)).mean() < MOST:
        return np.full((count, 2), np.nan), peaks
    one, two = np.moveaxis(found - np.nanmedian(found, axis=0), 1, 0)
    return np.clip(one, np.minimum(two, 0), np.maximum(two, 0)), peaks


def _ramp(shape: tuple[int, ...], offsets: NDArray[np.float64]) -> Waves:
    """Return the phase (T, h, w) that displacements (T, 2) by rows and columns give to waves."""
    rows, columns = (np.exp(-2j * np.pi * offsets[:, k, None] * fftfreq(shape[k])) for k in (0, 1))  # (T, h), (T, w)
    ramp: Waves = rows[:, :, None] * columns[:, None, :]
    return ramp


def _peak(
    products: Sequence[Waves], bases: Sequence[Waves], bases_near: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Find the offset (rows, columns) of the highest correlation within REACH, and how far it stands out.

    Args:
        products: Of the spectra of two images, one a window.
        bases: The same of the weights.
        bases_near: Their correlation within REACH.
    """
    near = _sum_near(products) / np.maximum(bases_near, 1e-9)  # (2 REACH + 1) squared
    row, column, peak = _highest(near)
    fine = np.arange(-1, 1 + STEP / 2, STEP)
    rows, columns = row + fine, column + fine
    surface = _sum_finely(products, rows, columns) / np.maximum(_sum_finely(bases, rows, columns), 1e-9)
    y, x = np.unravel_index(int(surface.argmax()), surface.shape)
    return np.array((rows[y], columns[x])), peak


def _highest(near: NDArray[np.float64]) -> tuple[int, int, float]:
    """Find the whole offset, rows and columns, of the highest correlation within REACH, and how far it stands out."""
    row, column = (int(k) - REACH for k in np.unravel_index(int(near.argmax()), near.shape))
    others = np.ones(near.shape, bool)
    others[max(row + REACH - 3, 0) : row + REACH + 4, max(column + REACH - 3, 0) : column + REACH + 4] = False
    rest = near[others]
    spread = float(rest.std())
    return row, column, (float(near.max()) - float(rest.mean())) / spread if spread else 0.0


def _sum_near(products: Sequence[Waves]) -> NDArray[np.float64]:
    """Compute the correlation at whole offsets up to REACH, zero in the middle, summed over windows."""
    whole = (np.roll(ifft2(one).real, (REACH, REACH), axis=(0, 1)) for one in products)
    total: NDArray[np.float64] = np.sum([one[: 2 * REACH + 1, : 2 * REACH + 1] for one in whole], axis=0)
    return total


def _sum_finely(
    products: Sequence[Waves], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute it at any offsets, whole pixels or not, by the sum over all waves, (R, C)."""
    found = []
    for one in products:
        down = np.exp(2j * np.pi * np.outer(rows, fftfreq(one.shape[0])))  # (R, h)
        across = np.exp(2j * np.pi * np.outer(fftfreq(one.shape[1]), columns))  # (w, C)
        found.append((down @ one @ across).real / one.size)
    total: NDArray[np.float64] = np.sum(found, axis=0)
    return total
