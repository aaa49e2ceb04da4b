"""Which number format a processor computes fastest in, and how to compute in 16 bits without rounding the series.

bf16 holds 8 bits of a number. Scaled backscatter of one region lies close together, around 0.7 or so, and its pixels
differ only in the bits after those: rounding the series, and the kernels and biases of the first convolutions, changes
more pixels of a map than all later rounding. fp16 holds 11 bits, and no number above 65,504.
"""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from glaciersar.models.layers import Network

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Formats of 16 bits, by name."""


def fastest_precision(device: str) -> str:
    """Name the format in which a device computes convolutions fastest: "bf16", "fp16" on older GPUs, or "float32"."""
    if multiplies_bf16(device):
        return "bf16"
    return "fp16" if device.startswith("cuda") else "float32"


def multiplies_bf16(device: str) -> bool:
    """Say whether a device ("cpu", "cuda:0") multiplies bf16 in hardware; emulated, it is slower than float32."""
    if device.startswith("cuda"):
        with torch.cuda.device(device if ":" in device else -1):  # -1: the present one
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    found = torch.cpu.get_capabilities()
    limited_to_avx2 = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")  # as ATEN_CPU_CAPABILITY may
    on_x86 = bool(found.get("avx512_bf16")) and not limited_to_avx2  # by AMX it would err, see `models.onednn`
    return on_x86 or bool(found.get("bf16"))


def fold_norms(model: nn.Module) -> nn.Module:
    """Copy a network in evaluation mode with each batch normalisation multiplied into the convolution before it."""
    model = copy.deepcopy(model)
    for parent in model.modules():
        for (name, conv), (after, norm) in pairwise(list(parent.named_children())):  # they run in the order named
            if isinstance(conv, nn.Conv2d | nn.Conv3d) and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, after, nn.Identity())
    return model


def split_for_bf16(series: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Split a series into parts that bf16 holds: each value rounded, the remainder, the rounded value again, and 1.

    Args:
        series: (B, F, T, H, W).
        dtype: Another format of 16 bits.

    Returns:
        (B, 3 F + 1, T, H, W) float32.
    """
    coarse = series.to(dtype).float()
    return torch.cat((coarse, series - coarse, coarse, torch.ones_like(series[:, :1])), dim=1)


def accept_bf16_parts(model: Network, dtype: torch.dtype = torch.bfloat16) -> Network:
    """Copy a network so that it takes a series as `split_for_bf16` splits it, with the same result as for the series.

    What is split is what `model.reduce` makes of the series, for most networks the series itself: a minimum of the
    parts is no part of the minimum.

    With kernels split in the same way, w = w₁ + w₂, the product with x₁ + x₂ is computed as w₁ x₁ + w₁ x₂ + w₂ x₁. The
    term left out, w₂ x₂, is smaller by two to the power of 16. A bias with a normalisation folded in is large, as it
    subtracts a mean: the remainder of its rounding becomes the weight of the part that is 1.
    """
    model = copy.deepcopy(model)
    model.reduce, model.dates = nn.Identity(), None
    for conv in map(model.get_submodule, model.input_convs):
        assert isinstance(conv, nn.Conv2d | nn.Conv3d)
        kernel = conv.weight.detach()  # (O, F, 3, 3, 3), or smaller
        coarse = kernel.to(dtype).float()
        constant = kernel.new_zeros(len(kernel), 1, *conv.kernel_size)
        if conv.bias is not None:
            bias = conv.bias.detach()
            conv.bias = nn.Parameter(bias.to(dtype).float())
            taps = constant.view(len(kernel), -1)
            taps[:, taps.shape[1] // 2] = bias - conv.bias.detach()  # the middle: at an edge, others would meet zeros
        conv.weight = nn.Parameter(torch.cat((coarse, coarse, kernel - coarse, constant), dim=1))
        conv.in_channels = conv.weight.shape[1]
        model.features = conv.in_channels
    return model
