"""Area of interest: a point, a box, tiles of the grid or outlines, as one shape in degrees."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.grid import CRS, Tile
from glaciersar.scenes.scene import Scene
from glaciersar.vector_files import check_vector_file

DEGREES = "EPSG:4326"
EXPECTED = "lon,lat, or west,south,east,north in degrees, or tiles such as SVAL-10-38, or a file of outlines"

_TILE = re.compile(r"SVAL-(-?\d+)-(-?\d+)")


def parse_aoi(place: str | Path | Sequence[float] | BaseGeometry) -> BaseGeometry:
    """Parse an area of interest.

    Args:
        place: "15.5,78.9" (a point), "11,78,13,79" (west, south, east, north), "SVAL-10-38,SVAL-10-39" (tiles of the
            grid), the path of a vector file (the convex hull of what it outlines), the numbers themselves, or a shape.

    Returns:
        A shape in degrees, EPSG:4326.

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
    raise InputError(f"place {_text(numbers)} found, {EXPECTED} expected")


def _from_tiles(names: Sequence[str]) -> BaseGeometry:
    boxes = []
    for name in names:
        match = _TILE.fullmatch(name)
        if match is None:
            raise InputError(f"tile {name!r} found, a name such as SVAL-10-38 expected")
        boxes.append(shapely.box(*Tile(column=int(match[1]), row=int(match[2])).bounds))
    hull = shapely.segmentize(
        shapely.union_all(boxes).convex_hull, 1000.0
    )  # its sides are no straight lines in degrees
    outline: BaseGeometry = gpd.GeoSeries([hull], crs=CRS).to_crs(DEGREES).iloc[0]
    return outline


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
    return shapely.union_all(
        shapes.to_crs(DEGREES).convex_hull
    ).convex_hull  # hulls first: outlines may cross themselves


def union_footprint(scenes: Iterable[Scene], crs: str) -> BaseGeometry | None:
    """Return the union of the footprints of scenes in another CRS; None if a scene has none."""
    shapes = [scene.outline for scene in scenes]
    if any(shape is None for shape in shapes):
        return None
    lines = shapely.segmentize(shapely.make_valid(shapes), 0.1)  # straight in degrees, not in metres
    return shapely.union_all(gpd.GeoSeries(lines, crs=DEGREES).to_crs(crs).to_numpy())


def aoi_name(place: str | Path | Sequence[float] | BaseGeometry) -> str:
    """Name an area of interest in messages: as it was given, or a shape by its bounds in degrees."""
    if isinstance(place, BaseGeometry):
        return "the box " + ",".join(f"{bound:g}" for bound in place.bounds)
    return str(place) if isinstance(place, str | Path) else _text(list(place))


def _text(place: object) -> str:
    return ", ".join(f"{number:g}" for number in place) if isinstance(place, list | tuple) else str(place)[:100]
