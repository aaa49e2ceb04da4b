"""Glacier polygons from a probability map of any size: traced without seams, simplified, split by glacier."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2, pixel_areas_km2
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.io import rasters
from glaciersar.polygons import area_parts

SMALLEST = 10_000.0  # m², the smallest glacier of the Randolph Glacier Inventory
BATCH = 4096  # polygons measured at a time
TOUCH = 0.01  # metres: shapes closer than this touch
STEPS = 400  # at most along the edge of ice that is divided among the glaciers it touches
CORNER = 0.5 * np.sqrt(0.5)  # pixels by which a corner moves when it is cut between the middles of two pixel sides


def trace_glaciers(
    path: str | Path, *, threshold: float = 0.5, calibration: Calibration = UNCALIBRATED, smallest: float = SMALLEST
) -> gpd.GeoDataFrame:
    """Trace glacier in a probability map: one polygon for each 4-connected patch, along the sides of the pixels.

    The map is read in windows into a mask on disk, which GDAL traces line by line, so that there is no seam. All
    polygons are in memory at once: about 0.2 kB for each corner, 0.4 GiB for 2 million corners, whatever the size of
    the map. 8-connectivity would give polygons that touch themselves.

    Args:
        path: GeoTIFF of the probability of glacier, one band.
        threshold: Pixels of a larger calibrated probability are glacier; pixels without data are not.
        calibration: From `calibration.read_calibration`.
        smallest: Islands and holes of less area on the ground are left out, m²; 0 keeps every pixel.

    Returns:
        Valid polygons in the CRS of the map, in GDAL's order, by the row in which each ends; `attrs` holds
        raster_km2, the area of the glacier pixels, and traced_km2, the area of all polygons before small ones are
        left out, both on the ground.

    Raises:
        InputError: The map is missing, damaged, not a probability, or without any data; or there is no disk space for
            the mask.
    """
    if not 0 < threshold < 1:
        raise InputError(f"threshold={threshold:g} found, between 0 and 1 expected")
    with rasters.open_map(path) as file, tempfile.TemporaryDirectory() as folder:
        count, raster_km2 = _write_mask(file, Path(folder) / "mask.tif", threshold, calibration)
        crs = file.crs.to_string()
        plane, traced_km2, kept = 0.0, 0.0, []
        try:
            for several in _batched(_trace_mask(Path(folder) / "mask.tif")):
                ground = areas_km2(gpd.GeoSeries(several, crs=crs)).to_numpy()
                plane, traced_km2 = plane + sum(whole.area for whole in several), traced_km2 + float(ground.sum())
                for whole, km2 in zip(several, ground, strict=True):
                    least = float(smallest * whole.area / (km2 * 1e6))  # in the system of the map
                    shape = _without_holes(whole, least)
                    if shape.area >= least:
                        kept.append(shape)
        except rasterio.errors.RasterioError:
            plane = np.nan
        pixel = abs(file.transform.determinant)
        if not abs(plane - count * pixel) < 0.5 * pixel:
            raise InputError(f"{folder}: a mask of {path} cannot be kept whole there, space for it expected")
        frame = gpd.GeoDataFrame(geometry=kept, crs=crs)
    frame.attrs = {"raster_km2": raster_km2, "traced_km2": traced_km2}
    return frame


def _batched(shapes: Iterable[shapely.Polygon]) -> Iterator[list[shapely.Polygon]]:
    """Take many shapes at a time: areas of one by one would take most of the time."""
    left = iter(shapes)
    while several := list(islice(left, BATCH)):
        yield several


def _write_mask(file: DatasetReader, path: Path, threshold: float, calibration: Calibration) -> tuple[int, float]:
    """Write a map as a mask, 1 for glacier and 0 elsewhere; count the glacier pixels, and sum their areas in km²."""
    whole, km2 = rasters.geobox_of(file), 0.0
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": file.width, "height": file.height}
    seen = count = 0
    try:
        with rasterio.open(
            path, "w", **profile, crs=file.crs, transform=file.transform, tiled=True, compress="deflate", zlevel=1
        ) as mask:
            for window in rasters.iter_windows(file):
                probability = rasters.read_window(file, window)
                glacier = calibration(probability) > threshold  # NaN is not above
                seen, count = seen + int(np.isfinite(probability).sum()), count + int(glacier.sum())
                km2 += float(pixel_areas_km2(whole[window.toslices()])[glacier].sum())
                mask.write(glacier.astype(np.uint8), 1, window=window)
    except rasterio.errors.RasterioError as error:
        raise InputError(f"{path.parent}: a mask of {file.name} cannot be written there ({error})") from error
    if not seen:
        raise InputError(f"{file.name}: no pixel with data found, a probability of glacier expected")
    return count, km2


def _trace_mask(path: Path) -> Iterator[shapely.Polygon]:
    with rasterio.open(path) as glacier:
        band = rasterio.band(glacier, 1)
        for rings, _ in rasterio.features.shapes(band, mask=band, connectivity=4, transform=glacier.transform):
            yield shapely.Polygon(rings["coordinates"][0], rings["coordinates"][1:])


def _without_holes(shape: shapely.Polygon, smallest: float) -> shapely.Polygon:
    """Fill the holes smaller than `smallest`; islands in them are smaller still, and are left out anyway."""
    return shapely.Polygon(shape.exterior, [hole for hole in shape.interiors if shapely.Polygon(hole).area >= smallest])


def simplify_outlines(polygons: gpd.GeoDataFrame, *, pixel: float) -> gpd.GeoDataFrame:
    """Smooth the staircase edges of traced polygons; no edge moves by more than half a pixel.

    Every corner is cut between the middles of the pixel sides that meet there, which moves the edge by √2/4 of a pixel
    and keeps the area. The rest of the half pixel is the tolerance of the simplification (Douglas and Peucker 1973).
    Memory grows by about 0.6 kB for each corner of the largest polygon.

    Args:
        polygons: From `trace_glaciers`, not yet split.
        pixel: Side of a pixel, metres.

    Returns:
        Valid polygons; other columns are unchanged.
    """
    tolerance = (0.5 - CORNER) * pixel
    simple = polygons.geometry.map(lambda shape: _cut(shape, pixel).simplify(tolerance))
    crossed = ~simple.is_valid
    return polygons.set_geometry(simple.where(~crossed, area_parts(simple[crossed].make_valid())))


def _cut(shape: shapely.Polygon, pixel: float) -> shapely.Polygon:
    return shapely.Polygon(_cut_ring(shape.exterior, pixel), [_cut_ring(ring, pixel) for ring in shape.interiors])


def _cut_ring(ring: shapely.LinearRing, pixel: float) -> NDArray[np.float64]:
    corners = shapely.get_coordinates(ring)[:-1]  # (n, 2)
    here = np.sign(np.roll(corners, -1, axis=0) - corners) * pixel / 2  # half a pixel towards the next corner
    there = np.sign(np.roll(corners, 1, axis=0) - corners) * pixel / 2
    return np.stack((corners + there, corners + here), axis=1).reshape(-1, 2)


def split_by_glacier(polygons: gpd.GeoDataFrame, glaciers: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Split polygons by glacier, along ice divides or along the outlines of an inventory.

    Ice outside the inventory goes to the glacier that it touches; if it touches several, each part goes to the nearest.
    Ice that touches no glacier becomes a row of its own, without attributes.

    Args:
        polygons: Outlines of one year.
        glaciers: Lines (ice divides) or polygons (an inventory of one year) that don't overlap; any CRS. Lines and
            points among polygons, and polygons without an area, are left out, with a printed line.

    Returns:
        With lines, a row each piece. With polygons, a row each glacier that still has ice, with the attributes of the
        inventory, then a row each piece that touches no glacier.

    Raises:
        InputError: The polygons of the inventory overlap, so that ice would count twice.
    """
    glaciers = glaciers.to_crs(polygons.crs)
    if glaciers.geom_type.isin(("LineString", "MultiLineString")).all():
        return _split_by_lines(polygons, glaciers)
    glaciers, polygons = _of_area(glaciers).reset_index(drop=True), _of_area(polygons)
    attributes = glaciers.drop(columns=glaciers.geometry.name)
    shapes = gpd.GeoDataFrame({"glacier": glaciers.index}, geometry=glaciers.geometry.array, crs=polygons.crs)
    ice = gpd.GeoDataFrame(geometry=polygons.geometry.array, crs=polygons.crs)
    inside = gpd.overlay(ice, shapes, how="intersection", keep_geom_type=not ice.empty)
    outside = gpd.overlay(ice, shapes, how="difference", keep_geom_type=not ice.empty).explode(ignore_index=True)
    km2 = {name: areas_km2(part).sum() for name, part in (("in", inside), ("out", outside), ("ice", ice))}
    twice = km2["in"] + km2["out"] - km2["ice"]
    if twice > 1e-3 * km2["ice"]:
        source = glaciers.attrs.get("source", "the inventory")
        raise InputError(f"{source}: {twice:.2f} km² of ice in two outlines found, outlines apart expected")
    assigned = [_assign(piece, inside) for piece in outside.geometry]
    parts = gpd.GeoDataFrame(
        {"glacier": [g for part in assigned for g, _ in part]},
        geometry=[shape for part in assigned for _, shape in part],
        crs=polygons.crs,
    )
    new = parts[parts["glacier"] < 0].drop(columns="glacier")
    known = _concat(inside, parts[parts["glacier"] >= 0]).dissolve("glacier")
    return _concat(known.join(attributes), new).reset_index(drop=True)


