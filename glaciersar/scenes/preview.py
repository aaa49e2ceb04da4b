"""Preview a series, of scenes or of pairs: read it coarsely before it is read in windows."""

from collections.abc import Sequence

import numpy as np
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.io import rasters
from glaciersar.scenes.coherence import CoherencePair, read_pairs
from glaciersar.scenes.footprint import describe_geobox, raster_name
from glaciersar.scenes.reader import Series, read_series
from glaciersar.scenes.scene import Scene


def read_preview(scenes: Sequence[Scene], geobox: GeoBox, polarisation: str, *, side: int = 500) -> Series:
    """Read scenes of any size coarsely, with the checks of `read_series`.

    Args:
        scenes: As for `read_series`.
        geobox: The grid that will be read.
        polarisation: "HH", "HV", "VV" or "VH".
        side: Longest side of the preview, pixels. Of a larger grid single pixels are taken, evenly spaced; a date
            without a value at any of them is not refused.
    """
    coarse = rasters.coarsen_geobox(geobox, side)
    return read_series(scenes, coarse, polarisation, sample=coarse != geobox)


def preview_pairs(pairs: Sequence[CoherencePair], geobox: GeoBox, *, side: int = 500) -> Series:
    """Read pairs of any size coarsely; `power` of the series is their coherence, its times their middles.

    Args:
        pairs: As for `coherence.read_pairs`.
        geobox: The grid that will be read.
        side: As for `read_preview`.

    Raises:
        InputError: What `read_pairs` refuses, a pair without any value, or none with one.
    """
    coarse = rasters.coarsen_geobox(geobox, side)
    sample = coarse != geobox
    coherence = read_pairs(pairs, coarse, sample=sample)  # (T, h, w)
    empty = [k for k, values in enumerate(coherence) if np.isnan(values).all()]
    if empty and (not sample or len(empty) == len(pairs)):
        raise InputError(
            f"{raster_name(pairs[empty[0]].hrefs[0])}: no pixel holds a value on the grid {describe_geobox(geobox)}, "
            f"expected coherence"
        )
    return Series(power=coherence, times=tuple(pair.time for pair in pairs), geobox=coarse)
