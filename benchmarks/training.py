"""How fast is a training step, and does bf16 learn what float32 learns? Run as `python -m benchmarks.training`."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from benchmarks.machine import limits
from benchmarks.mapping import SIDE, gflop
from benchmarks.tensorflow_base import DATES, eager, tensorflow
from benchmarks.turns import take_turns
from glaciersar import models
from glaciersar.training import losses
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from glaciersar.training.memory import keep_freed_memory

CASES = [("unet3d", 192, 1), ("unet3d", 192, 2), ("ulstm", 192, 1), ("ulstm", 192, 2), ("ulstm", 384, 1)]
DATA = Path("runs/simulated/dataset")
CURVES = {"float32": ("float32", 1), "float32, another seed": ("float32", 2), "bf16": ("bf16", 1)}


def bf16(model: str, side: int, batch: int) -> Callable[[], float]:
    """Prepare a step as `glaciersar.training.loop` takes it on a processor that multiplies bf16."""
    kept = keep_freed_memory()
    kept.__enter__()  # until the process ends, as `step` holds it
    torch.manual_seed(1)
    network = models.build(model)
    adam = torch.optim.Adam(network.parameters(), lr=5e-4)
    series = torch.rand(batch, 1, DATES, side, side)  # (B, F, T, H, W)
    labels = torch.eye(2)[torch.randint(2, (batch, side, side))].movedim(-1, 1)  # (B, 2, H, W)

    def step(kept: object = kept) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(series)
        loss = losses.focal_loss(logits.float(), losses.smooth(labels))
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return step


def steps(*, rounds: int = 3) -> pd.DataFrame:
    """Time a step of each case: TensorFlow if it is there, PyTorch in float32, and as we train."""
    tables, rates = {}, limits()
    for model, side, batch in CASES:
        ways = tensorflow(model, "train", side, batch) | {
            "float32": partial(eager, model, "train", side, batch),
            "bf16, as trained": partial(bf16, model, side, batch),
        }
        table = take_turns(ways, rounds=rounds).drop(columns="result")
        forward = gflop(model) * batch * (side / SIDE) ** 2
        table["GFLOP/s"] = 3 * forward / table["median s"]  # backward takes twice as many; none is counted twice
        table["of bf16 matmul"] = table["GFLOP/s"] / rates["bf16 GFLOP/s"]
        tables[f"{model}, {side}, batch {batch}"] = table
    return pd.concat(tables, names=["step", "way"])


def curves() -> str:
    """Train unet3d for three short epochs on the simulated dataset, in float32 twice and in bf16."""
    if not (DATA / "train.h5").exists():
        return f"Loss curves are left out: {DATA} is not there, which `make reproduce` makes."
    logs = {}
    for name, (precision, seed) in CURVES.items():
        config = TrainConfig(
            width=8,
            patch=128,
            batch=2,
            epochs=3,
            steps_per_epoch=40,
            learning_rate=1e-3,
            precision=precision,
            seed=seed,
        )
        with tempfile.TemporaryDirectory() as out:
            logs[name] = train(config, DATA, out, progress=False).set_index("epoch")["loss"]
    table = pd.DataFrame(logs).T.rename(columns=lambda epoch: f"loss, epoch {epoch}")
    return table.to_markdown(floatfmt=".4f")


def main() -> str:
    """Measure; returns the section of the report."""
    text = [
        "## Training",
        "How long is a step of width 32 over 15 dates, with backward pass and Adam? The first way is the base.",
        steps().round(3).reset_index().to_markdown(index=False),
        "Does bf16 learn as float32 does? Mean focal loss of `unet3d`, width 8, on *simulated* radar; two seeds of"
        " float32 show the noise.",
        curves(),
    ]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())
