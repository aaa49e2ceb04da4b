"""Glacier area from calibrated probabilities, with three 95 % intervals.

The expected area is the sum of the probabilities, from `block_sums`. Three intervals are given side by side: from the
variation between blocks (as the authors' follow-up reports it), from the residuals of validation tiles, and from the
disagreement of two boundaries.
"""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.grid import ORIGIN_X, ORIGIN_Y, TILE_SIZE
from glaciersar.inventory.block_sums import BLOCK, CORNER, NO_GLACIER, mapped_area

Array = NDArray[np.float64]


def resample(values: Array, *, draws: int, rng: np.random.Generator) -> Array:
    """Draw bootstrap samples of n rows, with replacement, and sum the rows of each sample.

    Args:
        values: (n, k); the values of a row are drawn together.
        draws: Bootstrap samples.
        rng: Random stream.

    Returns:
        (draws, k) sums.
    """
    n = len(values)
    step = max(1, 4_000_000 // n)  # so that memory does not grow with the region
    counts = (rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - k)) for k in range(0, draws, step))
    return np.concatenate([count @ values for count in counts])


def block_bootstrap(blocks: pd.DataFrame, *, draws: int = 10_000, seed: int, level: float = 0.95) -> pd.DataFrame:
    """Give areas with the interval of the authors' follow-up: blocks of 3.2 km drawn with replacement.

    The interval is the variation of the area if other blocks of the same kind were mapped. It is not the error of this
    map, of which every block is known: see `residual_interval`.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        draws: Bootstrap samples.
        seed: The same seed gives the same interval.
        level: Fraction of the samples within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped.
    """
    rng = np.random.default_rng(seed)
    whole, most = blocks.groupby(["row", "column"])["expected"].sum(), mapped_area(blocks)
    rows: dict[Hashable, dict[str, float]] = {}
    drawn = resample(whole.to_numpy()[:, None], draws=draws, rng=rng)[:, 0]
    rows["total"] = _interval(drawn, whole.sum(), level, most["total"])
    for number, part in blocks[blocks["glacier"] != NO_GLACIER].groupby("glacier"):
        drawn = resample(part[["expected"]].to_numpy(), draws=draws, rng=rng)[:, 0]
        rows[number] = _interval(drawn, part["expected"].sum(), level, most[number])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def _interval(drawn: Array, area: float, level: float, most: float) -> dict[str, float]:
    """Give an area and its interval, which ends at 0 and at `most`, the mapped area."""
    low, high = np.clip(np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)), 0, most)
    return {"area": float(area), "low": float(low), "high": float(high)}


