"""Elevation of glaciers from the user's own elevation model: attributes as in RGI 7, and areas by elevation band."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.features
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import DEGREES, join_at_180
from glaciersar.io.rasters import opened

LOWEST, HIGHEST = -500.0, 9000.0  # metres; no ground lies beyond, so such a value is a fill that nothing declares
SIDE = 3000  # pixels along the longer side of a glacier, at most: a larger one is read more coarsely
METRES_A_DEGREE = 111_320.0  # of latitude
COVERED = 0.9  # fraction of a glacier that the elevation model must cover
ATTRIBUTES = ("zmin_m", "zmax_m", "zmed_m", "zmean_m", "slope_deg", "aspect_deg")
FLAT = 9
"""Sector of a glacier without an aspect, as in RGI 7; 1 is north, 2 north-east, to 8 north-west."""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The elevation of one glacier on a grid of its own: equal in area, north up and true in scale at its middle."""

    height: NDArray[np.float32]
    """(H, W) metres; NaN where the elevation model has none."""
    inside: NDArray[np.bool_]
    """(H, W) centre of the pixel within the glacier; of a glacier smaller than that, what it touches."""
    pixel: float
    """Side of a pixel, metres."""
    transform: Affine
    """Of the grid."""
    crs: str
    """Of the grid, as a PROJ string."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(H, W) within the glacier, with an elevation."""
        seen: NDArray[np.bool_] = self.inside & np.isfinite(self.height)
        return seen


def read_surfaces(polygons: gpd.GeoDataFrame, dem: str | Path, *, side: int = SIDE) -> list[Surface]:
    """Read the elevation of each glacier, with two pixels around it for the slope.

    Args:
        polygons: Glaciers, in any CRS.
        dem: Raster of elevation in metres, one band, in any CRS.
        side: Pixels along the longer side of a glacier, at most.

    Raises:
        InputError: It is missing or damaged, has no CRS, holds values that are no elevation, or lies elsewhere.
    """
    with opened(dem, "an elevation model (GeoTIFF, metres)") as file:
        if file.crs is None:
            raise InputError(f"{dem}: no coordinate system found, expected one with the elevation model")
        surfaces = [_read(file, shape, side) for shape in polygons.geometry.to_crs(DEGREES).map(join_at_180)]
    if surfaces and not any(surface.seen.any() for surface in surfaces):
        raise InputError(f"{dem}: no elevation found on any of {len(surfaces)} glaciers, one that covers them expected")
    return surfaces


def _read(file: DatasetReader, shape: BaseGeometry, side: int) -> Surface:
    """Warp the elevation model to a grid around one glacier; its polygon is in degrees."""
    middle = shape.representative_point()
    crs = f"+proj=laea +lat_0={middle.y:.6f} +lon_0={middle.x:.6f} +datum=WGS84 +units=m"
    local = gpd.GeoSeries([shape], crs=4326).to_crs(crs).iloc[0]
    left, bottom, right, top = local.bounds
    own = abs(file.transform.e) * (METRES_A_DEGREE if file.crs.is_geographic else file.crs.linear_units_factor[1])
    pixel = max(own, max(right - left, top - bottom) / side)
    left, top = left - 2 * pixel, top + 2 * pixel
    width, height = int((right - left) / pixel) + 3, int((top - bottom) / pixel) + 3
    transform = Affine(pixel, 0, left, 0, -pixel, top)
    how = {"crs": crs, "transform": transform, "width": width, "height": height, "dtype": "float32"}
    fill = {} if file.nodata is None else {"src_nodata": file.nodata}
    with WarpedVRT(file, resampling=Resampling.bilinear, nodata=np.nan, **how, **fill) as warped:
        values: NDArray[np.float32] = warped.read(1)  # (H, W)
    found = values[np.isfinite(values)]
    if found.size and (found.min() < LOWEST or found.max() > HIGHEST):
        raise InputError(
            f"{file.name}: elevation from {found.min():g} to {found.max():g} found, {LOWEST:g} to {HIGHEST:g} m "
            f"expected; declare what fills gaps as nodata"
        )
    grid = {"out_shape": values.shape, "transform": transform, "dtype": "uint8"}
    inside = rasterio.features.rasterize([local], **grid).astype(bool)
    if not inside.any():
        inside = rasterio.features.rasterize([local], all_touched=True, **grid).astype(bool)
    return Surface(height=values, inside=inside, pixel=pixel, transform=transform, crs=crs)


