"""Coverage of the 95 % intervals: how often they hold the true area or change of simulated landscapes and glaciers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.inventory import area, change
from glaciersar.inventory.coverage_landscapes import LandscapeSums, landscape_residuals
from glaciersar.inventory.error_model import ErrorModel, fit_errors

LEVEL = 0.95
FOLDS = 5
ROUNDING = 1e-6  # km²: an interval of no width, of a landscape without any doubt, holds what differs by less
GOOD = (0.93, 0.97)
"""Coverage that counts as right."""
FEWEST = 100  # landscapes that tell: with fewer, the standard error of the coverage is larger than what counts as right
SIZES = {"below 1 km²": (0, 1), "1 to 10 km²": (1, 10), "from 10 km²": (10, np.inf)}
"""Classes of glaciers by their true area."""
BIN = 4
"""Degrees of incidence in the middle of a landscape that count together."""
ENDS = {"land": "on land", "sea": "in the sea"}


def measure_areas(
    landscapes: Sequence[LandscapeSums],
    model: ErrorModel,
    *,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give the intervals of the area of each landscape and glacier in its last year, beside the true area.

    Args:
        landscapes: From `coverage_landscapes.sum_landscape`.
        model: From `error_model.fit_errors`, of other landscapes.
        disagreement: Standard deviation of the distance between boundaries, metres, for `area.boundary_error`.
        draws: Draws of each interval.
        seed: Of the draws.

    Returns:
        A row each landscape ("total") and glacier: landscape, orbit, incidence (by `BIN` degrees), tiles, glacier, size
        and end ("land", "sea"; of glaciers), truth, reference (of landscapes), expected (km²), and low and high of
        "blocks", "residuals" and "boundary", such as low_blocks.
    """
    rows = []
    for k, sums in enumerate(landscapes):
        last = max(sums.blocks)
        blocks, length = sums.blocks[last], sums.perimeter[last]
        found = area.intervals(blocks, model, {"total": length}, disagreement=disagreement, draws=draws, seed=seed + k)
        truth = pd.Series({number: part["true"].sum() for number, part in area.parts_of(blocks)})
        found = found.rename(columns={"area": "expected"}).assign(truth=truth)
        for number, row in found.iterrows():
            reference = sums.reference[last] if number == "total" else np.nan
            rows.append(_who(sums, number) | {"reference": reference} | row.to_dict())
    return pd.DataFrame(rows)


def measure_changes(
    landscapes: Sequence[LandscapeSums], model: ErrorModel, *, draws: int = 10_000, seed: int
) -> pd.DataFrame:
    """Give the intervals of the change of each landscape and glacier from its first to its last year.

    Args:
        landscapes: From `coverage_landscapes.sum_landscape`, of two years or more.
        model: From `error_model.fit_errors`, of other landscapes.
        draws: Draws of each interval.
        seed: Of the draws.

    Returns:
        The frame of `measure_areas` for changes, km², with the intervals "residuals" and with detectable.
    """
    rows = []
    for k, sums in enumerate(landscapes):
        first, last = min(sums.blocks), max(sums.blocks)
        parts = {year: dict(area.parts_of(sums.blocks[year])) for year in (first, last)}
        found = change.change_intervals(sums.blocks, model, draws=draws, seed=seed + k)
        for number, row in found.droplevel(["start", "end"]).iterrows():
            true = [parts[year][number]["true"].sum() if number in parts[year] else 0.0 for year in (first, last)]
            reference = sums.reference[last] - sums.reference[first] if number == "total" else np.nan
            told = {"truth": true[1] - true[0], "reference": reference, "expected": row["change"]}
            told |= {"low_residuals": row["low"], "high_residuals": row["high"], "detectable": row["detectable"]}
            rows.append(_who(sums, number) | told)
    return pd.DataFrame(rows)


def measure(
    landscapes: Sequence[LandscapeSums], model: ErrorModel, disagreement: float, *, draws: int = 10_000, seed: int
) -> dict[str, pd.DataFrame]:
    """Give `measure_areas` and `measure_changes` by the names "area" and "change"."""
    areas = measure_areas(landscapes, model, disagreement=disagreement, draws=draws, seed=seed)
    return {"area": areas, "change": measure_changes(landscapes, model, draws=draws, seed=seed)}


def measure_crossed(
    landscapes: Sequence[LandscapeSums], disagreement: float, *, draws: int = 10_000, seed: int, folds: int = FOLDS
) -> dict[str, pd.DataFrame]:
    """Give the frames of `measure`, with each fold of the landscapes measured by the residuals of the others.

    Raises:
        InputError: There are fewer landscapes than folds.
    """
    if len(landscapes) < folds:
        raise InputError(f"{len(landscapes)} landscapes found, at least {folds} expected")
    found: dict[str, list[pd.DataFrame]] = {"area": [], "change": []}
    for fold in range(folds):
        others = [sums for k, sums in enumerate(landscapes) if k % folds != fold]
        model = fit_errors(landscape_residuals(others))
        frames = measure(landscapes[fold::folds], model, disagreement, draws=draws, seed=seed + fold * len(landscapes))
        for name, frame in frames.items():
            found[name].append(frame)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}


