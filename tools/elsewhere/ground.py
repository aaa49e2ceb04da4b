"""A made-up elevation model around real outlines: no model of these places is at hand, and radar needs one."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar.io.rasters import write_cog
from glaciersar.simulate.random_fields import fractal_field, random_stream
from glaciersar.simulate.rounding import blur
from tools.elsewhere.places import Place

RISE = 0.45
"""Slope of the ground beside ice, which rises away from it."""
HIGHEST_WALL = 500.0
"""Metres by which the ground rises above the ice beside it, at most."""
ROUGH = 25.0
"""Standard deviation of the small relief of ground without ice, metres."""
SMOOTH = 150.0
"""Metres over which steps between neighbouring glaciers are evened out."""


def make_surface(glaciers: gpd.GeoDataFrame, place: Place, geobox: GeoBox, *, seed: int) -> NDArray[np.float32]:
    """Make a surface on which each glacier falls from its highest to its lowest elevation, towards its aspect.

    The three numbers are the inventory's; the form between them, and all ground without ice, are made up.

    Args:
        glaciers: With the columns that `place` names.
        place: Whose glaciers they are.
        geobox: Pixels, metres.
        seed: Of the small relief.

    Returns:
        (H, W) metres.
    """
    placed = glaciers.to_crs(str(geobox.crs))
    shape = (geobox.shape[0], geobox.shape[1])
    numbers = rasterio.features.rasterize(
        [(outline, k + 1) for k, outline in enumerate(placed.geometry)],
        out_shape=shape,
        transform=geobox.affine,
        dtype="int32",
    )
    rows, columns = np.indices(shape)
    x, y = geobox.affine @ (columns + 0.5, rows + 0.5)
    surface = np.zeros(shape)
    for k, (_, glacier) in enumerate(placed.iterrows(), 1):
        inside = numbers == k
        if inside.any():
            surface[inside] = _tilted(glacier, place, x[inside], y[inside])
    return _with_walls(surface, numbers > 0, abs(float(geobox.resolution.x)), seed)


def _tilted(
    glacier: "gpd.GeoSeries", place: Place, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the elevation of points on a glacier that falls evenly towards its aspect."""
    low, high, aspect = (float(glacier[name]) for name in (place.lowest, place.highest, place.aspect))
    down = np.array([np.sin(np.radians(aspect)), np.cos(np.radians(aspect))])  # east, north
    along = shapely.get_coordinates(glacier.geometry) @ down
    share = (along.max() - (x * down[0] + y * down[1])) / max(float(np.ptp(along)), 1.0)
    found: NDArray[np.float64] = low + (high - low) * np.clip(share, 0, 1)
    return found


def _with_walls(surface: NDArray[np.float64], ice: NDArray[np.bool_], pixel: float, seed: int) -> NDArray[np.float32]:
    away, (row, column) = ndimage.distance_transform_edt(~ice, sampling=pixel, return_indices=True)
    relief = ROUGH * fractal_field(ice.shape, 1500 / pixel, random_stream(seed, "relief"))
    walls = np.minimum(RISE * away, HIGHEST_WALL) + np.where(ice, 0, relief)
    smoothed = blur((surface[row, column] + walls).astype(np.float32), SMOOTH / pixel)
    raised: NDArray[np.float32] = np.maximum(smoothed, 1.0).astype(np.float32)
    return raised


def write_surface(path: Path, surface: NDArray[np.float32], geobox: GeoBox) -> Path:
    """Write a surface as the elevation model that the simulator reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_cog(path, surface, geobox, exact=True, description="made-up elevation, metres")
    return path
