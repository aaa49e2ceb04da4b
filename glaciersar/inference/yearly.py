"""Maps of one region in several years: made from an archive, or found in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.inference import large_raster
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.sliding_window import Tiling
from glaciersar.scenes.chosen_pairs import choose_pairs, pairs_covering
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series, filter_scenes


def map_years(
    network: Networks,
    archive: str | Path,
    years: Sequence[int],
    out: str | Path,
    *,
    window: int,
    weights: str,
    pairs: Sequence[CoherencePair] = (),
    device: str = "auto",
    progress: bool = False,
) -> None:
    """Map each year of an archive of HH scenes into `out`/probability_YEAR.tif and glacier_YEAR.tif beside it.

    After a kill, the unfinished year is resumed; finished years before it are mapped again.

    Args:
        network: From `pretrained.load`, or several from `ensemble.load_networks`.
        archive: As for `search.find_scenes`.
        years: To map, each from its own series.
        out: Folder of the maps, all on the grid of the archive.
        window: Side of a mapping window, pixels.
        weights: Name of the weights, kept in the metadata of the maps.
        pairs: Of coherence, for a network that takes it beside HH; each year takes those of its scenes' orbit.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.make_predictor`.
        progress: Show a progress bar for each year.
    """
    found = find_scenes(archive)
    geobox = covering_geobox(filter_scenes(found, polarisation="HH"), "HH")
    covering = pairs_covering(pairs, geobox) if pairs else []
    for year in years:
        period: dict[str, Any] = {"start": f"{year}-01-01", "end": f"{year + 1}-01-01"}
        chosen = choose_series(found, polarisation="HH", **period)
        path = Path(out) / f"probability_{year}.tif"
        large_raster.map_scenes(
            network,
            chosen,
            geobox,
            "HH",
            path,
            pairs=choose_pairs(covering, beside=chosen, **period) if covering else (),
            tiling=Tiling(window=window),
            device=device,
            progress=progress,
            weights=weights,
        )


def maps_of_years(folder: str | Path) -> dict[int, Path]:
    """Find the maps of a folder by the year in their names, such as probability_2020.tif; at least two."""
    paths = sorted(Path(folder).glob("probability_[0-9]*.tif"))
    mapped = {int(years[-1]): path for path in paths if (years := re.findall(r"\d{4}", path.stem))}
    if len(mapped) < 2:
        raise InputError(f"{folder}: {len(mapped)} maps like probability_2020.tif found, at least two expected")
    return mapped
