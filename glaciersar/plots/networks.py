"""Draw networks from the blocks that `models.structure.trace` found: boxes with the shapes they give."""

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from math import ceil, log2
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.path import Path
from torch import nn

from glaciersar.models.layers import ResidualBlock, Up
from glaciersar.models.structure import HEAD, KINDS, LAST_STATES, POOLS, REDUCTIONS, Block
from glaciersar.models.ulstm import BidirectionalConvLSTM
from glaciersar.models.unet3d import MaxDown, TemporalMax, WeightedDown, WeightedMean
from glaciersar.plots.layout import SMALL, in_print

INCH = 25.4  # millimetres: the unit of all lengths here, so that the figure is drawn in the size of its print
PANEL, BETWEEN, EDGE = 84.0, 5.0, 0.5
ENCODER, REDUCTION, DECODER = (3.5, 26.5), (35.4, 21.6), (59.2, 22.6)  # left, width of the columns of a panel
BOX, GAP, STEP = 8.6, 3.2, 7.4  # heights of a box, between two boxes of a level, between levels
REDUCTION_HEIGHT, TOP, BOTTOM = 11.0, 21.0, 4.0
LEGEND_ROW = 4.1  # height of a row of the legend, which has a margin of as much
CHARACTER = 0.24  # about as wide is a figure of a font of one point
CARD = 0.6  # by which the maps of a series are set off behind its box

COLOURS = {  # fill and edge: of Okabe and Ito, which the colour-blind can tell apart
    "convolutions": ("#d6e8f5", "#0072B2"),
    "LSTM cells": ("#fce8c2", "#b87a00"),
    "dates become one map": ("#f5dcea", "#a8507f"),
    "upsampling": ("#d2efe5", "#009E73"),
    "classes": ("#ececec", "#555555"),
}
LINE, SKIP = "0.25", COLOURS["dates become one map"][1]
GROUPS = {
    KINDS[BidirectionalConvLSTM]: "LSTM cells",
    **dict.fromkeys(REDUCTIONS, "dates become one map"),
    KINDS[Up]: "upsampling",
    HEAD: "classes",
}
LABELS = {
    KINDS[MaxDown]: "max 2×2×2",
    KINDS[WeightedDown]: "max 2×2, gated mean of 2 dates",
    KINDS[nn.Dropout3d]: "max 2×2",
    KINDS[TemporalMax]: "max over",
    KINDS[WeightedMean]: "gated mean of",
    LAST_STATES: "last states of",
    KINDS[Up]: "up, conv 2×2",
    KINDS[BidirectionalConvLSTM]: "ConvLSTM 3×3 ⇄",
    KINDS[nn.Sequential]: "conv 3×3",
    HEAD: "conv 1×1",
}
PROJECTION = KINDS[nn.Conv2d]


@in_print
def draw_networks(networks: Mapping[str, Sequence[Block]]) -> Figure:
    """Draw networks side by side: the encoder down, the decoder up, and where the dates of a series become one map.

    A stack of cards is a series of maps, a single card one map; a stack is as thick as the series is long. Shapes are
    channels × dates × height × width, or channels × height × width. The figure is 174 mm wide for two networks.

    Args:
        networks: The blocks of each by its title, as `structure.trace` lists them.
    """
    depth = 1 + max(block.level for blocks in networks.values() for block in blocks)
    width = 2 * EDGE + len(networks) * PANEL + (len(networks) - 1) * BETWEEN
    handles = _legend(networks)
    columns = 2 * len(networks)
    legend = LEGEND_ROW * (1 + ceil(len(handles) / columns))
    height = TOP + depth * (2 * BOX + GAP) + (depth - 1) * STEP + BOTTOM + legend
    figure = plt.figure(figsize=(width / INCH, height / INCH))
    axis = figure.add_axes((0, legend / height, 1, 1 - legend / height))
    axis.set(xlim=(0, width), ylim=(legend - height, 0))  # y is 0 at the top
    axis.axis("off")
    for column, (title, blocks) in enumerate(networks.items()):
        _Panel(axis, EDGE + column * (PANEL + BETWEEN)).draw(title, blocks)
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0),  # by itself it would move down when `save_figure` adds its note
        ncols=columns,
        fontsize=SMALL,
        frameon=False,
    )
    return figure


