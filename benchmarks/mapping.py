"""How fast is a map made? Each network and backend on one patch, then a tile beside the authors' way of mapping it.

Networks have width 32, as published, and random weights with the statistics of a trained normalisation;
benchmarks/rounding.py tells what bf16 changes in the maps of trained ones. Run as `python -m benchmarks.mapping`.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import limits, name
from benchmarks.tensorflow_base import tensorflow
from benchmarks.turns import Way, take_turns
from glaciersar import models
from glaciersar.inference import backends, sliding_window
from glaciersar.inference.sliding_window import Tiling

DATES, SIDE, TILE = 15, 384, 1152
NETWORKS = ("unet3d", "ulstm")
COLUMNS = ["median s", "min s", "max s", "× base"]


def network(name: str, *, width: int = 32) -> nn.Module:
    """Build a network in evaluation mode whose normalisations do not leave values as they are."""
    torch.manual_seed(0)
    model = models.build(name, width=width).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def series(side: int, *, dates: int = DATES) -> torch.Tensor:
    """Make a scaled series (1, dates, side, side) with structure at every scale."""
    torch.manual_seed(1)
    layers = [torch.rand(1, dates, side >> octave or 1, side >> octave or 1) for octave in range(7)]
    return sum(nn.functional.interpolate(layer, size=(side, side)) for layer in layers) / len(layers)


def patch(name: str, backend: str, precision: str, device: str = "cpu"):
    """Make ready to map one patch; what is timed returns which pixels are called glacier."""
    predictor = backends.make_predictor(network(name).to(device), backend=backend, precision=precision)
    piece = series(SIDE)[None]
    return lambda: predictor(piece)[0].numpy() > 0.5


def compiled_patch(name: str, device: str = "cpu"):
    """The same by `torch.compile`, with frozen weights, in bf16."""
    import torch._inductor.config

    torch._inductor.config.freezing = True
    model = torch.compile(backends.fold_norms(network(name)).to(device))
    piece = series(SIDE)[None].to(device)

    @torch.inference_mode()
    def run():
        with torch.autocast(device, torch.bfloat16):
            return backends.probability(model(piece))[0].cpu().numpy() > 0.5

    return run


def channels_last_patch(name: str, device: str):
    """Mapping in bf16 with channels last in memory, for CUDA's tensor cores."""
    model = backends.fold_norms(network(name)).to(device)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            form = torch.channels_last if isinstance(module, nn.Conv2d) else torch.channels_last_3d
            module.to(memory_format=form)
    piece = series(SIDE)[None].to(device, memory_format=torch.channels_last_3d)

    @torch.inference_mode()
    def run():
        with torch.autocast(device, torch.bfloat16):
            return backends.probability(model(piece))[0].cpu().numpy() > 0.5

    return run


def tile(name: str, window: int, overlap: float, backend: str, precision: str):
    """Make ready to map a whole tile."""
    predictor = backends.make_predictor(network(name), backend=backend, precision=precision)
    whole = series(TILE)
    predictor(whole[:, :, :24, :24][None])  # converts the network
    return lambda: sliding_window.map_array(predictor, whole, tiling=Tiling(window=window, overlap=overlap)) > 0.5


def gflop(name: str) -> float:
    """Count the floating-point operations of one patch, in milliards; no arithmetic is done."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        models.build(name).eval()(torch.empty(1, 1, DATES, SIDE, SIDE))
    return counter.get_total_flops() / 1e9


def agreement(frame: pd.DataFrame) -> pd.DataFrame:
    """Tell how the maps compare with the first one's: share of pixels with the same class, and IoU."""
    base = frame["result"].iloc[0]
    maps = [found if isinstance(found, np.ndarray) else None for found in frame["result"]]  # TensorFlow has none
    same = ["" if found is None else f"{(found == base).mean():.3%}" for found in maps]
    iou = [np.nan if found is None else np.sum(found & base) / np.sum(found | base) for found in maps]
    return frame.assign(**{"same class": same, "IoU with base": iou})


