"""Areas and lengths on the ground, of polygons and of pixels in any coordinate system.

A plane area in a projected system is off by its scale: 0.1 % within a UTM zone, 4 % in polar stereographic, twentyfold
in Web Mercator at 78° N. Here shapes and pixels are carried to an equal-area projection around them (Lambert's
azimuthal on the WGS 84 ellipsoid; Snyder 1987, USGS Professional Paper 1395, chapter 24), so that areas are those on
the ellipsoid. Lengths are geodesic (Karney 2013, Journal of Geodesy 87).
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
import shapely.affinity
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.grid import Tile, middle

DEGREES = "EPSG:4326"
NODES = 16  # pixels between the places where the area of a pixel is computed; between them it is interpolated
LONGEST = {True: 0.01, False: 1000.0}  # side that is taken as straight, of a geographic (degrees) or other system (m)
TRUE = 0.1  # how far the sides of a pixel may be from their nominal length, and from each other, on a metric grid


def areas_km2(shapes: gpd.GeoSeries | gpd.GeoDataFrame) -> "pd.Series[float]":
    """Measure polygons on the ground, km², by their index; 0 for lines and points.

    Raises:
        InputError: They have no coordinate system.
    """
    placed = _in_short_sides(shapes)
    points = shapely.get_coordinates(placed.geometry.to_numpy())
    if not len(points):
        return pd.Series(0.0, index=placed.index)
    if placed.crs.is_geographic:
        longitude, latitude = middle(points)  # any place nearby
    else:
        longitude, latitude = _transformer(placed.crs.to_string(), DEGREES).transform(*points.mean(0))
    found: pd.Series[float] = placed.to_crs(_equal_area(longitude, latitude)).area / 1e6
    return found


def lengths_km(shapes: gpd.GeoSeries | gpd.GeoDataFrame) -> "pd.Series[float]":
    """Measure lines, or the boundaries of polygons with their holes, on the ground, km, by their index."""
    geod = pyproj.Geod(ellps="WGS84")
    degrees = _in_short_sides(shapes).to_crs(DEGREES)
    lines = [0.0 if shape is None or shape.is_empty else geod.geometry_length(_as_lines(shape)) for shape in degrees]
    return pd.Series(lines, index=degrees.index, dtype=float) / 1e3


def _as_lines(shape: BaseGeometry) -> BaseGeometry:
    lines: BaseGeometry = shape.boundary if shape.geom_type in ("Polygon", "MultiPolygon") else shape
    return lines


def _in_short_sides(shapes: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Put points on long sides: what is straight in one system is bent in another."""
    if shapes.crs is None:
        raise InputError("outlines without a coordinate system found, one expected to measure areas")
    joined = shapes.geometry.map(join_at_180) if shapes.crs.is_geographic else shapes.geometry
    return joined.segmentize(LONGEST[shapes.crs.is_geographic])


def pixel_areas_km2(geobox: GeoBox) -> NDArray[np.float64]:
    """Measure the pixels of a grid in any system on the ground, (H, W) km².

    Areas are computed at every 16th corner and interpolated, with an error below 1e-4 for pixels up to 1 km.
    """
    height, width = (int(side) for side in geobox.shape)
    rows, columns = _nodes(height), _nodes(width)
    x, y = np.meshgrid(columns, rows)
    right, down = _steps(geobox, x, y)
    nodes = np.abs(right[0] * down[1] - right[1] * down[0]) / 1e6  # (h, w)
    low, part = _between(rows, height)
    tall = nodes[low] * (1 - part)[:, None] + nodes[low + 1] * part[:, None]  # (H, w)
    low, part = _between(columns, width)
    areas: NDArray[np.float64] = tall[:, low] * (1 - part) + tall[:, low + 1] * part  # (H, W)
    return areas


def pixel_sides(geobox: GeoBox) -> tuple[float, float]:
    """Measure the sides of the middle pixel of a grid on the ground, along its row and along its column, metres."""
    height, width = geobox.shape
    right, down = _steps(geobox, np.array(width / 2), np.array(height / 2))
    return float(np.hypot(*right)), float(np.hypot(*down))


def area_factor(geobox: GeoBox) -> float:
    """Compute the area on the ground over that in the system of a grid, in its middle; for systems in metres."""
    height, width = geobox.shape
    right, down = _steps(geobox, np.array(width / 2), np.array(height / 2))
    return float(abs(right[0] * down[1] - right[1] * down[0]) / abs(geobox.affine.determinant))


def is_metric(geobox: GeoBox) -> bool:
    """Tell whether the pixels of a grid are what their numbers say on the ground, within a tenth, and nearly square."""
    if geobox.crs is None or not geobox.crs.projected:
        return False
    sides = pixel_sides(geobox)
    nominal = abs(float(geobox.resolution.x)), abs(float(geobox.resolution.y))
    true = all(abs(side / told - 1) <= TRUE for side, told in zip(sides, nominal, strict=True))
    return true and max(sides) <= (1 + TRUE) * min(sides)


