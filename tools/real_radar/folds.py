"""Train on the labelled X-band patches of all glaciers but one, and score on that one; for each glacier in turn."""

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from glaciersar.dataset.date_sampling import spread_dates
from glaciersar.dataset.labelled_patches import Patch
from glaciersar.evaluation.metrics import Confusion, TileResult
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.grid import Group
from glaciersar.models import pretrained
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tools.real_radar.intervals import ratio_of_sums
from tools.real_radar.patches import write_dataset

FRESH = TrainConfig(
    width=8,
    patch=64,
    batch=4,
    epochs=1,
    steps_per_epoch=400,
    learning_rate=3e-3,
    restarts=(1.0,),
    warmup=80,
    ema_decay=0.99,
    dropout=0.0,
    dates=1,
    precision="float32",
    threads=1,
)
"""The simulated profile's training, shorter, on one date."""
FINE_RATE = 1e-3
"""Highest learning rate from simulated weights: a third of that from fresh ones, set beforehand and not searched."""

ALL_GLACIER = "all called glacier"
AS_THEY_ARE = "unet3d, simulated weights as they are"


def trained_arms(simulated: Path) -> dict[str, TrainConfig]:
    """Name the trainings that are compared; `simulated` is the weight file of unet3d from the simulated run."""
    return {
        "unet2d, from scratch": replace(FRESH, model="unet2d"),
        "unet3d, from scratch": FRESH,
        "unet3d, fine-tuned": replace(FRESH, weights=str(simulated), learning_rate=FINE_RATE),
    }


def map_by_training(config: TrainConfig, fold: Path, name: str) -> list[TileResult]:
    """Train on the files of a fold and map its test.h5; a training that was finished or killed before is taken up."""
    out = fold / name.replace(", ", "-").replace(" ", "-")
    train(config, fold, out, progress=False)
    return list(map_tiles(pretrained.load(out / "weights.safetensors"), fold / "test.h5"))


def map_untrained(simulated: Path, fold: Path) -> dict[str, list[TileResult]]:
    """Map test.h5 of a fold without a training on it: by simulated weights as they are, and as glacier everywhere."""
    results = list(map_tiles(pretrained.load(simulated), fold / "test.h5", dates=spread_dates(1)))
    everywhere = [replace(result, found=np.ones_like(result.truth)) for result in results]
    return {ALL_GLACIER: everywhere, AS_THEY_ARE: results}


def split_fold(named: dict[str, Patch], glacier: str) -> dict[str, list[tuple[str, Patch]]]:
    """Split groups into those of one glacier for the test, one to validate on, and the rest to train on.

    The validation patch is the last of the glacier with most patches, of those that share no tile with another. Nothing
    is chosen by it: the averaged weights of the last step are kept.
    """
    test = [(name, patch) for name, patch in named.items() if patch.glacier == glacier]
    rest = [(name, patch) for name, patch in named.items() if patch.glacier != glacier]
    names = [patch.glacier for _, patch in rest]
    most = max(sorted(set(names)), key=names.count)
    tiles = Counter(Group.parse(name).tile for name, _ in rest)
    alone = [pair for pair in rest if pair[1].glacier == most and tiles[Group.parse(pair[0]).tile] == 1]
    val = alone[-1:]
    return {"train": [pair for pair in rest if pair not in val], "val": val, "test": test}


def leave_one_glacier_out(named: dict[str, Patch], simulated: Path, work: Path) -> pd.DataFrame:
    """Count pixels of every arm on every glacier, which no arm was trained on.

    Args:
        named: From `labelled_patches.name_groups`.
        simulated: Weight file of unet3d from the simulated run.
        work: Folder for the files and trainings of the folds, one a glacier.

    Returns:
        A row an arm and glacier: arm, glacier, tp, fp, fn, tn.
    """
    rows = []
    for number, glacier in enumerate(sorted({patch.glacier for patch in named.values()})):
        fold = work / f"fold-{number}"
        for subset, groups in split_fold(named, glacier).items():
            write_dataset(fold / f"{subset}.h5", groups)
        results = map_untrained(simulated, fold)
        results |= {name: map_by_training(config, fold, name) for name, config in trained_arms(simulated).items()}
        for name, maps in results.items():
            rows.append({"arm": name, "glacier": glacier} | asdict(sum(map(_count, maps), Confusion())))
    return pd.DataFrame(rows)


def _count(result: TileResult) -> Confusion:
    return Confusion.of(result.truth, result.found > 0.5, result.valid)


def summarize_folds(counts: pd.DataFrame, *, seed: int = 1) -> pd.DataFrame:
    """Reduce the counts to a row an arm: IoU of each glacier, pooled and mean IoU with intervals over glaciers.

    The mean leaves out glaciers whose patches show none of it ("–"): any false pixel makes their IoU 0.
    """
    rows = []
    for arm, own in counts.groupby("arm", sort=False):
        either = own["tp"] + own["fp"] + own["fn"]
        shown = (own["tp"] + own["fn"] > 0).astype(float)  # the reference holds glacier
        iou = (own["tp"] / either.where(either > 0)).where(shown > 0)
        pooled = ratio_of_sums(own["tp"].tolist(), either.tolist(), seed=seed)
        mean = ratio_of_sums(iou.fillna(0).tolist(), shown.tolist(), seed=seed)
        each = {name: f"{x:.3f}" if x == x else "–" for name, x in zip(own["glacier"], iou, strict=True)}
        rows.append({"network": arm, "IoU, pooled": str(pooled), "IoU, mean of glaciers": str(mean)} | each)
    return pd.DataFrame(rows)


def tell_folds(counts: pd.DataFrame) -> str:
    """Say in a sentence how many trained networks find the glaciers better than calling everything glacier would."""
    summed = counts.groupby("arm", sort=False)[["tp", "fp", "fn"]].sum()
    pooled = summed["tp"] / summed.sum(axis=1)
    trained = pooled.drop([ALL_GLACIER, AS_THEY_ARE])
    better = int((trained > pooled[ALL_GLACIER]).sum())
    return (
        f"Of {len(trained)} trained networks, {better} have a pooled IoU above that of calling everything glacier "
        f"({pooled[ALL_GLACIER]:.3f}); the best has {trained.max():.3f}."
    )
