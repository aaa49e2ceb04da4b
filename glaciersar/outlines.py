"""Glacier outlines: polygons to masks and masks to polygons."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio.features
import shapely
import shapely.affinity
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar import inventory_forms, polygons
from glaciersar.errors import InputError
from glaciersar.vector_files import check_vector_file

DATED = ("year", "src_date", "BgnDate", "BGNDATE", "YEAR_")
"""Columns with the year of an outline: this project's and König's; RGI 7 and GLIMS; RGI 6; the Norwegian one's."""

LABEL, GLACIER, KNOWN = "label", "glacier", "known"
"""Column that tells glaciers from the ground of which labels know whether it is glacier, and its values. Outlines
without this column are glaciers, and all other ground is none."""


def read_outlines(path: str | Path, *, layer: str | None = None) -> gpd.GeoDataFrame:
    """Read glacier outlines from a vector file with a CRS and at least one polygon, and mend what can be mended.

    Of a GLIMS download the boundaries of glaciers are kept, without the rock inside them. Those of RGI 6 and GLIMS get
    identifiers and names under the names of RGI 7 too. What is mended or left out (`polygons.SAID`) is printed.

    Args:
        path: GeoPackage, GeoJSON, Shapefile, GeoParquet (.parquet, with pyarrow) or what else GDAL reads.
        layer: Of a file with several; without, the first is taken, and this is printed.

    Returns:
        Valid flat polygons; `attrs` holds the number of those that were mended ("mended") and of features without a
        shape ("empty").

    Raises:
        InputError: The file is missing, cannot be read, has no CRS, or no polygon.
    """
    path = Path(path)
    outlines = _read_file(path, layer)
    if outlines.empty:
        raise InputError(f"{path}: no feature found, glacier polygons expected")
    if outlines.crs is None:
        raise InputError(f"{path}: no coordinate system found, expected one with the outlines")
    cleaned, count = polygons.clean(outlines)
    if cleaned.empty:
        found = ", ".join(sorted(set(outlines.geom_type.dropna()))) or "only empty features"
        without = " without an area" if count["collapsed"] else ""
        raise InputError(f"{path}: {found}{without} found, glacier polygons expected")
    count["alike"] = polygons.same_shape(cleaned, years(cleaned))
    if said := polygons.describe(count):
        print(f"{path}: of {len(outlines)} outlines {said}")
    glaciers = inventory_forms.add_rgi_7_names(inventory_forms.glaciers_of_glims(cleaned, str(path)))
    glaciers.attrs |= {"source": str(path), "mended": count["mended"], "empty": count["empty"]}  # for messages
    return glaciers


def _read_file(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    if not path.exists():
        raise InputError(f"{path}: no such file, expected glacier outlines (GeoPackage, GeoJSON, Shapefile)")
    check_vector_file(path)
    try:
        if path.suffix.lower() in (".parquet", ".geoparquet"):
            return gpd.read_parquet(path)
        if layer is None and len(layers := gpd.list_layers(path)) > 1:
            layer = str(layers["name"].iloc[0])
            print(f"{path}: layer {layer} taken of {', '.join(layers['name'])}")
        found = gpd.read_file(path, layer=layer)
    except ImportError as error:
        raise InputError(
            f"{path}: pyarrow is not installed, which GeoParquet needs; it comes with "
            f'pip install "glaciersar[inventory]"'
        ) from error
    except Exception as error:  # pyogrio and pyarrow raise their own kinds for a bad file and for a missing layer
        raise InputError(f"{path}: cannot be read as outlines ({error})") from error
    if not isinstance(found, gpd.GeoDataFrame):
        raise InputError(f"{path}: a table without shapes found, glacier polygons expected")
    return found


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


def glaciers(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the glaciers; all outlines where none says what it is."""
    return outlines[outlines[LABEL] == GLACIER] if LABEL in outlines else outlines


def known(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the ground of which labels know; nothing where none says what it is, as then all is known."""
    return outlines[outlines[LABEL] == KNOWN] if LABEL in outlines else outlines.iloc[:0]


def known_mask(outlines: gpd.GeoDataFrame, geobox: GeoBox) -> NDArray[np.bool_]:
    """Rasterise the ground of which labels know, (H, W); everywhere where none says what it is."""
    return to_mask(known(outlines), geobox) if LABEL in outlines else np.ones(geobox.shape, bool)


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
    if geobox.crs is not None and geobox.crs.geographic:  # 181° E is 179° W
        shapes = [shapely.affinity.translate(shape, turn) for shape in shapes for turn in (-360, 0, 360)]
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
