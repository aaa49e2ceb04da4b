"""Where the layers keep to Keras and not to PyTorch's own defaults: constants, read off the layers themselves."""

from collections.abc import Callable

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glaciersar.models.layers import Up, batch_norm, conv_norm_act, max_pool
from glaciersar.models.ulstm import ULSTM, ConvLSTM, hard_sigmoid


def tabulate_constants() -> pd.DataFrame:
    """Measure constants of the layers, and those of PyTorch's layers where they are left as they come.

    Returns:
        A row for each constant, with columns "here and in Keras" and "PyTorch's default"; NaN where PyTorch has no such
        layer.
    """
    norm, theirs = batch_norm(1, dims=2), nn.BatchNorm2d(1)
    dates = torch.zeros(1, 1, 15, 2, 2)
    rows = {
        "LeakyReLU: slope below 0": (_slope(conv_norm_act(1, 1, dims=2)[2], -1), _slope(nn.LeakyReLU(), -1)),
        "hard sigmoid: slope at 0": (_slope(hard_sigmoid, 0), _slope(F.hardsigmoid, 0)),
        "batch normalisation: ε": (norm.eps, theirs.eps),
        "batch normalisation: weight of a new batch": (norm.momentum, theirs.momentum),
        "pooling by 2: dates left of 15": (max_pool(dates, dates=2).shape[2], F.max_pool3d(dates, 2).shape[2]),
        "2 × 2 kernel: rows above a pixel that it reads": (_rows_above(Up(1, 1)), _rows_above(_Symmetric())),
        "ConvLSTM: bias of a fresh forget gate": (_forget_bias(), float("nan")),
    }
    columns = ["here and in Keras", "PyTorch's default"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float).rename_axis("constant")


def _slope(function: Callable[[Tensor], Tensor], place: float) -> float:
    x = torch.tensor([float(place)], requires_grad=True)
    (slope,) = torch.autograd.grad(function(x.clone()).sum(), x)  # a copy, as some work in place
    return round(float(slope), 6)


class _Symmetric(nn.Module):
    """`Up` with the padding that PyTorch's argument `padding=1` gives, cropped at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, 2 H, 2 W)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        height, width = x.shape[2:]
        convolved: Tensor = self.conv(x)[..., :height, :width]
        return convolved


def _rows_above(up: nn.Module) -> int:
    """Count the rows above a pixel of the doubled map that its value depends on."""
    x = torch.rand(1, 1, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(up.eval()(x)[0, 0, 4, 4], x)
    first = int(gradient[0, 0].ne(0).any(dim=1).nonzero()[0])
    return 4 // 2 - first  # pixel 4 of the doubled map lies in row 2, at its upper edge


def _forget_bias() -> float:
    lstm = next(module for module in ULSTM(width=2).modules() if isinstance(module, ConvLSTM))
    assert lstm.input.bias is not None
    return float(lstm.input.bias.detach()[lstm.filters])