def patches(network_name: str, rates: Mapping[str, float], *, compiled: bool = False) -> pd.DataFrame:
    """Compare the ways on one patch of a CPU."""
    ways: dict[str, Way] = {
        "torch float32 (base)": partial(patch, network_name, "torch", "float32"),
        "torch bf16, folded": partial(patch, network_name, "torch", "bf16"),
        "openvino float32": partial(patch, network_name, "openvino", "float32"),
        "openvino bf16": partial(patch, network_name, "openvino", "bf16"),
    }
    if compiled:
        ways["torch.compile bf16, frozen"] = partial(compiled_patch, network_name)
    ways |= tensorflow(network_name, "map", SIDE)
    frame = agreement(take_turns(ways, rounds=5))
    frame["GFLOP/s"] = gflop(network_name) / frame["median s"]
    frame["of bf16 matmul"] = frame["GFLOP/s"] / rates["bf16 GFLOP/s"]
    return frame[[*COLUMNS, "GFLOP/s", "of bf16 matmul", "peak MiB", "same class"]]


@torch.inference_mode()
def doubt(network_name: str) -> str:
    """Tell how much the classes of a patch say, for a network with random weights."""
    glacier = backends.probability(network(network_name)(series(SIDE)[None]))
    called, near = (glacier > 0.5).float().mean(), ((glacier - 0.5).abs() < 0.01).float().mean()
    return (
        f"Random weights call {called:.1%} of the pixels glacier, and {near:.1%} lie within 0.01 of a probability of a "
        "half: what bf16 changes is shown better by trained networks, in the next section."
    )


def tiles(network_name: str) -> pd.DataFrame:
    """Compare ways of mapping a whole tile with the authors' windows of 384 that overlap by half."""
    ways: dict[str, Way] = {
        "384, half, torch float32 (base)": partial(tile, network_name, 384, 0.5, "torch", "float32"),
        "384, half, openvino bf16": partial(tile, network_name, 384, 0.5, "openvino", "bf16"),
        "the default, openvino bf16": partial(tile, network_name, Tiling.window, Tiling.overlap, "openvino", "bf16"),
    }
    frame = agreement(take_turns(ways, rounds=1, warm=False))
    frame["Mpixel/s"] = TILE**2 / 1e6 / frame["median s"]
    return frame[["median s", "× base", "Mpixel/s", "peak MiB", "same class", "IoU with base"]]


def on_cuda() -> str:
    """Compare the ways on a patch of a GPU, or say that there is none."""
    if not torch.cuda.is_available():
        return "There is no CUDA device on this machine: nothing was measured on one."
    text = [torch.cuda.get_device_name()]
    for network_name in NETWORKS:
        ways: dict[str, Way] = {
            "torch float32 (base)": partial(patch, network_name, "torch", "float32", "cuda"),
            "torch bf16, folded": partial(patch, network_name, "torch", "bf16", "cuda"),
            "the same, channels last": partial(channels_last_patch, network_name, "cuda"),
            "torch.compile bf16, frozen": partial(compiled_patch, network_name, "cuda"),
        }
        frame = agreement(take_turns(ways))
        frame["GFLOP/s"] = gflop(network_name) / frame["median s"]
        text += [f"### {network_name}", table(frame[[*COLUMNS, "GFLOP/s", "same class"]])]
    return "\n\n".join(text)


def table(frame: pd.DataFrame) -> str:
    """Write a table in Markdown."""
    return frame.to_markdown(floatfmt=".3g")


def main() -> str:
    """Measure all; returns the section of the report."""
    rates = limits()
    text = ["## Mapping", f"{name()}; bf16 matrix product: {rates['bf16 GFLOP/s']:.0f} GFLOP/s"]
    for network_name in NETWORKS:
        title = f"### {network_name}, width 32, one patch of {DATES} × {SIDE} × {SIDE}: {gflop(network_name):.0f} GFLOP"
        text += [title, table(patches(network_name, rates)), doubt(network_name)]
    for network_name in NETWORKS:
        text += [f"### {network_name}, a tile of {DATES} × {TILE} × {TILE}", table(tiles(network_name))]
    text += ["### CUDA", on_cuda()]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())
