"""Let torch.compile fuse what is computed element by element; convolutions stay as they are.

Eager, each normalisation, activation and gate goes through memory by itself, which is most of what a GPU waits for.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.models.layers import SLOPE, batch_norm
from glaciersar.models.ulstm import ConvLSTM, open_gates

Module = TypeVar("Module", bound=nn.Module)
Normalise = Callable[..., Tensor]

_CONSTANTS = batch_norm(1, dims=2)
assert isinstance(_CONSTANTS, nn.BatchNorm2d)
assert _CONSTANTS.momentum is not None
MOMENTUM, EPSILON = _CONSTANTS.momentum, _CONSTANTS.eps

GRAPHS = 32
"""Of each function in a process, beyond which torch.compile would leave it eager; a training needs up to eight."""

COMPILERS = {"darwin": "clang++", "win32": "cl"}
"""What torch.compile calls where the variable CXX names no other; elsewhere g++."""


def check_compiler(device: str) -> None:
    """Refuse to compile for a kind of device ("cpu", "cuda") where what torch.compile needs is missing.

    Raises:
        InputError: No C++ compiler, no header of Python, or for a GPU no Triton.
    """
    compiler = os.environ.get("CXX", COMPILERS.get(sys.platform, "g++"))
    if shutil.which(compiler) is None:
        raise InputError(f"compile=True found without a C++ compiler, {compiler} expected on the path")
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise InputError(f"compile=True found, {header} expected, which comes with Python's development files")
    if device == "cuda" and importlib.util.find_spec("triton") is None:
        raise InputError("compile=True found, the package triton expected for a GPU")


def compiled_parts(network: nn.Module) -> list[str]:
    """Name what `compile_elementwise` compiles in a network."""
    modules = list(network.modules())
    blocks = any(_is_block(module) and _is_alone(module[1]) for module in modules)
    return ["normalisation with its activation"] * blocks + ["gates of LSTMs"] * any(
        isinstance(module, ConvLSTM) for module in modules
    )


def compile_elementwise(network: Module, *, backend: str = "inductor") -> Module:
    """Compile, in place, each normalisation with its LeakyReLU, and the gates of LSTMs; the first pass takes a minute.

    Weights and their names stay as they are, and results as they are to rounding. Needs what `check_compiler` looks
    for. Normalisation over several processes is left as it is, as they wait for each other in it.

    Args:
        network: From `models.build` or `pretrained.load`.
        backend: Of torch.compile; "aot_eager" needs no compiler, and is not faster.
    """
    compiler: Any = torch.compile  # whose types leave `recompile_limit` out
    compiled = partial(compiler, dynamic=True, backend=backend, recompile_limit=GRAPHS)
    normalise: Normalise = compiled(_normalise)
    gates: Any = compiled(open_gates)
    for module in network.modules():
        if _is_block(module) and _is_alone(module[1]):
            module.forward = partial(_run_block, module, normalise)  # type: ignore[method-assign]
        elif isinstance(module, ConvLSTM):
            module.open_gates = gates
    return network


def _is_block(module: nn.Module) -> TypeGuard[nn.Sequential]:
    """Tell whether a module is made by `layers.conv_norm_act`."""
    return isinstance(module, nn.Sequential) and isinstance(module[-1], nn.LeakyReLU)


def _is_alone(norm: nn.Module) -> bool:
    """Tell whether a normalisation is over what one process computes."""
    return type(norm) in (nn.BatchNorm2d, nn.BatchNorm3d)


def _run_block(block: nn.Sequential, normalise: Normalise, x: Tensor) -> Tensor:  # (B, C, [T,] H, W)
    conv, norm, _ = block
    x = conv(x)
    assert isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
    assert norm.num_batches_tracked is not None
    if norm.training:
        norm.num_batches_tracked.add_(1)
    dates = x.shape[2:-2]
    flat = x.flatten(2, 3) if dates else x  # (B, C, T·H, W), which lies in memory as it did
    scales = (values.view(-1) for values in (norm.weight, norm.bias))
    y = normalise(flat, norm.running_mean, norm.running_var, *scales, norm.training)
    activated: Tensor = y.unflatten(2, (*dates, -1)) if dates else y
    return activated


def _normalise(
    x: Tensor, mean: Tensor | None, variance: Tensor | None, weight: Tensor, bias: Tensor, training: bool
) -> Tensor:  # (B, C, H, W)
    """Take plain tensors of one number of axes: torch.compile has a graph for each module, parameter, number of axes.

    Graphs take long to make, and after a number of them it would leave the rest as it is.
    """
    return F.leaky_relu(F.batch_norm(x, mean, variance, weight, bias, training, MOMENTUM, EPSILON), SLOPE)
