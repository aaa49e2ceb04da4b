"""Prepare what maps the scenes of one orbit: network, reader, and what the files of the map tell of their making."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from glaciersar.inference import ensemble
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.prepared_scenes import Preview, file_state, look_at, match_polarisations, read_prepared
from glaciersar.inference.sliding_window import Tiling, WindowLayout
from glaciersar.radiometry import Prepared
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.scene import Scene, merge_passes, rasters_of
from glaciersar.scenes.temporal_coverage import data_source


@dataclass(frozen=True, kw_only=True)
class PreparedMapping:
    """A network or several, a series and what determines their map."""

    predictor: Predictor
    """The prepared networks."""
    read: Callable[[GeoBox], Prepared]
    """Reads the prepared series of any part of the grid."""
    inputs: dict[str, Any]
    """Weights, feature and rasters, for JSON."""
    tags: dict[str, str]
    """Metadata of the map."""
    look: Preview
    """A coarse preview of the series."""


def prepare_mapping(
    network: Networks,
    chosen: Sequence[Scene],
    geobox: GeoBox,
    polarisation: str,
    *,
    tiling: Tiling,
    backend: str,
    precision: str,
    device: str,
    compile: bool = False,
    max_offset: float = MAX_OFFSET,
) -> PreparedMapping:
    """Prepare the mapping of a whole grid; arguments as for `large_raster.map_scenes`.

    "auto" chooses by the size of the grid, so it chooses the same for a part that is mapped by itself.

    Raises:
        InputError: Weights for other features or another number of dates, members that differ in these, an empty area,
            scenes without one of two polarisations, dates that lie too far from one another, what
            `preview.read_preview` refuses.
    """
    members = ensemble.members_of(network)
    polarisations = match_polarisations(members[0], polarisation)
    WindowLayout.over((geobox.shape[0], geobox.shape[1]), tiling)  # refuses an empty area
    passes = ensemble.keep_trained(members, merge_passes(chosen))
    look = look_at(passes, geobox, polarisations, max_offset=max_offset)
    size = len(passes) * geobox.shape[0] * geobox.shape[1]
    rasters = [
        file_state(href)
        for scene in passes
        for href in (*rasters_of(scene, polarisation), *scene.hrefs.get("layover_shadow", ()))
    ]
    checksums, told = [member.checksum() for member in members], ensemble.describe_members(members)
    return PreparedMapping(
        predictor=ensemble.make_predictor(
            members, backend=backend, precision=precision, device=device, size=size, compile=compile
        ),
        read=lambda part: read_prepared(passes, part, polarisations),
        inputs={
            "weights": checksums if len(members) > 1 else checksums[0],
            "feature": ",".join(polarisations),
            "rasters": rasters,
        },
        tags={
            "model": told.pop("model"),
            "dates": " ".join(look.days),
            "polarisation": polarisation,
            "data": data_source(passes),
            **told,
        },
        look=look,
    )