def residuals(scenes: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure the error of the expected area of validation blocks, relative to the doubt there.

    Args:
        scenes: From `block_sums.sum_tiles`: the frame with the truth, by the name of a tile, year and orbit.

    Returns:
        A row each block with any doubt: scene and z = (true − expected) / √spread, in km.

    Raises:
        InputError: No block has any doubt, or the truth of one is not known.
    """
    table = pd.concat(scenes, names=["scene"]).reset_index("scene")
    table = table[table["spread"] > 1e-6]
    if table.empty or table["true"].isna().any():
        raise InputError("validation blocks without any doubt or without a truth found, some with both expected")
    z = (table["true"] - table["expected"]) / np.sqrt(table["spread"])
    return pd.DataFrame({"scene": table["scene"], "z": z}).reset_index(drop=True)


def draw_errors(blocks: pd.DataFrame, known: pd.DataFrame, *, draws: int, rng: np.random.Generator) -> dict[int, Array]:
    """Draw errors of the area of each glacier from the residuals of validation blocks.

    All blocks of one 10 km tile draw from the same validation scene, because the errors of a model are correlated
    within a scene. The errors of a tile keep their signs or all change them (the wild cluster bootstrap, Cameron and
    others 2008, Review of Economics and Statistics 90): a calibrated area is as often too large as too small, but a few
    scenes are too few to show it. An error grows with the root of the doubt, as the sum of independent errors of
    stretches of boundary does.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        known: From `residuals`.
        draws: Bootstrap samples.
        rng: Random stream.

    Returns:
        (draws,) km² by the number of the glacier, −1 for none.
    """
    groups = [part.to_numpy() for _, part in known.groupby("scene")["z"]]
    length, pool = np.array([len(group) for group in groups]), np.concatenate(groups)
    start = np.cumsum(length) - length
    tile = [  # of the 10 km grid, by the middle of the block
        (corner + (blocks[side] + 0.5) * BLOCK - origin) // TILE_SIZE
        for side, corner, origin in (("row", CORNER[1], ORIGIN_Y), ("column", CORNER[0], ORIGIN_X))
    ]
    errors = {int(number): np.zeros(draws) for number in np.unique(blocks["glacier"])}
    for _, part in blocks.groupby(tile):
        scene, sign = rng.integers(len(groups), size=draws), rng.choice((-1.0, 1.0), size=draws)
        for number, spread in zip(part["glacier"], part["spread"], strict=True):
            z = pool[start[scene] + (rng.random(draws) * length[scene]).astype(int)]
            errors[int(number)] += sign * z * np.sqrt(spread)
    return errors


def residual_interval(
    blocks: pd.DataFrame, known: pd.DataFrame, *, draws: int = 10_000, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Give areas with the interval from the residuals of validation blocks: the error of this map.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        known: From `residuals`.
        draws: Bootstrap samples.
        seed: The same seed gives the same interval.
        level: Fraction of the samples within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped.
    """
    errors = draw_errors(blocks, known, draws=draws, rng=np.random.default_rng(seed))
    areas, most = blocks.groupby("glacier")["expected"].sum(), mapped_area(blocks)
    rows: dict[Hashable, dict[str, float]] = {}
    rows["total"] = _interval(areas.sum() + np.sum(list(errors.values()), axis=0), areas.sum(), level, most["total"])
    rows |= {k: _interval(areas[k] + errors[k], areas[k], level, most[k]) for k in errors if k != NO_GLACIER}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def boundary_error(perimeter: float, disagreement: float, *, correlation: float = np.inf) -> float:
    """Estimate half the width of the 95 % interval of an area from the distance between two boundaries of it.

    Args:
        perimeter: Of the outlines, km.
        disagreement: Standard deviation of the distance between boundaries, metres.
        correlation: Length along the boundary over which an error keeps its sign, km; infinite means one error
            along the whole perimeter, as a buffer around the outlines assumes (Paul and others 2017, Remote Sensing of
            Environment 203).

    Returns:
        km².
    """
    return 1.96 * disagreement / 1e3 * float(np.sqrt(perimeter * min(correlation, perimeter)))


def intervals(
    blocks: pd.DataFrame,
    known: pd.DataFrame,
    perimeters: Mapping[Hashable, float],
    *,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give areas with their 95 % intervals of all three kinds.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        known: From `residuals`.
        perimeters: Of "total" and of glaciers by number, km; a glacier without one gets no interval of the boundary.
        disagreement: Standard deviation of the distance between boundaries, metres, for `boundary_error`.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.

    Returns:
        A row each glacier by its number, and "total": area, and low and high of "blocks", "residuals" and "boundary",
        such as low_blocks, km²; none below 0 or above what is mapped.
    """
    found = {
        "blocks": block_bootstrap(blocks, draws=draws, seed=seed),
        "residuals": residual_interval(blocks, known, draws=draws, seed=seed),
    }
    sides = {f"{side}_{name}": frame[side] for name, frame in found.items() for side in ("low", "high")}
    table = pd.DataFrame({"area": found["blocks"]["area"]} | sides)
    half = pd.Series({key: boundary_error(length, disagreement) for key, length in perimeters.items()}, dtype=float)
    half, most = half.reindex(table.index), mapped_area(blocks).reindex(table.index)
    low, high = (table["area"] - half).clip(lower=0), (table["area"] + half).clip(upper=most)
    return table.assign(low_boundary=low, high_boundary=high)
