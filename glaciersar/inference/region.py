"""Map all that some scenes cover: polarisation, dates and grid follow from the scenes and the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inference.ensemble import Networks, members_of
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.map_product import MapReport
from glaciersar.inference.prepared_scenes import Preview
from glaciersar.models import Network
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.scene import Scene, holds
from glaciersar.scenes.selection import choose_series, describe_scenes

POLARISATIONS = {1: ("HH", "VV"), 2: ("HH+HV", "VV+VH")}
"""What a network of one or two features is given, the polarisation over Svalbard first."""


def map_region(
    network: Networks,
    scenes: Sequence[Scene],
    path: str | Path,
    *,
    polarisation: str = "",
    relative_orbit: int = 0,
    orbit_state: str = "",
    dates: int = 15,
    device: str = "auto",
    progress: bool = False,
) -> tuple[MapReport, Preview]:
    """Map the probability of glacier in the last year of some scenes, over all that they cover, into `path`.

    `large_raster.map_scenes` leaves grid, dates, windows and precision to its caller; notebook 08 does so, too.

    Args:
        network: From `pretrained.load`, or several from `ensemble.load_networks`.
        scenes: From `search.find_scenes`.
        path: The probability to write; the mask goes beside it.
        polarisation: "HH", "HV", "VV" or "VH", or both, "HH+HV" or "VV+VH"; empty takes what is there, HH before VV.
        relative_orbit, orbit_state: As for `selection.choose_series`.
        dates: How many dates stand for the year (`selection.choose_dates`); 0 takes every date.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.make_predictor`.
        progress: Show a progress bar.

    Returns:
        What was mapped, and a coarse preview of the series.

    Raises:
        InputError: No scene of such a polarisation, a year without enough dates, or what `map_scenes` refuses.
    """
    region = choose_region(
        network,
        scenes,
        polarisation=polarisation,
        relative_orbit=relative_orbit,
        orbit_state=orbit_state,
        dates=dates,
    )
    return map_scenes(network, region.chosen, region.grid, region.polarisation, path, device=device, progress=progress)


@dataclass(frozen=True, kw_only=True)
class Region:
    """What is mapped of some scenes."""

    chosen: Sequence[Scene]
    """The dates, of one orbit."""
    grid: GeoBox
    """All that they cover, on their own pixels."""
    polarisation: str
    """One, or two such as "HH+HV"."""


def choose_region(
    network: Networks,
    scenes: Sequence[Scene],
    *,
    polarisation: str = "",
    relative_orbit: int = 0,
    orbit_state: str = "",
    dates: int = 15,
) -> Region:
    """Choose polarisation, dates and grid as `map_region` does, with its arguments and errors."""
    polarisation = polarisation or default_polarisation(members_of(network)[0], scenes)
    chosen = choose_series(
        scenes, polarisation=polarisation, relative_orbit=relative_orbit, orbit_state=orbit_state, dates=dates
    )
    return Region(chosen=chosen, grid=covering_geobox(chosen, polarisation), polarisation=polarisation)


def default_polarisation(network: Network, scenes: Sequence[Scene]) -> str:
    """Choose the polarisation, or the pair, that a network is given: HH before VV."""
    wanted = POLARISATIONS.get(network.features, POLARISATIONS[2])
    for polarisation in wanted:
        if any(holds(scene, polarisation) for scene in scenes):
            return polarisation
    raise InputError(f"{describe_scenes(scenes)} found, {' or '.join(wanted)} expected for {network.name}")
