"""Grids of 10 km tiles: the paper's over Svalbard, and one for any other place; names of tiles, and their split."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError

TILE_SIZE = 10_000.0  # metres
SUBSETS = ("train", "val", "test")
SVALBARD = (0.0, 74.0, 40.0, 82.0)  # west, south, east, north: around the archipelago lies only sea
UTM_NORTH, UTM_SOUTH = 32600, 32700  # EPSG codes of UTM zone 0, which count up by the zone
POLAR = {"north": "EPSG:3413", "south": "EPSG:3031"}  # polar stereographic, WGS 84; UTM ends at 84° N and 80° S

_TILE = r"(SVAL|UTM\d\d[NS]|EPSG\d+)-(-?\d+)-(-?\d+)"  # negative west or south of the origin


@dataclass(frozen=True, kw_only=True, order=True)
class Grid:
    """Squares of one size in one projected system; its name stands in those of its tiles and is read back from them.

    So there is one grid of each system, and that of the paper: `grid_at` gives them.

    Raises:
        InputError: It is another one.
    """

    name: str
    """SVAL (the paper's), else by the system: UTM45N, UTM19S, or EPSG3413."""
    crs: str
    """Projected, in metres, such as EPSG:32645."""
    origin: tuple[float, float] = (0.0, 0.0)
    """Lower left corner of column 0, row 0, metres."""
    tile_size: float = TILE_SIZE
    """Side of a tile, metres."""
    pixel: float = 10.0
    """Usual side of a pixel, metres."""

    def __post_init__(self) -> None:
        own = PAPER
        if self.name != PAPER["name"]:
            code = _code_of(self.crs)
            own = {"name": _name_of_system(code), "crs": f"EPSG:{code}", "origin": (0.0, 0.0)}
        expected = {"tile_size": TILE_SIZE, "pixel": 10.0} | own
        wrong = [f"{key}={getattr(self, key)!r}" for key, value in expected.items() if getattr(self, key) != value]
        if wrong:
            raise InputError(
                f"Grid of {self.crs} with {', '.join(wrong)} found, "
                f"{', '.join(f'{key}={value!r}' for key, value in expected.items())} expected, since tiles are read "
                f"back from their names alone; grid_at(longitude, latitude, crs={self.crs!r}) gives it"
            )

    def tiles_within(self, bounds: tuple[float, float, float, float]) -> "list[Tile]":
        """List the tiles that lie wholly inside `bounds` (left, bottom, right, top; metres, in the grid's system)."""
        (x, y), size = self.origin, self.tile_size
        left, bottom, right, top = bounds
        columns = range(math.ceil((left - x) / size), math.floor((right - x) / size))
        rows = range(math.ceil((bottom - y) / size), math.floor((top - y) / size))
        return [Tile(column=column, row=row, grid=self) for column in columns for row in rows]


def _name_of_system(code: int) -> str:
    """Name the grid of a system by its EPSG code."""
    for letter, base in (("N", UTM_NORTH), ("S", UTM_SOUTH)):
        if 1 <= code - base <= 60:
            return f"UTM{code - base:02d}{letter}"
    return f"EPSG{code}"


@cache
def _code_of(crs: str) -> int:
    """Return the EPSG code of a projected system in metres."""
    try:
        found = pyproj.CRS(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"crs={crs!r}: unknown, a projected system in metres such as EPSG:3413 expected") from error
    code = found.to_epsg()
    if code is None or not found.is_projected or any(axis.unit_conversion_factor != 1 for axis in found.axis_info[:2]):
        raise InputError(
            f"crs={crs!r}: {found.name} found, a projected system in metres with an EPSG code, such as EPSG:3413, "
            f"expected"
        )
    return int(code)


PAPER: dict[str, Any] = {"name": "SVAL", "crs": "EPSG:32633", "origin": (330_000.0, 8_400_000.0)}
SVAL = Grid(**PAPER)
"""The grid of the published dataset."""


def utm_zone(
    longitude: NDArray[np.floating] | np.floating, latitude: NDArray[np.floating] | np.floating
) -> NDArray[np.int64]:
    """Compute the UTM zone of points in degrees, with the wide zones of Svalbard but not those of western Norway."""
    zone = np.floor((np.asarray(longitude) + 180) / 6).astype(int) % 60 + 1  # 180° E is 180° W
    wide = np.select([longitude < 9, longitude < 21, longitude < 33], [31, 33, 35], 37)
    svalbard = (np.asarray(latitude) >= 72) & (np.asarray(longitude) >= 0) & (np.asarray(longitude) < 42)
    return np.where(svalbard, wide, zone)


def grid_at(longitude: float, latitude: float, *, crs: str = "") -> Grid:
    """Choose the grid of a place: the paper's on Svalbard, else that of its UTM zone, or a polar one beyond UTM.

    Args:
        longitude: Degrees.
        latitude: Degrees; north of 84° N the grid is in EPSG:3413, south of 80° S in EPSG:3031.
        crs: Another projected system in metres with an EPSG code, such as EPSG:3413; empty chooses.

    Raises:
        InputError: The system is unknown, has no EPSG code, or is not in metres.
    """
    west, south, east, north = SVALBARD
    named = _of_crs(crs) if crs else None
    if west <= longitude <= east and south <= latitude <= north and named in (None, _of_crs(SVAL.crs)):
        return SVAL
    if named is not None:
        return named
    if latitude > 84 or latitude < -80:
        return _of_crs(POLAR["north" if latitude > 0 else "south"])
    zone = int(utm_zone(np.float64(longitude), np.float64(latitude)))
    return _of_crs(f"EPSG:{(UTM_NORTH if latitude >= 0 else UTM_SOUTH) + zone}")


def middle(points: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> tuple[float, float]:
    """Average points (n, 2) in degrees on the sphere, so that 180° and the poles are places like others."""
    longitude, latitude = np.radians(points).T
    across = np.cos(latitude)
    vectors = np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])  # (3, n)
    x, y, z = (vectors if weights is None else vectors * weights).sum(1)
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