def _legend(networks: Mapping[str, Sequence[Block]]) -> list[Artist]:
    """Make the entries for what occurs in the networks."""
    blocks = [block for found in networks.values() for block in found]
    used = {_group(block) for block in blocks if block.kind not in POOLS}
    handles: list[Artist] = [Patch(facecolor=f, edgecolor=e, label=g) for g, (f, e) in COLOURS.items() if g in used]
    handles.append(Line2D([], [], color=LINE, marker=">", markersize=4, label="next step"))
    handles.append(Line2D([], [], color=SKIP, marker=">", markersize=4, linewidth=1.5, label="skip, side by side"))
    if any(block.kind == PROJECTION for block in blocks):
        handles.append(Line2D([], [], color=LINE, linestyle=":", label="1×1 projection, added"))
    return handles


def _group(block: Block) -> str:
    return GROUPS.get(block.kind, "convolutions")


def _label(block: Block) -> str:
    if block.kind == KINDS[ResidualBlock]:
        return "residual block\n2 conv 3×3×3" if block.dates else "2 conv 3×3"
    return LABELS.get(block.kind, block.kind)


class _Panel:
    """One network on an axis in millimetres, from `left`; level 0 is on top."""

    def __init__(self, axis: Axes, left: float) -> None:
        self.axis, self.left = axis, left

    def draw(self, title: str, blocks: Sequence[Block]) -> None:
        self.text(PANEL / 2, -3, title, weight="bold", size=SMALL + 1.5)
        encoder = [block for block in blocks if not block.in_decoder]
        levels = {level: list(found) for level, found in groupby(encoder, key=lambda block: block.level)}
        series = next(block for block in encoder if block.kind not in POOLS)
        dates = f"{series.dates} dates, " if series.dates else ""
        self.text(_middle(ENCODER), -11, f"radar series\n{dates}{series.shape[-2]}×{series.shape[-1]}")
        self.arrow([(_middle(ENCODER), -14.6), (_middle(ENCODER), _row(0) + CARD * _cards(series))])
        for level, found in levels.items():
            self.level(level, found, deepest=level == max(levels))
        self.decoder([block for block in blocks if block.in_decoder], max(levels))

    def level(self, level: int, found: Sequence[Block], *, deepest: bool) -> None:
        """Draw a level of the encoder: its boxes, the pooling before it, the reduction of its dates, its residual."""
        top, bottom = _row(level), _row(level) - 2 * BOX - GAP
        boxes = [b for b in found if b.kind not in (*POOLS, *REDUCTIONS, PROJECTION)]
        height = (top - bottom - (len(boxes) - 1) * GAP) / len(boxes)
        for number, block in enumerate(boxes):
            lower = top - (number + 1) * height - number * GAP
            if number:
                self.arrow(
                    [(_middle(ENCODER), lower + height + GAP), (_middle(ENCODER), lower + height + _rise(block))]
                )
            self.box(ENCODER, lower, height, block, _label(block))
        if level:
            pool = next((b for b in found if b.kind in POOLS), None)
            self.arrow([(_middle(ENCODER), top + STEP), (_middle(ENCODER), top + _rise(boxes[0]))])
            if pool:
                self.text(_middle(ENCODER) + 3, top + STEP / 2 + 0.9, _label(pool), ha="left")
        centre = (top + bottom) / 2
        for block in (b for b in found if b.kind in REDUCTIONS):
            lower = centre - REDUCTION_HEIGHT / 2
            what = f"{_label(block)}\n{boxes[-1].dates} dates"
            self.box(REDUCTION, lower, REDUCTION_HEIGHT, block, what)
            y = max(lower + 2, min(centre, bottom + height / 2))
            self.arrow([(sum(ENCODER) + _rise(boxes[-1]), y), (REDUCTION[0], y)])
        if any(b.kind == PROJECTION for b in found):
            self.residual(top, bottom, deepest=deepest)
        self.skip(level, centre, deepest=deepest, reduced=any(b.kind in REDUCTIONS for b in found))

    def residual(self, top: float, bottom: float, *, deepest: bool) -> None:
        """Draw the way of a projection around the boxes of a level, to the pooling or to the reduced map."""
        left, above, below = ENCODER[0] - 2.2, top + STEP - 3.4, bottom - 1.2
        way = [(_middle(ENCODER), above), (left, above), (left, below)]
        if deepest:
            way += [(_middle(REDUCTION), below), (_middle(REDUCTION), (top + bottom - REDUCTION_HEIGHT) / 2)]
        else:
            way += [(_middle(ENCODER), below)]
        self.arrow(way, linestyle=":")

    def skip(self, level: int, centre: float, *, deepest: bool, reduced: bool) -> None:
        """Draw the way of a level's map into the decoder."""
        start = sum(REDUCTION) if reduced else sum(ENCODER)
        if deepest:
            end = _row(level - 1) - 2 * BOX - GAP if level else _row(level)
            self.arrow([(start, centre), (_middle(DECODER), centre), (_middle(DECODER), end)])
        else:
            y = centre + (BOX + GAP) / 2 - 2
            self.arrow([(start, y), (DECODER[0], y)], colour=SKIP, linewidth=1.5)

    def decoder(self, blocks: Sequence[Block], deepest: int) -> None:
        """Draw the decoder, whose boxes lie above each other from the deepest level but one to the classes."""
        for block in blocks:
            bottom = _row(block.level) - 2 * BOX - GAP
            lower = {KINDS[Up]: bottom, HEAD: _row(0) + GAP}.get(block.kind, bottom + BOX + GAP)
            self.box(DECODER, lower, BOX, block, _label(block))
            if block.kind != KINDS[Up]:
                self.arrow([(_middle(DECODER), lower - GAP), (_middle(DECODER), lower)])
            elif block.level < deepest - 1:
                self.arrow([(_middle(DECODER), bottom - STEP), (_middle(DECODER), bottom)])

    def box(self, column: tuple[float, float], lower: float, height: float, block: Block, label: str) -> None:
        """Draw a box with a card behind it for each halving that its series could still take."""
        (left, width), (fill, edge) = column, COLOURS[_group(block)]
        for card in reversed(range(_cards(block))):
            corner = self.left + left + card * CARD, lower + card * CARD
            self.axis.add_patch(Rectangle(corner, width, height, facecolor=fill, edgecolor=edge, linewidth=0.8))
        shape = "×".join(map(str, block.shape))
        fits = min(1.0, (width - 1) / (len(shape) * CHARACTER * SMALL))
        self.text(left + width / 2, lower + height / 2, f"{label}\n{shape}", size=fits * SMALL)

    def text(self, x: float, y: float, text: str, *, size: float = SMALL, **options: Any) -> None:
        options = {"ha": "center", **options}
        self.axis.text(self.left + x, y, text, fontsize=size, va="center", linespacing=1.15, color="0.05", **options)

    def arrow(
        self,
        way: Sequence[tuple[float, float]],
        *,
        linestyle: str = "-",
        colour: str = LINE,
        linewidth: float = 0.9,
    ) -> None:
        """Draw a line through some points with a head at its end."""
        points = [(self.left + x, y) for x, y in way]
        style: dict[str, Any] = {"color": colour, "linewidth": linewidth, "linestyle": linestyle}
        for (x, y), (to_x, to_y) in pairwise(points[:-1]):
            self.axis.plot([x, to_x], [y, to_y], **style)
        self.axis.add_patch(FancyArrowPatch(path=Path(points[-2:]), arrowstyle="-|>", mutation_scale=6, **style))


def _middle(column: tuple[float, float]) -> float:
    return column[0] + column[1] / 2


def _row(level: int) -> float:
    """Return the top of the boxes of a level."""
    return -TOP - level * (2 * BOX + GAP + STEP)


def _cards(block: Block) -> int:
    """Count the maps drawn for a block: 1 for one map or date, and one more for each time its dates can be halved."""
    return 1 + ceil(log2(block.dates or 1))


def _rise(block: Block) -> float:
    """Return how far the hindmost card stands out."""
    return (_cards(block) - 1) * CARD
