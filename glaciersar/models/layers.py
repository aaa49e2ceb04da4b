"""The pieces that the networks share: convolution blocks, pooling, the decoder.

They follow the authors' Keras layers to the digit; where Keras and PyTorch differ, a comment says how.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.models.onednn import spare_amx

spare_amx()  # before the first convolution

SLOPE = 0.3  # of LeakyReLU below zero: the default of Keras 2, where PyTorch has 0.01


class Conv3d(nn.Conv3d):
    """A 3-D convolution over (B, C, T, H, W) with three workarounds for PyTorch 2.13 on a CPU.

    In bf16, over exactly two dates, PyTorch leaves part of the gradient of a padded kernel unset. A third date of
    zeros, which the padding reads anyway, avoids that and changes nothing else. Over a single date of one channel it
    leaves part of the result unset. There only the middle of a kernel of three dates, padded by one, meets the date.

    In float32, on one thread, a kernel of one pixel gives up the channels-last layout, and so do the gradients of all
    layers before it. The same sums as a product of matrices keep the layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            if x.shape[2] == 2 and self.padding[0]:
                return super().forward(F.pad(x, (0, 0, 0, 0, 0, 1)))[:, :, :2]
            if x.shape[2] == 1:
                middle = self.weight[:, :, self.kernel_size[0] // 2]  # (O, C, 3, 3), or smaller
                return F.conv2d(x[:, :, 0], middle, self.bias, padding=self.padding[1:]).unsqueeze(2)
        elif x.device.type == "cpu" and torch.is_grad_enabled() and self.kernel_size == (1, 1, 1):
            return F.linear(x.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)
        return super().forward(x)


CONV = {2: nn.Conv2d, 3: Conv3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
DROPOUT = {2: nn.Dropout2d, 3: nn.Dropout3d}  # whole channels: neighbouring pixels carry the same information


def batch_norm(channels: int, *, dims: int) -> nn.Module:
    """Normalise channels with the constants of Keras; its momentum 0.99 is 0.01 in PyTorch."""
    return NORM[dims](channels, eps=1e-3, momentum=0.01)


def conv_norm_act(inputs: int, outputs: int, *, dims: int) -> nn.Sequential:
    """Convolve (3 along each axis, sides kept), normalise, LeakyReLU."""
    conv = CONV[dims](inputs, outputs, 3, padding=1)
    return nn.Sequential(conv, batch_norm(outputs, dims=dims), nn.LeakyReLU(SLOPE, inplace=True))


class ResidualBlock(nn.Module):
    """Two convolutions beside a linear projection; nothing acts on their sum."""

    def __init__(self, inputs: int, outputs: int, *, dims: int, dropout: float) -> None:
        super().__init__()
        self.first = conv_norm_act(inputs, outputs, dims=dims)
        self.second = conv_norm_act(outputs, outputs, dims=dims)
        self.dropout = DROPOUT[dims](dropout)
        self.project = CONV[dims](inputs, outputs, 1, bias=False)  # also where inputs == outputs

    def forward(self, x: Tensor) -> Tensor:  # (B, inputs, …) -> (B, outputs, …)
        # a sum lies in memory as its first term does, here channels last
        total: Tensor = self.dropout(self.second(self.first(x))) + self.project(x)
        return total


def halve(x: Tensor, dim: int) -> Tensor:
    """Keep the larger of each two neighbours along an axis of even length."""
    left, right = x.unflatten(dim, (-1, 2)).unbind(dim + 1)
    return torch.maximum(left, right)


def even_dates(x: Tensor) -> Tensor:
    """Repeat the last date of a series of odd length; neither the maximum nor the mean of such a pair changes."""
    return x if x.shape[2] % 2 == 0 else torch.cat((x, x[:, :, -1:]), dim=2)  # (B, C, T, H, W)


def refuses_max_pool() -> bool:
    """Tell whether torch would refuse the gradient of `max_pool3d` on a GPU.

    Its kernel adds with atomic operations, whose order is open where several cubes share a value. Here cubes do not
    overlap, a value gets one term at most, and there is no order; torch's strict mode refuses it all the same.
    """
    return torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled()


def max_pool(x: Tensor, *, dates: int = 1) -> Tensor:
    """Halve even sides, and with `dates=2` the dates too, by the largest of each cube; a last single date stands alone.

    By `max_pool3d`, in one pass over memory; the first of equal values gets the gradient, on any device. In steps only
    where torch refuses that, and on a CPU that maps with channels first, where steps are ten times as fast.
    """
    if x.is_cuda and not (x.requires_grad and refuses_max_pool()):
        return F.max_pool3d(x, (dates, 2, 2), ceil_mode=True)
    if not (x.is_cuda or (torch.is_inference_mode_enabled() and x.is_contiguous())):
        with torch.autocast("cpu", enabled=False):  # which would compute it in float32
            if x.requires_grad:  # at once: half the time, the same bits
                return F.max_pool3d(x, (dates, 2, 2), ceil_mode=True)
            x = F.max_pool3d(x, (1, 2, 2))  # sides first: OpenVINO does not know a rounded-up pooling of dates
            return F.max_pool3d(even_dates(x), (2, 1, 1)) if dates == 2 else x
    if dates == 2:
        x = halve(even_dates(x), 2)
    return halve(halve(x, 3), 4)  # (B, C, T, H, W) -> (B, C, T or ⌈T/2⌉, H/2, W/2)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until both sides are multiples; the caller crops the result to the old sides."""
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not (bottom or right):
        return x
    return F.pad(x, (0, right, 0, bottom, 0, 0), mode="replicate")  # (B, C, T, H, W)


class Up(nn.Module):
    """Double the sides: nearest neighbour, then a 2 × 2 convolution and normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 2, bias=False)
        self.norm = batch_norm(outputs, dims=2)

    def forward(self, x: Tensor) -> Tensor:  # (B, inputs, H, W) -> (B, outputs, 2 H, 2 W)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = F.pad(x, (0, 1, 0, 1))  # 'same' of Keras pads an even kernel at the end only
        doubled: Tensor = self.norm(self.conv(x))
        return doubled


class Decoder(nn.Module):
    """Upsample from the deepest map to full resolution, joining the skip map of each level, and classify."""

    def __init__(self, depth: int, *, levels: int, dropout: float) -> None:
        super().__init__()
        widths = [depth >> level for level in range(levels + 1)]  # for example 256, 128, 64, 32
        self.ups = nn.ModuleList(Up(wide, slim) for wide, slim in pairwise(widths))
        self.blocks = nn.ModuleList(ResidualBlock(2 * slim, slim, dims=2, dropout=dropout) for slim in widths[1:])
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:  # (B, C_i, H / 2^i, W / 2^i), shallow to deep -> (B, 2, H, W)
        *skips, x = maps
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips), strict=True):
            x = block(torch.cat((up(x), skip), dim=1))
        logits: Tensor = self.head(x)
        return logits


class Network(nn.Module):
    """Base of the networks: encodes a series into one map a level and decodes these; takes sides of any length.

    A subclass sets `decoder` and defines `encode`.
    """

    name: str
    size_divisor: int
    """Both sides are padded to a multiple of this inside, and the logits cropped back."""
    input_convs: tuple[str, ...]
    """Names of the convolutions that the series, or what `reduce` makes of it, goes into."""
    dates: int | None = None
    """The only number of dates that it takes; None stands for any."""

    def __init__(self, *, features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.features, self.width, self.dropout = features, width, dropout
        self.metadata: dict[str, str] = {}  # what the weight file says about its training
        self.reduce: nn.Module = nn.Identity()  # a series (B, F, T, H, W) to what the first convolutions see of it
        self.decoder: nn.Module

    def checksum(self) -> str:
        """Compute a SHA-256 of all weights and statistics, in hexadecimal."""
        digest = hashlib.sha256()
        for name, values in self.state_dict().items():
            digest.update(name.encode() + values.cpu().numpy().tobytes())
        return digest.hexdigest()

    def encode(self, x: Tensor) -> list[Tensor]:  # (B, F, T, H, W) -> (B, C_i, H / 2^i, W / 2^i), shallow to deep
        raise NotImplementedError

    def check(self, series: Tensor) -> None:
        """Refuse anything but a series of this network's features."""
        if series.ndim != 5 or series.shape[1] != self.features or 0 in series.shape:
            raise InputError(
                f"{self.name}: series of shape {tuple(series.shape)} found, "
                f"(batch, {self.features}, dates, height, width) expected with at least one of each"
            )
        self.check_dates(series.shape[2])

    def check_dates(self, dates: int) -> None:
        """Refuse a number of dates that this network does not take."""
        if self.dates not in (None, dates):
            raise InputError(f"{self.name}: a series of {dates} dates found, {self.dates} expected")

    def forward(self, series: Tensor) -> Tensor:  # (B, F, T, H, W) -> logits (B, 2, H, W)
        self.check(series)
        height, width = series.shape[-2:]
        series = pad_to_multiple(series, self.size_divisor)
        series = series.to(memory_format=torch.channels_last_3d)  # which convolutions keep, and are faster in
        logits: Tensor = self.decoder(self.encode(series))
        return logits[..., :height, :width]


def initialise(model: nn.Module) -> None:
    """Draw convolution kernels from Glorot's uniform distribution and set biases to zero, as Keras does."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
