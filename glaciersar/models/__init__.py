"""The networks: a series of scaled features (B, F, T, H, W) in, logits (B, 2, H, W) out; class 1 is glacier.

Any number of dates (but `unet2d_channels` takes 15), any sides: sides that a network cannot halve often enough are
padded at the bottom and right by repeating the last row and column, and the logits are cropped back.
"""

from collections.abc import Callable
from functools import partial

import torch

from glaciersar.errors import InputError
from glaciersar.models.layers import Network
from glaciersar.models.ulstm import ULSTM
from glaciersar.models.unet2d import UNet2D
from glaciersar.models.unet3d import LEVELS, UNet3D

__all__ = ["NAMES", "Network", "build", "check_dates", "check_name"]

_MODELS: dict[str, Callable[..., Network]] = {
    "unet3d": UNet3D,
    "unet3d_weighted": partial(UNet3D, weighted=True),
    "ulstm": ULSTM,
    "unet2d": UNet2D,
    "unet2d_mean": partial(UNet2D, reduce="mean"),
    "unet2d_statistics": partial(UNet2D, reduce="statistics"),
    "unet2d_channels": partial(UNet2D, reduce="channels"),
    "ulstm_deep": partial(ULSTM, levels=LEVELS),
}
NAMES = tuple(_MODELS)


def build(name: str, *, features: int = 1, width: int = 32, dropout: float = 0.05) -> Network:
    """Build a network with fresh weights, drawn from torch's global generator.

    Args:
        name: "unet3d" (3-D convolutions), "ulstm" (LSTMs), "unet3d_weighted" (the follow-up's pooling), "unet2d" (one
            date only), "unet2d_mean", "unet2d_statistics", "unet2d_channels" (an image made of the dates) or
            "ulstm_deep" (LSTMs, as deep as the 3-D convolutions).
        features: Channels of the input, 1 or more.
        width: Channels of the first level, even.
        dropout: Share of channels dropped while training, from 0 to below 1; the authors' released training has 0.

    Raises:
        InputError: An unknown name, or a number out of range.
    """
    check_name(name)
    if features < 1:
        raise InputError(f"features={features} found, 1 or more expected")
    if width < 2 or width % 2:
        raise InputError(f"width={width} found, an even number of channels expected, 2 or more")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout={dropout} found, a share from 0 to below 1 expected")
    return _MODELS[name](features=features, width=width, dropout=dropout)


def check_name(name: str) -> None:
    """Refuse a name that `build` does not know."""
    if name not in _MODELS:
        raise InputError(f"model {name!r} is unknown; expected one of {', '.join(NAMES)}")


def check_dates(name: str, dates: int) -> None:
    """Refuse a number of dates that a network of this name does not take."""
    with torch.device("meta"):  # no memory, no random numbers
        build(name, width=2).check_dates(dates)
