"""Score a model on each single date of a year, to find what one date alone can tell."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from glaciersar.dataset.date_sampling import DATES
from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.models import Network


def count_by_date(
    model: Network, path: str | Path, *, window: int = 384, progress: bool = False, device: str = "auto"
) -> dict[str, tuple[Confusion, ...]]:
    """Count the pixels of the maps from each single date, whatever dates the model was trained on.

    A model that was trained on several dates sees as many, each of them this one.

    Args:
        model: From `pretrained.load`.
        path: The dataset file: val.h5 to choose a date by `best_date`, test.h5 to score it.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar for each date.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.

    Returns:
        For each tile by name, the counts of each of its 15 dates, in order.

    Raises:
        InputError: The file is not in the published layout, or the model takes no single date.
    """
    counts: dict[str, tuple[Confusion, ...]] = {}
    for date in range(DATES):
        for tile in map_tiles(model, path, window=window, progress=progress, dates=[date], device=device):
            found = np.asarray(tile.found, bool)
            counts[tile.name] = (*counts.get(tile.name, ()), Confusion.of(tile.truth, found, tile.valid))
    return counts


def best_date(counts: Mapping[str, Sequence[Confusion]]) -> int:
    """Choose the date with the highest IoU, pooled over the tiles of `count_by_date`; of equal ones the first."""
    pooled = [sum(of_date, Confusion()).iou for of_date in zip(*counts.values(), strict=True)]
    return int(np.argmax(np.nan_to_num(pooled, nan=-1.0)))  # NaN: no glacier, in no reference and no map
