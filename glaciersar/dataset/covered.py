"""List the tiles that the scenes of an archive cover."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import DEGREES, check_scale, middle_of_place
from glaciersar.grid import Grid, Tile
from glaciersar.scenes.aoi import aoi_name, parse_aoi, place_of_tiles, union_footprint
from glaciersar.scenes.footprint import choose_grid, extent_in, raster_geobox
from glaciersar.scenes.scene import Scene, holds, rasters_of

EDGE = 10.0
"""How far an area of interest must reach into a tile to take it, metres."""
COVERED = 0.5
"""Fraction of a tile that the scenes of a year and orbit must cover, where the archive gives their footprints."""
REMEDY = "make a dataset for each place, or give another crs"
"""Where tiles are not of 10 km on the ground: those of scenes that one grid cannot hold."""


def covered_tiles(
    scenes: Iterable[Scene], polarisation: str, *, place: str | Path | BaseGeometry | None = None, crs: str = ""
) -> list[Tile]:
    """List the tiles of one grid that lie wholly within the rasters of some scenes, and in an area if one is given.

    Rasters of radar scenes have empty corners: where the archive gives footprints, those of one year and orbit must
    cover half of a tile.

    Args:
        scenes: From `find_scenes` or `read_manifest`.
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH".
        place: Area of interest, as for `parse_aoi`; one scene may hold hundreds of tiles. Named tiles tell the grid.
        crs: The system of the grid; empty chooses it by rasters and place, as `footprint.choose_grid` does.

    Raises:
        InputError: No tile in the area, scenes too far apart for one grid, or a scene that lacks one of two
            polarisations.
    """
    by_orbit: dict[tuple[int, int | None], list[Scene]] = {}
    for scene in scenes:
        if holds(scene, polarisation):
            by_orbit.setdefault((scene.time.year, scene.relative_orbit), []).append(scene)
    rasters = [
        raster_geobox(href)
        for found in by_orbit.values()
        for scene in found
        for href in rasters_of(scene, polarisation)
    ]
    if not rasters:
        return []
    squares = _grid_for(rasters, place, crs)
    extents = [extent_in(box, squares.crs) for box in rasters]
    covered = shapely.unary_union(extents).buffer(1e-3)  # a millimetre, against rounding at shared edges
    footprints = [union_footprint(found, squares.crs) for found in by_orbit.values()]
    tiles = [
        tile
        for tile in squares.tiles_within(covered.bounds)
        if covered.covers(shapely.box(*tile.bounds)) and any(covers_enough(shape, tile) for shape in footprints)
    ]
    if place is None:
        check_scale(tiles, remedy=REMEDY)
        return tiles
    shape = gpd.GeoSeries([shapely.segmentize(parse_aoi(place), 0.1)], crs=DEGREES).to_crs(squares.crs).iloc[0]
    # an area made of tiles touches their neighbours, and overlaps them by a metre through rounding
    chosen = [tile for tile in tiles if shape.intersects(shapely.box(*tile.bounds).buffer(-EDGE))]
    if not chosen:
        name = aoi_name(place)
        raise InputError(f"place {name}: no tile found there of the {len(tiles)} that lie wholly within the scenes")
    check_scale(chosen, remedy=REMEDY)
    return chosen


def _grid_for(rasters: Sequence[GeoBox], place: str | Path | BaseGeometry | None, crs: str) -> Grid:
    """Choose the grid of a dataset: that of the tiles that are named, else by rasters and place."""
    if place is None:
        return choose_grid(rasters, crs=crs)
    named = place_of_tiles(place)
    if named is not None:
        return named.grid
    return choose_grid(rasters, crs=crs, where=middle_of_place(parse_aoi(place)))


def covers_enough(footprint: BaseGeometry | None, tile: Tile) -> bool:
    """Tell whether a footprint, in the system of the tile, covers half of it; None is taken to."""
    box = shapely.box(*tile.bounds)
    return footprint is None or footprint.intersection(box).area >= COVERED * box.area
