"""The 10 km tile grid of the paper, the names of its tiles, and how tiles are split into subsets."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError

CRS = "EPSG:32633"
TILE_SIZE = 10_000.0  # metres
ORIGIN_X, ORIGIN_Y = 330_000.0, 8_400_000.0  # lower left corner of column 0, row 0
SUBSETS = ("train", "val", "test")

_GROUP = re.compile(r"SVAL-(-?\d+)-(-?\d+)_(\d{4})_ro(\d{1,3})")  # negative west or south of the origin


@dataclass(frozen=True, kw_only=True, order=True)
class Tile:
    """One square of the grid; columns count eastwards, rows northwards."""

    column: int
    row: int

    @property
    def name(self) -> str:
        return f"SVAL-{self.column}-{self.row}"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in metres, EPSG:32633."""
        left, bottom = ORIGIN_X + TILE_SIZE * self.column, ORIGIN_Y + TILE_SIZE * self.row
        return left, bottom, left + TILE_SIZE, bottom + TILE_SIZE

    def geobox(self, *, pixel: float = 10.0) -> GeoBox:
        """Lay the pixel grid of the tile; `pixel` in metres must divide 10 km."""
        if pixel <= 0 or (TILE_SIZE / pixel) % 1:
            raise InputError(
                f"pixel={pixel} m does not divide a tile of {TILE_SIZE:.0f} m; expected for example 10, 20 or 40"
            )
        return GeoBox.from_bbox(self.bounds, CRS, resolution=pixel, tight=True)


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
        match = _GROUP.fullmatch(name)
        if match is None:
            raise InputError(f"group {name!r} is not named like SVAL-10-38_2020_ro14")
        column, row, year, orbit = map(int, match.groups())
        return cls(tile=Tile(column=column, row=row), year=year, relative_orbit=orbit)


def tiles_within(bounds: tuple[float, float, float, float]) -> list[Tile]:
    """List the tiles that lie wholly inside `bounds` (left, bottom, right, top; metres, EPSG:32633)."""
    left, bottom, right, top = bounds
    columns = range(math.ceil((left - ORIGIN_X) / TILE_SIZE), math.floor((right - ORIGIN_X) / TILE_SIZE))
    rows = range(math.ceil((bottom - ORIGIN_Y) / TILE_SIZE), math.floor((top - ORIGIN_Y) / TILE_SIZE))
    return [Tile(column=column, row=row) for column in columns for row in rows]


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
    blocks: dict[tuple[int, int], list[Tile]] = {}
    for tile in sorted(set(tiles)):
        blocks.setdefault((tile.column // block, tile.row // block), []).append(tile)
    return _deal(list(blocks.values()), seed=seed, shares=shares)


def splits(tiles: Sequence[Tile], *, block: int, seed: int, shares: Sequence[float]) -> dict[str, dict[Tile, str]]:
    """Split tiles in every way that they allow: "random", and "blocks" if there are blocks enough."""
    found = {"random": split_random(tiles, seed=seed, shares=shares)}
    if len({(tile.column // block, tile.row // block) for tile in tiles}) >= len(SUBSETS):
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
        for neighbour in (Tile(column=tile.column + 1, row=tile.row), Tile(column=tile.column, row=tile.row + 1))
        if neighbour in split
    ]
    if not pairs:
        return math.nan, math.nan
    shares = [sum(s == subset for s in split.values()) / len(split) for subset in SUBSETS]
    return sum(a == b for a, b in pairs) / len(pairs), sum(share**2 for share in shares)
