"""Coherence of two passes (InSAR): find its rasters and read them onto a grid."""

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.scenes.fill_values import Fills
from glaciersar.scenes.footprint import raster_name
from glaciersar.scenes.reader import read_auxiliary, tell_fills

_DAY = re.compile(r"(?<!\d)(20\d{6})(?:T(\d{6}))?(?!\d)")
COHERENCE = re.compile(r"(?<![a-z])(?:corr|coh|coherence)(?![a-z])", re.IGNORECASE)
_ORBIT = re.compile(r"(?<![A-Za-z0-9])ro(\d{1,3})(?!\d)")


@dataclass(frozen=True, kw_only=True)
class CoherencePair:
    """The coherence of two passes of one orbit."""

    first: datetime
    """UTC."""
    second: datetime
    """UTC, later."""
    relative_orbit: int
    """1 to 175."""
    hrefs: tuple[str, ...]
    """Rasters of coherence, 0 to 1; several are parts to mosaic."""

    @property
    def baseline_days(self) -> int:
        """Days between the two passes: 6, 12 or 24 with Sentinel-1."""
        return round((self.second - self.first).total_seconds() / 86_400)

    @property
    def time(self) -> datetime:
        """The middle between the two passes."""
        return self.first + (self.second - self.first) / 2


def find_pairs(source: str | Path, *, relative_orbit: int | None = None) -> list[CoherencePair]:
    """Find rasters of coherence by their names, which hold two dates and "corr", "coh" or "coherence".

    HyP3 names them so: `S1AA_20200102T063005_20200114T063006_HHP012_INT40_…_corr.tif`. Rasters of the same two days
    become one pair.

    Args:
        source: A folder, searched with its subfolders, or a glob.
        relative_orbit: Orbit of rasters whose names do not hold it, such as ro14.

    Returns:
        Pairs in time order.

    Raises:
        InputError: No such raster, or a name without two dates or an orbit.
    """
    pattern = str(Path(source) / "**" / "*") if Path(source).is_dir() else str(source)
    paths = sorted(Path(path).resolve() for path in glob.glob(pattern, recursive=True))
    found: dict[tuple[object, ...], CoherencePair] = {}
    for path in paths:
        if path.suffix.lower() not in (".tif", ".tiff") or not COHERENCE.search(path.stem):
            continue
        days, orbit = _DAY.findall(path.stem), _ORBIT.search(path.stem)
        if len(days) != 2:
            raise InputError(f"{path}: {len(days)} dates found in the name, those of two passes expected")
        first, second = sorted(_time(path, *day) for day in days)
        if first.date() == second.date():
            raise InputError(f"{path}: {first:%Y-%m-%d} twice found in the name, two days expected")
        number = int(orbit[1]) if orbit else relative_orbit
        if number is None:
            raise InputError(f"{path}: no relative orbit found in the name (such as ro14), relative_orbit expected")
        key = number, first.date(), second.date()
        before = found.get(key)
        hrefs = (*before.hrefs, str(path)) if before else (str(path),)
        found[key] = CoherencePair(first=first, second=second, relative_orbit=number, hrefs=hrefs)
    if not found:
        raise InputError(f"{source}: no coherence found, GeoTIFFs with corr, coh or coherence in their names expected")
    return shortest_baselines(found.values())


def _time(path: Path, day: str, hour: str) -> datetime:
    try:
        return datetime.strptime(day + (hour or "000000"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{path}: {day} found in the name, a date expected") from error


def shortest_baselines(pairs: Iterable[CoherencePair]) -> list[CoherencePair]:
    """Keep the pair of the shortest baseline where several of an orbit have the same middle; in time order."""
    kept: dict[tuple[int, datetime], CoherencePair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.baseline_days, reverse=True):
        kept[pair.relative_orbit, pair.time] = pair
    return sorted(kept.values(), key=lambda pair: (pair.time, pair.relative_orbit))


def read_coherence(pairs: Sequence[CoherencePair], geobox: GeoBox) -> tuple[NDArray[np.float32], list[CoherencePair]]:
    """Read pairs of one orbit onto a grid; those without any value there are left out.

    Returns:
        (T, H, W) coherence 0 … 1, NaN where there is none (an exact 0 is none: archives fill with it); and the T pairs.

    Raises:
        InputError: Values that are no coherence, or no pair with a value.
    """
    series = read_pairs(pairs, geobox)
    kept = [k for k, values in enumerate(series) if np.isfinite(values).any()]
    if not kept:
        names = raster_name(pairs[0].hrefs[0]) if pairs else "pairs"
        raise InputError(f"{names}: no pixel holds a value on the grid (all nodata), expected coherence")
    return (series if len(kept) == len(pairs) else series[kept]), [pairs[k] for k in kept]


def read_pairs(
    pairs: Sequence[CoherencePair], geobox: GeoBox, *, check: bool = True, sample: bool = False
) -> NDArray[np.float32]:
    """Read all pairs onto a grid, those without any value there too, so that windows hold the same pairs.

    Undeclared fills are no values, as of backscatter (`fill_values`), and are printed where `check` is set.

    Args:
        pairs: In time order.
        geobox: The grid, or a window of it, which reads the same as that part of the whole.
        check: Refuse truncated files. Turn off for windows of rasters that were checked as a whole.
        sample: Take single pixels instead of interpolating.

    Returns:
        (T, H, W) as of `read_coherence`.

    Raises:
        InputError: Values that are no coherence.
    """
    series = np.full((len(pairs), *geobox.shape), np.nan, np.float32)
    fills: dict[str, Fills] = {}
    for values, pair in zip(series, pairs, strict=True):  # values: (H, W), a view
        found = read_auxiliary(pair.hrefs, geobox, nothing=0, check=check, sample=sample, fills=fills)
        np.copyto(values, found)
        seen = values[np.isfinite(values)]
        if seen.size and (seen.min() < 0 or seen.max() > 1.0001):
            raise InputError(
                f"{raster_name(pair.hrefs[0])}: values from {seen.min():.3g} to {seen.max():.3g} found, coherence from "
                f"0 to 1 expected"
            )
    if check:
        tell_fills(fills)
    return series
