"""Train and score the cells of the comparison, each a seed and a number of tiles; what is there stays."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.io.atomic import atomic_write
from glaciersar.io.process_pool import spawn_pool
from glaciersar.models import Network, pretrained
from glaciersar.training.loop import train
from tools.finetuning import data
from tools.finetuning.plan import AS_SHIPPED, Plan


def measure(plan: Plan, work: Path, *, counts: Sequence[int], seeds: Sequence[int], jobs: int = 1) -> None:
    """Simulate, train and score all that is missing of some cells.

    Args:
        plan: What is compared.
        work: Folder of archive, dataset, trainings and scores.
        counts: Numbers of tiles.
        seeds: Of the plan's.
        jobs: Cells at a time, one thread each; the numbers do not depend on it.
    """
    folder = data.build(plan, work)
    if not (shipped := work / "scores" / "as-shipped.csv").exists():
        scores = score(pretrained.load(plan.start), folder / "test.h5")
        write(scores.assign(arm=AS_SHIPPED, tiles=0, seed=0), shipped)
    cells = [(plan, work, count, seed) for seed in seeds for count in counts]
    if jobs == 1:
        for cell in cells:
            measure_cell(*cell)
        return
    with spawn_pool(jobs) as pool:
        for done in [pool.submit(measure_cell, *cell) for cell in cells]:
            done.result()


def measure_cell(plan: Plan, work: Path, count: int, seed: int) -> None:
    """Train and score the arms of one cell that have no score yet."""
    torch.set_num_threads(1)
    folder, source = work / "cells" / f"seed-{seed}-tiles-{count}", work / "dataset"
    for name, config in plan.arms(count).items():
        slug = name.replace(" ", "-")
        scores = work / "scores" / f"seed-{seed}-tiles-{count}-{slug}.csv"
        if scores.exists():
            continue
        if not (folder / "train.h5").exists():
            data.copy_tiles(source / "val.h5", data.choose_tiles(source / "val.h5", 1, seed=seed), folder / "val.h5")
            data.copy_tiles(
                source / "train.h5", data.choose_tiles(source / "train.h5", count, seed=seed), folder / "train.h5"
            )
        train(replace(config, seed=seed), folder, folder / slug, progress=False)
        found = score(pretrained.load(folder / slug / "weights.safetensors"), source / "test.h5")
        write(found.assign(arm=name, tiles=count, seed=seed), scores)


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