def _of_area(shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Leave out what has no area: `geopandas.overlay` takes polygons alone."""
    kept = shapes.set_geometry(area_parts(shapes.geometry))
    flat = kept.geometry.isna() | kept.geometry.is_empty
    if flat.any():
        source = shapes.attrs.get("source", "outlines")
        print(f"{source}: of {len(shapes)} shapes {int(flat.sum())} without an area left out")
        kept = kept[~flat]
    kept.attrs = shapes.attrs
    return kept


def _concat(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.concat((one, other)), crs=one.crs)


def _split_by_lines(polygons: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Cut each polygon along lines that cross it from edge to edge; a line that ends inside cuts nothing."""
    cuts = shapely.union_all(lines.geometry)
    pieces = []
    for shape in polygons.geometry:
        net = shapely.union(shapely.boundary(shape), shapely.intersection(cuts, shape))
        faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(net)))
        pieces += [face for face in faces if shape.contains(face.representative_point())]  # not the holes
    return gpd.GeoDataFrame(geometry=pieces, crs=polygons.crs)


def _assign(piece: shapely.Polygon, inside: gpd.GeoDataFrame) -> list[tuple[int, shapely.Geometry]]:
    """Divide a piece outside the inventory among the glaciers that it touches: (number, part); −1 for none."""
    near = inside.iloc[inside.sindex.query(piece, predicate="dwithin", distance=TOUCH)]
    if near["glacier"].nunique() <= 1:
        return [(int(near["glacier"].iat[0]) if len(near) else -1, piece)]
    around = piece.buffer(TOUCH)
    spacing = max(np.sqrt(piece.area) / 20, piece.length / STEPS)  # a sliver has next to no area, whatever its length
    corner = np.floor(piece.bounds[:2])  # far from it, cells of points close together are rounded to no valid polygons
    owner: dict[tuple[float, float], int] = {}
    for g, shape in zip(near["glacier"], near.geometry, strict=True):
        edge = shapely.segmentize(shape.boundary.intersection(around), spacing)
        owner |= {(x, y): int(g) for x, y in shapely.get_coordinates(edge) - corner}
    here = shapely.transform(piece, lambda points: points - corner)
    diagram = shapely.voronoi_polygons(shapely.MultiPoint(list(owner)), extend_to=here, ordered=True)
    cells = shapely.make_valid(shapely.get_parts(diagram))
    owners = np.array(list(owner.values()))
    parts = {int(g): here.intersection(shapely.union_all(cells[owners == g])) for g in np.unique(owners)}
    back = {g: shapely.transform(part, lambda points: points + corner) for g, part in parts.items()}
    return [(g, part) for g, whole in back.items() for part in shapely.get_parts(whole) if part.area]
