"""Intervals of area of single networks and of ensembles beside the truth: how wide, and how often they hold it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.grid import Group
from glaciersar.inference.calibration import Calibration, fit_calibration
from glaciersar.inference.ensemble import calibrate_spread
from glaciersar.inference.histogram import ProbabilityHistogram
from glaciersar.inventory import area, block_sums, error_model
from glaciersar.inventory.interval_coverage import interval_coverage
from glaciersar.inventory.member_spread import MEMBERS, member_spread
from tools.ensembles.maps import MemberMaps

PARTS = ("residuals", "bound", "areas")
"""What an interval is made of: residuals alone; with the spread as the package adds it; with that of the areas."""
FOLDS = 5
SEED = 101

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Tiles as some members map them together."""

    rule: Calibration
    """Of the mean, from validation tiles."""
    known: Mapping[str, pd.DataFrame]
    """Sums of the validation tiles with the reference as truth, by tile."""
    tested: Mapping[str, pd.DataFrame]
    """Sums of the test tiles with the truth and, of several members, the spread, by tile."""
    deviation: Mapping[str, float]
    """Standard deviation of the areas of the members, km², by test tile; 0 of one."""


def ensembles_of(members: int) -> dict[int, list[list[int]]]:
    """List ensembles of each size that some members make up, none of which shares a member with another."""
    sizes = [size for size in range(1, members + 1) if size == members or members // size > 1]
    return {size: [[*range(first, first + size)] for first in range(0, members - size + 1, size)] for size in sizes}


def sum_ensemble(
    chosen: Sequence[int],
    val: Mapping[str, MemberMaps],
    test: Mapping[str, MemberMaps],
    truth: Mapping[str, Mask],
    *,
    pixel: float,
) -> Ensemble:
    """Calibrate the mean of some members on validation tiles, and sum validation and test tiles.

    Args:
        chosen: Which members.
        val: From `maps.read_maps`.
        test: From `maps.read_maps`.
        truth: True glacier (H, W) of the test tiles.
        pixel: Metres.
    """
    histogram = ProbabilityHistogram.empty()
    for tile in val.values():
        mean = _mean(tile, chosen)
        histogram += ProbabilityHistogram.of(mean, tile.reference, np.isfinite(mean))
    rule = fit_calibration(histogram, "temperature")
    known = {
        name: block_sums.sum_blocks(
            rule(_mean(tile, chosen)), Group.parse(name).tile.geobox(pixel=pixel), truth=tile.reference
        )
        for name, tile in val.items()
    }
    tested, deviation = {}, {}
    for name, tile in test.items():
        box, mean, between = Group.parse(name).tile.geobox(pixel=pixel), _mean(tile, chosen), None
        if len(chosen) > 1:
            spread = tile.probability[chosen].std(0, ddof=1, dtype=float)
            between = calibrate_spread(rule, mean, spread)
        tested[name] = block_sums.sum_blocks(rule(mean), box, truth=truth[name], between=between)
        areas = [block_sums.sum_blocks(rule(tile.probability[k]), box)["expected"].sum() for k in chosen]
        deviation[name] = float(np.std(areas, ddof=1)) if len(areas) > 1 else 0.0
    return Ensemble(rule=rule, known=known, tested=tested, deviation=deviation)


def _mean(tile: MemberMaps, chosen: Sequence[int]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = tile.probability[list(chosen)].mean(0, dtype=float).astype(np.float32)
    return mean


def measure(ensemble: Ensemble, *, draws: int) -> pd.DataFrame:
    """Give the intervals of the area of each test tile, by the residuals of validation tiles and of other test tiles.

    Returns:
        A row each tile and source: landscape, source ("validation tiles", "other test tiles"), truth, expected, and
        low and high of `PARTS`, km²; spread (s_A) and deviation (of the members' areas), km².

    Raises:
        InputError: There are fewer test tiles than folds.
    """
    names = list(ensemble.tested)
    if len(names) < FOLDS:
        raise InputError(f"{len(names)} test tiles found, at least {FOLDS} expected")
    few = error_model.fit_errors(error_model.residuals(ensemble.known))
    rows = []
    for fold in range(FOLDS):
        others = {name: ensemble.tested[name] for k, name in enumerate(names) if k % FOLDS != fold}
        sources = {"validation tiles": few, "other test tiles": error_model.fit_errors(error_model.residuals(others))}
        for k, name in enumerate(names):
            if k % FOLDS == fold:
                for source, errors in sources.items():
                    rows.append({"landscape": name, "source": source} | _intervals(ensemble, name, errors, draws, k))
    return pd.DataFrame(rows)


def _intervals(ensemble: Ensemble, name: str, errors: error_model.ErrorModel, draws: int, k: int) -> dict[str, float]:
    """Give the intervals of one tile by name, such as low_residuals."""
    blocks, deviation = ensemble.tested[name], ensemble.deviation[name]
    spread = member_spread(blocks)
    row = {"truth": float(blocks["true"].sum()), "expected": float(blocks["expected"].sum())}
    for part, size in zip(PARTS, (0.0, spread, deviation), strict=True):
        scaled = blocks.assign(**{MEMBERS: blocks[MEMBERS] * size / spread}) if spread else blocks
        found = area.residual_interval(scaled, errors, draws=draws, seed=SEED + k)
        ends = found.to_dict("index")["total"]
        row |= {f"low_{part}": ends["low"], f"high_{part}": ends["high"]}
    return row | {"spread": spread, "deviation": deviation}


def tabulate(measured: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Tell how wide intervals are and how often they hold the truth, by size of the ensemble, source and part.

    Args:
        measured: Rows of `measure` of all ensembles of a size, by the size.

    Returns:
        The columns of `interval_coverage.interval_coverage`; index networks, source, interval.
    """
    frames = {
        (size, source): interval_coverage(part)
        for size, rows in measured.items()
        for source, part in rows.groupby("source", sort=False)
    }
    table: pd.DataFrame = pd.concat(frames, names=["networks", "source"])
    return table


def describe_spreads(measured: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Set the spread that is added beside how far the areas of the members lie apart, and beside the errors.

    Returns:
        A row each size of two or more: spread, deviation and error of the expected area (km², medians of the test
        tiles; error is absolute), and rank (Spearman's correlation of spread and error over the tiles).
    """
    rows = {}
    for size, found in measured.items():
        tiles = found[found["source"] == "validation tiles"]
        error = (tiles["expected"] - tiles["truth"]).abs()
        if size > 1:
            rows[size] = {
                "spread": tiles["spread"].median(),
                "deviation": tiles["deviation"].median(),
                "error": error.median(),
                "rank": tiles["spread"].corr(error, method="spearman"),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("networks")
