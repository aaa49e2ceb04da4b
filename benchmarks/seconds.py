"""Where do the seconds of a training step go, in float32 and as we train? Run as `python -m benchmarks.seconds`."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from torch.profiler import ProfilerActivity, profile

from benchmarks.machine import name
from benchmarks.tensorflow_base import eager
from benchmarks.training import bf16

SIDE = 192
KINDS = {  # parts of the names of PyTorch's operations, the first that fits
    "convolutions": ("convolution", "conv"),
    "normalisation": ("batch_norm",),
    "pooling, maximum over dates": ("max_pool", "maximum", "amax", "value_selecting"),
    "Adam": ("foreach", "adam", "_fused"),
    "moving and converting": ("copy_", "cat", "clone", "contiguous", "pad", "upsample", "stack", "select"),
    "setting to zero": ("zero_", "fill_", "zeros"),
}


def spent(run: Callable[[], object]) -> dict[str, float]:
    """Profile one warm call; give the seconds by kind of work."""
    for _ in range(2):
        run()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        run()
    seconds = dict.fromkeys([*KINDS, "element by element, and the rest"], 0.0)
    for event in recorded.key_averages():
        kind = next((kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)), None)
        seconds[kind or "element by element, and the rest"] += event.self_cpu_time_total / 1e6
    return seconds


def main() -> str:
    """Measure; returns the section of the report."""
    table = {}
    for model in ("unet3d", "ulstm"):
        for precision, way in {
            "float32": partial(eager, model, "train", SIDE),
            "bf16": partial(bf16, model, SIDE, 1),
        }.items():
            table[f"{model}, {precision}"] = spent(way())
    frame = pd.DataFrame(table)
    frame.loc["all"] = frame.sum()
    text = [
        "## Where the seconds of a training step go",
        f"Width 32, 15 × {SIDE} × {SIDE}, one patch, by PyTorch's profiler; {name()}.",
        frame.to_markdown(floatfmt=".2f"),
    ]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())
