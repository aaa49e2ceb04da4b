"""The 3-D convolutional networks: a residual U-Net over time and space whose skips drop the time axis.

After ICEmapper and ICEmapper_v2 of konstantin-a-maslov/icemapper, the closest public form of the paper's
3D-convolution model.
"""

from torch import Tensor, nn

from glaciersar.models.layers import Conv3d, Decoder, Network, ResidualBlock, even_dates, initialise, max_pool

LEVELS = 3  # times that the encoder halves dates and sides


class TemporalMax(nn.Module):
    """Reduce a series to one map by its largest response at each pixel."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T, H, W) -> (B, C, H, W)
        x = x.movedim(1, -1)  # as it lies in memory: (B, T, H, W, C)
        return x.amax(dim=1).movedim(-1, 1)  # amax, not max_pool3d: its gradient is deterministic on CUDA


class MaxDown(nn.Module):
    """Halve dates and sides by the largest of each 2 × 2 × 2 cube; a last single date stands alone."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T, H, W) -> (B, C, ⌈T/2⌉, H/2, W/2)
        return max_pool(x, dates=2)


class TemporalGate(nn.Module):
    """Weigh each date and channel by a sigmoid of two convolutions over time of the spatial mean.

    The mean runs over the whole patch, so a pixel's result depends on what else the patch holds.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = Conv3d(channels, channels // 2, (3, 1, 1), padding=(1, 0, 0))
        self.excite = Conv3d(channels // 2, channels, (3, 1, 1), padding=(1, 0, 0))
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T, H, W) -> (B, C, T, H, W)
        course = x.mean(dim=(3, 4), keepdim=True)  # (B, C, T, 1, 1)
        weights: Tensor = self.excite(self.act(self.squeeze(course))).sigmoid()
        return x * weights


class WeightedMean(TemporalGate):
    """Reduce a series to one map by the mean of its gated dates; the divisor is T, not the sum of weights."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T, H, W) -> (B, C, H, W)
        return super().forward(x).mean(dim=2)


class WeightedDown(TemporalGate):
    """Halve sides by the largest of each 2 × 2 square, then dates by the mean of each gated pair."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T, H, W) -> (B, C, ⌈T/2⌉, H/2, W/2)
        x = super().forward(max_pool(x))  # (B, C, T, H/2, W/2)
        pairs: Tensor = even_dates(x).unflatten(2, (-1, 2))  # (B, C, ⌈T/2⌉, 2, H/2, W/2)
        return pairs.mean(dim=3)


class UNet3D(Network):
    """Segment a series with 3-D convolutions; time is halved with the sides and dropped at each skip.

    Args:
        features: Channels of the input, for example backscatter and coherence.
        width: Channels of the first level; each deeper level has twice as many.
        dropout: Share of channels dropped at the end of each block while training.
        weighted: Pool by temporal weighting (the follow-up's model) instead of by the maximum.
    """

    size_divisor = 2**LEVELS
    input_convs = ("blocks.0.first.0", "blocks.0.project")

    def __init__(self, *, features: int = 1, width: int = 32, dropout: float = 0.05, weighted: bool = False) -> None:
        super().__init__(features=features, width=width, dropout=dropout)
        self.name = "unet3d_weighted" if weighted else "unet3d"
        widths = [width << level for level in range(LEVELS + 1)]  # 32, 64, 128, 256
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs, dims=3, dropout=dropout)
            for inputs, outputs in zip([features, *widths], widths, strict=False)
        )
        self.downs = nn.ModuleList(WeightedDown(c) if weighted else MaxDown() for c in widths[:-1])
        self.skips = nn.ModuleList(WeightedMean(c) if weighted else TemporalMax() for c in widths)
        self.decoder = Decoder(widths[-1], levels=LEVELS, dropout=dropout)
        initialise(self)

    def encode(self, x: Tensor) -> list[Tensor]:  # (B, F, T, H, W) -> (B, C_i, H / 2^i, W / 2^i), i = 0 … 3
        maps = []
        for block, skip, down in zip(self.blocks, self.skips, [*self.downs, None], strict=True):
            x = block(x)
            maps.append(skip(x))
            x = down(x) if down else x
        return maps
