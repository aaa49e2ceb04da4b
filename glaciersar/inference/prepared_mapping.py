"""Prepare what maps the scenes of one orbit: network, reader, and what the files of the map tell of their making."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inference import ensemble
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.prepared_scenes import Preview, file_state, look_at, match_polarisations, read_prepared
from glaciersar.inference.sliding_window import Tiling, WindowLayout
from glaciersar.inference.trained_dates import describe_stand_ins
from glaciersar.models import Network
from glaciersar.models.features import COHERENCE
from glaciersar.radiometry import Prepared
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.filenames import common_convention
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
    pairs: Sequence[CoherencePair] = (),
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
            scenes without one of two polarisations or of several conventions (gamma nought, sigma nought), pairs that
            are missing, too many or of another orbit, dates that lie too far from one another, what
            `preview.read_preview` refuses.
    """
    members = ensemble.members_of(network)
    polarisations = match_polarisations(members[0], polarisation)
    WindowLayout.over((geobox.shape[0], geobox.shape[1]), tiling)  # refuses an empty area
    passes, kept = _series_of(members, list(polarisations), chosen, pairs)
    common_convention(passes, polarisation)  # refuses gamma nought beside sigma nought
    for said in sorted({describe_stand_ins(member, of=len(passes or kept)) for member in members} - {""}):
        print(said)
    look = look_at(passes, geobox, polarisations, pairs=kept, max_offset=max_offset)
    size = len(passes or kept) * geobox.shape[0] * geobox.shape[1]
    rasters = [
        file_state(href)
        for scene in passes
        for href in (*rasters_of(scene, polarisation), *scene.hrefs.get("layover_shadow", ()))
    ]
    rasters += [file_state(href) for pair in kept for href in pair.hrefs]
    checksums, told = [member.checksum() for member in members], ensemble.describe_members(members)
    tags = {"polarisation": polarisation} if passes else {}
    if kept:
        tags["coherence"] = " ".join(f"{pair.first:%Y-%m-%d}/{pair.second:%Y-%m-%d}" for pair in kept)
    return PreparedMapping(
        predictor=ensemble.make_predictor(
            members, backend=backend, precision=precision, device=device, size=size, compile=compile
        ),
        read=lambda part: read_prepared(passes, part, polarisations, pairs=kept),
        inputs={
            "weights": checksums if len(members) > 1 else checksums[0],
            "feature": ",".join(polarisations),
            "rasters": rasters,
        },
        tags={
            "model": told.pop("model"),
            "dates": " ".join(look.days),
            **tags,
            "data": data_source(passes),
            **told,
        },
        look=look,
    )


def check_pairs(network: Network, features: Sequence[str], pairs: Sequence[CoherencePair]) -> None:
    """Refuse pairs of coherence that a network does not take, and none where it takes them."""
    if bool(pairs) != (COHERENCE in features):
        found, expected = (f"{len(pairs)} pairs", "none") if pairs else ("no pairs", "some, by the folder they lie in,")
        raise InputError(
            f"{network.name}: {found} of coherence found for weights of {', '.join(features)}, {expected} expected"
        )


def _series_of(
    members: Sequence[Network], features: Sequence[str], chosen: Sequence[Scene], pairs: Sequence[CoherencePair]
) -> tuple[list[Scene], list[CoherencePair]]:
    """Take the passes and the pairs that networks are shown, as many of both; none of what they do not take."""
    check_pairs(members[0], features, pairs)
    of_scenes = set(features) != {COHERENCE}
    if of_scenes and not chosen:
        raise InputError(f"{members[0].name}: no scene found for weights of {', '.join(features)}, some expected")
    passes = ensemble.keep_trained(members, merge_passes(chosen)) if of_scenes else []
    kept = ensemble.keep_trained(members, sorted(pairs, key=lambda pair: pair.time))
    orbits = {pair.relative_orbit for pair in kept} | {scene.relative_orbit for scene in passes} - {None}
    if kept and len(orbits) > 1:
        found = ", ".join(map(str, sorted(orbits, key=str)))
        raise InputError(f"relative orbits {found} of scenes and coherence found, one expected")
    if passes and kept and len(passes) != len(kept):
        raise InputError(
            f"{len(passes)} dates of backscatter and {len(kept)} pairs of coherence found, as many of both expected; "
            f"give a number of dates, such as 15"
        )
    return passes, kept