def _who(sums: LandscapeSums, number: object) -> dict[str, object]:
    """Tell which landscape or glacier a row is of."""
    low = int(sums.incidence // BIN * BIN)
    columns = {"landscape": sums.name, "orbit": sums.orbit, "incidence": f"{low} to {low + BIN}°"}
    columns |= {"tiles": sums.tiles, "glacier": number}
    if number == "total":
        return columns | {"size": "", "end": ""}
    blocks = sums.blocks[min(sums.blocks)]
    true = blocks.loc[blocks["glacier"] == number, "true"].sum()
    size = next(name for name, (low, high) in SIZES.items() if low <= true < high)
    return columns | {"size": size, "end": "sea" if number in sums.at_sea else "land"}


def interval_coverage(rows: pd.DataFrame, *, against: str = "truth") -> pd.DataFrame:
    """Measure the coverage of each interval: the fraction of the rows whose truth it holds.

    The interval score (Gneiting and Raftery 2007, Journal of the American Statistical Association 102, equation 43) is
    the width, and 2/0.05 times the distance to each truth outside: of two intervals the one with the smaller mean score
    is better, so that neither a wide nor a narrow one wins.

    Args:
        rows: From `measure_areas` or `measure_changes`, or a part of them.
        against: The column that counts as the truth.

    Returns:
        A row each kind of interval: n (rows with one), coverage (of the interval), its standard error (glaciers of one
        landscape err together), the median width, the mean score, bias and error (root mean square) of the expected
        value, in the unit of the frame; verdict ("right" from 0.93 to 0.97, else "too narrow" or "too wide"; of fewer
        than 100 landscapes "too few to tell").
    """
    found = {}
    kinds = [str(column).removeprefix("low_") for column in rows if str(column).startswith("low_")]
    for name in kinds:
        part = rows.dropna(subset=[f"low_{name}", against])
        low, high, true = part[f"low_{name}"], part[f"high_{name}"], part[against]
        below, above = (low - true).clip(lower=0), (true - high).clip(lower=0)
        holds = ((below <= ROUNDING) & (above <= ROUNDING)).astype(float)
        errors = part["expected"] - true
        found[name] = {
            "n": len(part),
            "coverage": holds.mean(),
            "standard_error": _clustered_error(holds, part),
            "width": (high - low).median(),
            "score": (high - low + 2 / (1 - LEVEL) * (below + above)).mean(),
            "bias": errors.mean(),
            "error": np.sqrt((errors**2).mean()),
            "verdict": _verdict(holds.mean(), part["landscape"].nunique() if "landscape" in part else len(part)),
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("interval")


def _clustered_error(holds: pd.Series, rows: pd.DataFrame) -> float:
    """Estimate the standard error of a fraction whose rows of one landscape belong together."""
    if "landscape" not in rows:
        return float(np.sqrt(holds.mean() * (1 - holds.mean()) / max(len(holds), 1)))
    apart = (holds - holds.mean()).groupby(rows["landscape"]).sum()
    return float(np.sqrt((apart**2).sum()) / max(len(holds), 1))


def _verdict(coverage: float, landscapes: int) -> str:
    if landscapes < FEWEST:
        return "too few to tell" if landscapes else "not given"
    return "too narrow" if coverage < GOOD[0] else "too wide" if coverage > GOOD[1] else "right"


def grouped_coverage(rows: pd.DataFrame, *, by: Sequence[str] = ("tiles", "orbit")) -> pd.DataFrame:
    """Measure coverage for landscapes by what they have in common, and for glaciers by size and by end.

    Args:
        rows: From `measure_areas` or `measure_changes`.
        by: Columns that group landscapes: "tiles", "orbit", "incidence".

    Returns:
        The rows of `interval_coverage` for each group (index group, interval).
    """
    whole, glaciers = rows[rows["glacier"] == "total"], rows[rows["glacier"] != "total"]
    groups = {"all landscapes": whole}
    for column in by:
        for value, part in whole.groupby(column):
            groups[f"{value} tiles" if column == "tiles" else f"{column} {value}"] = part
    groups |= {f"glaciers {size}": glaciers[glaciers["size"] == size] for size in SIZES}
    groups |= {f"glaciers that end {where}": glaciers[glaciers["end"] == end] for end, where in ENDS.items()}
    return pd.concat({name: interval_coverage(part) for name, part in groups.items() if len(part)}, names=["group"])
