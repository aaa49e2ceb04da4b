"""Map all that some scenes cover: polarisation, dates and grid follow from the scenes and the network.

Coherence comes beside the scenes, on their grid, or alone, on its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inference.ensemble import Networks, members_of
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.map_product import MapReport
from glaciersar.inference.prepared_mapping import check_pairs
from glaciersar.inference.prepared_scenes import Preview
from glaciersar.models import Network
from glaciersar.models.features import COHERENCE, mapped_features
from glaciersar.scenes.chosen_pairs import choose_pairs, pairs_covering
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.footprint import covering_geobox, rasters_geobox
from glaciersar.scenes.scene import POLARISATIONS as SINGLE
from glaciersar.scenes.scene import Scene, holds
from glaciersar.scenes.selection import choose_series, describe_scenes

POLARISATIONS = {1: ("HH", "VV"), 2: ("HH+HV", "VV+VH")}
"""What a network of one or two features of backscatter is given, the polarisation over Svalbard first."""


def map_region(
    network: Networks,
    scenes: Sequence[Scene],
    path: str | Path,
    *,
    pairs: Sequence[CoherencePair] = (),
    polarisation: str = "",
    start: str = "",
    end: str = "",
    relative_orbit: int = 0,
    orbit_state: str = "",
    dates: int = 15,
    pixel: float = 0.0,
    crs: str = "",
    max_offset: float = MAX_OFFSET,
    device: str = "auto",
    progress: bool = False,
) -> tuple[MapReport, Preview]:
    """Map the probability of glacier in the last year of some scenes, over all that they cover, into `path`.

    What other polarisations, years and orbits leave out is printed. `large_raster.map_scenes` leaves grid, dates,
    windows and precision to its caller; notebook 08 does so, too.

    Args:
        network: From `pretrained.load`, or several from `ensemble.load_networks`.
        scenes: From `search.find_scenes`; none for coherence alone.
        path: The probability to write; the mask goes beside it.
        pairs: From `coherence.find_pairs`, for a network that takes coherence; those of the scenes' orbit and year are
            mapped.
        polarisation: "HH", "HV", "VV" or "VH", or both, "HH+HV" or "VV+VH"; empty takes what is there, HH before VV.
        start, end, relative_orbit, orbit_state: As for `selection.choose_series`.
        dates: How many dates stand for the year (`selection.choose_dates`); 0 takes every date.
        pixel, crs: Of the map, as for `place.find_place`.
        max_offset: How far dates may lie from one another, pixels; infinity allows anything.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.make_predictor`.
        progress: Show a progress bar.

    Returns:
        What was mapped, and a coarse preview of the series.

    Raises:
        InputError: No scene of such a polarisation, a year without enough dates or pairs, or what `map_scenes` refuses.
    """
    region = choose_region(
        network,
        scenes,
        pairs=pairs,
        polarisation=polarisation,
        start=start,
        end=end,
        relative_orbit=relative_orbit,
        orbit_state=orbit_state,
        dates=dates,
        pixel=pixel,
        crs=crs,
    )
    settings: dict[str, Any] = {"pairs": region.pairs, "max_offset": max_offset, "device": device, "progress": progress}
    return map_scenes(network, region.chosen, region.grid, region.polarisation, path, **settings)


@dataclass(frozen=True, kw_only=True)
class Region:
    """What is mapped of some scenes."""

    chosen: Sequence[Scene]
    """The dates, of one orbit; none of coherence alone."""
    grid: GeoBox
    """All that they cover, or else the pairs, on their own pixels."""
    polarisation: str
    """One, or two such as "HH+HV"; "HH" of coherence alone, where it is of no matter."""
    pairs: Sequence[CoherencePair] = ()
    """Of coherence, beside the dates or alone."""


def choose_region(
    network: Networks,
    scenes: Sequence[Scene],
    *,
    pairs: Sequence[CoherencePair] = (),
    polarisation: str = "",
    start: str = "",
    end: str = "",
    relative_orbit: int = 0,
    orbit_state: str = "",
    dates: int = 15,
    pixel: float = 0.0,
    crs: str = "",
) -> Region:
    """Choose polarisation, dates, pairs and grid as `map_region` does, with its arguments and errors."""
    first = members_of(network)[0]
    features = mapped_features(first)
    check_pairs(first, features, pairs)
    period: dict[str, Any] = {"start": start, "end": end, "dates": dates}
    if features == (COHERENCE,):
        if scenes:
            print(f"{len(scenes)} scenes left out, weights of coherence alone take none")
        kept = choose_pairs(pairs, relative_orbit=relative_orbit, **period)
        grid = rasters_geobox((href for pair in kept for href in pair.hrefs), pixel=pixel or None, crs=crs)
        return Region(chosen=(), grid=grid, polarisation=POLARISATIONS[1][0], pairs=kept)
    polarisation = polarisation or default_polarisation(first, scenes)
    chosen = choose_series(
        scenes, polarisation=polarisation, relative_orbit=relative_orbit, orbit_state=orbit_state, **period
    )
    grid = covering_geobox(chosen, polarisation, pixel=pixel or None, crs=crs)
    if pairs:
        pairs = choose_pairs(pairs_covering(pairs, grid), beside=chosen, **period)
    return Region(chosen=chosen, grid=grid, polarisation=polarisation, pairs=pairs)


def default_polarisation(network: Network, scenes: Sequence[Scene]) -> str:
    """Choose the polarisation, or the pair, that a network is given: HH before VV; print which scenes lack it."""
    count = sum(feature != COHERENCE for feature in mapped_features(network))
    wanted = POLARISATIONS.get(count, POLARISATIONS[1])
    for polarisation in wanted:
        if kept := sum(holds(scene, polarisation) for scene in scenes):
            others = Counter(_held(scene) for scene in scenes if not holds(scene, polarisation))
            if others:
                listed = ", ".join(f"{count} of {kinds}" for kinds, count in sorted(others.items()))
                left_out = f"left out by their polarisation: {listed}, which polarisation chooses"
                print(f"{polarisation} taken, {kept} scenes; {left_out}")
            return polarisation
    raise InputError(f"{describe_scenes(scenes)} found, {' or '.join(wanted)} expected for {network.name}")


def _held(scene: Scene) -> str:
    """Name the polarisations of a scene, such as VV+VH."""
    return "+".join(kind for kind in SINGLE if kind in scene.hrefs)