@cache
def _of_crs(crs: str) -> Grid:
    """Make the grid of a projected system, named by it."""
    code = _code_of(crs)
    return Grid(name=_name_of_system(code), crs=f"EPSG:{code}")


@cache
def _of_name(name: str) -> Grid:
    if name == SVAL.name:
        return SVAL
    if name.startswith("UTM"):
        return _of_crs(f"EPSG:{(UTM_NORTH if name[-1] == 'N' else UTM_SOUTH) + int(name[3:5])}")
    return _of_crs(f"EPSG:{name.removeprefix('EPSG')}")


def grid_of_tile(name: str) -> Grid:
    """Read the grid from the name of a tile, such as SVAL-10-38 or UTM45N-48-309."""
    return Tile.parse(name).grid


@dataclass(frozen=True, kw_only=True, order=True)
class Tile:
    """One square of a grid; columns count eastwards, rows northwards."""

    column: int
    row: int
    grid: Grid = SVAL

    @property
    def name(self) -> str:
        return f"{self.grid.name}-{self.column}-{self.row}"

    @classmethod
    def parse(cls, name: str) -> "Tile":
        """Read a name such as SVAL-10-38 or UTM45N-48-309."""
        match = re.fullmatch(_TILE, name)
        if match is None:
            raise InputError(f"tile {name!r} found, a name such as SVAL-10-38 or UTM45N-48-309 expected")
        return cls(column=int(match[2]), row=int(match[3]), grid=_of_name(match[1]))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in metres, in the system of the grid."""
        (x, y), size = self.grid.origin, self.grid.tile_size
        left, bottom = x + size * self.column, y + size * self.row
        return left, bottom, left + size, bottom + size

    def geobox(self, *, pixel: float = 10.0) -> GeoBox:
        """Lay the pixel grid of the tile; `pixel` in metres must divide its side."""
        size = self.grid.tile_size
        if pixel <= 0 or (size / pixel) % 1:
            raise InputError(
                f"pixel={pixel} m does not divide a tile of {size:.0f} m; expected for example 10, 20 or 40"
            )
        return GeoBox.from_bbox(self.bounds, self.grid.crs, resolution=pixel, tight=True)

    def neighbour(self, *, right: int = 0, up: int = 0) -> "Tile":
        """Return the tile of the grid that lies so many columns to the right and rows up."""
        return Tile(column=self.column + right, row=self.row + up, grid=self.grid)

    def apart(self, other: "Tile") -> tuple[int, int]:
        """Count the columns and rows to another tile of the same grid; those of different grids lie far apart."""
        if self.grid != other.grid:
            return 1 << 31, 1 << 31
        return abs(self.column - other.column), abs(self.row - other.row)


def outline_tiles(tiles: Iterable[Tile]) -> gpd.GeoSeries:
    """Draw tiles as squares, in the system of the first one's grid."""
    squares = [gpd.GeoSeries([shapely.box(*tile.bounds)], crs=tile.grid.crs) for tile in tiles]
    first = squares[0].crs
    return pd.concat([square if square.crs == first else square.to_crs(first) for square in squares], ignore_index=True)


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """One entry of a dataset file: a tile in one year, seen from one relative orbit."""

    tile: Tile
    year: int
    relative_orbit: int

    @property
    def name(self) -> str:
        return f"{self.tile.name}_{self.year}_ro{self.relative_orbit}"

    @classmethod
    def parse(cls, name: str) -> "Group":
        """Read a name such as SVAL-10-38_2020_ro14."""
        match = re.fullmatch(rf"({_TILE})_(\d{{4}})_ro(\d{{1,3}})", name)
        if match is None:
            raise InputError(f"group {name!r} is not named like SVAL-10-38_2020_ro14")
        return cls(tile=Tile.parse(match[1]), year=int(match[5]), relative_orbit=int(match[6]))


