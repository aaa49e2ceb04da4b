"""Parts that many figures share: style and sizes in print, legends outside the panels, axes in kilometres."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

STYLE = Path(__file__).with_name("print.mplstyle")
COLUMN_WIDTH, PAGE_WIDTH = 84 / 25.4, 174 / 25.4  # inches: of one column and of two on a printed page
SMALL = 8.0  # points, the smallest text of a figure

P = ParamSpec("P")


def in_print(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw its figure in the style of print.mplstyle, whatever style is set outside."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with plt.style.context(STYLE):
            figure = draw(*args, **kwargs)
            interactive = plt.isinteractive()
        matplotlib.interactive(interactive)  # a notebook turns it on with the first figure, not with the style
        for axis in figure.axes:
            axis.tick_params(which="both", labelsize=SMALL)  # else ticks take the style of the time they are drawn
            for label in (axis.xaxis.label, axis.yaxis.label):
                label.set_fontsize(max(SMALL, float(label.get_fontsize())))  # geopandas writes smaller ones
        return figure

    return styled


def legend_patches(colours: Mapping[str, str]) -> list[Artist]:
    """Make a legend entry for each colour, by name."""
    return [Patch(facecolor=colour, edgecolor="0.5", label=name) for name, colour in colours.items()]


def outside_legend(figure: Figure, handles: Sequence[Artist] = (), *, beside: bool = False) -> None:
    """Add a legend above the panels of a figure or beside them, never over data; each label appears once.

    Args:
        figure: In constrained layout, which makes room for the legend.
        handles: Legend entries; without any, everything that has a label.
        beside: Put it to the right, one label a line; else above, in as few rows as fit.
    """
    found = handles or [handle for axis in figure.axes for handle in axis.get_legend_handles_labels()[0]]
    named = list({str(handle.get_label()): handle for handle in found}.values())
    for rows in range(len(named) if beside else 1, len(named) + 1):
        columns = -(-len(named) // rows)
        drawn = figure.legend(
            handles=named,
            loc="outside right upper" if beside else "outside upper center",  # the note of `save_figure` is below
            ncols=columns,
            fontsize=SMALL,
            frameon=False,
        )
        if columns == 1 or drawn.get_window_extent().width < figure.bbox.width:
            return
        drawn.remove()


def label_kilometres(axis: Axes) -> None:
    """Label axes in metres with kilometres."""
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda metres, _: f"{metres / 1000:g}")  # 512.5 stays so
