"""The committed tables of the experiment of `make evidence`: read a part, or say which command makes it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation.statistics import COUNTS
from glaciersar.io.atomic import visible

PARTS = ("main", "steps", "dates", "data", "drift", "training")
"""Parts of the experiment, in the order in which they are told."""


def read_part(folder: str | Path, part: str) -> dict[str, pd.DataFrame]:
    """Read the tables of a part of the experiment.

    Args:
        folder: figures/evidence, which has a folder for each part.
        part: One of `PARTS`.

    Returns:
        Every table by its name, such as "scores"; none where no seed of the part has been run with all arms.

    Raises:
        InputError: There is no such part.
    """
    if part not in PARTS:
        raise InputError(f"part {part!r} of the experiment found, one of {', '.join(PARTS)} expected")
    if not Path(folder, part, "scores.csv").exists():
        return {}
    return {path.stem: pd.read_csv(path) for path in visible(Path(folder, part).glob("*.csv"))}


def how_to_make(part: str) -> str:
    """Say in a sentence that the tables of a part are not there, and which command makes them."""
    return f"Part {part} has no tables yet: `make evidence PART={part}` makes them."


def pooled_iou(counts: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Pool the counts of a table over all but some columns.

    Args:
        counts: Columns tp, fp, fn and `by`. Where there is a column against, rows against the reference count.
        by: Columns that tell apart what is scored, such as arm and seed.

    Returns:
        A row a group, in the order of the table: columns `by`, iou.
    """
    own = counts[counts["against"] == "reference"] if "against" in counts else counts
    summed = own.groupby(list(by), sort=False)[COUNTS].sum().astype(float)
    iou = summed["tp"] / (summed["tp"] + summed["fp"] + summed["fn"])
    return iou.rename("iou").reset_index()
