"""Let torch.compile fuse what is computed element by element; convolutions stay as they are.

Eager, each normalisation, activation and gate goes through memory by itself, which is most of what a GPU waits for.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glaciersar.models.layers import SLOPE, Network
from glaciersar.models.ulstm import ConvLSTM, open_gates


def compile_elementwise(network: Network) -> Network:
    """Compile, in place, each normalisation with its LeakyReLU, and the gates of LSTMs; the first pass takes a minute.

    Weights and their names stay as they are, and results as they are to rounding. Needs a C++ compiler for a CPU, and
    Triton, which comes with PyTorch for CUDA, for a GPU.

    Args:
        network: From `models.build` or `pretrained.load`, on its device.
    """
    act, gates = torch.compile(_normalise, dynamic=True), torch.compile(open_gates, dynamic=True)
    for module in network.modules():
        if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.LeakyReLU):
            module.forward = partial(_convolve, module, act)  # type: ignore[method-assign]
        elif isinstance(module, ConvLSTM):
            module.open_gates = gates
    return network


def _convolve(block: nn.Sequential, act: "partial[Tensor]", x: Tensor) -> Tensor:
    conv, norm, _ = block
    return act(norm, conv(x))


def _normalise(norm: nn.Module, x: Tensor) -> Tensor:
    return F.leaky_relu(norm(x), SLOPE)
