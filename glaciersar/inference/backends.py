"""Prepare a network for mapping: by PyTorch, or on a CPU by OpenVINO; there is one definition of each network.

Convolutions in bf16, where the processor multiplies it, are several times as fast as in float32. Pixels whose
probability is near a half may change their class (`benchmarks/rounding.py` counts them). Converting a network for
OpenVINO takes seconds, so "auto" does it only where there is enough to map, and the result is kept as long as the
network lives and its weights stay the same.
"""

import copy
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from glaciersar.errors import InputError
from glaciersar.models.export import AnySides
from glaciersar.models.layers import Network
from glaciersar.models.precision import accept_bf16_parts, multiplies_bf16, split_for_bf16

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

BACKENDS = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "bf16")

LARGE = 1e9
"""Dates × pixels × width² from which converting pays: half a window of 15 × 384 × 384 for a network of width 32."""

HINTS = {"float32": "f32", "bf16": "bf16"}  # what OpenVINO calls them

Run = Callable[[Tensor], Tensor]
Graphs = dict[tuple[int, str], "Model"]
"""Converted graphs of one network, by number of dates and precision."""

_KEPT: WeakKeyDictionary[Network, tuple[tuple[object, ...], Graphs]] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A prepared network: maps series (B, F, T, H, W) to the probability of glacier (B, H, W)."""

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
    """Prepare a network for mapping; later changes of its weights do not reach what "openvino" or "bf16" prepared.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        backend: "torch"; "openvino", on a CPU only; "auto" takes the faster of those available here.
        precision: "float32"; "bf16"; "auto" takes bf16 where the device multiplies it in hardware and it pays.
        size: Dates × pixels that will be mapped, from which "auto" decides; None stands for many.

    Raises:
        InputError: An unknown backend or precision, or one that is not available here.
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
    make = _in_torch if backend == "torch" else partial(_in_openvino, graphs=_kept_graphs(model))
    run = _in_bf16(model, make) if precision == "bf16" else make(model, "float32")
    return Predictor(backend=backend, precision=precision, device=device, run=run)


def _device(model: nn.Module) -> str:
    return next(model.parameters()).device.type


def probability(logits: Tensor) -> Tensor:  # (B, 2, H, W) -> (B, H, W)
    """Compute the probability of glacier in float32."""
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
        return run(split_for_bf16(model.reduce(series)))

    return run_on_parts


def _in_torch(model: nn.Module, precision: str) -> Run:
    device = _device(model)

    @torch.inference_mode()
    def run(series: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            logits = model(series.to(device))
        return probability(logits).cpu()

    return run


def _kept_graphs(model: nn.Module) -> Graphs:
    """Find the graphs that were converted from a network as it is now; the caller adds to them.

    What makes a graph are the weights, the layers and the numbers and names that a network has as attributes.
    """
    if importlib.util.find_spec("openvino") is None:
        raise InputError(
            "backend='openvino' found, but openvino is not installed; expected torch or auto, "
            'or pip install "glaciersar[cpu]"'
        )
    if _device(model) != "cpu" or not isinstance(model, Network):
        found = f"{type(model).__name__} on {_device(model)}"
        raise InputError(f"backend='openvino' found for {found}, a network of glaciersar.models on cpu expected")
    attributes = {name: value for name, value in vars(model).items() if isinstance(value, int | float | str)}
    state = (model.checksum(), repr(model), attributes)
    if model not in _KEPT or _KEPT[model][0] != state:
        _KEPT[model] = (state, {})
    return _KEPT[model][1]


def _in_openvino(model: nn.Module, precision: str, *, graphs: Graphs) -> Run:
    assert isinstance(model, Network)
    network = copy.deepcopy(model)  # it may be trained further before its first series comes

    @cache
    def compiled(dates: int) -> "CompiledModel":
        if (dates, precision) not in graphs:
            graphs[dates, precision] = _convert(network, dates)
        return _compile(graphs[dates, precision], precision)

    @torch.inference_mode()
    def run(series: Tensor) -> Tensor:
        network.check(series)
        (logits,) = compiled(series.shape[2])(series.contiguous().numpy(), share_inputs=True).values()
        return probability(torch.from_numpy(logits))

    return run


def _convert(model: Network, dates: int) -> "Model":
    """Convert a network for any batch, height and width.

    By the frontend itself: `openvino.convert_model` around it reports every use to its makers.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    side = 2 * model.size_divisor + 1  # any side will do; the graph takes all
    example = torch.zeros(1, model.features, dates, side, side)
    frontend = FrontEndManager().load_by_framework("pytorch")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the graph may depend on the number of dates
        decoder = TorchScriptPythonDecoder(AnySides(model), example_input=(example,))  # must outlive the conversion
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape([-1, model.features, dates, -1, -1])
    return graph


def _compile(graph: "Model", precision: str) -> "CompiledModel":
    properties = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    with _without_onednn_limits():
        return _core().compile_model(graph, "CPU", properties)


@contextmanager
def _without_onednn_limits() -> Iterator[None]:
    """Hide from OpenVINO the variables that limit oneDNN to older instructions.

    Its own copy of oneDNN would follow them and the rest of OpenVINO not: such a network computes other values or ends
    the process. The copy reads them once, when the first network is compiled.
    """
    limits = {name: os.environ.pop(name) for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(limits)


@cache
def _core() -> "Core":
    """Open OpenVINO once, for as long as the process lives.

    Its CPU plugin installs an alternate signal stack and unmaps it when the core is deleted. With several cores,
    deleted in the order of their making, the stack of a deleted one stays installed: the next signal ends the process.
    """
    import openvino

    return openvino.Core()
