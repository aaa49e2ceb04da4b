"""glaciersar.models.onednn"""

import os
import subprocess
import sys

import pytest
import torch

from glaciersar.models.layers import Conv3d
from glaciersar.models.onednn import spare_amx


@pytest.mark.parametrize(
    ("capabilities", "before", "after"),
    [
        ({"amx_bf16": True}, {}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}),
        ({"amx_bf16": True}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
        ({"amx_bf16": True}, {"DNNL_MAX_CPU_ISA": "AVX2"}, {"DNNL_MAX_CPU_ISA": "AVX2"}),
        ({"avx512_bf16": True}, {}, {}),
        ({}, {}, {}),
    ],
)
def test_a_processor_with_amx_convolves_without_it_unless_its_user_says_otherwise(
    monkeypatch, capabilities, before, after
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    environment = dict(before)
    spare_amx(environment)
    assert environment == after


def test_whatever_imports_a_network_has_done_so():
    environment = {name: value for name, value in os.environ.items() if "MAX_CPU_ISA" not in name}
    code = "import os, torch, glaciersar.models; print(os.environ.get('ONEDNN_MAX_CPU_ISA'))"
    code += "; print(torch.cpu.get_capabilities().get('amx_bf16', False))"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    limit, has_amx = run.stdout.split()
    assert limit == ("AVX512_CORE_BF16" if has_amx == "True" else "None")


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    ("channels", "dates", "side"), [((1, 2), 1, 16), ((1, 8), 1, 8), ((32, 64), 1, 64), ((32, 64), 5, 64)]
)
def test_a_convolution_in_bf16_and_its_gradients_are_those_of_float32(channels, dates, side, memory_format):
    """Of the sizes at which kernels of oneDNN err: with one channel in the result, with 32 in the kernel's gradient."""
    torch.manual_seed(0)
    conv = Conv3d(*channels, 3, padding=1)
    x = torch.randn(4, channels[0], dates, side, side).to(memory_format=memory_format).requires_grad_()
    slope = torch.randn(4, channels[1], dates, side, side)

    def compute(*, half):
        for size in (1_000, 10_000, 100_000):  # freed memory that is not zero, for what is left unset to show
            torch.full((size,), float("nan"))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = conv(x)
        gradients = torch.autograd.grad(found, (x, conv.weight, conv.bias), slope.to(found.dtype))
        return [found.detach().float(), *gradients]

    full = compute(half=False)
    for _ in range(3):
        for one, other in zip(compute(half=True), full, strict=True):
            assert float((one - other).norm() / other.norm()) < 0.02
