"""From a probability map to glacier outlines with attributes, in one call."""

from pathlib import Path

import geopandas as gpd

from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.inventory.attributes import add_attributes
from glaciersar.inventory.vectorize import SMALLEST, simplify_outlines, trace_glaciers
from glaciersar.io import rasters


def outline_glaciers(
    path: str | Path, *, threshold: float = 0.5, calibration: Calibration = UNCALIBRATED, smallest: float = SMALLEST
) -> gpd.GeoDataFrame:
    """Trace the glaciers of a map, smooth the steps of the pixels, add attributes.

    Ice that hangs together is one polygon; `vectorize.split_by_glacier` divides it by an inventory, as in notebook 09.

    Args:
        path: The probability of glacier, from `large_raster.map_scenes` or `region.map_region`.
        threshold: Pixels of a larger calibrated probability are glacier.
        calibration: From `calibration.read_calibration`.
        smallest: Islands and holes of less area are left out, m².

    Returns:
        A row each polygon, the largest first, with the columns of `attributes.add_attributes`, and the `attrs` of
        `vectorize.trace_glaciers`.

    Raises:
        InputError: What `trace_glaciers` refuses.
    """
    traced = trace_glaciers(path, threshold=threshold, calibration=calibration, smallest=smallest)
    with rasters.open_map(path) as file:
        pixel = float(abs(file.transform.a))
    outlines = add_attributes(simplify_outlines(traced, pixel=pixel), path, calibration=calibration)
    outlines = outlines.sort_values("area_km2", ascending=False, kind="stable", ignore_index=True)
    outlines.attrs = traced.attrs
    return outlines
