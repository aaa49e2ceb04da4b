"""Divide ice that hangs together into glaciers by the watersheds of its surface, where no inventory divides it.

Kept by hand: scikit-image is no dependency, its watershed has no depth of a pass, and SciPy's goes by steps between
pixels, not by heights. What is computed is the watershed by flooding (Vincent and Soille 1991, IEEE Transactions on
Pattern Analysis and Machine Intelligence 13), of which two basins join at a pass that is too low to part them.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar.errors import InputError
from glaciersar.inventory.elevation import COVERED, Surface, read_surfaces

RELIEF = 40.0
"""Metres that a pass must lie above the lower end of both basins to part them: less is roughness, or one tongue."""
SMALLEST = 0.1
"""km²; smaller pieces are slivers and go to the neighbour with the longest common border."""
SMOOTH = 60.0
"""Standard deviation of the smoothing of the surface, metres, against roughness and noise."""
SIDE = 1000  # pixels along the longer side of a polygon, at most: a million take about ten seconds


def divide_ice(
    polygons: gpd.GeoDataFrame,
    dem: str | Path,
    *,
    relief: float = RELIEF,
    smallest: float = SMALLEST,
    smooth: float = SMOOTH,
) -> gpd.GeoDataFrame:
    """Divide polygons of ice by the watersheds of their surface.

    Args:
        polygons: Ice of one year, in any CRS.
        dem: Elevation of the ice surface, as for `elevation.read_surfaces`.
        relief: Metres by which a pass must rise above the lower end of both its sides.
        smallest: km²; smaller pieces join a neighbour.
        smooth: Standard deviation of the smoothing, metres; 0 for none.

    Returns:
        A row each piece, with the columns of its polygon; they fill the polygons and don't overlap. A polygon of which
        the elevation model covers less than `COVERED` stays whole, which is counted in print.
    """
    if not (relief > 0 and smallest >= 0 and smooth >= 0):
        raise InputError(
            f"relief={relief:g} m, smallest={smallest:g} km², smooth={smooth:g} m found, a relief above 0 and the "
            f"others not below 0 expected"
        )
    if polygons.empty:
        return polygons
    pieces, whole = [], 0
    for row, surface in enumerate(read_surfaces(polygons, dem, side=SIDE)):
        outline = polygons.iloc[[row]]
        if surface.seen.sum() < COVERED * surface.inside.sum():
            pieces.append(outline)
            whole += 1
            continue
        basins = label_basins(_smoothed(surface, smooth), surface.inside, relief=relief)
        pieces.append(_cut(outline, basins, surface, smallest))
    if whole:
        print(f"{dem}: covers less than {COVERED:.0%} of {whole} of {len(polygons)} polygons, which stay undivided")
    return gpd.GeoDataFrame(pd.concat(pieces, ignore_index=True), crs=polygons.crs)


def _smoothed(surface: Surface, smooth: float) -> NDArray[np.float64]:
    """Fill gaps by the nearest pixel, and smooth over the ice alone, as land beside it is no ice surface."""
    nearest = ndimage.distance_transform_edt(~np.isfinite(surface.height), return_distances=False, return_indices=True)
    height: NDArray[np.float64] = surface.height[tuple(nearest)].astype(np.float64)
    if not smooth:
        return height
    sigma, ice = smooth / surface.pixel, surface.inside.astype(float)
    weight = ndimage.gaussian_filter(ice, sigma)
    mean = ndimage.gaussian_filter(height * ice, sigma) / np.maximum(weight, 1e-9)
    smoothed: NDArray[np.float64] = np.where(surface.inside, mean, height)
    return smoothed


def label_basins(height: NDArray[np.floating], inside: NDArray[np.bool_], *, relief: float) -> NDArray[np.int32]:
    """Number the basins of a surface: (H, W), 1 and on inside, 0 elsewhere.

    Pixels are flooded from the lowest to the highest. A pixel belongs to the basin of its lowest neighbour. Where two
    basins meet, they become one unless the pass lies `relief` above the lowest point of both.

    Args:
        height: (H, W) metres.
        inside: (H, W) the ice.
        relief: Metres.
    """
    width = inside.shape[1] + 2
    padded = np.pad(height, 1, constant_values=np.inf).ravel()
    ice = np.pad(inside, 1).ravel()
    basin = np.full(padded.size, -1, np.int64)
    steps = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1]
    parent: list[int] = []
    lowest: list[float] = []

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    places = np.flatnonzero(ice)
    for place in places[np.argsort(padded[places], kind="stable")].tolist():
        around = [place + step for step in steps if basin[place + step] >= 0]
        if not around:
            basin[place] = len(parent)
            parent.append(len(parent))
            lowest.append(float(padded[place]))
            continue
        basin[place] = basin[min(around, key=lambda other: padded[other])]
        for other in {root(int(basin[k])) for k in around}:
            mine = root(int(basin[place]))
            shallow, deep = (mine, other) if lowest[mine] > lowest[other] else (other, mine)
            if mine != other and padded[place] - lowest[shallow] < relief:
                parent[shallow] = deep
    owners = np.array([root(number) for number in range(len(parent))] or [0])
    _, numbers = np.unique(owners, return_inverse=True)
    labels = np.zeros(padded.size, np.int32)
    labels[places] = numbers[basin[places]] + 1
    return labels.reshape(-1, width)[1:-1, 1:-1]


def _cut(outline: gpd.GeoDataFrame, basins: NDArray[np.int32], surface: Surface, smallest: float) -> gpd.GeoDataFrame:
    """Cut one polygon along the borders of its basins, and join slivers."""
    if basins.max() < 2:
        return outline
    nearest = ndimage.distance_transform_edt(basins == 0, return_distances=False, return_indices=True)
    everywhere = basins[tuple(nearest)]  # to the edge of the grid, so that the polygon is covered
    traced = rasterio.features.shapes(everywhere, connectivity=4, transform=surface.transform)
    shapes = [shapely.geometry.shape(geometry) for geometry, _ in traced]
    borders = gpd.GeoSeries(shapely.coverage_simplify(shapes, surface.pixel), crs=surface.crs).to_crs(outline.crs)
    cut = [part for shape in borders for part in shapely.get_parts(shape.intersection(outline.geometry.iloc[0]))]
    pieces = gpd.GeoSeries([part for part in cut if isinstance(part, shapely.Polygon)], crs=outline.crs)
    joined = join_slivers(pieces, pieces.to_crs(surface.crs), smallest)
    rows = outline.iloc[[0] * len(joined)].reset_index(drop=True)
    return rows.set_geometry(joined.array, crs=outline.crs)


def join_slivers(pieces: gpd.GeoSeries, metric: gpd.GeoSeries, smallest: float) -> gpd.GeoSeries:
    """Join pieces smaller than `smallest`, from the smallest on, to the neighbour with the longest common border.

    Args:
        pieces: Polygons that don't overlap.
        metric: The same in a system of true areas, in metres.
        smallest: km².
    """
    shapes, areas = dict(enumerate(pieces)), dict(enumerate(metric.area / 1e6))
    one, other = metric.sindex.query(metric.geometry, predicate="intersects")
    common = shapely.length(shapely.intersection(metric.to_numpy()[one], metric.to_numpy()[other]))
    borders: dict[int, dict[int, float]] = {k: {} for k in shapes}
    for a, b, length in zip(one.tolist(), other.tolist(), common.tolist(), strict=True):
        if a != b and length > 0:
            borders[a][b] = length
    while small := [k for k in shapes if areas[k] < smallest and borders[k]]:
        sliver = min(small, key=lambda k: areas[k])
        into = max(borders[sliver], key=lambda k: borders[sliver][k])
        shapes[into] = shapely.union(shapes[into], shapes.pop(sliver))
        areas[into] += areas.pop(sliver)
        for neighbour, length in borders.pop(sliver).items():
            del borders[neighbour][sliver]
            if neighbour != into:
                borders[into][neighbour] = borders[neighbour][into] = borders[into].get(neighbour, 0.0) + length
    return gpd.GeoSeries(list(shapes.values()), crs=pieces.crs)
