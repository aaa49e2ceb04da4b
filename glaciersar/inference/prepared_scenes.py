"""Read scenes, and pairs of coherence, as a network takes them, and look at them coarsely before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.models import Network, features
from glaciersar.models.features import COHERENCE
from glaciersar.radiometry import Prepared
from glaciersar.scenes.chosen_pairs import describe_series
from glaciersar.scenes.coherence import CoherencePair, read_pairs
from glaciersar.scenes.coregistration import MAX_OFFSET, check_aligned, measure_offsets, offsets_of
from glaciersar.scenes.pair_offsets import check_pairs_aligned, measure_pair_offsets
from glaciersar.scenes.preview import preview_pairs, read_preview
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene, local_file, split_pair
from glaciersar.scenes.temporal_coverage import incomplete_dates


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A coarse look at a series, before it is read in windows."""

    days: tuple[str, ...]
    """Of the dates, such as 2020-01-16; of coherence alone those in the middle of the pairs."""
    gaps: Mapping[str, float]
    """Share of the area that a date misses and others see, by day, of two polarisations the larger; dates that miss
    nothing are left out."""
    offsets: pd.DataFrame
    """How far the dates lie from one another, `coregistration.offsets_of`; of coherence alone how far the pairs do."""
    backscatter: NDArray[np.floating] | None
    """(h, w) dB, median of the dates, of two polarisations the co-polarised; NaN without radar; each side at most 500
    pixels. None of coherence alone."""
    summary: str
    """What was read, such as 15 dates of HH, 2020-01-16 to 2020-12-17."""


def match_polarisations(network: Network, polarisation: str) -> dict[str, str]:
    """Tell which polarisation each feature of a network is read from, in the order of its features; "" for coherence.

    Args:
        network: From `pretrained.load`.
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH". Of no matter for coherence alone.

    Raises:
        InputError: It was trained on one polarisation and two are given, or the other way round, or on other features.
    """
    named, kinds = features.mapped_features(network), split_pair(polarisation)
    of_power = [feature for feature in named if feature != COHERENCE]
    if of_power and len(of_power) != len(kinds):
        expected = "one polarisation such as HH" if len(of_power) == 1 else "both such as HH+HV"
        raise InputError(
            f"{network.name}: polarisation={polarisation!r} found for weights of the features {', '.join(named)}, "
            f"{expected} expected"
        )
    if len(kinds) == 1:
        return {feature: "" if feature == COHERENCE else polarisation for feature in named}
    return {f: "" if f == COHERENCE else kinds[f.endswith(radiometry.CROSS)] for f in named}


def read_prepared(
    passes: Sequence[Scene],
    geobox: GeoBox,
    polarisations: Mapping[str, str],
    *,
    pairs: Sequence[CoherencePair] = (),
) -> Prepared:
    """Read and prepare the series of a part of the grid, unchecked, as `read_preview` checks the whole.

    Args:
        passes: Of one relative orbit.
        geobox: The part.
        polarisations: By feature, from `match_polarisations`.
        pairs: Of coherence, as many as passes, where it is a feature.

    Returns:
        The series (F, T, H, W).
    """

    def read(feature: str, kind: str) -> Prepared:
        if feature == COHERENCE:
            return radiometry.prepare_coherence(read_pairs(pairs, geobox, check=False))
        return radiometry.prepare(read_series(passes, geobox, kind, check=False).power, feature=feature)

    return radiometry.stack_features([read(feature, kind) for feature, kind in polarisations.items()])


def look_at(
    passes: Sequence[Scene],
    geobox: GeoBox,
    polarisations: Mapping[str, str],
    *,
    pairs: Sequence[CoherencePair] = (),
    max_offset: float = MAX_OFFSET,
) -> Preview:
    """Read scenes and pairs coarsely, with the checks of `read_preview`; arguments as for `read_prepared`.

    Raises:
        InputError: What `read_preview` refuses, or dates or pairs farther than `max_offset` pixels from one another.
            Pairs are not compared with dates, which show the ground otherwise; this is printed.
    """
    of_power = {feature: kind for feature, kind in polarisations.items() if feature != COHERENCE}
    found = {feature: read_preview(passes, geobox, kind) for feature, kind in of_power.items()}
    of_pairs = [preview_pairs(pairs, geobox)] if COHERENCE in polarisations else []
    gaps: dict[str, float] = {}
    for series in (*found.values(), *of_pairs):
        for day, share in incomplete_dates(series).items():
            gaps[day] = max(share, gaps.get(day, 0))
    backscatter, offsets = None, offsets_of([])
    told: list[str] = []
    days = tuple(f"{time:%Y-%m-%d}" for time in [*found.values(), *of_pairs][0].times)
    if found:
        shown = min(found)  # "grd" before "grd_cross"
        offsets = measure_offsets(passes, geobox, of_power[shown])
        check_aligned(offsets, max_offset=max_offset)
        prepared = radiometry.prepare(found[shown].power, feature=shown)
        median = radiometry.unscale(np.median(prepared.series, axis=0), feature=shown)  # (h, w)
        backscatter = np.where(prepared.valid, median, np.nan)
        kinds = "+".join(kind for _, kind in sorted(of_power.items()))
        told = [f"{len(days)} dates of {kinds}, {days[0]} to {days[-1]}"]
    if of_pairs:
        told.append(describe_series(pairs))
        between_pairs = measure_pair_offsets(pairs, geobox)
        check_pairs_aligned(between_pairs, max_offset=max_offset)
        if found:
            print("offsets are measured between dates and between pairs; not between backscatter and coherence")
        else:
            offsets = between_pairs
    return Preview(
        days=days,
        gaps=dict(sorted(gaps.items())),
        offsets=offsets,
        backscatter=backscatter,
        summary="; ".join(told),
    )


def file_state(href: str) -> list[str | int]:
    """Name a raster with its size and time, if it lies on this disk, so that another one in its place is noticed."""
    path = local_file(href)
    found = path.stat() if path is not None and path.exists() else None
    return [href, found.st_size, found.st_mtime_ns] if found else [href]
