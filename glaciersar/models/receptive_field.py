"""How far a network sees: which pixels and dates of a series one pixel of its map can depend on."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True, kw_only=True)
class ReceptiveField:
    """The smallest box of the input outside of which nothing changes the central pixel of the output."""

    dates: int
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    whole_patch: bool
    """Whether it reaches all four sides of the patch that it was measured on; a larger patch may show a larger one."""


class _MeanForExtreme(TorchFunctionMode):
    """Let the mean stand for the largest and the smallest value.

    Only the winner of a maximum has a gradient, so that one input shows a part of what the output can depend on. The
    mean runs over the same values, and each of them has a gradient.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.Tensor.amax, torch.Tensor.amin, torch.amax, torch.amin):
            return torch.mean(*args, **kwargs)
        if func is F.max_pool3d:
            return _mean_pool(*args, **kwargs)
        if func is torch.maximum:
            return (args[0] + args[1]) / 2
        return func(*args, **kwargs)


def _mean_pool(
    x: Tensor, kernel: int | tuple[int, int, int], *, stride: Any, padding: Any, ceil_mode: bool, **unused: object
) -> Tensor:
    """Take the mean of the values of which `F.max_pool3d` takes the largest; a series may be shorter than a window."""
    sides = (kernel,) * 3 if isinstance(kernel, int) else kernel
    window = [min(side, length) for side, length in zip(sides, x.shape[2:], strict=True)]
    return F.avg_pool3d(x, window, stride or window, padding, ceil_mode)


STRIP = 16  # pixels: the shorter side of a patch that shows the reach along the longer one


def receptive_field(network: nn.Module, *, features: int = 1, dates: int = 15, side: int = 384) -> ReceptiveField:
    """Measure the receptive field of the central pixel by the gradient of the input.

    The gradient of the sum of that pixel's outputs is taken in float64, in evaluation mode and at a random series. It
    is nonzero exactly where the output depends on the input: all activations of the networks have a slope everywhere, a
    random series does not saturate the gates, and means stand for maxima. Neither the weights nor the width matter, so
    that a narrow network may be measured in place of a wide one. Rows are measured on a strip of `STRIP` columns, and
    columns on one of rows, because a kernel reaches as far along one axis wherever it is on the other.

    Args:
        network: (1, F, T, H, W) to (1, C, H, W).
        features: F.
        dates: T.
        side: Longer side of the strips, pixels; a multiple of the network's `size_divisor`.
    """
    network = copy.deepcopy(network).double().eval()
    tall = _reached(network, (1, features, dates, side, STRIP))  # (T, side, STRIP)
    wide = _reached(network, (1, features, dates, STRIP, side))  # (T, STRIP, side)
    when, rows = tall.flatten(1).any(dim=1), tall.any(dim=0).any(dim=1)
    columns = wide.any(dim=0).any(dim=0)
    return ReceptiveField(
        dates=_extent(when),
        height=_extent(rows),
        width=_extent(columns),
        whole_patch=bool(rows[0] and rows[-1] and columns[0] and columns[-1]),
    )


def _reached(network: nn.Module, shape: tuple[int, int, int, int, int]) -> Tensor:
    """Say which values of a series have a gradient from the pixel in the middle, (T, H, W)."""
    generator = torch.Generator().manual_seed(1)
    series = torch.rand(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    with _MeanForExtreme():
        output: Tensor = network(series)  # (1, C, H, W)
    (gradient,) = torch.autograd.grad(output[0, :, shape[3] // 2, shape[4] // 2].sum(), series)
    return gradient[0].ne(0).any(dim=0)


def _extent(reached: Tensor) -> int:  # (N,)
    """Count the places from the first to the last that is reached."""
    (places,) = reached.nonzero(as_tuple=True)
    return int(places[-1] - places[0]) + 1 if len(places) else 0
