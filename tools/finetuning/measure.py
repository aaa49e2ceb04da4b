"""Train and score the arms of each cell of the comparison, a seed and a number of tiles; what is there stays."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.io.atomic import atomic_write
from glaciersar.io.process_pool import run_all
from glaciersar.models import Network, pretrained
from glaciersar.training.loop import train
from tools.finetuning import data
from tools.finetuning.plan import AS_SHIPPED, SCRATCH, TUNED, Plan


def measure(plan: Plan, work: Path, *, counts: Sequence[int], seeds: Sequence[int], jobs: int = 1) -> None:
    """Simulate, train and score all that is missing of some cells.

    Args:
        plan: What is compared.
        work: Folder of archive, dataset, trainings and scores.
        counts: Numbers of tiles.
        seeds: Of the plan's.
        jobs: Trainings at a time, one thread each; the numbers do not depend on it.
    """
    folder = data.build(plan, work)
    if not (shipped := work / "scores" / "as-shipped.csv").exists():
        scores = score(pretrained.load(plan.start), folder / "test.h5")
        write(scores.assign(arm=AS_SHIPPED, tiles=0, seed=0), shipped)
    curve: list[tuple[Plan, Path, int, int, str]] = []
    others: list[tuple[Plan, Path, int, int, str]] = []
    for seed in seeds:
        for count in counts:
            for arm in plan.arms(count):
                (curve if arm in (SCRATCH, TUNED) else others).append((plan, work, count, seed, arm))
    trainings = curve + others  # the curve first: it is what a run that is stopped should have
    if jobs == 1:
        for training in trainings:
            measure_arm(*training)
        return
    for _ in run_all(measure_arm, trainings, workers=jobs):
        pass


def measure_arm(plan: Plan, work: Path, count: int, seed: int, arm: str) -> None:
    """Train and score one arm of a cell, unless it has its score."""
    torch.set_num_threads(1)
    slug = arm.replace(" ", "-")
    scores = work / "scores" / f"seed-{seed}-tiles-{count}-{slug}.csv"
    if scores.exists():
        return
    folder, source = work / "cells" / f"seed-{seed}-tiles-{count}", work / "dataset"
    for name, wanted in (("val.h5", 1), ("train.h5", count)):
        if not (folder / name).exists():
            data.copy_tiles(source / name, data.choose_tiles(source / name, wanted, seed=seed), folder / name)
    train(replace(plan.arms(count)[arm], seed=seed), folder, folder / slug, progress=False)
    found = score(pretrained.load(folder / slug / "weights.safetensors"), source / "test.h5")
    write(found.assign(arm=arm, tiles=count, seed=seed), scores)


def score(model: Network, test: Path) -> pd.DataFrame:
    """Count the pixels of a network's maps of the test tiles against their reference: a row a tile."""
    rows = []
    for result in map_tiles(model, test, device="cpu"):
        counts = Confusion.of(result.truth, result.found > 0.5, result.valid)
        rows.append({"tile": result.name} | asdict(counts))
    return pd.DataFrame(rows)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)


def read(work: Path) -> pd.DataFrame:
    """Read all scores: seed, tiles, arm, IoU pooled over the test tiles, and the counts."""
    every = pd.concat([pd.read_csv(path) for path in sorted((work / "scores").glob("*.csv"))])
    counts = every.groupby(["tiles", "arm", "seed"], sort=True)[["tp", "fp", "fn", "tn"]].sum().reset_index()
    counts.insert(3, "iou", counts["tp"] / (counts["tp"] + counts["fp"] + counts["fn"]))
    return counts
