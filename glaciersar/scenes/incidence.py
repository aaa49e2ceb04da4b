"""The angle of incidence, where an archive gives it beside the backscatter."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.scenes.reading import read_plain
from glaciersar.scenes.records import Scene


def read_incidence(scenes: Sequence[Scene], geobox: GeoBox) -> NDArray[np.float32] | None:
    """Read the angle of incidence of one orbit onto a grid.

    It is the same at every pass of an orbit, to some tenths of a degree, so the first pass that has it tells.

    Returns:
        (H, W) degrees, also of rasters in radians, NaN where it is not told; None where no scene has it on the grid.

    Raises:
        InputError: The values are no angles.
    """
    for scene in scenes:
        if "incidence" in scene.hrefs:
            angle = read_plain(scene.hrefs["incidence"], geobox)  # (H, W)
            seen = angle[np.isfinite(angle)]
            if not seen.size:
                continue
            low, high = float(seen.min()), float(seen.max())
            if low >= 0 and high <= np.pi:  # no radar looks down as steeply as 3 degrees
                return np.degrees(angle)
            if low < 0 or high > 180:
                raise InputError(
                    f"{scene.id}: incidence from {low:.3g} to {high:.3g} found, angles from 0 to 180 degrees expected"
                )
            return angle
    return None
