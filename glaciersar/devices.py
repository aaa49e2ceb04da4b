"""Choose the device on which networks compute, and make a GPU compute as precisely and repeatably as it is asked to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from glaciersar.errors import InputError


def choose_device(name: str = "auto") -> torch.device:
    """Give the device of a name.

    Args:
        name: "cpu"; "cuda", the present GPU; "cuda:1", a certain one; "auto" takes a GPU where there is one.

    Raises:
        InputError: Another name, or a GPU that is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind, colon, number = name.partition(":")
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise InputError(f"device={name!r} found, auto, cpu, cuda or cuda:NUMBER expected")
    if count == 0:
        raise InputError(f"device={name!r} found, but torch sees no GPU; expected cpu or auto, or `glaciersar doctor`")
    if colon and int(number) >= count:
        raise InputError(f"device={name!r} found, a number below {count} expected, as torch sees {count} GPUs")
    return torch.device(name)


@contextmanager
def exact_float32(*, tf32: bool = False) -> Iterator[None]:
    """Compute float32 in full precision inside the block, and convolutions by kernels that repeat themselves.

    By itself cuDNN multiplies float32 in TF32, with 10 bits of mantissa, so that logits err by 1e-3 rather than 5e-6,
    and it may choose kernels whose gradients differ from run to run. On a CPU nothing changes.

    Args:
        tf32: Allow TF32 all the same: several times as fast.
    """
    cudnn: Any = torch.backends.cudnn  # torch makes its attributes as it is imported, which type checkers don't see
    backends = cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul
    before = [backend.fp32_precision for backend in backends]
    kernels = cudnn.deterministic, cudnn.benchmark
    for backend in backends:
        backend.fp32_precision = "tf32" if tf32 else "ieee"
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value
        cudnn.deterministic, cudnn.benchmark = kernels


SLOW_CUDNN = (90800, 91500)
"""Versions of cuDNN from the first to below the second, whose 3-D convolutions in 16 bits PyTorch goes around, because
they gave wrong results (pytorch/pytorch#163539, #166122)."""


def slow_convolutions(precision: str, version: int | None) -> str:
    """Say in a sentence that 3-D convolutions are slow with this version of cuDNN; nothing where they are not.

    Args:
        precision: "bf16", "fp16" or another.
        version: From `torch.backends.cudnn.version()`.
    """
    if precision not in ("bf16", "fp16") or version is None or not SLOW_CUDNN[0] <= version < SLOW_CUDNN[1]:
        return ""
    found = f"cuDNN {version // 10000}.{version // 100 % 100}.{version % 100}"
    return (
        f"{found}: 3-D convolutions in {precision} are slow and take more memory with 9.8 to 9.14; "
        'pip install --upgrade "nvidia-cudnn-cu12>=9.15" or the package of your CUDA, or take float32 or tf32'
    )
