"""The place that notebook 08 maps: scenes of one's own with their area, or the test tiles of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.dataset.summary import largest_area
from glaciersar.errors import InputError
from glaciersar.io.atomic import require_file
from glaciersar.outlines import outlines_of_year, read_outlines
from glaciersar.scenes.chosen_pairs import choose_pairs, pairs_covering
from glaciersar.scenes.coherence import CoherencePair, find_pairs
from glaciersar.scenes.footprint import covering_geobox, rasters_geobox, scenes_covering
from glaciersar.scenes.manifest import read_manifest
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series, filter_scenes


@dataclass(frozen=True, kw_only=True)
class Place:
    """What can be mapped, and what the map can be compared with."""

    scenes: Sequence[Scene]
    """That cover a part of the grid; none where coherence alone is mapped."""
    geobox: GeoBox
    """The grid of the map."""
    inside: NDArray[np.bool_] | None
    """(H, W) pixels to compare: those of test tiles; None for all."""
    drawn: gpd.GeoDataFrame | None
    """Outlines to compare with, of all years; None where there are none."""
    pairs: Sequence[CoherencePair] = ()
    """Of coherence, that cover a part of the grid."""

    def outlines_of(self, year: int) -> gpd.GeoDataFrame | None:
        """Take the outlines of a year to compare with; None where there are none at all."""
        return None if self.drawn is None else outlines_of_year(self.drawn, year)

    def choose(
        self,
        *,
        polarisation: str,
        start: str = "",
        end: str = "",
        relative_orbit: int = 0,
        orbit_state: str = "",
        dates: int = 15,
    ) -> tuple[list[Scene], list[CoherencePair]]:
        """Choose the dates and the pairs to map; as for `selection.choose_series` and `chosen_pairs.choose_pairs`."""
        period: dict[str, Any] = {"start": start, "end": end, "relative_orbit": relative_orbit, "dates": dates}
        chosen: list[Scene] = []
        if self.scenes:
            chosen = choose_series(self.scenes, polarisation=polarisation, orbit_state=orbit_state, **period)
        return chosen, choose_pairs(self.pairs, beside=chosen, **period) if self.pairs else []


def find_place(
    source: str | Path,
    run: str | Path,
    *,
    polarisation: str,
    units: str = "",
    pixel: float = 0.0,
    outlines: str | Path = "",
    layer: str = "",
    crs: str = "",
    coherence: str | Path = "",
    relative_orbit: int = 0,
) -> Place:
    """Find the scenes and the area of a source, or the largest patch of neighbouring test tiles of a run.

    Args:
        source: A STAC catalogue or a folder of GeoTIFFs, all of which is mapped; empty takes the run. The folder of the
            coherence, where that alone is mapped.
        run: Folder of the run, with scenes.json, dataset/test.h5 and the outlines of its archive.
        polarisation: "HH", "HV", "VV" or "VH", or a pair such as "HH+HV"; one alone is also that of files that do not
            tell theirs.
        units: Of GeoTIFFs, "linear" or "db"; empty takes what the archive declares, or else linear.
        pixel: Metres, of the map of a source; 0 takes the pixels of the archive.
        outlines: Reference outlines to compare with; empty takes those of the run's archive, if the run is mapped.
        layer: Of the outlines file; empty takes the only one.
        crs: Of the map of a source, a projected system in metres such as EPSG:3413; empty takes that of the scenes if
            they share one, or else the UTM zone of the place (`footprint.covering_geobox`).
        coherence: Folder of pairs of passes, as for `coherence.find_pairs`; empty where none is mapped.
        relative_orbit: Of the scenes and pairs of a source to map, and of those whose names do not tell it; 0 takes all
            scenes, and refuses such pairs.

    Raises:
        InputError: As the readers of scenes and outlines refuse them; a file of the run is missing.
    """
    run = Path(run)
    inside: NDArray[np.bool_] | None = None
    orbit = relative_orbit or None
    pairs = find_pairs(coherence, relative_orbit=orbit) if coherence else []
    alone = bool(coherence) and str(coherence) == str(source)
    found: list[Scene] = []
    if alone:
        hrefs = [href for pair in pairs for href in pair.hrefs]
        geobox = rasters_geobox(hrefs, pixel=pixel or None, crs=crs)
    elif source:
        found = find_scenes(source, units=units or None, relative_orbit=orbit, polarisation=polarisation)
        chosen = filter_scenes(found, polarisation=polarisation)
        geobox = covering_geobox(chosen, polarisation, pixel=pixel or None, crs=crs)
    elif crs:
        raise InputError(f"crs={crs!r} without a source found; the tiles of a run are mapped on their own grid")
    else:
        found = read_manifest(require_file(run / "scenes.json", made_by="01-scenes"))
        geobox, inside = largest_area(run / "dataset", "test")
    drawn = None
    if outlines:
        drawn = read_outlines(outlines, layer=layer or None)
    elif not source:
        drawn = read_outlines(run / "archive" / "outlines.gpkg", layer="reference")
    return Place(
        scenes=[] if alone else scenes_covering(found, geobox, polarisation),
        geobox=geobox,
        inside=inside,
        drawn=drawn,
        pairs=pairs_covering(pairs, geobox) if pairs else [],
    )