def split_random(tiles: Iterable[Tile], *, seed: int, shares: Sequence[float] = (0.6, 0.2, 0.2)) -> dict[Tile, str]:
    """Assign tiles to train, val and test at random by name, as the published split does.

    Neighbouring tiles fall into different subsets, so a score on this split is optimistic about new regions;
    `neighbours_sharing_a_subset` measures how much they mix.
    """
    return _deal([[tile] for tile in sorted(set(tiles))], seed=seed, shares=shares)


def split_blocks(
    tiles: Iterable[Tile], *, block: int, seed: int, shares: Sequence[float] = (0.6, 0.2, 0.2)
) -> dict[Tile, str]:
    """Assign whole blocks of `block` × `block` tiles to train, val and test, so that subsets lie apart."""
    blocks: dict[tuple[str, int, int], list[Tile]] = {}
    for tile in sorted(set(tiles)):
        blocks.setdefault(_block(tile, block), []).append(tile)
    return _deal(list(blocks.values()), seed=seed, shares=shares)


def _block(tile: Tile, side: int) -> tuple[str, int, int]:
    return tile.grid.name, tile.column // side, tile.row // side


def splits(tiles: Sequence[Tile], *, block: int, seed: int, shares: Sequence[float]) -> dict[str, dict[Tile, str]]:
    """Split tiles in every way that they allow: "random", and "blocks" if there are blocks enough."""
    found = {"random": split_random(tiles, seed=seed, shares=shares)}
    if len({_block(tile, block) for tile in tiles}) >= len(SUBSETS):
        found["blocks"] = split_blocks(tiles, block=block, seed=seed, shares=shares)
    return found


def choose_split(found: Mapping[str, dict[Tile, str]], name: str) -> dict[Tile, str]:
    """Take one of `splits` by its name."""
    if name not in found:
        raise InputError(f"split={name!r} found, one of {', '.join(found)} expected for these tiles")
    return found[name]


def _deal(pieces: list[list[Tile]], *, seed: int, shares: Sequence[float]) -> dict[Tile, str]:
    """Shuffle pieces and divide them by share; no subset with a share stays empty."""
    if len(shares) != len(SUBSETS) or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise InputError(f"shares={tuple(shares)} found, three shares (train, val, test) that sum to 1 expected")
    if len(pieces) < sum(share > 0 for share in shares):
        raise InputError(f"{len(pieces)} tiles or blocks cannot be split into train, val and test; expected at least 3")
    counts = [int(share > 0) for share in shares]
    while sum(counts) < len(pieces):  # the next piece goes where most is missing; at a tie to the later subset
        counts[max(range(len(shares)), key=lambda k: (round(shares[k] * len(pieces) - counts[k], 9), k))] += 1
    subsets = [subset for subset, count in zip(SUBSETS, counts, strict=True) for _ in range(count)]
    order = np.random.default_rng(seed).permutation(len(pieces))
    return {tile: subset for index, subset in zip(order, subsets, strict=True) for tile in pieces[index]}


def neighbours_sharing_a_subset(split: Mapping[Tile, str]) -> tuple[float, float]:
    """Measure leakage: the share of edge neighbours in one subset, and the share expected by chance.

    Returns:
        Observed and expected share, 0 to 1. Equal numbers mean that the split ignores where tiles lie.
    """
    pairs = [
        (subset, split[neighbour])
        for tile, subset in split.items()
        for neighbour in (tile.neighbour(right=1), tile.neighbour(up=1))
        if neighbour in split
    ]
    if not pairs:
        return math.nan, math.nan
    shares = [sum(s == subset for s in split.values()) / len(split) for subset in SUBSETS]
    return sum(a == b for a, b in pairs) / len(pairs), sum(share**2 for share in shares)
