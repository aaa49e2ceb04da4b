"""The baseline without time: a residual U-Net that sees one date of the series."""

from torch import Tensor, nn

from glaciersar.models.layers import Decoder, Network, ResidualBlock, initialise, max_pool

LEVELS = 3  # as deep as the 3-D networks


class UNet2D(Network):
    """Segment one date of a series, to show what the other dates add.

    Args:
        features: Channels of the input.
        width: Channels of the first level; each deeper level has twice as many.
        dropout: Share of channels dropped at the end of each block while training.
        date: Index of the date seen; 9 of 0 … 14 is about 19 August, the end of the ablation season, when optical
            mapping has its best scenes. Of a shorter series it is the last.
    """

    name = "unet2d"
    size_divisor = 2**LEVELS
    input_convs = ("blocks.0.first.0", "blocks.0.project")

    def __init__(self, *, features: int = 1, width: int = 32, dropout: float = 0.05, date: int = 9) -> None:
        super().__init__(features=features, width=width, dropout=dropout)
        self.date = date
        widths = [width << level for level in range(LEVELS + 1)]  # 32, 64, 128, 256
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs, dims=2, dropout=dropout)
            for inputs, outputs in zip([features, *widths], widths, strict=False)
        )
        self.decoder = Decoder(widths[-1], levels=LEVELS, dropout=dropout)
        initialise(self)

    def encode(self, x: Tensor) -> list[Tensor]:  # (B, F, T, H, W) -> (B, C_i, H / 2^i, W / 2^i), i = 0 … 3
        image = x[:, :, min(self.date, x.shape[2] - 1)]  # (B, F, H, W)
        maps = [self.blocks[0](image)]
        for block in self.blocks[1:]:
            maps.append(block(max_pool(maps[-1][:, :, None])[:, :, 0]))
        return maps