def check_scale(tiles: Sequence[Tile], *, remedy: str) -> None:
    """Refuse tiles of which the first or the last is not of 10 km on the ground, within a tenth.

    Args:
        tiles: Of one grid; of none there is nothing to refuse.
        remedy: What to do, for the message.
    """
    for tile in (tiles[0], tiles[-1]) if tiles else ():
        if not is_metric(tile.geobox()):
            across, down = (side * tile.grid.tile_size / 10_000 for side in pixel_sides(tile.geobox()))
            raise InputError(
                f"{tile.name}: {across:.1f} × {down:.1f} km on the ground found, a tile of 10 km expected; {remedy}"
            )


def project(longitude: float, latitude: float, crs: str) -> tuple[float, float]:
    """Return the coordinates of a place in degrees in another system."""
    x, y = _transformer(DEGREES, crs).transform(longitude, latitude)
    return float(x), float(y)


def middle_of(geobox: GeoBox) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a grid, degrees."""
    height, width = geobox.shape
    longitude, latitude = _transformer(str(geobox.crs), DEGREES).transform(*(geobox.affine @ (width / 2, height / 2)))
    return float(longitude), float(latitude)


def middle_of_place(shape: BaseGeometry) -> tuple[float, float]:
    """Return longitude and latitude in the middle of a shape in degrees, also of one in parts on both sides of 180°."""
    parts = shapely.get_parts(shape)
    points, sizes = shapely.get_coordinates(shapely.centroid(parts)), shapely.area(parts)
    return middle(points, sizes * np.cos(np.radians(points[:, 1])) if sizes.any() else None)


def middle_of_all(grids: Iterable[GeoBox]) -> tuple[float, float]:
    """Return longitude and latitude in the middle of several grids, degrees; grids in one place count once."""
    places = sorted({tuple(round(degree, 6) for degree in middle_of(grid)) for grid in grids})
    return middle(np.array(places))


def join_at_180(shape: BaseGeometry) -> BaseGeometry:
    """Let a shape in degrees that has a part on each side of 180°, or sides across the whole map, go on beyond 180°."""
    if not crosses_180(shape):
        return shape
    joined: BaseGeometry = shapely.transform(shape, lambda points: np.stack((points[:, 0] % 360, points[:, 1]), axis=1))
    return joined


def crosses_180(shape: BaseGeometry | None) -> bool:
    """Tell whether a shape in degrees has a part on each side of 180°, or sides across the whole map."""
    longitudes = shapely.get_coordinates(shape)[:, 0]
    return len(longitudes) > 0 and bool(np.ptp(longitudes) > 180 and np.ptp(longitudes % 360) <= 180)


def split_at_180(shape: BaseGeometry) -> BaseGeometry:
    """Cut a shape in degrees that goes on beyond 180° E or W, so that no part does."""
    if not shape.is_empty and shape.bounds[0] < -180:
        shape = shapely.affinity.translate(shape, 360)
    if shape.is_empty or shape.bounds[2] <= 180:
        return shape
    whole = shapely.make_valid(shape)
    east = shapely.affinity.translate(whole.intersection(shapely.box(180, -90, 540, 90)), -360)
    return shapely.union_all([whole.intersection(shapely.box(-180, -90, 180, 90)), east])


def _steps(
    geobox: GeoBox, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the steps of one pixel to the right and down, metres on the ground, (2, …), at pixel coordinates."""
    transformer, affine = _transformer(str(geobox.crs), _equal_area(*middle_of(geobox))), geobox.affine

    def place(shift_x: float, shift_y: float) -> NDArray[np.float64]:
        column, row = x + shift_x, y + shift_y
        across, down = (column * affine[k] + row * affine[k + 1] + affine[k + 2] for k in (0, 3))
        return np.array(transformer.transform(across, down))

    return place(0.5, 0) - place(-0.5, 0), place(0, 0.5) - place(0, -0.5)


def _nodes(count: int) -> NDArray[np.float64]:
    return np.linspace(0, count, max(1, math.ceil(count / NODES)) + 1)


def _between(nodes: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the node before the middle of each pixel, and how far on towards the next it lies, 0 to 1."""
    places = np.arange(count) + 0.5
    low = np.searchsorted(nodes, places, side="right") - 1
    return low, (places - nodes[low]) / (nodes[1] - nodes[0])


def _equal_area(longitude: float, latitude: float) -> str:
    return f"+proj=laea +lat_0={round(latitude)} +lon_0={round(longitude)} +datum=WGS84 +units=m"


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)
