"""Baselines without an order of time: a residual U-Net over an image that is made of the series."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glaciersar.models.layers import Decoder, Network, ResidualBlock, initialise, max_pool

LEVELS = 3  # as deep as the 3-D networks
DATES = 15  # what stands for a year, and the only number that fits where dates are channels


class OneDate(nn.Module):
    """Keep one date of a series; of a shorter series the last."""

    def __init__(self, date: int) -> None:
        super().__init__()
        self.date = date

    def forward(self, x: Tensor) -> Tensor:  # (B, F, T, H, W) -> (B, F, 1, H, W)
        date = min(self.date, x.shape[2] - 1)
        return x[:, :, date : date + 1]

    def extra_repr(self) -> str:
        """Name the date, by which converted networks are told apart."""
        return f"date={self.date}"


class MeanOfDates(nn.Module):
    """Average the dates."""

    def forward(self, x: Tensor) -> Tensor:  # (B, F, T, H, W) -> (B, F, 1, H, W)
        return x.mean(dim=2, keepdim=True)


class StatisticsOfDates(nn.Module):
    """Compute minimum, maximum, mean and standard deviation (divided by T, 0 for one date) over the dates."""

    def forward(self, x: Tensor) -> Tensor:  # (B, F, T, H, W) -> (B, 4 F, 1, H, W), the F minima first
        low, high = x.amin(dim=2, keepdim=True), x.amax(dim=2, keepdim=True)
        mean, spread = x.mean(dim=2, keepdim=True), x.std(dim=2, correction=0, keepdim=True)
        return torch.cat((low, high, mean, spread), dim=1)


class DatesAsChannels(nn.Module):
    """Take each date of each feature for a channel."""

    def forward(self, x: Tensor) -> Tensor:  # (B, F, T, H, W) -> (B, F·T, 1, H, W), the dates of a feature together
        return x.flatten(1, 2)[:, :, None]


REDUCTIONS: dict[str, tuple[int, Callable[[], nn.Module]]] = {  # channels a feature, and how
    "mean": (1, MeanOfDates),
    "statistics": (4, StatisticsOfDates),
    "channels": (DATES, DatesAsChannels),
}


class UNet2D(Network):
    """Segment one image that is made of a series, to show what the order and course of its dates add.

    Args:
        features: Channels of the input.
        width: Channels of the first level; each deeper level has twice as many.
        dropout: Share of channels dropped at the end of each block while training.
        date: Index of the date seen; 3 of 0 … 14 is in mid-March: under dry snow firn is bright, and nothing is wet. Of
            a shorter series it is the last.
        reduce: What is seen instead of one date: the "mean" of the dates (of scaled dB); their "statistics", which are
            minimum, maximum, mean and standard deviation; or the dates as "channels", 15 of them and no other number.
    """

    size_divisor = 2**LEVELS
    input_convs = ("blocks.0.first.0", "blocks.0.project")

    def __init__(
        self,
        *,
        features: int = 1,
        width: int = 32,
        dropout: float = 0.05,
        date: int = 3,
        reduce: str | None = None,
    ) -> None:
        super().__init__(features=features, width=width, dropout=dropout)
        channels, make = REDUCTIONS[reduce] if reduce else (1, lambda: OneDate(date))
        self.name = f"unet2d_{reduce}" if reduce else "unet2d"
        self.dates = DATES if reduce == "channels" else None
        self.reduce = make()
        widths = [width << level for level in range(LEVELS + 1)]  # 32, 64, 128, 256
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs, dims=2, dropout=dropout)
            for inputs, outputs in zip([channels * features, *widths], widths, strict=False)
        )
        self.decoder = Decoder(widths[-1], levels=LEVELS, dropout=dropout)
        initialise(self)

    def encode(self, x: Tensor) -> list[Tensor]:  # (B, F, T, H, W) -> (B, C_i, H / 2^i, W / 2^i), i = 0 … 3
        image = self.reduce(x)[:, :, 0]  # (B, C, H, W)
        maps = [self.blocks[0](image)]
        for block in self.blocks[1:]:
            maps.append(block(max_pool(maps[-1][:, :, None])[:, :, 0]))
        return maps
