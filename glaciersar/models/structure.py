"""What a network is made of: its blocks, in the order in which a series meets them, with the shapes that they give."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.models.layers import Network, ResidualBlock, Up
from glaciersar.models.ulstm import BidirectionalConvLSTM
from glaciersar.models.unet3d import MaxDown, TemporalMax, WeightedDown, WeightedMean

T = TypeVar("T", bound=nn.Module)

KINDS: dict[type[nn.Module], str] = {  # the first that a module is an instance of; it is not looked into any further
    ResidualBlock: "residual block",
    nn.Sequential: "convolution",
    BidirectionalConvLSTM: "ConvLSTM",
    MaxDown: "largest of 2 × 2 × 2",
    WeightedDown: "largest of 2 × 2, gated mean of 2 dates",
    nn.Dropout3d: "largest of 2 × 2",  # of `ULSTM`, whose pooling is no module: what drops is what was pooled
    TemporalMax: "largest of all dates",
    WeightedMean: "gated mean of all dates",
    Up: "upsampling",
    nn.Conv2d: "projection",
}
LAST_STATES = "last state each way"
HEAD = "classification"
POOLS = (KINDS[MaxDown], KINDS[WeightedDown], KINDS[nn.Dropout3d])
REDUCTIONS = (KINDS[TemporalMax], KINDS[WeightedMean], LAST_STATES)
"""Kinds that make one map of a series of maps."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One step of a network, as a forward pass met it."""

    name: str
    """Of the module, such as decoder.ups.0."""
    kind: str
    """A value of `KINDS`, `LAST_STATES` or `HEAD`."""
    level: int
    """How many times the sides have been halved after it."""
    shape: tuple[int, ...]
    """Of its output: (C, T, H, W) of a series of maps, (C, H, W) of one map."""
    parameters: int
    """Trainable ones; 0 for a second output of the same module."""

    @property
    def dates(self) -> int | None:
        """T of a series, None of one map."""
        return self.shape[1] if len(self.shape) == 4 else None

    @property
    def in_decoder(self) -> bool:
        return self.name.startswith("decoder.")


def trace(network: Network, *, dates: int = 15, side: int = 384) -> list[Block]:
    """List the blocks of a network as a forward pass over one square patch meets them.

    The pass runs on a copy without numbers (torch's device "meta"), so that it takes neither time nor memory, whatever
    the size.

    Args:
        network: From `models.build` or `pretrained.load`.
        dates: Of the series.
        side: Of the patch, pixels.
    """
    blocks: list[Block] = []
    series = torch.empty(1, network.features, dates, side, side, device="meta")
    visit_blocks(without_numbers(network), series, lambda block, _: blocks.append(block))
    return blocks


def without_numbers(network: T) -> T:
    """Copy a network to torch's device "meta", in evaluation mode: shapes go through it, and nothing is computed."""
    return copy.deepcopy(network).to("meta").eval()


@torch.no_grad()
def visit_blocks(network: Network, series: Tensor, visit: Callable[[Block, Tensor], None]) -> None:
    """Run a network over a series and hand each block with its output to `visit`.

    Args:
        network: Any; its mode, training or evaluation, is kept.
        series: (1, F, T, H, W), of a single sample.
        visit: Called with a block and its output, (C, T, H, W) or (C, H, W), before the network goes on.

    Raises:
        InputError: A series that the network does not take, or more than one sample.
    """
    network.check(series)
    if len(series) != 1:
        raise InputError(f"{network.name}: {len(series)} samples found, one expected")
    dates = series.shape[2]
    padded = -(-series.shape[3] // network.size_divisor) * network.size_divisor

    def found(name: str, kind: str, output: Tensor, parameters: int) -> None:
        level = round(math.log2(padded / output.shape[-2]))
        shape = tuple(output.shape)
        visit(Block(name=name, kind=kind, level=level, shape=shape, parameters=parameters), output)

    def hook(name: str, kind: str) -> Callable[..., None]:
        def forward_hook(module: nn.Module, inputs: object, output: Tensor | tuple[list[Tensor], Tensor]) -> None:
            parameters = sum(weight.numel() for weight in module.parameters())
            if isinstance(output, tuple):  # of an LSTM: its state at each date, (1, C, H, W), and its last states
                states, last = output
                found(name, kind, torch.cat(states).transpose(0, 1), parameters)
                found(name, LAST_STATES, last[0], 0)
            else:
                folded = output.ndim == 4 and len(output) == dates > 1  # dates in the place of the batch
                found(name, kind, output.transpose(0, 1) if folded else output[0], parameters)

        return forward_hook

    handles = [module.register_forward_hook(hook(name, kind)) for name, module, kind in _modules_to_watch(network)]
    try:
        network(series)
    finally:
        for handle in handles:
            handle.remove()


def _modules_to_watch(module: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module, str]]:
    """List name, module and kind of the outermost modules that `KINDS` knows."""
    found = []
    for name, child in module.named_children():
        full = f"{prefix}{name}"
        kind = next((kind for known, kind in KINDS.items() if isinstance(child, known)), None)
        if kind is None:
            found += _modules_to_watch(child, f"{full}.")
        else:
            found.append((full, child, HEAD if full == "decoder.head" else kind))
    return found
