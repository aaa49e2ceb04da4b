"""Glacier area from calibrated probabilities, with three 95 % intervals.

The expected area is the sum of the probabilities, from `block_sums`. Three intervals are given side by side: from the
variation between blocks (as the authors' follow-up reports it), from the residuals of validation tiles, and from the
disagreement of two boundaries. All end at 0 and at what is mapped. They are cut there, and not bent by a logit, because
a region without any ice, or all of ice, is possible, and an interval on a logit never holds it.
"""

from collections.abc import Hashable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import lengths_km
from glaciersar.inventory.block_sums import NO_GLACIER, mapped_area
from glaciersar.inventory.error_model import ErrorModel, draw_errors

Array = NDArray[np.float64]

FEWEST_BLOCKS = 20  # from which drawing blocks with replacement tells how an area varies
TOUCH = 1.0  # metres: edges closer than this are one


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
    map, of which every block is known: see `residual_interval`. Fewer than 20 blocks get no interval: so few vary less
    among themselves than those that they stand for.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        draws: Bootstrap samples.
        seed: The same seed gives the same interval.
        level: Fraction of the samples within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped; NaN
        for fewer than 20 blocks.
    """
    rng = np.random.default_rng(seed)
    most = mapped_area(blocks)
    rows: dict[str | int, dict[str, float]] = {}
    for number, part in parts_of(blocks):
        whole = part.groupby(["row", "column"])["expected"].sum()
        rows[number] = {"area": float(whole.sum()), "low": np.nan, "high": np.nan}
        if len(whole) >= FEWEST_BLOCKS:
            drawn = resample(whole.to_numpy()[:, None], draws=draws, rng=rng)[:, 0]
            rows[number] = _interval(drawn, whole.sum(), level, most[number])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def parts_of(blocks: pd.DataFrame) -> list[tuple[str | int, pd.DataFrame]]:
    """List the blocks of "total", which are all, and of each glacier by its number."""
    glaciers = blocks[blocks["glacier"] != NO_GLACIER].groupby("glacier")
    return [("total", blocks), *((int(str(number)), part) for number, part in glaciers)]


def _interval(drawn: Array, area: float, level: float, most: float) -> dict[str, float]:
    """Give an area and its interval, which ends at 0 and at `most`, the mapped area."""
    low, high = np.clip(np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)), 0, most)
    return {"area": float(area), "low": float(low), "high": float(high)}


def residual_interval(
    blocks: pd.DataFrame, model: ErrorModel, *, draws: int = 10_000, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Give areas with the interval from the residuals of validation blocks: the error of this map.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        model: From `error_model.fit_errors`.
        draws: Draws of the error.
        seed: The same seed gives the same interval.
        level: Fraction of the draws within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped.
    """
    rng, most = np.random.default_rng(seed), mapped_area(blocks)
    rows: dict[str | int, dict[str, float]] = {}
    for number, part in parts_of(blocks):
        area = part["expected"].sum()
        error = draw_errors(model, [part], draws=draws, rng=rng)[:, 0]
        rows[number] = _interval(area + error, area, level, most[number])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def free_perimeters(glaciers: gpd.GeoDataFrame, extent: BaseGeometry) -> pd.Series:
    """Measure the boundaries of glaciers against land and sea.

    The edge of the map is no boundary of a glacier, and a divide is a boundary of two that neither gains nor loses.

    Args:
        glaciers: Outlines that don't overlap, in a system of metres, such as of `vectorize.split_by_glacier`.
        extent: What is mapped, in the same system.

    Returns:
        km, by the index of the outlines, and "total", in which no divide counts.
    """
    edge = shapely.boundary(extent).buffer(TOUCH)
    free = glaciers.geometry.boundary.difference(edge)
    lines: dict[Hashable, BaseGeometry] = {}
    for place, (key, line) in enumerate(free.items()):
        near = np.setdiff1d(glaciers.sindex.query(line, predicate="dwithin", distance=TOUCH), [place])
        divides = shapely.union_all(shapely.buffer(free.iloc[near].array, TOUCH))
        lines[key] = shapely.difference(line, divides)
    lengths = lengths_km(gpd.GeoSeries(lines, crs=glaciers.crs))
    return pd.concat([pd.Series({"total": lengths.sum()}), lengths])


def boundary_error(perimeter: float, disagreement: float, *, correlation: float = np.inf) -> float:
    """Estimate half the width of the 95 % interval of an area from the distance between two boundaries of it.

    Args:
        perimeter: Of the outlines against land and sea, km; see `free_perimeters`.
        disagreement: Standard deviation of the distance between boundaries, metres; see
            `annotators.boundary_disagreement`.
        correlation: Length along the boundary over which an error keeps its sign, km; infinite means one error
            along the whole perimeter, as a buffer around the outlines assumes (Paul and others 2017, Remote Sensing of
            Environment 203).

    Returns:
        km².
    """
    return 1.96 * disagreement / 1e3 * float(np.sqrt(perimeter * min(correlation, perimeter)))


def intervals(
    blocks: pd.DataFrame,
    model: ErrorModel,
    perimeters: Mapping[Hashable, float],
    *,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give areas with their 95 % intervals of all three kinds.

    Args:
        blocks: From `block_sums.sum_blocks`, `sum_map` or `sum_tiles`.
        model: From `error_model.fit_errors`.
        perimeters: Of "total" and of glaciers by number, km; a glacier without one gets no interval of the boundary.
        disagreement: Standard deviation of the distance between boundaries, metres, for `boundary_error`.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.

    Returns:
        A row each glacier by its number, and "total": area, and low and high of "blocks", "residuals" and "boundary",
        such as low_blocks, km²; none below 0 or above what is mapped.

    Raises:
        InputError: The disagreement is not a length.
    """
    if not 0 <= disagreement < np.inf:
        raise InputError(f"disagreement={disagreement} found, metres from 0 on expected")
    found = {
        "blocks": block_bootstrap(blocks, draws=draws, seed=seed),
        "residuals": residual_interval(blocks, model, draws=draws, seed=seed),
    }
    sides = {f"{side}_{name}": frame[side] for name, frame in found.items() for side in ("low", "high")}
    table = pd.DataFrame({"area": found["blocks"]["area"]} | sides)
    half = pd.Series({key: boundary_error(length, disagreement) for key, length in perimeters.items()}, dtype=float)
    half, most = half.reindex(table.index), mapped_area(blocks).reindex(table.index)
    low, high = (table["area"] - half).clip(lower=0), (table["area"] + half).clip(upper=most)
    return table.assign(low_boundary=low, high_boundary=high)
