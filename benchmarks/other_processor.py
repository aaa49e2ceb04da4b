"""Stand in for another processor, and time a training step on it: python -m benchmarks other_processor."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from benchmarks.tensorflow_base import DATES
from glaciersar import models
from glaciersar.models.precision import multiplies_bf16
from glaciersar.training import losses
from glaciersar.training.memory import keep_freed_memory

WIDTH, SIDE, BATCH = 8, 128, 2  # a small network, as the profile `simulated` trains it: on one thread
STEPS = 7
ROUNDS = 3
PARTS = ("forward", "backward", "step")
Setting = tuple[str, dict[str, str]]  # precision, and what the environment has besides


def environments() -> dict[str, dict[str, str]]:
    """Name the processors that this one can pose as, each with the variables that hold a process to it.

    "avx2" lacks what is beyond AVX2, "baseline" AVX2 as well: NumPy, PyTorch, oneDNN, MKL and OpenBLAS choose their
    kernels by them. None where NumPy chooses none by the processor.
    """
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    already = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
    lacking = {"avx2": [name for name in found if name != "X86_V3"], "baseline": found}
    kernels = {"avx2": ("avx2", "AVX2", "AVX2", "Haswell"), "baseline": ("default", "SSE41", "SSE4_2", "Nehalem")}
    return {
        name: {
            "NPY_DISABLE_CPU_FEATURES": " ".join(already + lacking[name]),
            "ATEN_CPU_CAPABILITY": aten,
            "ONEDNN_MAX_CPU_ISA": onednn,
            "DNNL_MAX_CPU_ISA": onednn,
            "MKL_ENABLE_INSTRUCTIONS": mkl,
            "OPENBLAS_CORETYPE": blas,
        }
        for name, (aten, onednn, mkl, blas) in kernels.items()
        if lacking[name]
    }


def environment() -> dict[str, str]:
    """Give the variables of the nearest other processor: AVX2 where this one has more, below it where it has not."""
    return next(iter(environments().values()), {})


def prepare(model: str, precision: str) -> Callable[[], dict[str, float]]:
    """Prepare a step on one thread; each call takes one and tells the processor seconds of its parts."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = models.build(model, width=WIDTH)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    series = torch.rand(BATCH, 1, DATES, SIDE, SIDE)  # (B, F, T, H, W)
    labels = torch.eye(2)[torch.randint(2, (BATCH, SIDE, SIDE))].movedim(-1, 1)  # (B, 2, H, W)

    def step() -> dict[str, float]:
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(series)
        loss = losses.focal_loss(logits.float(), losses.smooth(labels))
        middle = time.process_time()
        adam.zero_grad()
        loss.backward()
        last = time.process_time()
        adam.step()
        return dict(zip(PARTS, (middle - start, last - middle, time.process_time() - start), strict=True))

    return step


def timed(model: str, setting: Setting) -> dict[str, float]:
    """Take some steps in a process of its own, as the variables count from its start; give the medians."""
    precision, variables = setting
    command = [sys.executable, "-m", "benchmarks.other_processor", model, precision]
    done = subprocess.run(command, env=os.environ | variables, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def table(*, rounds: int = ROUNDS) -> pd.DataFrame:
    """Time a step of each network in turn: in float32, that as on another processor, and in bf16 if it is there."""
    settings: dict[str, Setting] = {
        "float32": ("float32", {}),
        "float32, another processor": ("float32", environment()),
    }
    if multiplies_bf16("cpu"):
        settings["bf16"] = ("bf16", {})
    rows = [
        {"network": model, "way": way} | timed(model, setting)
        for _ in range(rounds)
        for model in ("unet3d", "ulstm")
        for way, setting in settings.items()
    ]
    found = pd.DataFrame(rows).groupby(["network", "way"], sort=False).median()
    found["backward : forward"] = found["backward"] / found["forward"]
    found["× float32"] = found.groupby("network")["step"].transform("first") / found["step"]
    return found


def take_steps(model: str, precision: str) -> None:
    """Print the medians of the parts of a warm step."""
    step = prepare(model, precision)
    with keep_freed_memory():
        steps = [step() for _ in range(2 + STEPS)][2:]
    print(pd.DataFrame(steps).median().to_json())


def main() -> str:
    """Measure; returns the section of the report."""
    return "\n\n".join(
        [
            "## A training step on one thread, and on another processor",
            f"Processor seconds, width {WIDTH}, patch {SIDE}, batch {BATCH}. Another processor: this one held to"
            " AVX2, or below it if it has no more.",
            table().round(3).reset_index().to_markdown(index=False),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        take_steps(*sys.argv[1:])
    else:
        print(main())
