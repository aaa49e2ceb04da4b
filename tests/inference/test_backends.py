import copy
import gc
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference import backends, sliding_window
from glaciersar.models.compiled import compile_elementwise, compiled_parts
from glaciersar.models.precision import multiplies_bf16
from tests.support.networks import dates_for

TOLERANCE = {"float32": 1e-5, "bf16": 0.02}  # of a probability


def network(name, **settings):
    """A network with statistics in its normalisations, as training leaves them."""
    torch.manual_seed(0)
    model = models.build(name, width=4, **settings).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)
    return model


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("backend", ["torch", "openvino"])
@pytest.mark.parametrize("name", models.NAMES)
@torch.no_grad()
def test_every_backend_gives_the_same_within_its_tolerance(name, backend, precision):
    model = network(name, features=2)
    predictor = backends.make_predictor(model, backend=backend, precision=precision)
    assert (predictor.backend, predictor.precision) == (backend, precision)
    dates = dates_for(model, 3)
    for batch, height, width in [(1, 24, 40), (2, 33, 17), (1, 3, 5)]:
        series = torch.rand(batch, 2, dates, height, width)
        torch.testing.assert_close(predictor(series), model(series).softmax(1)[:, 1], atol=TOLERANCE[precision], rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "parts"), [("float32", 2), ("bf16", 1)])
@torch.no_grad()
def test_a_compiled_network_gives_the_same(monkeypatch, precision, parts):
    """By a compiler that leaves all as it is; `test_compiled` has the others."""
    monkeypatch.setattr(backends, "check_compiler", lambda _: None)
    seen = []

    def compile_for_test(model):
        seen.extend(compiled_parts(model))
        return compile_elementwise(model, backend="eager")

    monkeypatch.setattr(backends, "compile_elementwise", compile_for_test)
    model = network("ulstm")
    predictor = backends.make_predictor(model, precision=precision, compile=True)
    assert str(predictor) == f"torch, compiled, {precision}, on cpu"
    assert len(seen) == parts  # in 16 bits normalisations are folded into convolutions
    series = torch.rand(1, 1, 3, 24, 16)
    torch.testing.assert_close(predictor(series), model(series).softmax(1)[:, 1], atol=TOLERANCE[precision], rtol=0)
    assert not any("forward" in vars(module) for module in model.modules())


def test_compiling_for_openvino_is_refused(monkeypatch):
    monkeypatch.setattr(backends, "check_compiler", lambda _: None)
    with pytest.raises(InputError, match="compile=True found for openvino"):
        backends.make_predictor(network("unet2d"), backend="openvino", compile=True)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
@pytest.mark.parametrize("name", models.NAMES)
def test_in_bf16_a_network_tells_series_apart_that_bf16_holds_as_one(name, backend):
    model = network(name)
    predictor = backends.make_predictor(model, backend=backend, precision="bf16")
    one, other = (torch.full((1, 1, dates_for(model, 3), 16, 16), value) for value in (0.7001, 0.7011))
    assert torch.equal(one.bfloat16(), other.bfloat16())
    assert not torch.equal(predictor(one), predictor(other))


