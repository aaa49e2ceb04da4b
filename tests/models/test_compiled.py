"""glaciersar.models.compiled"""

import copy

import pytest
import torch

from glaciersar import models
from glaciersar.devices import exact_float32
from glaciersar.models.compiled import compile_elementwise

WAYS = [
    ("cpu", "aot_eager"),
    pytest.param(
        *("cuda", "inductor"),
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("device", "backend"), WAYS)
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_compiled_parts_give_eagers_numbers_gradients_and_statistics(name, device, backend):
    torch.manual_seed(0)
    model = models.build(name, width=2, dropout=0).train().to(device)
    compiled = compile_elementwise(copy.deepcopy(model), backend=backend)
    series = torch.rand(1, 1, 2, 16, 16, device=device)
    with exact_float32():
        found = [network(series) for network in (compiled, model)]
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)
    for logits in found:
        with exact_float32():
            logits.square().sum().backward()
    for (key, weight), (same_key, expected) in zip(compiled.named_parameters(), model.named_parameters(), strict=True):
        assert key == same_key
        torch.testing.assert_close(weight.grad, expected.grad, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(compiled.state_dict(), model.state_dict(), atol=1e-5, rtol=1e-4)
