"""The error of a mapped area: shared by a whole map, a tile and a block, measured on validation tiles.

Were the logits of a map all too low by a small δ, its area would be too small by δ Σ p (1 − p): the derivative of a
probability by its logit is p (1 − p). So the error of a block with the spread s = Σ p (1 − p) is taken to be

    e = s (δ_map + δ_tile + δ_block) + √s ε,

with effects that the whole map, one 10 km tile or one 3.2 km block has in common, and pixels that err each on its own.
Each effect has a part that stays from year to year, and cancels in a change, and a part of one year. The variances
are those that fit the products of residuals best: of two blocks of one map, of one tile, of one block in two years
(method of moments, as Rao 1971, Journal of Multivariate Analysis 1, without negative variances).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from glaciersar.errors import InputError
from glaciersar.grid import TILE_SIZE, Group, Tile
from glaciersar.inventory.block_sums import BLOCK, OFFSET, SUMS
from glaciersar.inventory.member_spread import draw_spreads

Array = NDArray[np.float64]

LEVELS = ("map", "tile", "block", "pixels")
"""What an error is shared by, from the largest to the smallest."""
SMALLEST_SPREAD = 1e-6  # km², of a block that can tell something about errors
MAP = ["landscape", "orbit", "year"]
PLACE = ["landscape", "orbit", "tile", "row", "column"]
ROUNDS = 4  # of weights and variances in turn; they settle in three


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """Variances of the effects on the areas of maps, with the number of effects that each was measured from."""

    stays: Mapping[str, float]
    """Variance of the part that stays from year to year, by level; of logits, and of km for "pixels"."""
    year: Mapping[str, float]
    """Variance of the part of one year, by level."""
    count: Mapping[str, float]
    """Independent effects behind the variance of a level (Kish's effective number of landscapes, tiles and blocks)."""
    landscapes: int
    """Validation landscapes."""
    paired: bool
    """False if no place was seen from one orbit in two years: the errors of two years then count as independent."""

    def table(self) -> pd.DataFrame:
        """Show the standard deviations by level: in all, of what stays, of one year; and the effects behind them."""
        stays, year = pd.Series(self.stays), pd.Series(self.year)
        columns = {"in all": np.sqrt(stays + year), "stays": np.sqrt(stays), "one year": np.sqrt(year)}
        return pd.DataFrame(columns | {"effects": pd.Series(self.count)}).rename_axis("level")


def residuals(scenes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Collect the errors of the blocks of validation tiles. Tiles that touch are one landscape.

    Args:
        scenes: From `block_sums.sum_tiles`: the frame with the truth, by the name of the group (tile, year, orbit).

    Returns:
        A row each block of a map (landscape, year and orbit) with any doubt: landscape, orbit, year, tile, row,
        column, spread and error (true − expected), km².

    Raises:
        InputError: A name is not that of a group, no block has any doubt, or the truth of one is not known.
    """
    groups = {name: Group.parse(name) for name in scenes}
    owner = _landscapes(sorted({group.tile for group in groups.values()}))
    maps: dict[tuple[str, int, int], list[pd.DataFrame]] = {}
    for name, group in groups.items():
        maps.setdefault((owner[group.tile], group.relative_orbit, group.year), []).append(scenes[name])
    parts = [
        map_residuals(pd.concat(tiles), landscape=landscape, orbit=orbit, year=year)
        for (landscape, orbit, year), tiles in maps.items()
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"error": []})
    if table.empty or table["error"].isna().any():
        raise InputError("validation blocks without any doubt or without a truth found, some with both expected")
    return table


def map_residuals(blocks: pd.DataFrame, *, landscape: str, orbit: int, year: int) -> pd.DataFrame:
    """Give the frame of `residuals` for one map.

    Args:
        blocks: From `block_sums`, with the truth; a block in several parts is put together.
        landscape: Name of the landscape; the same one in all its years and orbits.
        orbit: Relative orbit.
        year: Of the map.
    """
    whole = blocks.groupby(["row", "column"], as_index=False)[SUMS].sum(min_count=1)
    whole = whole[whole["spread"] > SMALLEST_SPREAD]
    columns = {"landscape": landscape, "orbit": orbit, "year": year, "tile": tile_numbers(whole)}
    columns |= {name: whole[name] for name in ("row", "column", "spread")}
    return pd.DataFrame(columns | {"error": whole["true"] - whole["expected"]}).reset_index(drop=True)


def tile_numbers(blocks: pd.DataFrame) -> NDArray[np.int64]:
    """Number the 10 km tile of the grid that holds the middle of each block: 10,000 times its row and its column."""
    column, row = (
        np.floor((offset + (blocks[side].to_numpy() + 0.5) * BLOCK) / TILE_SIZE).astype(int)
        for side, offset in zip(("column", "row"), OFFSET, strict=True)
    )
    number: NDArray[np.int64] = 10_000 * row + column
    return number


def _landscapes(tiles: list[Tile]) -> dict[Tile, str]:
    """Give each tile the name of its landscape: that of the first of the tiles that touch, corners too."""
    owner: dict[Tile, str] = {}
    for first in tiles:
        waiting = [] if first in owner else [first]
        while waiting:
            tile = waiting.pop()
            owner[tile] = first.name
            waiting += [other for other in tiles if other not in owner and max(tile.apart(other)) == 1]
    return owner


def fit_errors(known: pd.DataFrame) -> ErrorModel:
    """Measure the variances of the effects from residuals.

    Where no map has two tiles, what a tile and a map have in common cannot be told apart, and all of it counts to the
    map, which gives a larger region the wider interval. Few landscapes can by chance show no error that a whole map
    shares: one more is supposed, in whose only tile no one could tell it from that of the tile. Without a place seen
    from one orbit in two years nothing is known to stay, and the errors of two years count as independent; that is
    printed.

    Args:
        known: From `residuals`.
    """
    lone = known.groupby(MAP)["tile"].nunique().max() < 2
    told = np.array([level != "tile" or not lone for level in LEVELS])
    one, two = _pairs(known)
    if two.empty:
        print("no place seen from one orbit in two years: the errors of two years count as independent")
    stays, year = np.zeros(len(LEVELS)), np.zeros(len(LEVELS))
    for _ in range(ROUNDS):
        weighed = _weigh(known, stays + year)
        stays, year = _solve(_moments(weighed, one), None if two.empty else _moments(weighed, two), told)
    effects = _effects(weighed)
    for variance in (stays, year):
        variance[0] += variance[1] / (effects[0] + 1)  # map and tile, in order
    fitted = [dict(zip(LEVELS, values.tolist(), strict=True)) for values in (stays, year, effects)]
    landscapes = known["landscape"].nunique()
    return ErrorModel(stays=fitted[0], year=fitted[1], count=fitted[2], landscapes=landscapes, paired=not two.empty)


def _weigh(known: pd.DataFrame, variance: Array) -> pd.DataFrame:
    """Divide the residuals by their present standard deviations, and those of a map by that of the map.

    So neither large blocks nor large maps outweigh the others. Adds q, the residual, and its sensitivity to the shared
    effects and to the pixels, x and u: the product of the q of two blocks has the expectation variance × x x.
    """
    s = known["spread"]
    expected = variance[:3].sum() * s**2 + variance[3] * s if variance.any() else s
    whole = (s**2 / expected).groupby([known[name] for name in MAP]).transform("sum")
    scale = 1 / np.sqrt(expected * (1 + variance[0] * whole))
    return known.assign(q=scale * known["error"], x=scale * s, u=scale * np.sqrt(s))


def _pairs(known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pair each block with itself, and with the same place seen from the same orbit in a later year.

    Returns:
        For each of the two kinds, a row each pair: the positions "first" and "other" of the blocks, and the numbers of
        the pair of maps, of tiles and of blocks that it belongs to.
    """
    blocks = known[[*PLACE, "year"]].assign(at=np.arange(len(known)))
    both = blocks.merge(blocks, on=PLACE, suffixes=("", "_other"))
    of_maps = [*MAP, "year_other"]
    numbers = {"map": both.groupby(of_maps).ngroup(), "tile": both.groupby([*of_maps, "tile"]).ngroup()}
    numbers["block"] = pd.Series(np.arange(len(both)))
    table = pd.DataFrame({"first": both["at"], "other": both["at_other"]} | numbers)
    return table[both["year"] == both["year_other"]], table[both["year"] < both["year_other"]]


def _moments(weighed: pd.DataFrame, pairs: pd.DataFrame) -> tuple[Array, Array]:
    """Sum the normal equations of the products of two residuals over all pairs of blocks of two maps, by level.

    Args:
        weighed: From `_weigh`.
        pairs: From `_pairs`.

    Returns:
        (4, 4) matrix and (4,) right side for the variances of `LEVELS`.
    """
    q, x, u = (weighed[name].to_numpy()[pairs[["first", "other"]].to_numpy().T] for name in ("q", "x", "u"))  # (2, n)
    matrix, right = np.zeros((len(LEVELS), len(LEVELS))), np.zeros(len(LEVELS))
    for k, level in enumerate(LEVELS[:3]):
        number = pairs[level].to_numpy()
        one, other = ([np.bincount(number, part) for part in (q[side] * x[side], x[side] ** 2)] for side in (0, 1))
        right[k] = one[0] @ other[0]
        matrix[: k + 1, k] = matrix[k, : k + 1] = one[1] @ other[1]  # two blocks of a tile share a map, too
    shared, alone = x.prod(axis=0), u.prod(axis=0)
    matrix[:3, 3] = matrix[3, :3] = shared @ alone
    matrix[3, 3], right[3] = alone @ alone, q.prod(axis=0) @ alone
    return matrix, right


def _solve(
    within: tuple[Array, Array], between: tuple[Array, Array] | None, told: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Solve for the variances of what stays and of what is of one year, none negative, (4,) each."""
    none = (np.zeros_like(within[0]), np.zeros_like(within[1]))
    other = none if between is None else between
    matrix = np.block([[within[0] + other[0], within[0]], [within[0], within[0]]])
    right = np.concatenate([within[1] + other[1], within[1]])
    kept = np.concatenate([told & (between is not None), told])
    values, vectors = np.linalg.eigh(matrix[np.ix_(kept, kept)])
    values = np.maximum(values, 1e-12 * values.max())
    root = (vectors * np.sqrt(values)) @ vectors.T  # least squares with this root has the same normal equations
    found = np.zeros(2 * len(LEVELS))
    found[kept], _ = optimize.nnls(root, np.linalg.solve(root, right[kept]))
    return found[: len(LEVELS)], found[len(LEVELS) :]


def _effects(weighed: pd.DataFrame) -> Array:
    """Count the effects behind each variance, (4,): Kish's effective number, as those with little doubt tell less.

    The years and orbits of a place count once, because a part of their errors is the same.
    """
    found = []
    for place, within in ((["landscape"], MAP), (["landscape", "tile"], [*MAP, "tile"])):
        told = weighed["x"].pow(2).groupby([weighed[name] for name in dict.fromkeys([*place, *within])]).sum() ** 2
        found.append(told.groupby(level=place).sum())
    for name in ("x", "u"):
        found.append(weighed[name].pow(4).groupby([weighed[key] for key in ("landscape", "row", "column")]).sum())
    return np.array([told.sum() ** 2 / (told**2).sum() for told in found])


def draw_errors(
    model: ErrorModel, maps: Sequence[pd.DataFrame], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the errors of the area of one region or glacier in a map, or in the maps of two years.

    The effects are normal. A variance measured from n effects is uncertain: each draw divides it by a χ² with n
    degrees of freedom over n, so that an error follows Student's t, wide where few landscapes are known. Of the mean of
    several networks, what they disagree about is added (`member_spread`), from a stream of its own.

    Args:
        model: From `fit_errors`.
        maps: From `block_sums`, the rows of the region or glacier, in one year or in two.
        draws: Number of draws.
        rng: Random stream.

    Returns:
        (draws, years) km², to be added to the expected area.
    """
    errors = np.zeros((draws, len(maps)))
    for level, shared in zip(LEVELS, _shared_spreads(maps), strict=True):  # shared: (years, years)
        stays, year, count = model.stays[level], model.year[level], model.count[level]
        covariance = stays * shared + year * np.diag(np.diag(shared))
        if not covariance.any():
            continue
        scale = np.sqrt(count / rng.chisquare(count, draws))
        normal = rng.standard_normal((draws, len(maps)))
        errors += scale[:, None] * (normal @ _root(covariance).T)
    return errors + draw_spreads(maps, draws=draws, rng=rng.spawn(1)[0])


def _shared_spreads(maps: Sequence[pd.DataFrame]) -> list[Array]:
    """Sum the products of the spreads that share an effect, (years, years) for each level."""
    every = pd.concat(maps, ignore_index=True)
    year = np.repeat(np.arange(len(maps)), [len(blocks) for blocks in maps])
    spread = every["spread"].to_numpy(float)
    block = 1_000_000 * every["row"].to_numpy() + every["column"].to_numpy()  # far fewer columns than that
    _, tile = np.unique(tile_numbers(every), return_inverse=True)
    found = []
    for key in (np.zeros(len(every)), tile, block):
        effects, number = np.unique(key, return_inverse=True)
        sums = np.zeros((len(effects), len(maps)))
        np.add.at(sums, (number, year), spread)
        found.append(sums.T @ sums)
    sums = np.sqrt(sums)  # of the pixels of a block
    return [*found, sums.T @ sums]


def _root(covariance: Array) -> Array:
    """Give the lower triangle whose product with its transpose is the covariance of one or two years."""
    if len(covariance) == 1:
        return np.sqrt(covariance)
    first = np.sqrt(covariance[0, 0])
    other = covariance[0, 1] / first if first else 0.0
    return np.array([[first, 0.0], [other, np.sqrt(max(covariance[1, 1] - other**2, 0.0))]])
