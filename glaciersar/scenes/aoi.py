"""Area of interest: a point, a box, tiles of the grid or outlines, as one shape in degrees."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import DEGREES, join_at_180, split_at_180
from glaciersar.grid import Tile, outline_tiles
from glaciersar.scenes.scene import Scene
from glaciersar.vector_files import check_vector_file

EXPECTED = "lon,lat, or west,south,east,north in degrees, or tiles such as SVAL-10-38, or a file of outlines"

_TILE = re.compile(r"[A-Z0-9]+-(-?\d+)-(-?\d+)")  # of any grid; `Tile.parse` knows which there are
_ZONE = re.compile(r"UTM(\d+)[NS]-")
FARTHEST = 2e7
"""Metres from the origin of a system; half the Earth's circumference."""


def parse_aoi(place: str | Path | Sequence[float] | BaseGeometry) -> BaseGeometry:
    """Parse an area of interest.

    Args:
        place: "15.5,78.9" (a point), "11,78,13,79" (west, south, east, north; over 180° the west is the larger, as in
            "178,66,-178,68"), "SVAL-10-38,SVAL-10-39" (tiles of a grid), the path of a vector file (the convex hull of
            what it outlines), the numbers themselves, or a shape.

    Returns:
        A shape in degrees, EPSG:4326; of a part on each side of 180° where it reaches over it.

    Raises:
        InputError: None of these, or no place on Earth.
    """
    shape = place if isinstance(place, BaseGeometry) else _parse(place)
    west, south, east, north = shape.bounds if not shape.is_empty else (0, 1, 0, -1)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InputError(f"place {_text(place)}: {_text(shape.bounds)} found, longitudes and latitudes expected")
    return shape


def _parse(place: str | Path | Sequence[float]) -> BaseGeometry:
    if not isinstance(place, str | Path):
        return _from_numbers([float(number) for number in place])
    parts = [part.strip() for part in str(place).split(",")]
    try:
        return _from_numbers([float(part) for part in parts])
    except InputError:
        raise
    except ValueError:
        pass
    tiles = [_TILE.fullmatch(part) for part in parts]
    if any(tiles):
        return _from_tiles(parts)
    return _from_file(Path(place))


def _from_numbers(numbers: list[float]) -> BaseGeometry:
    if len(numbers) == 2:
        return shapely.Point(numbers)
    if len(numbers) == 4:
        west, south, east, north = numbers
        if west < east and south < north:
            return shapely.box(west, south, east, north)
        if -180 <= east < 0 < west <= 180 and east + 360 - west < 180 and south < north:
            return split_at_180(shapely.box(west, south, east + 360, north))
    raise InputError(f"place {_text(numbers)} found, {EXPECTED} expected")


def _from_tiles(names: Sequence[str]) -> BaseGeometry:
    boxes = outline_tiles([_tile(name) for name in names])
    # the sides of the hull are no straight lines in degrees
    hull = gpd.GeoSeries([boxes.union_all().convex_hull.segmentize(1000.0)], crs=boxes.crs).to_crs(DEGREES).iloc[0]
    if not np.isfinite(shapely.get_coordinates(hull)).all():
        raise InputError(f"place {','.join(names)}: no place on Earth found, {EXPECTED} expected")
    return split_at_180(join_at_180(hull))


def _tile(name: str) -> Tile:
    """Read the name of a tile, of a zone that there is and not beyond the Earth."""
    zone = _ZONE.match(name)
    if zone and not 1 <= int(zone[1]) <= 60:
        raise InputError(f"tile {name}: zone {zone[1]} found, a UTM zone from 01 to 60 expected")
    tile = Tile.parse(name)
    if max(map(abs, tile.bounds)) > FARTHEST:
        raise InputError(f"tile {name}: no place on Earth found, one expected")
    return tile


def _from_file(path: Path) -> BaseGeometry:
    if not path.exists():
        raise InputError(f"place {path}: no such file, {EXPECTED} expected")
    check_vector_file(path)
    try:
        shapes = gpd.read_file(path).geometry
    except Exception as error:  # pyogrio raises its own kinds
        raise InputError(f"{path}: cannot be read as outlines ({error}), a vector file expected") from error
    shapes = shapes[~(shapes.isna() | shapes.is_empty)]
    if shapes.empty or shapes.crs is None:
        missing = "no shape" if shapes.empty else "no coordinate system"
        raise InputError(f"{path}: {missing} found, outlines of a place expected")
    hulls = [join_at_180(hull) for hull in shapes.to_crs(DEGREES).convex_hull]  # first: outlines may cross themselves
    return split_at_180(join_at_180(shapely.union_all(hulls)).convex_hull)


def union_footprint(scenes: Iterable[Scene], crs: str) -> BaseGeometry | None:
    """Return the union of the footprints of scenes in another CRS; None if a scene has none."""
    shapes = [scene.outline for scene in scenes]
    if any(shape is None for shape in shapes):
        return None
    apart = [split_at_180(join_at_180(shape)) for shape in shapes if shape is not None]
    lines = shapely.segmentize(shapely.make_valid(apart), 0.1)  # straight in degrees, not in metres
    return shapely.union_all(gpd.GeoSeries(lines, crs=DEGREES).to_crs(crs).to_numpy())


def place_of_tiles(place: str | Path | Sequence[float] | BaseGeometry) -> Tile | None:
    """Return the first of the tiles that an area of interest is made of; None where it is something else."""
    first = str(place).partition(",")[0].strip()
    return _tile(first) if _TILE.fullmatch(first) else None


def aoi_name(place: str | Path | Sequence[float] | BaseGeometry) -> str:
    """Name an area of interest in messages: as it was given, or a shape by its bounds in degrees."""
    if isinstance(place, BaseGeometry):
        return "the box " + ",".join(f"{bound:g}" for bound in join_at_180(place).bounds)
    return str(place) if isinstance(place, str | Path) else _text(list(place))


def _text(place: object) -> str:
    return ", ".join(f"{number:g}" for number in place) if isinstance(place, list | tuple) else str(place)[:100]
