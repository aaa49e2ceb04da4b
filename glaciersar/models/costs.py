"""What a network costs: parameters, arithmetic, memory and time of one patch, and how far it sees."""

import time
from collections.abc import Iterable
from functools import partial
from statistics import median

import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from glaciersar.models import build
from glaciersar.models.layers import Network
from glaciersar.models.memory import LiveBytes
from glaciersar.models.receptive_field import ReceptiveField, receptive_field
from glaciersar.models.structure import Block, without_numbers

NARROW = 2  # channels of the networks whose receptive field is measured; it does not depend on them
FIELD_SIDE = 384  # pixels, on which it is measured


def compare_costs(networks: Iterable[Network], *, dates: int = 15, side: int = 384) -> pd.DataFrame:
    """Tabulate what the forward pass of one patch takes, without any measurement of time.

    Args:
        networks: From `models.build` or `pretrained.load`.
        dates: Of the series.
        side: Of the patch, pixels.

    Returns:
        A row for each network, by name. Columns: trainable parameters; GFLOP by `count_flop`; receptive field in pixels
        and in dates; memory of the activations by `peak_memory`, MiB, to map and to train on one patch.
    """
    rows = {}
    for network in networks:
        field = field_of(network.name, features=network.features, dates=dates)
        memory = partial(peak_memory, network, features=network.features, dates=dates, side=side)
        rows[network.name] = {
            "parameters": sum(weight.numel() for weight in network.parameters()),
            "GFLOP": count_flop(network, dates=dates, side=side) / 1e9,
            "sees (pixels)": "whole patch" if field.whole_patch else f"{field.height} × {field.width}",
            "sees (dates)": field.dates,
            "memory to map (MiB)": memory() / 2**20,
            "memory to train (MiB)": memory(training=True) / 2**20,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def compare_speed(networks: Iterable[Network], *, dates: int = 15, side: int = 64) -> pd.DataFrame:
    """Tabulate how long mapping one patch takes on this machine, on as many threads as torch has.

    Returns:
        A row for each network, by name. Columns: seconds by `measure_seconds`, GFLOP by `count_flop`, and their ratio.
    """
    rows = {}
    for network in networks:
        seconds = measure_seconds(network, dates=dates, side=side)
        gflop = count_flop(network, dates=dates, side=side) / 1e9
        rows[network.name] = {f"seconds, {side} × {side}": seconds, "GFLOP": gflop, "GFLOP a second": gflop / seconds}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(f"{torch.get_num_threads()} thread(s)")


def tabulate_blocks(blocks: Iterable[Block]) -> pd.DataFrame:
    """Tabulate the blocks that `structure.trace` found: a row for each, in their order."""
    rows = [(b.name, b.kind, b.level, " × ".join(map(str, b.shape)), b.parameters) for b in blocks]
    return pd.DataFrame(rows, columns=["block", "kind", "level", "shape", "parameters"]).set_index("block")


def field_of(name: str, *, features: int = 1, dates: int = 15) -> ReceptiveField:
    """Measure the receptive field of a network by its name; torch's global random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build(name, features=features, width=NARROW)
    return receptive_field(network, features=features, dates=dates, side=FIELD_SIDE)


def count_flop(network: Network, *, dates: int = 15, side: int = 384) -> int:
    """Count the floating-point operations of mapping one square patch; a multiply-add counts as two.

    Convolutions and products of matrices are counted, as torch's `FlopCounterMode` does; normalisation, activations,
    gates and pooling, a few operations for each value, are not.
    """
    series = torch.empty(1, network.features, dates, side, side, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        without_numbers(network)(series)
    return int(counter.get_total_flops())


def peak_memory(
    network: nn.Module, *, features: int = 1, dates: int = 15, side: int = 384, training: bool = False
) -> int:
    """Compute the most memory that the activations of a forward pass take at one time, bytes in float32.

    The pass runs without numbers (torch's device "meta"). Every tensor that it makes counts from when it is made to
    when nothing refers to it any more, the input from the begin. It is the least that a machine needs: weights, what
    kernels use for themselves, and copies into the layout that a processor prefers come on top. A CPU took as much for
    `unet3d`, and up to half more for `ulstm`.

    Args:
        network: Takes a series (1, F, T, H, W).
        features: F.
        dates: T.
        side: H and W, pixels.
        training: Keep what the gradient needs, as a training step does.
    """
    network = without_numbers(network).train(training)
    with torch.set_grad_enabled(training), LiveBytes(network.state_dict().values()) as tracked:
        series = torch.empty(1, features, dates, side, side, device="meta")
        network(series)
    peak: int = tracked.peak
    return peak


@torch.inference_mode()
def measure_seconds(network: Network, *, dates: int = 15, side: int = 384, repeats: int = 3) -> float:
    """Measure how long mapping one random patch takes, seconds: the median of some passes after one to warm up.

    In float32, on as many threads as torch has, with everything else that the machine does at that time.
    """
    network = network.eval()
    series, passes = torch.rand(1, network.features, dates, side, side), []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        network(series)
        passes.append(time.perf_counter() - start)
    return median(passes[1:])