def add_elevation(polygons: gpd.GeoDataFrame, dem: str | Path) -> gpd.GeoDataFrame:
    """Add elevation, slope and aspect of each glacier, under the names of RGI 7.

    Slope is the mean of the slopes of the pixels; aspect is the direction of the sum of their unit vectors downhill
    (Pfeffer and others 2014, Journal of Glaciology 60), clockwise from true north.

    Args:
        polygons: Glaciers, in any CRS.
        dem: As for `read_surfaces`.

    Returns:
        With zmin_m, zmax_m, zmed_m, zmean_m (m), slope_deg, aspect_deg (degrees), aspect_sec (1 to 8, or `FLAT`) and
        dem_source (name of the file); NaN where it covers less than `COVERED` of a glacier, which is counted in print.
    """
    surfaces = read_surfaces(polygons, dem)
    rows = [_describe(surface) for surface in surfaces]
    table = pd.DataFrame(rows, columns=[*ATTRIBUTES, "aspect_sec"], index=polygons.index)
    if bare := int(table["zmed_m"].isna().sum()):
        print(f"{dem}: covers less than {COVERED:.0%} of {bare} of {len(table)} glaciers, which get no elevation")
    return polygons.assign(**{str(name): table[name] for name in table}, dem_source=Path(dem).name)


def _describe(surface: Surface) -> dict[str, float]:
    seen = surface.seen
    if seen.sum() < COVERED * surface.inside.sum() or not seen.any():
        return dict.fromkeys(ATTRIBUTES, np.nan) | {"aspect_sec": FLAT}
    height = surface.height[seen].astype(float)
    found = {"zmin_m": height.min(), "zmax_m": height.max(), "zmed_m": np.median(height), "zmean_m": height.mean()}
    down, right = np.gradient(surface.height.astype(float), surface.pixel)  # rows go south, columns east
    steep = np.hypot(down, right)
    some = seen & np.isfinite(steep)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a glacier as small as a pixel, at the edge of the model
        slope = float(np.degrees(np.arctan(steep[some])).mean())
    some &= steep > 0
    east, north = (-right[some] / steep[some]).sum(), (down[some] / steep[some]).sum()
    flat = np.hypot(east, north) < 1e-6 * max(int(some.sum()), 1)
    aspect = np.nan if flat else float(np.degrees(np.arctan2(east, north)) % 360)
    sector = FLAT if flat else int(((aspect + 22.5) % 360) // 45) + 1
    return found | {"slope_deg": slope, "aspect_deg": aspect, "aspect_sec": sector}


def areas_by_band(polygons: gpd.GeoDataFrame, dem: str | Path, *, step: float = 100.0) -> pd.Series:
    """Measure the area of glaciers by elevation band.

    Args:
        polygons: Glaciers of one year that don't overlap, in any CRS.
        dem: As for `read_surfaces`; of one year, so thinning between two years is not seen.
        step: Height of a band, metres.

    Returns:
        km² by the lower end of the band (m), ascending, without gaps. Each glacier has its own area, shared out by its
        pixels; what the elevation model does not cover stands under NaN.
    """
    if not step > 0:
        raise InputError(f"step={step:g} found, a height of the bands above 0 m expected")
    total: dict[float, float] = {}
    beyond = 0.0
    for surface in read_surfaces(polygons, dem):
        area = surface.pixel**2 / 1e6
        bands, counts = np.unique(np.floor(surface.height[surface.seen] / step) * step, return_counts=True)
        for band, count in zip(bands, counts, strict=True):
            total[float(band)] = total.get(float(band), 0.0) + count * area
        if missing := int((surface.inside & ~surface.seen).sum()):
            beyond += missing * area
    known = sorted(total)
    every = np.arange(known[0], known[-1] + step / 2, step) if known else np.array([])
    found = {float(band): total.get(float(band), 0.0) for band in every}
    if beyond:
        found[np.nan] = beyond
    return pd.Series(found, dtype=float, name="area_km2").rename_axis("from_m")


def change_by_band(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, dem: str | Path, *, step: float = 100.0
) -> pd.DataFrame:
    """Give the change of area by elevation band between two years.

    Args:
        before: Glaciers of the first year.
        after: Glaciers of the last year.
        dem: As for `areas_by_band`; best of the first year, as ice that is gone had its surface then.
        step: Height of a band, metres.

    Returns:
        A row each band, from_m and to_m (m): before_km2, after_km2, change_km2, and relative (to before; NaN without).
        What the elevation model does not cover has a row of its own, with NaN for from_m and to_m.
    """
    one, other = (areas_by_band(ice, dem, step=step) for ice in (before, after))
    table = pd.DataFrame({"before_km2": one, "after_km2": other}).fillna(0.0).sort_index(na_position="last")
    table["change_km2"] = table["after_km2"] - table["before_km2"]
    table["relative"] = table["change_km2"] / table["before_km2"].where(table["before_km2"] > 0)
    table = table.rename_axis("from_m").reset_index()
    table.insert(1, "to_m", table["from_m"] + step)
    return table
