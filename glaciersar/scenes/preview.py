"""Read a series coarsely, to look at it before it is read in windows."""

from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from glaciersar.io import rasters
from glaciersar.scenes.reader import Series, read_series
from glaciersar.scenes.scene import Scene


def read_preview(scenes: Sequence[Scene], geobox: GeoBox, polarisation: str, *, side: int = 500) -> Series:
    """Look at scenes of any size before they are read in windows: with the checks of `read_series`, and coarsely.

    Args:
        scenes: As for `read_series`.
        geobox: The grid that will be read.
        polarisation: "HH", "HV", "VV" or "VH".
        side: Longest side of what is read, pixels; of a larger grid single pixels are taken, evenly spaced, and a date
            that holds no value at any of them is let pass, as `gaps` tells.
    """
    coarse = rasters.coarsen_geobox(geobox, side)
    return read_series(scenes, coarse, polarisation, sample=coarse != geobox)
