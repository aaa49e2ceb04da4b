"""What becomes of the series of single pixels on its way through an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from glaciersar.models.layers import Network, ResidualBlock
from glaciersar.models.structure import KINDS, REDUCTIONS, Block, visit_blocks
from glaciersar.models.ulstm import BidirectionalConvLSTM

LAST_OF_LEVEL = (KINDS[ResidualBlock], KINDS[BidirectionalConvLSTM])
"""Kinds after which a level of the encoder gives its series to the skip."""


@dataclass(frozen=True, kw_only=True)
class LevelCourse:
    """One level of an encoder at some pixels."""

    level: int
    dates: NDArray[np.floating]
    """(T,) of this level, as positions in the series that goes in: the middle of the dates that became one."""
    activations: NDArray[np.floating]
    """(pixels, T) mean over the channels at each date."""
    reduced: NDArray[np.floating]
    """(pixels,) mean over the channels of the map without dates that the skip carries."""


def follow_pixels(network: Network, series: Tensor, pixels: Sequence[tuple[int, int]]) -> list[LevelCourse]:
    """Record the activations of an encoder at some pixels, level by level, up to where its dates become one map.

    Args:
        network: In evaluation mode.
        series: (1, F, T, H, W), scaled.
        pixels: Rows and columns at full resolution; at level i, row >> i and column >> i hold them.
    """
    by_date: dict[int, NDArray[np.floating]] = {}
    reduced: dict[int, NDArray[np.floating]] = {}

    def record(block: Block, output: Tensor) -> None:
        kept = by_date if block.dates and block.kind in LAST_OF_LEVEL else reduced if block.kind in REDUCTIONS else None
        if kept is not None:
            at = [output[..., row >> block.level, column >> block.level].mean(dim=0) for row, column in pixels]
            kept[block.level] = np.stack([value.float().cpu().numpy() for value in at])

    visit_blocks(network, series, record)
    return [
        LevelCourse(
            level=level,
            dates=_middles(series.shape[2], activations.shape[1]),
            activations=activations,
            reduced=reduced[level],
        )
        for level, activations in sorted(by_date.items())
    ]


def _middles(dates: int, pooled: int) -> NDArray[np.floating]:
    """Give the middle of the dates that have been pooled into each, by 2, 4 or 8."""
    step = 1
    while -(-dates // step) > pooled:
        step *= 2
    starts = np.arange(pooled) * step
    return (starts + np.minimum(starts + step, dates) - 1) / 2
