"""Make a network ready for mapping: by PyTorch, or on a CPU by OpenVINO; there is one definition of each network.

Convolutions in bf16, where the processor multiplies it, are several times as fast as in float32. Pixels whose
probability is near a half may change their class (`benchmarks/rounding.py` tells how many). Converting a network for
OpenVINO takes seconds, so "auto" does it only where there is enough to map.
"""

import copy
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from glaciersar.errors import InputError
from glaciersar.models.export import AnySides
from glaciersar.models.layers import Network
from glaciersar.models.precision import accept_bf16_parts, multiplies_bf16, split_for_bf16

if TYPE_CHECKING:
    from openvino import CompiledModel, Core

BACKENDS = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "bf16")

LARGE = 1e9
"""Dates × pixels × width² from which converting pays: half a window of 15 × 384 × 384 for a network of width 32."""

HINTS = {"float32": "f32", "bf16": "bf16"}  # what OpenVINO calls them

Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A network made ready: called with series (B, F, T, H, W), it gives the probability of glacier (B, H, W)."""

    backend: str
    """ "torch" or "openvino"."""
    precision: str
    """ "float32" or "bf16": of the convolutions; what goes in and comes out is float32."""
    device: str
    """ "cpu" or "cuda"."""
    run: Run

    def __call__(self, series: Tensor) -> Tensor:
        return self.run(series)

    def __str__(self) -> str:
        return f"{self.backend}, {self.precision}, on {self.device}"


def make_predictor(
    model: nn.Module, *, backend: str = "auto", precision: str = "auto", size: int | None = None
) -> Predictor:
    """Make a network ready for mapping.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        backend: "torch"; "openvino", on a CPU only; "auto" takes the faster of those that are to be had here.
        precision: "float32"; "bf16"; "auto" takes bf16 where the device multiplies it in hardware and it pays.
        size: Dates × pixels that will be mapped, for "auto" to tell what pays; None stands for many.

    Raises:
        InputError: An unknown backend or precision, or one that is not to be had here.
    """
    if backend not in BACKENDS:
        raise InputError(f"backend={backend!r} found, one of {', '.join(BACKENDS)} expected")
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision!r} found, one of {', '.join(PRECISIONS)} expected")
    model.eval()
    device = _device(model)
    large = size is None or size * getattr(model, "width", 0) ** 2 >= LARGE
    if backend == "auto":
        fits = large and device == "cpu" and isinstance(model, Network)
        backend = "openvino" if fits and importlib.util.find_spec("openvino") else "torch"
    if precision == "auto":
        precision = "bf16" if large and multiplies_bf16(device) else "float32"
    make = _in_torch if backend == "torch" else _in_openvino
    run = _in_bf16(model, make) if precision == "bf16" else make(model, "float32")
    return Predictor(backend=backend, precision=precision, device=device, run=run)


def _device(model: nn.Module) -> str:
    return next(model.parameters()).device.type


def probability(logits: Tensor) -> Tensor:  # (B, 2, H, W) -> (B, H, W)
    """Give the probability of glacier in float32."""
    return logits.float().softmax(1)[:, 1]


def fold_norms(model: nn.Module) -> nn.Module:
    """Copy a network in evaluation mode with each batch normalisation multiplied into the convolution before it."""
    model = copy.deepcopy(model)
    for parent in model.modules():
        for (name, conv), (after, norm) in pairwise(list(parent.named_children())):  # they run in the order named
            if isinstance(conv, nn.Conv2d | nn.Conv3d) and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, after, nn.Identity())
    return model


def _in_bf16(model: nn.Module, make: Callable[[nn.Module, str], Run]) -> Run:
    model = fold_norms(model)
    if not isinstance(model, Network):
        return make(model, "bf16")
    run = make(accept_bf16_parts(model), "bf16")

    def run_on_parts(series: Tensor) -> Tensor:
        model.check(series)
        return run(split_for_bf16(series))

    return run_on_parts


def _in_torch(model: nn.Module, precision: str) -> Run:
    device = _device(model)

    @torch.inference_mode()
    def run(series: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            logits = model(series.to(device))
        return probability(logits).cpu()

    return run


def _in_openvino(model: nn.Module, precision: str) -> Run:
    if importlib.util.find_spec("openvino") is None:
        raise InputError(
            "backend='openvino' found, but openvino is not installed; expected torch or auto, "
            'or pip install "glaciersar[cpu]"'
        )
    if _device(model) != "cpu" or not isinstance(model, Network):
        found = f"{type(model).__name__} on {_device(model)}"
        raise InputError(f"backend='openvino' found for {found}, a network of glaciersar.models on cpu expected")

    @cache
    def compiled(dates: int) -> "CompiledModel":
        return _compile(model, dates, precision)

    @torch.inference_mode()
    def run(series: Tensor) -> Tensor:
        model.check(series)
        (logits,) = compiled(series.shape[2])(series.contiguous().numpy(), share_inputs=True).values()
        return probability(torch.from_numpy(logits))

    return run


def _compile(model: Network, dates: int, precision: str) -> "CompiledModel":
    """Convert by the frontend itself: `openvino.convert_model` around it reports every use to its makers."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    side = 2 * model.multiple + 1  # any will do; the graph holds for every one
    example = torch.zeros(1, model.features, dates, side, side)
    frontend = FrontEndManager().load_by_framework("pytorch")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: what depends on the number of dates is meant to be fixed
        decoder = TorchScriptPythonDecoder(AnySides(model), example_input=(example,))  # must outlive the conversion
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape([-1, model.features, dates, -1, -1])
    wishes = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    with _unheld():
        return _core().compile_model(graph, "CPU", wishes)


@contextmanager
def _unheld() -> Iterator[None]:
    """Hide from OpenVINO the variables that hold oneDNN to older instructions.

    Its own copy of oneDNN would heed them, and the rest of it not: such a network gives other values or ends the
    process. The copy reads them once, as the first network is compiled.
    """
    held = {name: os.environ.pop(name) for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


@cache
def _core() -> "Core":
    """Open OpenVINO once, for good.

    Its CPU plugin puts an alternate signal stack in place, and unmaps it as the core goes. With several cores, gone
    in the order they came, the stack of one that is gone stays in force: the next signal ends the process.
    """
    import openvino

    return openvino.Core()
