"""Attributes of glacier outlines as in RGI 7; outlines written as GeoPackage or GeoParquet with a QGIS style."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2, lengths_km
from glaciersar.grid import utm_zone
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write
from glaciersar.io.extras import require_extra
from glaciersar.io.geopackage import write_layer

STYLE = Path(__file__).with_name("outlines.qml")
IDENTITY = (
    "rgi_id", "o1region", "o2region", "glims_id", "glac_name", "primeclass", "conn_lvl", "surge_type", "term_type"
)  # fmt: skip
"""Attributes of RGI 7 that a glacier keeps from year to year; the others are measured again."""
LAYER = "glaciers"
CONFIDENCE_COLOURS = {"confidence below 0.80": "#d95f02", "0.80 to 0.95": "#7570b3", "above 0.95": "#1f78b4"}
"""Classes of mean confidence and their colours, as in the QGIS style; the lowest class is the most visible."""


def add_attributes(
    polygons: gpd.GeoDataFrame,
    path: str | Path,
    *,
    calibration: Calibration = UNCALIBRATED,
    weights: str = "",
    keep: Sequence[str] = IDENTITY,
) -> gpd.GeoDataFrame:
    """Add attributes to polygons, under the names of RGI 7 where it has them.

    Args:
        polygons: From `vectorize.trace_glaciers`, `simplify_outlines` or `split_by_glacier`.
        path: The probability map they were traced in; its tags hold model and dates.
        calibration: From `calibration.read_calibration`; turns its probabilities into confidence.
        weights: The weight file used, if the tags of the map do not name it.
        keep: Columns of the polygons to keep, where they exist.

    Returns:
        A row each polygon: the columns kept; src_date (the middle date of the series), cenlon and cenlat (degrees, of a
        point inside), utm_zone, area_km2; and, not in RGI 7, perimeter_km, confidence (mean calibrated probability of
        glacier inside; NaN if it holds no pixel centre), date_first, date_last, n_dates, model, weights. Areas and
        perimeters are those on the ground.

    Raises:
        InputError: The map is missing or damaged, or in another CRS than the polygons.
    """
    kept = {name: polygons[name].to_numpy() for name in keep if name in polygons}
    with rasters.open_map(path) as file:
        tags = file.tags()
        if polygons.crs != file.crs:
            raise InputError(f"{path}: {file.crs} found, the polygons' {polygons.crs} expected")
        sure = _mean_probability(polygons.geometry, file, calibration)
    dates = sorted(tags.get("dates", "").split())
    inside = polygons.geometry.representative_point().to_crs(4326)
    columns = kept | {
        "src_date": f"{dates[len(dates) // 2]}T00:00:00" if dates else None,
        "cenlon": inside.x.to_numpy(),
        "cenlat": inside.y.to_numpy(),
        "utm_zone": utm_zone(inside.x.to_numpy(), inside.y.to_numpy()),
        "area_km2": areas_km2(polygons).to_numpy(),
        "perimeter_km": lengths_km(polygons).to_numpy(),
        "confidence": sure,
        "date_first": dates[0] if dates else None,
        "date_last": dates[-1] if dates else None,
        "n_dates": len(dates),
        "model": tags.get("model", ""),
        "weights": weights or tags.get("weights", ""),
    }
    return gpd.GeoDataFrame(columns, geometry=polygons.geometry.array, crs=polygons.crs, index=range(len(polygons)))


def _mean_probability(shapes: gpd.GeoSeries, file: DatasetReader, calibration: Calibration) -> NDArray[np.float64]:
    """Average the calibrated probability over the pixels with their centre in each polygon; NaN where there is none."""
    total, count = np.zeros(len(shapes) + 1), np.zeros(len(shapes) + 1)
    for window in rasters.iter_windows(file):
        number = rasters.label_pixels(shapes, file, window)
        if not number.any():
            continue
        probability = calibration(rasters.read_window(file, window))
        seen = np.isfinite(probability)
        total += np.bincount(number[seen], probability[seen], minlength=len(total))
        count += np.bincount(number[seen], minlength=len(total))
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean[1:]


def confidence_class(confidence: pd.Series) -> pd.Series:
    """Give the class in `CONFIDENCE_COLOURS` of each mean confidence; NaN counts to the lowest class."""
    place = np.searchsorted((0.8, 0.95), confidence.fillna(0.0), side="right")
    return pd.Series(np.array(list(CONFIDENCE_COLOURS))[place], index=confidence.index)


def write_outlines(path: str | Path, polygons: gpd.GeoDataFrame) -> Path:
    """Write polygons as GeoPackage (.gpkg) or GeoParquet (.parquet), with a QGIS style of the same name beside it.

    The same polygons give the same bytes.

    Raises:
        InputError: Another suffix, GeoParquet without pyarrow, or a place that cannot be written; nothing is left
            there.
    """
    path = Path(path)
    if path.suffix not in (".gpkg", ".parquet"):
        raise InputError(f"{path}: suffix {path.suffix!r} found, .gpkg or .parquet expected")
    if path.suffix == ".parquet":
        require_extra("pyarrow")
    whole = [shapely.MultiPolygon(shapely.get_parts(shape)) for shape in polygons.geometry]  # one kind for the layer
    layer = polygons.set_geometry(gpd.GeoSeries(whole, index=polygons.index, crs=polygons.crs))
    try:
        with atomic_write(path) as temporary:
            temporary.unlink()  # GDAL creates the file itself
            if path.suffix == ".gpkg":
                write_layer(layer, temporary, layer=LAYER, geometry_type="MultiPolygon")
            else:
                layer.to_parquet(temporary)
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        reason = str(error).rpartition(": ")[2]  # GDAL's own reason stands after a long SQL statement
        raise InputError(f"{path}: cannot be written ({reason}), a folder with space for it expected") from error
    with atomic_write(path.with_suffix(".qml")) as temporary:
        shutil.copyfile(STYLE, temporary)
    return path
