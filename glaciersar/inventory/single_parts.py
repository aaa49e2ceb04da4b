"""Glaciers of one polygon each, as both RGI have them, from glaciers that lie in several parts."""

import geopandas as gpd
import numpy as np
import pandas as pd

from glaciersar.geodesy import areas_km2
from glaciersar.inventory import vectorize

SMALLEST = vectorize.SMALLEST / 1e6
"""km², of the smallest glacier of the Randolph Glacier Inventory."""
SHARED = ("area_km2", "unc_km2")
"""Columns that are shared out among the parts of a glacier by their areas."""
OF_THE_WHOLE = ("rgi_id", "glims_id", "cenlon", "cenlat")
"""Columns that the largest part keeps alone: identifiers, and the place of the glacier."""


def to_single_parts(
    glaciers: gpd.GeoDataFrame, *, measured: tuple[str, ...] = (), source: str = "outlines"
) -> gpd.GeoDataFrame:
    """Make a row of every part of a glacier, since a reader of an inventory may take the largest part alone.

    The largest part keeps all that is known of its glacier; the others lose identifiers and what was measured on the
    whole, and follow after all glaciers. Parts below `SMALLEST` beside a larger one are left out. Both are printed.

    Args:
        glaciers: Polygons in any CRS, with area_km2.
        measured: Further columns that are of the whole, such as elevations.
        source: What to name in print.

    Returns:
        Rows of one polygon each, numbered anew; area_km2 and unc_km2 are shared out by the areas of all parts.
    """
    several = glaciers.geometry.count_geometries() > 1
    if not several.any():
        return glaciers
    rows = glaciers.reset_index(drop=True)
    parts = rows.assign(glacier=rows.index).explode(ignore_index=True)
    area = areas_km2(parts)
    whole = area.groupby(parts["glacier"]).transform("sum")
    first = area.groupby(parts["glacier"]).rank(ascending=False, method="first") == 1
    for name in (name for name in SHARED if name in parts):
        parts[name] = pd.to_numeric(parts[name]) * (area / whole.where(whole > 0)).fillna(0.0)
    for name in (name for name in (*OF_THE_WHOLE, *measured) if name in parts):
        numbers = pd.api.types.is_numeric_dtype(parts[name])
        parts[name] = parts[name].where(first, np.nan if numbers else None)
    small = ~first & (area < SMALLEST)
    kept = pd.concat([parts[first], parts[~first & ~small]], ignore_index=True)
    print(
        f"{source}: {int(several.sum())} of {len(glaciers)} glaciers lie in several parts; each part becomes a "
        f"glacier, {len(kept) - len(glaciers)} more, and {int(small.sum())} parts below {SMALLEST:g} km² are left out"
    )
    found = gpd.GeoDataFrame(kept.drop(columns="glacier"), crs=glaciers.crs)
    found.attrs = glaciers.attrs
    return found
