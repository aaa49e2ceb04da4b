"""Let torch.compile fuse what is computed element by element; convolutions stay as they are.

Eager, each normalisation, activation and gate goes through memory by itself, which is most of what a GPU waits for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glaciersar.models.layers import SLOPE, Network, batch_norm
from glaciersar.models.ulstm import ConvLSTM, open_gates

Normalise = Callable[..., Tensor]

_CONSTANTS = batch_norm(1, dims=2)
assert isinstance(_CONSTANTS, nn.BatchNorm2d)
assert _CONSTANTS.momentum is not None
MOMENTUM, EPSILON = _CONSTANTS.momentum, _CONSTANTS.eps


def compile_elementwise(network: Network, *, backend: str = "inductor") -> Network:
    """Compile, in place, each normalisation with its LeakyReLU, and the gates of LSTMs; the first pass takes a minute.

    Weights and their names stay as they are, and results as they are to rounding. Needs a C++ compiler for a CPU, and
    Triton, which comes with PyTorch for CUDA, for a GPU.

    Args:
        network: From `models.build` or `pretrained.load`, on its device.
        backend: Of torch.compile; "aot_eager" needs no compiler, and is not faster.
    """
    normalise: Normalise = torch.compile(_normalise, dynamic=True, backend=backend)
    gates: Any = torch.compile(open_gates, dynamic=True, backend=backend)
    for module in network.modules():
        if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.LeakyReLU):
            module.forward = partial(_run_block, module, normalise)  # type: ignore[method-assign]
        elif isinstance(module, ConvLSTM):
            module.open_gates = gates
    return network


def _run_block(block: nn.Sequential, normalise: Normalise, x: Tensor) -> Tensor:
    conv, norm, act = block
    x = conv(x)
    if type(norm) not in (nn.BatchNorm2d, nn.BatchNorm3d):  # over several processes, which wait for each other in it
        activated: Tensor = act(norm(x))
        return activated
    assert isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
    assert norm.num_batches_tracked is not None
    if norm.training:
        norm.num_batches_tracked.add_(1)
    return normalise(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training)


def _normalise(
    x: Tensor, mean: Tensor | None, variance: Tensor | None, weight: Tensor, bias: Tensor, training: bool
) -> Tensor:
    """Take tensors, not a module: for each module, torch.compile would compile anew."""
    return F.leaky_relu(F.batch_norm(x, mean, variance, weight, bias, training, MOMENTUM, EPSILON), SLOPE)
