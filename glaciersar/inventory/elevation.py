"""Elevation of glaciers from the user's own elevation model: attributes as in RGI 7, and areas by elevation band."""

import warnings
from collections.abc import Sequence
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
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import DEGREES, areas_km2, join_at_180
from glaciersar.io.rasters import opened
from glaciersar.scenes.fill_values import ENOUGH, SHARED, Fills, find_fills

LOWEST, HIGHEST = -500.0, 9000.0  # metres; no ground lies beyond, so such a value is a fill that nothing declares
SIDE = 3000  # pixels along the longer side of a glacier, at most: a larger one is read more coarsely
METRES_A_DEGREE = 111_320.0  # of latitude
LOOK = 100  # pixels along the longer side of a glacier, at most, in which undeclared fills are looked for
CLIFF = 100.0  # metres; no calving front is higher above the sea
COVERED = 0.9  # fraction of a glacier that the elevation model must cover
ATTRIBUTES = ("zmin_m", "zmax_m", "zmed_m", "zmean_m", "slope_deg", "aspect_deg")
UNITS = {
    **dict.fromkeys(("", "m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet"), 0.3048),
    **dict.fromkeys(("us survey foot", "us_survey_foot", "ftus", "us-ft"), 1200 / 3937),
}
"""Metres, by the unit that a band gives, in small letters."""
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
        dem: Raster of elevation, one band, in any CRS; metres, or feet if the band says so. A scale and an offset of
            the band are applied. Fills that it does not declare, as `fills_on` finds them, are no elevation; both are
            printed.
        side: Pixels along the longer side of a glacier, at most.

    Raises:
        InputError: It is missing or damaged, has no CRS, several bands or another unit, holds values that are no
            elevation, or lies elsewhere.
    """
    with opened(dem, "an elevation model (GeoTIFF, metres)") as file:
        if file.crs is None:
            raise InputError(f"{dem}: no coordinate system found, expected one with the elevation model")
        if file.count != 1:
            raise InputError(f"{dem}: {file.count} bands found, one of elevation expected")
        unit = _metres_a_unit(file)
        places = [_place(file, shape, side) for shape in polygons.geometry.to_crs(DEGREES).map(join_at_180)]
        seen = [_read_raw(file, _coarser(place)) for place in places]
        fills = _told(file, fills_on(seen, cliff=CLIFF / abs(file.scales[0] * unit)))
        surfaces = [_read(file, place, fills, unit) for place in places]
    if surfaces and not any(surface.seen.any() for surface in surfaces):
        raise InputError(f"{dem}: no elevation found on any of {len(surfaces)} glaciers, one that covers them expected")
    return surfaces


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The grid of one glacier, and its shape in the system of the grid."""

    shape: BaseGeometry
    pixel: float
    transform: Affine
    width: int
    height: int
    crs: str

    def inside(self) -> NDArray[np.bool_]:
        """(H, W) as `Surface.inside`."""
        grid = {"out_shape": (self.height, self.width), "transform": self.transform, "dtype": "uint8"}
        inside: NDArray[np.bool_] = rasterio.features.rasterize([self.shape], **grid).astype(bool)
        if not inside.any():
            inside = rasterio.features.rasterize([self.shape], all_touched=True, **grid).astype(bool)
        return inside


def _place(file: DatasetReader, shape: BaseGeometry, side: int) -> _Place:
    """Lay the grid of a glacier, whose polygon is in degrees."""
    middle = shape.representative_point()
    crs = f"+proj=laea +lat_0={middle.y:.6f} +lon_0={middle.x:.6f} +datum=WGS84 +units=m"
    local = gpd.GeoSeries([shape], crs=4326).to_crs(crs).iloc[0]
    own = abs(file.transform.e) * (METRES_A_DEGREE if file.crs.is_geographic else file.crs.linear_units_factor[1])
    left, bottom, right, top = local.bounds
    return _laid(local, max(own, max(right - left, top - bottom) / side), crs)


def _laid(shape: BaseGeometry, pixel: float, crs: str) -> _Place:
    left, bottom, right, top = shape.bounds
    left, top = left - 2 * pixel, top + 2 * pixel
    width, height = int((right - left) / pixel) + 3, int((top - bottom) / pixel) + 3
    transform = Affine(pixel, 0, left, 0, -pixel, top)
    return _Place(shape=shape, pixel=pixel, transform=transform, width=width, height=height, crs=crs)


