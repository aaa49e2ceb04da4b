"""What the tables of `make evidence` say about weights, and what these call glacier on real land without any."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.models import Network
from tools.evidence.plan import MAIN
from tools.evidence.tables import summarize
from tools.real_radar import controls

COUNTS = ["tp", "fp", "fn", "tn"]
BESIDE = {"second_annotator": "a second annotator", "threshold": "a threshold of backscatter"}
"""Arms without a network that stand beside a network for comparison."""


def score_table(figures: Path, run: Path, arm: str, *, seed: int) -> pd.DataFrame:
    """Score weights on the test landscapes, beside all seeds of their arm and what is no network.

    Args:
        figures: Folder of the committed tables, such as figures/evidence.
        run: Folder of the run, whose own counts must be those of the tables.
        arm: Such as "unet3d".
        seed: Of the weights.

    Returns:
        A row each, by name, "these weights" first: seeds, landscapes, and the columns of `tables.summarize`.

    Raises:
        InputError: A table is missing, or it is not of this run.
    """
    counts = _read(figures / MAIN / f"seed-{seed}" / "counts.csv")
    own = counts[counts["arm"] == arm]
    _check_run(own, run / "scores" / arm / str(seed) / "counts.csv")
    if (figures / MAIN / "counts.csv").exists():
        counts, others = _read(figures / MAIN / "counts.csv"), _read(figures / MAIN / "scores.csv").set_index("arm")
    else:  # no seed has all arms yet
        others = summarize(_read(figures / MAIN / "baselines.csv"), seedless=tuple(BESIDE)).set_index("arm")
    names = {key: name for key, name in {arm: "all seeds", **BESIDE}.items() if key in others.index}
    first = summarize(own).set_index("arm").rename(index={arm: "these weights"})
    table = pd.concat([first, others.loc[list(names), first.columns].rename(index=names)])
    table["seeds"] = [1, *(_seeds(counts, key) for key in names)]
    table["landscapes"] = own["landscape"].nunique()
    return table


def _seeds(counts: pd.DataFrame, arm: str) -> int:
    """Count the seeds of an arm; 0 for one without a network."""
    return 0 if arm in BESIDE else int(counts.loc[counts["arm"] == arm, "seed"].nunique())


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such table, expected one of `make evidence`")
    return pd.read_csv(path)


def _check_run(own: pd.DataFrame, path: Path) -> None:
    """Refuse a run whose weights are not those that were scored for the tables."""
    keys = ["landscape", "against"]
    there = _read(path).set_index(keys)[COUNTS].sort_index()
    committed = own.set_index(keys)[COUNTS].sort_index()
    if not there.equals(committed):
        raise InputError(f"{path}: other counts found than in the committed tables, those of the same run expected")


def control_table(models: Mapping[str, Network], data: str | Path) -> pd.DataFrame:
    """Measure the share of real Sentinel-1 land without a glacier that networks call glacier, by place.

    Args:
        models: By name.
        data: Folder of real data.

    Returns:
        A row a place and a column a model: the share with its interval over bursts or samples.
    """
    shares = controls.false_shares(dict(models), controls.read_controls(data))
    return shares[shares["name"] == "all"].set_index("place")[list(models)]
