"""Glacier outlines: polygons to masks and masks to polygons."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio.features
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.vector_files import check_vector_file

DATED = ("year", "src_date", "BgnDate", "BGNDATE", "YEAR_")
"""Columns with the year of an outline: this project's and König's; RGI 7 and GLIMS; RGI 6; the Norwegian one's."""


def read_outlines(path: str | Path, *, layer: str | None = None) -> gpd.GeoDataFrame:
    """Read glacier outlines from a vector file with a CRS and at least one polygon; repair invalid polygons.

    The number of repaired polygons (`attrs["mended"]`) and of features without a shape, which are left out
    (`attrs["empty"]`), is also printed unless both are 0.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file, expected glacier outlines (GeoPackage, GeoJSON, Shapefile)")
    check_vector_file(path)
    try:
        outlines = gpd.read_file(path, layer=layer)
    except Exception as error:  # pyogrio raises its own kinds for a bad file and for a missing layer
        raise InputError(f"{path}: cannot be read as outlines ({' '.join(str(error).split())})") from error
    if not isinstance(outlines, gpd.GeoDataFrame):
        raise InputError(f"{path}: a table without shapes found, glacier polygons expected")
    if outlines.empty:
        raise InputError(f"{path}: no feature found, glacier polygons expected")
    if outlines.crs is None:
        raise InputError(f"{path}: no coordinate system found, expected one with the outlines")
    empty = outlines.geometry.isna() | outlines.geometry.is_empty
    outlines = outlines[~empty]
    mended = int((~outlines.geometry.is_valid).sum())
    outlines = outlines.set_geometry(outlines.geometry.make_valid())
    if not outlines.geom_type.isin(("Polygon", "MultiPolygon", "GeometryCollection")).any():
        found = ", ".join(sorted(set(outlines.geom_type))) or "only empty features"
        raise InputError(f"{path}: {found} found, glacier polygons expected")
    outlines.attrs |= {"source": str(path), "mended": mended, "empty": int(empty.sum())}  # for messages further on
    if mended or empty.any():
        print(f"{path}: of {len(empty)} outlines {mended} invalid ones mended, {empty.sum()} without a shape left out")
    return outlines


def outlines_of_year(outlines: gpd.GeoDataFrame, year: int, *, column: str = "year") -> gpd.GeoDataFrame:
    """Keep the outlines of one year; all of them where there is no such column.

    Raises:
        InputError: There is a column of years, but not this one.
    """
    if column not in outlines:
        return outlines
    years = year_of(outlines[column])
    chosen = outlines[years == year]
    if chosen.empty:
        found = ", ".join(f"{found:.0f}" for found in sorted(years.dropna().unique())) or "no year"
        raise InputError(f"{outlines.attrs.get('source', 'outlines')}: outlines of {found} found, of {year} expected")
    return chosen


def year_of(values: pd.Series) -> pd.Series:
    """Take the year from 2008, 2008.0, 20080723 or 2008-07-23T00:00:00; NaN from anything else, such as -9999999."""
    years = pd.to_numeric(values.astype(str).str[:4], errors="coerce")
    return years.where(years.between(1800, 2200))


def years(outlines: gpd.GeoDataFrame) -> pd.Series:
    """Return the year of each outline, from the first of the known columns that is there; NaN if there is none."""
    column = next((name for name in DATED if name in outlines), None)
    if column is None:
        return pd.Series(np.nan, index=outlines.index)
    return year_of(outlines[column])


def year_range(years: pd.Series) -> str:
    """Summarise the years of outlines: "2008", "2007 to 2010", "unknown"."""
    known = years.dropna()
    if known.empty:
        return "unknown"
    first, last = int(known.min()), int(known.max())
    return f"{first} to {last}" if first < last else f"{first}"


def to_mask(outlines: gpd.GeoDataFrame, geobox: GeoBox) -> NDArray[np.bool_]:
    """Rasterise outlines: True (glacier) where a pixel's centre lies inside a polygon.

    The centre rule keeps areas unbiased; any-touch would grow each glacier by half a pixel all around.

    Args:
        outlines: Polygons in any CRS.
        geobox: The pixel grid.

    Returns:
        (H, W) mask.
    """
    shapes = [shape for shape in outlines.to_crs(str(geobox.crs)).geometry if shape and not shape.is_empty]
    if not shapes:
        return np.zeros(geobox.shape, bool)
    mask: NDArray[np.bool_] = rasterio.features.rasterize(
        shapes, out_shape=tuple(geobox.shape), transform=geobox.affine, all_touched=False, dtype="uint8"
    ).astype(bool)
    return mask


def from_mask(mask: NDArray[np.bool_], geobox: GeoBox) -> gpd.GeoDataFrame:
    """Trace the edges of a mask: one valid polygon for each 4-connected patch of True pixels.

    8-connectivity would give polygons that touch themselves at a corner, which are invalid.

    Args:
        mask: (H, W) glacier or not.
        geobox: The pixel grid of the mask.

    Returns:
        Polygons in the CRS of the grid, in raster order.
    """
    traced = rasterio.features.shapes(mask.astype("uint8"), mask=mask, connectivity=4, transform=geobox.affine)
    shapes = [shapely.make_valid(shapely.geometry.shape(geometry)) for geometry, _ in traced]
    return gpd.GeoDataFrame(geometry=shapes, crs=str(geobox.crs))