def _coarser(place: _Place) -> _Place:
    """Lay a grid for a look at the values, of at most `LOOK` pixels along a side."""
    left, bottom, right, top = place.shape.bounds
    return _laid(place.shape, max(place.pixel, max(right - left, top - bottom) / LOOK), place.crs)


def _warp(file: DatasetReader, place: _Place, resampling: Resampling) -> NDArray[np.float32]:
    """Warp the values of the file to the grid of a glacier, (H, W), as they are written; NaN for nodata."""
    how = {"transform": place.transform, "width": place.width, "height": place.height, "dtype": "float32"}
    fill = {} if file.nodata is None else {"src_nodata": file.nodata}
    with WarpedVRT(file, resampling=resampling, crs=place.crs, nodata=np.nan, **how, **fill) as warped:
        values: NDArray[np.float32] = warped.read(1)
    return values


def _read_raw(file: DatasetReader, place: _Place) -> NDArray[np.float32]:
    """Take values on a glacier as the file holds them, of single pixels, (n,)."""
    values: NDArray[np.float32] = _warp(file, place, Resampling.nearest)[place.inside()]
    return values


def fills_on(values: Sequence[NDArray[np.float32]], *, cliff: float = CLIFF) -> Fills:
    """Find values on glaciers that are no elevation although the file does not say so.

    They are those that many pixels share to the bit (`fill_values.find_fills`); of a surface that has one value alone
    none is. Zero is one where no other ice lies within `cliff` of it; else it is the sea.

    Args:
        values: On each glacier, (n,), as the file holds them.
        cliff: `CLIFF` in the unit of the values.
    """
    seen = np.concatenate([*values, np.empty(0, np.float32)])
    seen = seen[np.isfinite(seen)]
    zero = seen == 0
    if seen.size < ENOUGH or np.ptp(seen) == 0:
        return Fills()
    other = seen[~zero]
    found = find_fills(other) if np.ptp(other) else Fills()
    share = found.share * other.size / seen.size
    if zero.mean() >= SHARED and np.abs(other[~np.isin(other, found.values)]).min(initial=np.inf) > cliff:
        return Fills((*found.values, 0.0), share + float(zero.mean()))
    return Fills(found.values, share)


def _told(file: DatasetReader, fills: Fills) -> Fills:
    if fills.values:
        named = " or ".join(f"{value:g}" for value in fills.values)
        print(
            f"{file.name}: {named} on {fills.share:.0%} of the pixels of the glaciers is taken for a fill that the "
            f"file does not declare, which is no elevation"
        )
    return fills


def _metres_a_unit(file: DatasetReader) -> float:
    """Read the unit of the band, which may be empty for metres; say when it is feet."""
    unit = (file.units[0] or "").strip()
    metres = UNITS.get(unit.lower())
    if metres is None:
        raise InputError(f"{file.name}: elevation in {unit!r} found, m or ft expected")
    if metres != 1:
        print(f"{file.name}: elevation in {unit} found, which is converted to metres")
    return metres


def _read(file: DatasetReader, place: _Place, fills: Fills, unit: float) -> Surface:
    """Warp the elevation model to the grid of a glacier, in metres."""
    values = _warp(file, place, Resampling.bilinear)
    if fills.values:  # and what was interpolated with them
        filled = np.isin(_warp(file, place, Resampling.nearest), np.array(fills.values, np.float32))
        values[ndimage.binary_dilation(filled, np.ones((3, 3)))] = np.nan
    if (file.scales[0], file.offsets[0], unit) != (1, 0, 1):
        values = ((values * file.scales[0] + file.offsets[0]) * unit).astype(np.float32)
    found = values[np.isfinite(values)]
    if found.size and (found.min() < LOWEST or found.max() > HIGHEST):
        raise InputError(
            f"{file.name}: elevation from {found.min():g} to {found.max():g} found, {LOWEST:g} to {HIGHEST:g} m "
            f"expected; declare what fills gaps as nodata"
        )
    return Surface(height=values, inside=place.inside(), pixel=place.pixel, transform=place.transform, crs=place.crs)


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
    for surface, own in zip(read_surfaces(polygons, dem), areas_km2(polygons), strict=True):
        area = float(own) / int(surface.inside.sum())
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
