"""Does weight averaging steady the validation, and do seeds and processors agree?

After `make reproduce`, `python -m benchmarks.settling` trains what is missing under runs/settling, an hour on 2 cores
with bf16; `python -m benchmarks settling` reports the runs that are there.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from benchmarks import other_processor
from glaciersar import notebooks
from glaciersar.evaluation import scoring
from glaciersar.io.atomic import atomic_write, require_file
from glaciersar.plots import results
from glaciersar.training import checkpoints
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train

DATA, RUNS, ROOT = Path("runs/simulated/dataset"), Path("runs/settling"), Path(__file__).resolve().parent.parent
PROFILE, NOTEBOOK = ROOT / "config/simulated.yaml", ROOT / "notebooks/04-train.ipynb"
SEEDS = (1, 2, 3)
MODELS = ("unet3d", "ulstm")
LAST_STEP, SETTLED, ELSEWHERE = "weights of the last step", "settled", "settled, as if on another processor"
BEFORE: dict[str, Any] = {
    "patch": 128, "batch": 2, "epochs": 18, "steps_per_epoch": 80, "learning_rate": 1e-3,
    "restarts": [1.2, 3.6, 8.4, 18.0], "warmup": 0, "ema_decay": 0.0, "dropout": 0.05,
}  # fmt: skip
"""The authors' schedule made short, as the profile had it first: 1.6 times as much to compute."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run."""

    model: str
    way: str
    seed: int

    @property
    def folder(self) -> Path:
        """Where its weights and its log lie."""
        return RUNS / self.way.replace(" ", "-").replace(",", "") / str(self.seed) / self.model

    @property
    def config(self) -> TrainConfig:
        """What is trained: the profile `simulated`, but for what the way changes."""
        profile = notebooks.read_profile(PROFILE, NOTEBOOK)
        chosen = {name: value for name, value in profile.items() if name in TrainConfig.__dataclass_fields__}
        chosen |= BEFORE if self.way == LAST_STEP else {}
        return TrainConfig(**(chosen | {"model": self.model, "seed": self.seed}))


def runs() -> list[Run]:
    """List all runs, the longest first."""
    ways = [(way, seed) for way in (SETTLED, LAST_STEP) for seed in SEEDS] + [(ELSEWHERE, SEEDS[0])]
    return [Run(model=model, way=way, seed=seed) for model in reversed(MODELS) for way, seed in ways]


def finished(run: Run) -> bool:
    """Tell whether a run is there with all its epochs."""
    return (run.folder / "log.csv").exists() and len(checkpoints.read_log(run.folder)) == run.config.epochs


def start(run: Run) -> None:
    """Train in a process of its own, as the variables of a processor count from its start."""
    variables = other_processor.environment() if run.way == ELSEWHERE else {}
    command = [sys.executable, "-m", "benchmarks.settling", run.model, run.way, str(run.seed)]
    subprocess.run(command, env=os.environ | variables, check=True)


def measure(run: Run) -> dict[str, Any]:
    """Read a finished run: its score on the test tiles, and how far validation falls in the last half of training."""
    scores = scoring.score_models(run.folder.parent, [run.model], DATA / "test.h5")
    log = checkpoints.read_log(run.folder)
    late = log["val_iou"].iloc[len(log) // 2 :]
    return {
        "network": run.model,
        "validated": run.way,
        "seed": run.seed,
        "test IoU": scoring.summarize_scores(scores)["IoU, pooled"].iloc[0],
        "least / last": late.min() / late.iloc[-1],
    }


def table(measured: pd.DataFrame) -> pd.DataFrame:
    """Condense the runs to a row a network and way."""
    by_way = measured.groupby(["network", "validated"], sort=False)
    return pd.DataFrame(
        {
            "seeds": by_way.size(),
            "test IoU, mean": by_way["test IoU"].mean(),
            "least": by_way["test IoU"].min(),
            "largest": by_way["test IoU"].max(),
            "validation IoU in the last half: least / last": by_way["least / last"].min(),
        }
    )


def draw(every: list[Run]) -> Figure:
    """Draw the validation IoU of each run over its share of training, a panel a network and way."""
    figure, axes = plt.subplots(len(MODELS), 2, figsize=(9, 5), sharex=True, sharey=True, layout="constrained")
    for model, row in zip(MODELS, axes, strict=True):
        for way, axis in zip((LAST_STEP, SETTLED), row, strict=True):
            for run in every:
                if run.model == model and run.way in (way, f"{way}, as if on another processor"):
                    log = checkpoints.read_log(run.folder)
                    axis.plot(log["epoch"] / len(log), log["val_iou"], "--" if run.way == ELSEWHERE else "-", lw=1.2)
            axis.set(title=f"{model}, {way}", ylim=(0, 1))
            axis.grid(alpha=0.3)
        row[0].set_ylabel("validation IoU, simulated")
    for axis in axes[-1]:
        axis.set_xlabel("share of the training")
    return figure


def main() -> str:
    """Measure the runs that are there; returns the section of the report."""
    require_file(DATA / "test.h5", made_by="02-dataset")
    every = [run for run in runs() if finished(run)]
    if not every:
        return "## Weight averaging\n\nNo run is there; `python -m benchmarks.settling` trains them."
    measured = pd.DataFrame([measure(run) for run in every])
    with atomic_write(ROOT / "figures/benchmarks/settling.csv") as temporary:
        measured.round(4).to_csv(temporary, index=False)
    results.save_figure(
        draw(every), ROOT / "figures/benchmarks/settling.png", note="simulated radar, benchmarks/settling.py"
    )
    return "\n\n".join(
        [
            "## Weight averaging",
            f"Networks of the profile `simulated`, seeds {', '.join(map(str, SEEDS))}, scored on the test tiles"
            " (*simulated* radar). *Settled* is the profile as it is: the average of the weights is validated and kept,"
            " with recomputed batch-norm statistics; small patches, one cosine. Before, it was a short form of the"
            " authors' schedule and the weights of the last step. Another processor: this one with AVX2 and float32"
            " only, seed 1.",
            table(measured).round(3).reset_index().to_markdown(index=False),
            "Every run stands in figures/benchmarks/settling.csv. Solid: a seed; dashed: as if on another processor.",
            "![Validation IoU of three seeds](../figures/benchmarks/settling.png)",
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        name, way, seed = sys.argv[1:]
        found = Run(model=name, way=way, seed=int(seed))
        train(found.config, DATA, found.folder, progress=False)
    else:
        with ThreadPoolExecutor(2) as pool:  # two at a time
            list(pool.map(start, [run for run in runs() if not finished(run)]))
