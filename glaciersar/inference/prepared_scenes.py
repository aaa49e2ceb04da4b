"""Read scenes as a network takes them, of one polarisation or two, and look at them coarsely before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.models import Network, features
from glaciersar.radiometry import Prepared
from glaciersar.scenes.coregistration import MAX_OFFSET, check_aligned, measure_offsets
from glaciersar.scenes.preview import read_preview
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene, local_file, split_pair
from glaciersar.scenes.temporal_coverage import incomplete_dates


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A coarse look at a series, before it is read in windows."""

    days: tuple[str, ...]
    """Of the dates, such as 2020-01-16."""
    gaps: Mapping[str, float]
    """Share of the area that a date misses and others see, by day, of two polarisations the larger; dates that miss
    nothing are left out."""
    offsets: pd.DataFrame
    """How far the dates lie from one another, `coregistration.offsets_of`."""
    backscatter: NDArray[np.floating]
    """(h, w) dB, median of the dates, of two polarisations the co-polarised; NaN without radar; each side at most 500
    pixels."""


def match_polarisations(network: Network, polarisation: str) -> dict[str, str]:
    """Tell which polarisation each feature of a network is read from, in the order of its features.

    Args:
        network: From `pretrained.load`.
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH".

    Raises:
        InputError: It was trained on one polarisation and two are given, or the other way round, or on other features.
    """
    named, kinds = features.backscatter_features(network), split_pair(polarisation)
    if len(named) != len(kinds):
        expected = "one polarisation such as HH" if len(named) == 1 else "both such as HH+HV"
        raise InputError(
            f"{network.name}: polarisation={polarisation!r} found for weights of the features {', '.join(named)}, "
            f"{expected} expected"
        )
    if len(kinds) == 1:
        return {named[0]: polarisation}
    return {feature: kinds[feature.endswith(radiometry.CROSS)] for feature in named}


def read_prepared(passes: Sequence[Scene], geobox: GeoBox, polarisations: Mapping[str, str]) -> Prepared:
    """Read and prepare the series of a part of the grid, unchecked, as `read_preview` checks the whole.

    Args:
        passes: Of one relative orbit.
        geobox: The part.
        polarisations: By feature, from `match_polarisations`.

    Returns:
        The series (F, T, H, W).
    """
    return radiometry.stack_features(
        [
            radiometry.prepare(read_series(passes, geobox, kind, check=False).power, feature=feature)
            for feature, kind in polarisations.items()
        ]
    )


def look_at(
    passes: Sequence[Scene], geobox: GeoBox, polarisations: Mapping[str, str], *, max_offset: float = MAX_OFFSET
) -> Preview:
    """Read scenes coarsely, each polarisation with the checks of `read_preview`; arguments as for `read_prepared`.

    Raises:
        InputError: What `read_preview` refuses, or dates farther than `max_offset` pixels from one another.
    """
    found = {feature: read_preview(passes, geobox, kind) for feature, kind in polarisations.items()}
    gaps: dict[str, float] = {}
    for series in found.values():
        for day, share in incomplete_dates(series).items():
            gaps[day] = max(share, gaps.get(day, 0))
    shown = min(found)  # "grd" before "grd_cross"
    offsets = measure_offsets(passes, geobox, polarisations[shown])
    check_aligned(offsets, max_offset=max_offset)
    prepared = radiometry.prepare(found[shown].power, feature=shown)
    median = radiometry.unscale(np.median(prepared.series, axis=0), feature=shown)  # (h, w)
    return Preview(
        days=tuple(f"{time:%Y-%m-%d}" for time in found[shown].times),
        gaps=dict(sorted(gaps.items())),
        offsets=offsets,
        backscatter=np.where(prepared.valid, median, np.nan),
    )


def file_state(href: str) -> list[str | int]:
    """Name a raster with its size and time, if it lies on this disk, so that another one in its place is noticed."""
    path = local_file(href)
    found = path.stat() if path is not None and path.exists() else None
    return [href, found.st_size, found.st_mtime_ns] if found else [href]
