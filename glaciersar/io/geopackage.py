"""Write GeoPackages that hold no time of writing, so that the same outlines are the same bytes."""

from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio

CLOCK = "OGR_CURRENT_DATE"
"""GDAL's setting for what it takes to be the time: gpkg_contents has a column `last_change`."""
LAST_CHANGE = "2000-01-01T00:00:00.000Z"


def write_layer(table: gpd.GeoDataFrame, path: str | Path, *, layer: str | None = None, **options: Any) -> None:
    """Write a layer of a GeoPackage; in a file that is there, beside the others.

    Args:
        table: What to write.
        path: The file.
        layer: Its name; without one, that of the file.
        options: For `GeoDataFrame.to_file`.
    """
    before = pyogrio.get_gdal_config_option(CLOCK)
    pyogrio.set_gdal_config_options({CLOCK: LAST_CHANGE})
    try:
        table.to_file(path, layer=layer, driver="GPKG", **options)
    finally:
        pyogrio.set_gdal_config_options({CLOCK: before})
