"""Count on new simulated landscapes how often the intervals hold the truth, for notebook 07."""

from collections.abc import Mapping

import pandas as pd

from glaciersar.inference.calibration import Calibration
from glaciersar.inventory import coverage_landscapes, interval_coverage
from glaciersar.inventory.error_model import ErrorModel
from glaciersar.models import Network

Measured = dict[str, dict[str, pd.DataFrame]]
YEARS, ORBITS = (2016, 2020), (14, 174)


def count_on_landscapes(
    network: Network,
    errors: ErrorModel,
    *,
    landscapes: int,
    calibration: Calibration,
    disagreement: float,
    pixel: float,
    looks: float,
    draws: int,
    seed: int,
    progress: bool = False,
) -> Measured:
    """Map simulated landscapes in two years, and give the intervals of their areas and changes beside the truth.

    Args:
        network: From `pretrained.load`.
        errors: From `fit_errors`, of the validation tiles of a run.
        landscapes: How many, at least five; 0 for none.
        calibration: Of the probabilities.
        disagreement: Metres, see `area.boundary_error`.
        pixel: Metres, as in the training of the network.
        looks: Equivalent number of looks of a pixel.
        draws: Draws of each interval.
        seed: Of landscapes and draws.
        progress: Show a progress bar.

    Returns:
        The frames "area" and "change" of `interval_coverage.measure`, by whose residuals the intervals come from:
        "validation tiles" of the run, and "other landscapes", four fifths of those mapped here for the other fifth.
        Empty for no landscapes.
    """
    if not landscapes:
        return {}
    maps = coverage_landscapes.map_landscapes(
        network,
        landscapes=range(landscapes),
        pixel=pixel,
        years=YEARS,
        relative_orbits=ORBITS,
        looks=looks,
        seed=seed,
        progress=progress,
    )
    added = [coverage_landscapes.sum_landscape(mapped, calibration=calibration) for mapped in maps]
    return {
        "validation tiles": interval_coverage.measure(added, errors, disagreement, draws=draws, seed=seed),
        "other landscapes": interval_coverage.measure_crossed(added, disagreement, draws=draws, seed=seed),
    }


def tabulate_coverage(measured: Mapping[str, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """Tell how often each kind of interval holds the truth, by quantity, residuals and group.

    Args:
        measured: From `count_on_landscapes`, not empty.

    Returns:
        The columns of `interval_coverage.interval_coverage`; index "of, km²", "residuals of", group, interval.
    """
    frames = {
        (of, by): interval_coverage.grouped_coverage(rows)
        for by, quantities in measured.items()
        for of, rows in quantities.items()
    }
    table: pd.DataFrame = pd.concat(frames, names=["of, km²", "residuals of"])
    return table.rename(columns={"standard_error": "standard error"})


def whole_landscapes(measured: Mapping[str, Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Take the rows of whole landscapes, with intervals from other landscapes, by quantity; empty if there are none."""
    return {of: rows[rows["glacier"] == "total"] for of, rows in measured.get("other landscapes", {}).items()}
