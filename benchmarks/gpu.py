"""Is a GPU as fast as it should be? Steps of training, and mapping, beside their goals: `python -m benchmarks gpu`.

The goals are those for an H100, of 8.0 TFLOP and about 150 GB moved a step of unet3d: 15 % of its peak when compiled.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from odc.geo.geobox import GeoBox
from torch.profiler import ProfilerActivity, profile

from benchmarks.mapping import DATES, SIDE, network
from glaciersar import models
from glaciersar.devices import exact_float32
from glaciersar.inference import backends, large_raster
from glaciersar.models.compiled import compile_elementwise
from glaciersar.models.precision import HALVES, fastest_precision
from glaciersar.radiometry import Prepared
from glaciersar.training import losses

BATCH, WHOLE = 8, 2560
ABSENT = "no CUDA device"
GOALS = {
    "unet3d, a step, ms": "≤ 80",
    "unet3d, a step, compiled, ms": "≤ 55",
    "ulstm, a step, ms": "≤ 200",
    "ulstm, a step, compiled, ms": "",
    "unet3d, mapping keeps the device busy, %": "≥ 80",
}


def step_ms(name: str, *, compiled: bool = False, device: str = "cuda", side: int = SIDE, width: int = 32) -> float:
    """Time a training step of a batch of patches in 16 bits, ms: the median of seven after three."""
    torch.manual_seed(1)
    model = models.build(name, width=width).train().to(device)
    if compiled:
        compile_elementwise(model)
    adam, dtype = torch.optim.Adam(model.parameters()), HALVES.get(fastest_precision(device), torch.bfloat16)
    series = torch.rand(BATCH, 1, DATES, side, side, device=device)
    labels = torch.eye(2, device=device)[torch.randint(2, (BATCH, side, side), device=device)].movedim(-1, 1)

    def step() -> None:
        with torch.autocast(device, dtype):
            logits = model(series)
        adam.zero_grad()
        losses.focal_loss(logits.float(), losses.smooth(labels)).backward()
        adam.step()

    with exact_float32():
        return 1000 * median([seconds(step, device) for _ in range(10)][3:])


def seconds(run: Callable[[], object], device: str) -> float:
    """Time a call until the device has done all of it."""
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def busy_percent(*, device: str = "cuda", side: int = WHOLE, width: int = 32) -> float:
    """Tell for how much of the time of a map, read from memory, the device computes, %."""
    geobox = GeoBox.from_bbox((0, 0, side * 10, side * 10), "EPSG:32633", resolution=10)
    noise = np.random.default_rng(1).random((DATES, side, side), dtype=np.float32)
    predictor = backends.make_predictor(network("unet3d", width=width), device=device, backend="torch")

    def read(part: GeoBox) -> Prepared:
        (height, width), left, top = part.shape, round(part.affine.c / 10), round(side - part.affine.f / 10)
        series = np.ascontiguousarray(noise[:, top : top + height, left : left + width])
        valid, filled = np.ones((height, width), bool), np.zeros((height, width), np.intp)
        return Prepared(series=series, valid=valid, filled=filled)

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    with tempfile.TemporaryDirectory() as folder:
        large_raster.map_raster(predictor, read, geobox[:64, :64], Path(folder) / "warm.tif", inputs={})
        with profile(activities=activities) as recorded:
            taken = seconds(
                lambda: large_raster.map_raster(predictor, read, geobox, Path(folder) / "p.tif", inputs={}), device
            )
    return 100 * sum(event.self_device_time_total for event in recorded.key_averages()) / 1e6 / taken


def measure() -> dict[str, float]:
    """Measure each row of `GOALS`, in its order."""
    steps = [step_ms(name, compiled=compiled) for name in ("unet3d", "ulstm") for compiled in (False, True)]
    return dict(zip(GOALS, [*steps, busy_percent()], strict=True))


def main() -> str:
    """Measure; returns the section of the report."""
    found = measure() if torch.cuda.is_available() else dict.fromkeys(GOALS, ABSENT)
    table = pd.DataFrame({"goal on an H100": GOALS, "measured": found}).rename_axis("width 32, in 16 bits")
    text = [
        "## On a GPU",
        f"A step trains on {BATCH} patches of {DATES} × {SIDE} × {SIDE}; {WHOLE}² pixels are mapped.",
        table.to_markdown(floatfmt=".0f"),
    ]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())
