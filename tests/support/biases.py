"""Biases that a normalisation follows: it takes their effect away, and leaves them a gradient of rounding alone."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def hold_biases_before_norms(model: nn.Module) -> None:
    """Give them no gradient at all, of which Adam makes no step; it makes whole steps of rounding."""
    for module in model.modules():
        for layer, after in pairwise(module.children()):
            bias = getattr(layer, "bias", None)
            if isinstance(after, _BatchNorm) and isinstance(bias, nn.Parameter):
                bias.register_hook(torch.zeros_like)
