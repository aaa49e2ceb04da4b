"""Measure how far pairs of coherence lie from one another, as `coregistration` does for dates of backscatter."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.geodesy import pixel_sides
from glaciersar.scenes.coherence import CoherencePair, read_pairs
from glaciersar.scenes.coregistration import MAX_OFFSET, check_aligned, choose_windows, offsets_of
from glaciersar.scenes.footprint import raster_geobox
from glaciersar.scenes.reader import Series


def measure_pair_offsets(pairs: Sequence[CoherencePair], geobox: GeoBox) -> pd.DataFrame:
    """Measure the offsets of pairs on a grid; as for `coregistration.offsets_of`, a row a pair, named by its middle.

    Pixels are those of the first raster where these are larger than those of the grid: interpolated coherence, whose
    noise spreads over several pixels, would tell offsets less well than it seems.
    """

    def look(coarse: GeoBox) -> NDArray[np.float32]:
        return read_pairs(pairs, coarse, check=False, sample=True)

    times = tuple(pair.time for pair in pairs)
    parts = choose_windows(_in_own_pixels(pairs, geobox), look)
    return offsets_of([Series(power=read_pairs(pairs, part, check=False), times=times, geobox=part) for part in parts])


def check_pairs_aligned(table: pd.DataFrame, *, max_offset: float = MAX_OFFSET) -> None:
    """Refuse pairs that lie farther from one another than `max_offset` pixels, as `check_aligned` does."""
    try:
        check_aligned(table, max_offset=max_offset)
    except InputError as error:
        raise InputError(f"coherence: {error}") from error


def _in_own_pixels(pairs: Sequence[CoherencePair], geobox: GeoBox) -> GeoBox:
    """Coarsen a grid to whole multiples of its pixels that come next to those of the first raster."""
    own, here = (max(pixel_sides(box)) for box in (raster_geobox(pairs[0].hrefs[0]), geobox))
    step = round(own / here)
    return geobox.zoom_out(step) if step > 1 else geobox
