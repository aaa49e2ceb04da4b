"""Preview a series: read it coarsely before it is read in windows."""

from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from glaciersar.io import rasters
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
