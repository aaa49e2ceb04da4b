"""glaciersar.models.compiled"""

import copy
import importlib.util
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from glaciersar import models
from glaciersar.devices import exact_float32
from glaciersar.errors import InputError
from glaciersar.models import compiled, ulstm
from glaciersar.models.compiled import check_compiler, compile_elementwise, compiled_parts
from glaciersar.models.layers import conv_norm_act
from glaciersar.training.batch_statistics import share_batch_statistics
from tests.support.compilers import needs_compiler
from tests.support.processors import needs_avx2

WAYS = [
    ("cpu", "aot_eager"),
    pytest.param(
        *("cuda", "inductor"),
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")],
    ),
]


def assert_as_eager(network, model, compute):
    with exact_float32():
        found = [compute(each) for each in (network, model)]
        for values in found:
            values.square().sum().backward()
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)
    assert found[0].stride() == found[1].stride()
    rounding = 1e-5 * max(float(weight.grad.abs().max()) for weight in model.parameters())  # which is all of some
    for (key, weight), (same_key, expected) in zip(network.named_parameters(), model.named_parameters(), strict=True):
        assert key == same_key
        torch.testing.assert_close(weight.grad, expected.grad, atol=max(rounding, 1e-4), rtol=1e-3)
    torch.testing.assert_close(network.state_dict(), model.state_dict(), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("device", "backend"), WAYS)
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_compiled_parts_give_eagers_numbers_gradients_and_statistics(name, device, backend):
    torch.manual_seed(0)
    model = models.build(name, width=2, dropout=0).train().to(device)
    network = compile_elementwise(copy.deepcopy(model), backend=backend)
    series = torch.rand(1, 1, 2, 16, 16, device=device)
    assert_as_eager(network, model, lambda each: each(series))


@pytest.mark.slow
@needs_compiler
@needs_avx2("torch.compile asks the processor itself, and writes vectors for which PyTorch then has no header")
@pytest.mark.parametrize("part", ["block", "gates"])
def test_kernels_that_are_compiled_for_a_cpu_give_eagers_numbers_too(part):
    """Of one layer: a whole network of them takes minutes."""
    torch.manual_seed(0)
    layer = {"block": lambda: conv_norm_act(2, 4, dims=3), "gates": lambda: ulstm.ConvLSTM(2, 3)}[part]()
    model = nn.Sequential(layer).train()
    network = compile_elementwise(copy.deepcopy(model))
    series = torch.rand(2, 2, 5, 8, 9) if part == "block" else torch.rand(4, 2, 8, 9)  # of two dates
    how = {} if part == "block" else {"dates": 2, "backward": False}

    def compute(each):
        found = each[0](series, **how)
        return found if part == "block" else torch.cat(found)

    assert_as_eager(network, model, compute)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_layers_of_any_width_share_a_few_graphs_in_training_and_validation(name):
    torch._dynamo.reset()
    graphs: list[object] = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    network = compile_elementwise(models.build(name, width=6), backend=count)
    for side, batch, mode in ((24, 3, True), (24, 3, True), (32, 1, False), (40, 1, False)):
        with nullcontext() if mode else torch.inference_mode():
            network.train(mode)(torch.rand(batch, 1, 9, side, side + 8))
    calls = {"unet3d": 2 * 14, "ulstm": 2 * (7 + 6 * 9)}[name]  # blocks, and gates of each date, in both modes
    assert 2 <= len(graphs) <= 12 < min(calls, compiled.GRAPHS)


@pytest.mark.slow
def test_gates_that_the_gradient_computes_again_may_be_compiled(monkeypatch):
    monkeypatch.setattr(ulstm, "LARGE", 0)
    torch.manual_seed(0)
    model = models.build("ulstm", width=2, dropout=0).train()
    network = compile_elementwise(copy.deepcopy(model), backend="aot_eager")
    series = torch.rand(1, 1, 3, 8, 8)
    for each in (network, model):
        each(series).square().sum().backward()
    for found, expected in zip(network.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, atol=1e-4, rtol=1e-3)


def test_what_is_compiled_is_named_and_normalisation_over_several_processes_is_not():
    block, gates = "normalisation with its activation", "gates of LSTMs"
    expected = {"unet3d": [block], "ulstm": [block, gates], "unet2d_mean": [block]}
    for name, parts in expected.items():
        network = models.build(name, width=2)
        assert compiled_parts(network) == parts
        share_batch_statistics(network, "cpu")
        assert compiled_parts(network) == [part for part in parts if part == gates]


def test_a_missing_compiler_header_or_triton_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="without a C\\+\\+ compiler, no-such-compiler expected on the path"):
        check_compiler("cpu")
    monkeypatch.setenv("CXX", "python3")
    monkeypatch.setattr(compiled.shutil, "which", lambda name: name)
    monkeypatch.setattr(compiled.sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(InputError, match=r"Python\.h expected"):
        check_compiler("cpu")
    (tmp_path / "Python.h").touch()
    check_compiler("cpu")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="triton expected for a GPU"):
        check_compiler("cuda")