@pytest.mark.slow
@torch.no_grad()
def test_a_network_made_ready_takes_any_number_of_dates():
    model = network("unet3d")
    predictor = backends.make_predictor(model, backend="openvino", precision="float32")
    for dates in (1, 2, 5):
        series = torch.rand(1, 1, dates, 16, 16)
        torch.testing.assert_close(predictor(series), model(series).softmax(1)[:, 1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_series_with_other_features_is_refused_in_the_same_words_by_every_backend(backend, rng):
    model = network("unet3d", features=2)
    series = rng.random((1, 4, 16, 16), dtype=np.float32)
    message = r"unet3d: series of shape \(1, 1, 4, 16, 16\) found, \(batch, 2, dates, height, width\) expected"
    with pytest.raises(InputError, match=message):
        sliding_window.map_array(model, series, backend=backend)
    with pytest.raises(InputError, match="NaN"):
        sliding_window.map_array(model, series * np.nan, backend=backend)
    with pytest.raises(InputError, match="shape"):
        sliding_window.map_array(model, series[0], backend=backend)


@torch.no_grad()
def test_folding_the_normalisations_changes_nothing_and_leaves_the_network_alone():
    model = network("ulstm")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = backends.fold_norms(model)
    assert not any(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in folded.modules())
    series = torch.rand(1, 1, 2, 16, 16)
    torch.testing.assert_close(folded(series), model(series), atol=1e-6, rtol=0)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_small_work_stays_with_torch_in_float32_and_much_goes_to_openvino():
    model = network("unet3d")
    small = backends.make_predictor(model, size=15 * 250 * 250)
    assert str(small) == "torch, float32, on cpu"
    large = backends.make_predictor(model)
    assert large.backend == "openvino"
    assert large.precision == ("bf16" if multiplies_bf16("cpu") else "float32")


def test_without_openvino_torch_does_it_and_asking_for_it_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    model = network("unet3d")
    assert backends.make_predictor(model).backend == "torch"
    with pytest.raises(InputError, match="openvino is not installed"):
        backends.make_predictor(model, backend="openvino")


def test_a_network_that_openvino_cannot_take_is_left_to_torch():
    model = nn.Conv3d(1, 2, 1)
    assert backends.make_predictor(model).backend == "torch"
    with pytest.raises(InputError, match="Conv3d on cpu, a network"):
        backends.make_predictor(model, backend="openvino")


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_another_number_of_dates_than_a_network_takes_is_refused_by_every_backend(backend, precision):
    predictor = backends.make_predictor(network("unet2d_channels"), backend=backend, precision=precision)
    with pytest.raises(InputError, match="unet2d_channels: a series of 3 dates found, 15 expected"):
        predictor(torch.rand(1, 1, 3, 16, 16))


@pytest.fixture
def conversions(monkeypatch):
    """The numbers of dates that networks were converted for."""
    found, convert = [], backends._convert

    def record(model, dates):
        found.append(dates)
        return convert(model, dates)

    monkeypatch.setattr(backends, "_convert", record)
    return found


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_second_map_converts_nothing_and_is_the_same(rng, conversions, precision):
    model, settings = network("unet3d"), {"backend": "openvino", "precision": precision}
    series = rng.random((1, 3, 16, 16), dtype=np.float32)
    first = sliding_window.map_array(model, series, **settings)
    np.testing.assert_array_equal(sliding_window.map_array(model, series, **settings), first)
    assert conversions == [3]
    sliding_window.map_array(model, series[:, :2], **settings)
    assert conversions == [3, 2]


CHANGES = {
    "in place": lambda model: model.decoder.head.bias.data.add_(torch.tensor([0.0, 1.0])),
    "statistics": lambda model: model.blocks[0].first[1].running_mean.add_(0.5),
    "loaded": lambda model: model.load_state_dict(models.build("unet2d", width=4).state_dict(), assign=True),
    "another date": lambda model: setattr(model.reduce, "date", 0),
}


@pytest.mark.parametrize("change", CHANGES)
@torch.no_grad()
def test_a_network_that_changed_gives_its_new_map(rng, conversions, change):
    model, settings = network("unet2d"), {"backend": "openvino", "precision": "float32"}
    series = rng.random((1, 3, 16, 16), dtype=np.float32)
    before = sliding_window.map_array(model, series, **settings)
    CHANGES[change](model)
    after = sliding_window.map_array(model, series, **settings)
    assert conversions == [3, 3]
    assert np.abs(after - before).max() > 1e-3
    expected = sliding_window.map_array(model, series, backend="torch", precision="float32")
    np.testing.assert_allclose(after, expected, atol=1e-5)


def test_what_was_converted_goes_with_the_network(rng):
    gc.collect()
    kept, model = len(backends._KEPT), network("unet2d")
    sliding_window.map_array(model, rng.random((1, 1, 16, 16), dtype=np.float32), backend="openvino")
    assert len(backends._KEPT) == kept + 1
    del model
    gc.collect()
    assert len(backends._KEPT) == kept


AFTER_SIGNAL = """
import faulthandler, gc, os, signal
import torch
from glaciersar import models
from glaciersar.inference import backends
from glaciersar.models.compiled import compile_elementwise, compiled_parts

faulthandler.enable()
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(True))
settings = {"backend": "openvino", "precision": "float32"}
ready = [backends.make_predictor(models.build("unet2d", width=4), **settings) for _ in range(2)]
for predictor in ready:
    predictor(torch.rand(1, 1, 1, 16, 16))
del predictor
while ready:
    ready.pop(0)
    gc.collect()
os.kill(os.getpid(), signal.SIGUSR1)
print("signals handled:", len(handled))
"""


def test_a_process_takes_signals_after_networks_of_openvino_are_gone():
    done = subprocess.run([sys.executable, "-c", AFTER_SIGNAL], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "signals handled: 1\n"), done.stderr


HELD = """
import os
import torch
from glaciersar import models
from glaciersar.inference import backends

torch.manual_seed(0)
torch.set_num_threads(1)
model = models.build("unet3d_weighted", width=4).eval()
series = torch.rand(1, 1, 3, 24, 40)
found = backends.make_predictor(model, backend="openvino", precision="float32")(series)
with torch.no_grad():
    torch.testing.assert_close(found, model(series).softmax(1)[:, 1], atol=1e-5, rtol=0)
print(os.environ["ONEDNN_MAX_CPU_ISA"])
"""


@pytest.mark.parametrize("instructions", ["AVX2", "SSE41"])
def test_openvino_is_right_where_a_variable_holds_onednn_to_older_instructions(instructions):
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions, "DNNL_MAX_CPU_ISA": instructions}
    done = subprocess.run([sys.executable, "-c", HELD], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [instructions]  # and the variable is there again


def test_a_network_is_moved_to_the_device_that_is_asked_for_and_stays_where_it_lies(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = nn.Conv3d(1, 2, 1).train()
    assert backends.place(model) is backends.place(model, "cpu") is model
    assert not model.training
    with pytest.raises(InputError, match="device='cuda' found, but torch sees no GPU"):
        backends.make_predictor(model, device="cuda")
    elsewhere = copy.deepcopy(model).to("meta")  # stands for a GPU
    assert backends.place(elsewhere) is elsewhere
    with pytest.raises(NotImplementedError, match="no data"):  # it was copied, as its weights lie elsewhere
        backends.place(elsewhere, "cpu")


class Settings(nn.Module):
    """Keeps in which precision convolutions would run."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.found = []

    def forward(self, x):
        cudnn = torch.backends.cudnn
        self.found.append((cudnn.conv.fp32_precision, cudnn.deterministic, torch.get_autocast_dtype("cpu")))
        return torch.stack((torch.zeros_like(x[:, 0, 0]), x[:, 0, 0] * self.gain), 1)


@pytest.mark.parametrize(
    ("precision", "conv", "half"), [("float32", "ieee", None), ("bf16", "ieee", torch.bfloat16), ("tf32", "tf32", None)]
)
def test_networks_run_by_kernels_that_repeat_themselves_and_in_tf32_only_where_it_is_asked_for(precision, conv, half):
    model = Settings()
    backends._in_torch(model, precision, compile=False)(torch.rand(1, 1, 1, 2, 2))
    ((found, deterministic, dtype),) = model.found
    assert (found, deterministic) == (conv, True)
    assert half in (None, dtype)


def test_tf32_is_no_choice_on_a_cpu_nor_fp16_for_openvino():
    model = network("unet2d")
    with pytest.raises(InputError, match="precision='tf32' found on cpu"):
        backends.make_predictor(model, precision="tf32")
    with pytest.raises(InputError, match="precision='fp16' found for openvino"):
        backends.make_predictor(model, precision="fp16", backend="openvino")


@torch.inference_mode()
def test_fp16_is_near_float32_and_what_its_range_does_not_hold_is_computed_in_float32():
    model, series = network("unet2d"), torch.rand(1, 1, 1, 16, 16)
    found = backends.make_predictor(model, precision="fp16", backend="torch")(series)
    exact = backends.make_predictor(model, precision="float32", backend="torch")(series)
    assert 0 < (found - exact).abs().max() < 5e-3
    model.get_submodule(model.input_convs[0]).weight.mul_(1e6)
    exact = backends.make_predictor(model, precision="float32", backend="torch")(series)
    assert torch.isfinite(exact).all()
    found = backends.make_predictor(model, precision="fp16", backend="torch")(series)
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=0)
