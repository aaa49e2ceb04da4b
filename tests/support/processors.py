"""What needs vector instructions of 2013 or later, which ATEN_CPU_CAPABILITY=default leaves out."""

import pytest
import torch

BEFORE_AVX2 = torch.backends.cpu.get_cpu_capability() == "DEFAULT"


def needs_avx2(why: str) -> pytest.MarkDecorator:
    """Skip a test where PyTorch computes without AVX2, and say why that cannot give what it expects."""
    return pytest.mark.skipif(BEFORE_AVX2, reason=f"PyTorch without AVX2: {why}")
