"""What the authors' TensorFlow code costs, measured in the same turns as ours: python -m benchmarks.tensorflow_base.

TensorFlow stays outside of this project, in a virtual environment of its own that TENSORFLOW_PYTHON names:

    python3.11 -m venv .tensorflow && .tensorflow/bin/python -m pip install tensorflow-cpu==2.15.1
    export TENSORFLOW_PYTHON=$PWD/.tensorflow/bin/python

2.15, for Python 3.9 to 3.11, is the last version that brings Keras 2, whose defaults the authors' code counts on.
Where the variable is not set, benchmarks go without TensorFlow and say so. `--check FOLDER` first compares it with the
authors' own results (*_infer.npz, *_step.npz and their *.h5) in a folder.
"""

import argparse
import os
import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pandas as pd
import torch

from benchmarks.machine import name as machine
from benchmarks.turns import Program, Way, take_turns
from glaciersar import models
from glaciersar.training import losses

MODELS = Path(__file__).with_name("tensorflow_models.py")
DATES = 15
CASES = [  # task, side of a patch, patches in a batch
    ("map", 384, 1),
    ("train", 192, 1),
    ("train", 192, 2),
    ("train", 384, 1),
]


@cache
def python() -> str | None:
    """Tell the Python that has TensorFlow; where there is none, say so once."""
    path = os.environ.get("TENSORFLOW_PYTHON")
    if not path:
        print("TensorFlow is left out: TENSORFLOW_PYTHON does not name a Python that has it")
    return path


def tensorflow(model: str, task: str, side: int, batch: int = 1) -> dict[str, Way]:
    """Give TensorFlow's way to "map" or "train" a batch of patches, float32, width 32; no way where it is not there."""
    path = python()
    return {"TensorFlow": partial(Program, path, str(MODELS), model, task, str(side), str(batch))} if path else {}


def eager(model: str, task: str, side: int, batch: int = 1) -> Callable[[], float]:
    """Prepare the same in plain PyTorch: float32, no compiler."""
    torch.manual_seed(1)
    network = models.build(model, dropout=0)
    series = torch.rand(batch, 1, DATES, side, side)  # (B, F, T, H, W)
    if task == "map":
        return partial(_map, network.eval(), series)
    labels = torch.eye(2)[torch.randint(2, (batch, side, side))].movedim(-1, 1)  # (B, 2, H, W)
    return partial(_step, network, torch.optim.Adam(network.parameters(), lr=5e-4), series, labels)


@torch.inference_mode()
def _map(network: models.Network, series: torch.Tensor) -> float:
    return float(network(series).softmax(dim=1)[:, 1].mean())


def _step(network: models.Network, adam: torch.optim.Adam, series: torch.Tensor, labels: torch.Tensor) -> float:
    loss = losses.focal_loss(network(series), labels)
    adam.zero_grad()
    loss.backward()
    adam.step()
    return loss.item()


def table(*, with_eager: bool, cases: list[tuple[str, int, int]], rounds: int) -> pd.DataFrame:
    """Time TensorFlow, and eager PyTorch in turn with it, at each case of each model."""
    parts = {}
    for model in ("unet3d", "ulstm"):
        for case in cases:
            ways = tensorflow(model, *case)
            if with_eager:
                ways |= {"eager PyTorch": partial(eager, model, *case)}
            task, side, batch = case
            parts[model, f"{task} {side} b{batch}"] = take_turns(ways, rounds=rounds)
    return pd.concat(parts, names=["model", "task", "way"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", metavar="FOLDER", help="compare with the authors' own results in this folder first")
    parser.add_argument("--eager", action="store_true", help="time eager PyTorch as well, in turn")
    parser.add_argument("--case", nargs=3, metavar=("TASK", "SIDE", "BATCH"), action="append", help="only this one")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if not python():
        return
    if options.check:
        subprocess.run([python(), str(MODELS), "--check", options.check], check=True)
    cases = [(task, int(side), int(batch)) for task, side, batch in options.case or CASES]
    print(machine())
    found = table(with_eager=options.eager, cases=cases, rounds=options.rounds)
    print(found.drop(columns="result").round(3).reset_index().to_markdown(index=False))


if __name__ == "__main__":
    main()
