"""Prepare a network for mapping: by PyTorch, or on a CPU by OpenVINO; there is one definition of each network.

Convolutions in bf16, where the processor multiplies it, are several times as fast as in float32. Pixels whose
probability is near a half may change their class (`benchmarks/rounding.py` counts them). Converting a network for
OpenVINO takes seconds, so "auto" does it only where there is enough to map, and the result is kept as long as the
network lives and its weights stay the same.

On a GPU float32 is computed in full precision; "tf32", a choice of its own, multiplies 10 bits of it and errs by 1e-3.
A GPU that does not multiply bf16 takes fp16; what its range does not hold is computed again in float32.
"""

import copy
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from glaciersar.devices import choose_device, exact_float32, slow_convolutions
from glaciersar.errors import InputError
from glaciersar.inference.predictor import Predictor, Run
from glaciersar.inference.trained_dates import dates_in_training, stand_in_dates
from glaciersar.models.compiled import check_compiler, compile_elementwise
from glaciersar.models.export import AnySides
from glaciersar.models.layers import Network
from glaciersar.models.precision import HALVES, accept_bf16_parts, fastest_precision, fold_norms, split_for_bf16

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

BACKENDS = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "tf32", "bf16", "fp16")

LARGE = 1e9
"""Dates × pixels × width² from which converting pays: half a window of 15 × 384 × 384 for a network of width 32."""

HINTS = {"float32": "f32", "bf16": "bf16"}  # what OpenVINO calls them

Module = TypeVar("Module", bound=nn.Module)
Graphs = dict[tuple[int, str], "Model"]
"""Converted graphs of one network, by number of dates and precision."""

_KEPT: WeakKeyDictionary[Network, tuple[tuple[object, ...], Graphs]] = WeakKeyDictionary()


def make_predictor(
    model: nn.Module,
    *,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    size: int | None = None,
    compile: bool = False,
) -> Predictor:
    """Prepare a network for mapping; its weights at this time count where it is copied, as all but "torch" do.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        backend: "torch"; "openvino", on a CPU only; "auto" takes the faster of those available here.
        precision: "float32"; "tf32", on a GPU only; "bf16"; "fp16"; "auto" takes the fastest that the device multiplies
            in hardware (bf16, or fp16 on an older GPU) where it pays.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `place`.
        size: Dates × pixels that will be mapped, from which "auto" decides; None stands for many.
        compile: By PyTorch, which fuses as `models.compiled` does: what 16 bits leave are the gates of LSTMs.

    Raises:
        InputError: An unknown backend, precision or device, or one that is not available here.
    """
    if backend not in BACKENDS:
        raise InputError(f"backend={backend!r} found, one of {', '.join(BACKENDS)} expected")
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision!r} found, one of {', '.join(PRECISIONS)} expected")
    model = place(model, "cpu" if backend == "openvino" and device == "auto" else device)
    where = _device(model)
    if compile:
        check_compiler(torch.device(where).type)
        backend = "torch" if backend == "auto" else backend
    large = size is None or size * getattr(model, "width", 0) ** 2 >= LARGE
    if backend == "auto":
        fits = large and where == "cpu" and precision in ("auto", *HINTS) and isinstance(model, Network)
        backend = "openvino" if fits and importlib.util.find_spec("openvino") else "torch"
    if precision == "auto":
        precision = fastest_precision(where) if large else "float32"
    _check_precision(backend, precision, where, compile=compile)
    in_torch = partial(_in_torch, compile=compile)
    make = in_torch if backend == "torch" else partial(_in_openvino, graphs=_kept_graphs(model))
    if where.startswith("cuda") and (slow := slow_convolutions(precision, torch.backends.cudnn.version())):
        _say_once(slow)
    run = _in_half(model, make, precision) if precision in HALVES else make(model, precision)
    run = _show_as_trained(model, run)
    return Predictor(backend=backend, precision=precision, device=where, run=run, compiled=compile)


def place(model: Module, device: str = "auto") -> Module:
    """Put a network into evaluation mode and onto a device: itself where it lies there, or a copy.

    Args:
        model: Any network.
        device: As for `devices.choose_device`; "auto" leaves a network on the GPU that it lies on.
    """
    model.eval()
    here = next(model.parameters()).device
    wanted = here if device == "auto" and here.type != "cpu" else choose_device(device)
    if here.type == wanted.type and wanted.index in (None, here.index):
        return model
    return copy.deepcopy(model).to(wanted)


def _show_as_trained(model: nn.Module, run: Run) -> Run:
    """Repeat dates of a series that is shorter than those a network was trained on."""
    if not (isinstance(model, Network) and dates_in_training(model)):
        return run
    return lambda series: run(series[:, :, list(stand_in_dates(model, of=series.shape[2]))])  # (B, F, T, H, W)


@cache
def _say_once(sentence: str) -> None:
    print(sentence)


def _check_precision(backend: str, precision: str, device: str, *, compile: bool) -> None:
    if compile and backend == "openvino":
        raise InputError("compile=True found for openvino, which compiles by itself; backend='torch' or auto expected")
    if precision == "tf32" and device == "cpu":
        raise InputError("precision='tf32' found on cpu, which has none; float32, bf16 or auto expected")
    if backend == "openvino" and precision not in HINTS:
        raise InputError(f"precision={precision!r} found for openvino, one of auto, {', '.join(HINTS)} expected")


def _device(model: nn.Module) -> str:
    return str(next(model.parameters()).device)


def probability(logits: Tensor) -> Tensor:  # (B, 2, H, W) -> (B, H, W)
    """Compute the probability of glacier in float32."""
    return logits.float().softmax(1)[:, 1]


def _in_half(model: nn.Module, make: Callable[[nn.Module, str], Run], precision: str) -> Run:
    device, dtype = _device(model), HALVES[precision]
    folded = fold_norms(model)
    if isinstance(folded, Network):
        run = _on_parts(folded, make(accept_bf16_parts(folded, dtype), precision), device, dtype)
    else:
        run = make(folded, precision)
    return _in_range(run, make(folded, "float32")) if precision == "fp16" else run


def _on_parts(network: Network, run: Run, device: str, dtype: torch.dtype) -> Run:
    """Split what a network makes of a series, on its device, before `run` computes."""

    @torch.inference_mode()
    def run_on_parts(series: Tensor) -> Tensor:
        network.check(series)
        series = series.to(device, non_blocking=True)
        return run(split_for_bf16(network.reduce(series), dtype))

    return run_on_parts


def _in_range(run: Run, exact: Run) -> Run:
    """Compute what is not finite, because fp16 has no number so large, again in float32."""

    def run_in_range(series: Tensor) -> Tensor:
        found = run(series)
        return found if torch.isfinite(found).all() else exact(series)

    return run_in_range


def _in_torch(model: nn.Module, precision: str, *, compile: bool) -> Run:
    device = _device(model)
    model = compile_elementwise(copy.deepcopy(model)) if compile else model
    kind, dtype = torch.device(device).type, HALVES.get(precision, torch.bfloat16)

    @torch.inference_mode()
    def run(series: Tensor) -> Tensor:
        with exact_float32(tf32=precision == "tf32"), torch.autocast(kind, dtype, enabled=precision in HALVES):
            logits = model(series.to(device, non_blocking=True))
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
