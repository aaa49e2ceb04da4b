"""Draw what becomes of the series of single pixels in an encoder."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glaciersar.dataset.summary import TileSeries
from glaciersar.models.pixel_course import LevelCourse
from glaciersar.plots.layout import PAGE_WIDTH, in_print, outside_legend

STYLES = {  # colour, line and marker of each class of the ground
    "glacier": ("#0072B2", "-", "o"),
    "rock": ("#D55E00", "--", "s"),
    "water": ("#009E73", ":", "^"),
    "land or sea": ("#D55E00", "--", "s"),
}


@in_print
def draw_course(
    tile: TileSeries,
    pixels: Mapping[str, tuple[int, int]],
    courses: Mapping[str, Sequence[LevelCourse]],
    *,
    pixel: float,
    date: int = 8,
) -> Figure:
    """Show pixels in their tile, their series of backscatter, and their activations after each level of the encoders.

    Args:
        tile: Where they lie.
        pixels: Row and column by class of the ground, which is a name in `STYLES`.
        courses: By the title of a network, as `models.pixel_course.follow_pixels` records them.
        pixel: Metres.
        date: Shown of the tile.
    """
    columns = max(len(levels) for levels in courses.values())
    figure = plt.figure(figsize=(PAGE_WIDTH, 1.35 * (1 + len(courses)) + 0.5), layout="constrained")
    grid = figure.add_gridspec(1 + len(courses), columns)
    _draw_tile(figure.add_subplot(grid[0, 0]), tile, pixels, pixel=pixel, date=min(date, len(tile.backscatter) - 1))
    series = figure.add_subplot(grid[0, 1:])
    for name, (row, column) in pixels.items():
        _line(series, np.arange(len(tile.backscatter)), tile.backscatter[:, row, column], name)
    series.set_title("backscatter (dB)")
    _date_axis(series, len(tile.backscatter))
    for row, (title, levels) in enumerate(courses.items(), start=1):
        for column, course in enumerate(levels):
            axis = figure.add_subplot(grid[row, column])
            _draw_level(axis, course, list(pixels), len(tile.backscatter))
            axis.set_title(f"{title}, level {course.level}")
            if not column:
                axis.set_ylabel("mean activation")
    made = Line2D([], [], color="0.4", linestyle="", marker="D", markersize=5, label="the map that the skip carries")
    outside_legend(figure, [*series.lines, made])
    sns.despine(figure)
    return figure


def _draw_tile(axis: Axes, tile: TileSeries, pixels: Mapping[str, tuple[int, int]], *, pixel: float, date: int) -> None:
    shown = np.where(tile.valid, tile.backscatter[date], np.nan)
    low, high = np.nanpercentile(shown, (1, 99))
    axis.imshow(shown, cmap="gray", vmin=low, vmax=high)
    for name, (row, column) in pixels.items():
        colour, _, marker = STYLES[name]
        axis.plot(column, row, marker=marker, markersize=7, markerfacecolor=colour, markeredgecolor="white")
    axis.set(xticks=[], yticks=[], xlabel=f"{shown.shape[1] * pixel / 1000:g} km across")
    axis.set_title(tile.name)


def _draw_level(axis: Axes, course: LevelCourse, names: Sequence[str], dates: int) -> None:
    for k, (name, activations, reduced) in enumerate(zip(names, course.activations, course.reduced, strict=True)):
        _line(axis, course.dates, activations, name)
        x = dates + 1 + 1.2 * k
        axis.plot(x, reduced, marker="D", markersize=5, color=STYLES[name][0], markeredgecolor="white")
    axis.axvline(dates, color="0.8", linewidth=0.8)
    _date_axis(axis, dates)


def _line(axis: Axes, x: np.ndarray, y: np.ndarray, name: str) -> None:
    colour, line, marker = STYLES[name]
    axis.plot(x, y, color=colour, linestyle=line, marker=marker, markersize=3, linewidth=1.1, label=name)


def _date_axis(axis: Axes, dates: int) -> None:
    shown = sorted({0, dates // 2, dates - 1})
    axis.set_xticks(shown, [str(date + 1) for date in shown])
    axis.set_xlabel("date")
