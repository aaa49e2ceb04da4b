"""Places of the simulated landscapes: blocks of tiles that an orbit sees, over Svalbard or around another place."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

from glaciersar import geodesy, grid
from glaciersar.simulate.geometry import orbits_that_see, scene_incidence

COLUMNS, ROWS = (7, 51), (10, 56)  # first and last of the published tiles
AROUND = 8  # landscapes in a row around another place, and rows
GOLDEN = 0.6180339887  # steps of this fraction visit a sorted list evenly, however early one stops


def bounds_of(corner: grid.Tile, side: int) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top of `side` × `side` tiles from their lower left one, metres, of its grid."""
    left, bottom, _, _ = corner.bounds
    return left, bottom, left + side * corner.grid.tile_size, bottom + side * corner.grid.tile_size


def list_places_around(longitude: float, latitude: float, side: int, *, crs: str = "") -> tuple[grid.Tile, ...]:
    """List places of landscapes of `side` × `side` tiles around one in degrees, by their lower left tile.

    Places are blocks of the place's grid with a free block between them, row by row from the one that holds the place.

    Args:
        longitude: Degrees.
        latitude: Degrees.
        side: Tiles along each side.
        crs: As for `grid.grid_at`.
    """
    squares = grid.grid_at(longitude, latitude, crs=crs)
    x, y = geodesy.project(longitude, latitude, squares.crs)
    column, row = (
        math.floor((value - origin) / squares.tile_size / side) * side
        for value, origin in zip((x, y), squares.origin, strict=True)
    )
    first = grid.Tile(column=column, row=row, grid=squares)
    return tuple(first.neighbour(right=2 * side * (k % AROUND), up=2 * side * (k // AROUND)) for k in range(AROUND**2))


@cache
def list_places(side: int, relative_orbits: tuple[int, ...]) -> tuple[grid.Tile, ...]:
    """List the places of landscapes of `side` × `side` tiles by their lower left tile.

    Places are blocks of the grid with a free block between them. They take turns between the orbits, and those of an
    orbit are spread over its incidence, so that the first few hold all that many do.

    Args:
        side: Tiles along each side.
        relative_orbits: Of 14 and 174; each place is seen by one of them at least.
    """
    first_column, first_row = (-(-first // side) * side for first, _ in (COLUMNS, ROWS))
    corners = [
        grid.Tile(column=column, row=row)
        for row in range(first_row, ROWS[1] + 2 - side, 2 * side)
        for column in range(first_column, COLUMNS[1] + 2 - side, 2 * side)
    ]
    queues = [_spread(corners, side, orbit) for orbit in relative_orbits]
    turns = (corner for turn in zip_longest(*queues) for corner in turn if corner is not None)
    return tuple(dict.fromkeys(turns))  # a place that two orbits see is taken once


def _spread(corners: Sequence[grid.Tile], side: int, orbit: int) -> list[grid.Tile]:
    """Order the places that an orbit sees so that any number of them from the first on covers its incidence evenly."""
    seen = [corner for corner in corners if orbits_that_see(bounds_of(corner, side), (orbit,))]
    seen.sort(key=lambda corner: scene_incidence(orbit, *bounds_of(corner, side)[:2]))
    return [seen[k] for k in sorted(range(len(seen)), key=lambda k: (k * GOLDEN) % 1)]
