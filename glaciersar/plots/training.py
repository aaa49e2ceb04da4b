"""Draw how a network is trained: its learning rate step by step, and what augmentation does to a sample."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from glaciersar import radiometry
from glaciersar.dataset.augmentation import (
    GAMMAS,
    SHIFT,
    SMALLEST_CROP,
    Augmentation,
    apply_as_released,
    jitter_dates,
)
from glaciersar.dataset.summary import TileSeries
from glaciersar.plots.layout import PAGE_WIDTH, in_print, outside_legend
from glaciersar.training.config import TrainConfig
from glaciersar.training.schedule import learning_rate

POINTS = 2000  # at most, of a curve
GLACIER = "#D55E00"
AUTHORS_STEPS = 500  # an epoch; their curve is drawn over epochs, and looks the same with any number


@in_print
def draw_schedule(config: TrainConfig, steps_per_epoch: int) -> Figure:
    """Draw the learning rate of a run over its epochs, and beside it that of the authors' run.

    Args:
        config: Of the run.
        steps_per_epoch: As `training.config.count_steps` counts them.
    """
    runs = {"this run": (config, steps_per_epoch), "the authors' run": (TrainConfig(), AUTHORS_STEPS)}
    figure, axes = plt.subplots(1, len(runs), figsize=(PAGE_WIDTH, 1.9), layout="constrained")
    for axis, (title, (run, steps)) in zip(axes, runs.items(), strict=True):
        last = run.epochs * steps
        shown = np.unique(np.linspace(0, last - 1, min(last, POINTS)).round().astype(int))
        rates = [
            learning_rate(
                int(step), steps_per_epoch=steps, start=run.learning_rate, restarts=run.restarts, warmup=run.warmup
            )
            for step in shown
        ]
        axis.plot(shown / steps, rates, color="#0072B2", linewidth=1.2)
        for epoch in (epoch for epoch in run.restarts if epoch < run.epochs):
            axis.axvline(epoch, color="0.7", linestyle=":", linewidth=0.9)
        axis.set(ylim=(0, None), xlim=(0, run.epochs))
        axis.set_xlabel("epoch")
        axis.set_title(f"{title}: {run.epochs} epochs of {steps} steps" if run is config else title)
    axes[0].set_ylabel("learning rate")
    sns.despine(figure)
    return figure


@in_print
def draw_augmentations(tile: TileSeries, *, date: int = 8, seed: int = 1) -> Figure:
    """Show a tile as it is, and after each augmentation alone at about its strongest; outlines move along.

    All pictures have one scale of grey, so that gamma and shift show as other brightness. The last shows which stored
    date stands for each of the series when dates are jittered.

    Args:
        tile: Its middle square is shown.
        date: Shown of the series, 0 … T − 1.
        seed: Of the jittered dates.
    """
    series, labels = _square_sample(tile)
    date = min(date, series.shape[1] - 1)
    side = series.shape[-1]
    size = int(SMALLEST_CROP * side)
    crop = Augmentation(crop=(size, side - size, side - size))
    shift = float(radiometry.unscale(np.array(SHIFT)) - radiometry.unscale(np.array(0.0)))
    pictures = {
        "as it is": (series, labels),
        "flip, vertical": Augmentation(flipped_vertically=True).apply(series, labels),
        "flip, horizontal": Augmentation(flipped_horizontally=True).apply(series, labels),
        "turn, a quarter": Augmentation(quarters=1).apply(series, labels),
        f"crop of {SMALLEST_CROP:g}, scaled": crop.apply(series, labels),
        "crop as released": apply_as_released(crop, series, labels),
        f"gamma, {GAMMAS[1]:g}": Augmentation(exponents=(GAMMAS[1],)).apply(series, labels),
        f"gamma, {GAMMAS[0]:g}": Augmentation(exponents=(GAMMAS[0],)).apply(series, labels),
        f"shift, {shift:+.1f} dB": Augmentation(offsets=(SHIFT,)).apply(series, labels),
    }
    figure, axes = plt.subplots(2, 5, figsize=(PAGE_WIDTH, 3.2), layout="constrained")
    plain = radiometry.unscale(series[0, date])
    low, high = np.percentile(plain, (1, 99))
    margin = (high - low) / 8  # so that a brighter or darker picture is not cut off at once
    for axis, (title, (moved, moved_labels)) in zip(axes.flat, pictures.items(), strict=False):
        shown = radiometry.unscale(moved[0, date])
        axis.imshow(shown, cmap="gray", vmin=low - margin, vmax=high + margin, interpolation="nearest")
        axis.contour(moved_labels[1], levels=[0.5], colors=[GLACIER], linewidths=0.8)
        axis.set(xticks=[], yticks=[])
        axis.set_title(title)
    _draw_jitter(axes.flat[-1], series.shape[1], seed)
    outside_legend(figure, [Line2D([], [], color=GLACIER, label="outlines of the reference")])
    return figure


def _square_sample(tile: TileSeries) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make a sample of the middle square of a tile: series (1, T, S, S), scaled, and labels (2, S, S)."""
    height, width = tile.glacier.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = slice(top, top + side), slice(left, left + side)
    glacier, valid = tile.glacier[square], tile.valid[square]
    labels = np.stack([valid & ~glacier, valid & glacier]).astype(np.float32)
    return radiometry.scale(tile.backscatter[:, *square])[None], labels


def _draw_jitter(axis: Axes, dates: int, seed: int) -> None:
    """Show which date stands for each after a jitter, where the file holds two dates for each that is used."""
    used = np.arange(dates) * 2
    moved = jitter_dates(used, np.random.default_rng(seed), dates=2 * dates)
    axis.vlines(used, 0, 1, color="0.8", linewidth=0.8)
    axis.scatter(used, np.ones(dates), s=9, color="0.4")
    axis.scatter(moved, np.zeros(dates), s=9, color=np.where(moved == used, "0.4", GLACIER))
    for start, end in zip(used, moved, strict=True):
        axis.plot([start, end], [1, 0], color="0.4" if start == end else GLACIER, linewidth=0.8)
    axis.set(ylim=(-1, 2), xlim=(-2, 2 * dates), xticks=[], yticks=[], box_aspect=1)
    axis.text(dates - 1, 1.3, "dates of the year", ha="center")
    axis.text(dates - 1, -0.3, "dates shown", ha="center", va="top")
    axis.set_title("jitter of dates")
