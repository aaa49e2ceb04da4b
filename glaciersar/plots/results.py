"""Figures of scenes, tiles, training, scores and maps, as functions that return a matplotlib Figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.dates import DateFormatter, MonthLocator
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.dataset.summary import TileSeries
from glaciersar.grid import SUBSETS, Tile, outline_tiles
from glaciersar.outlines import glaciers
from glaciersar.plots.layout import COLUMN_WIDTH, PAGE_WIDTH, in_print, label_kilometres, legend_patches, outside_legend
from glaciersar.plots.printing import save_figure as save_figure
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.selection import passes_by_year
from glaciersar.scenes.temporal_coverage import measure_coverage

COLOURS = {"glacier": "#3182bd", "land and sea": "#8c6d31"}
SUBSET_COLOURS = dict(zip(SUBSETS, ("#56B4E9", "#E69F00", "#5E2B7A"), strict=True))


@dataclass(frozen=True, kw_only=True)
class Example:
    """One tile to show."""

    name: str
    backscatter: NDArray[np.floating]
    """(H, W) dB of one date."""
    reference: NDArray[np.bool_]
    """(H, W) glacier of the reference outlines."""
    probability: NDArray[np.floating] | None = None
    """(H, W) probability of glacier predicted by a model."""


def tile_example(tile: TileSeries, *, date: int = 8, probability: NDArray[np.floating] | None = None) -> Example:
    """Take one date of a tile to show; the default is the ninth of fifteen, in July, as in the paper's figures."""
    shown = tile.backscatter[min(date, len(tile.backscatter) - 1)]
    return Example(
        name=tile.name,
        backscatter=np.where(tile.valid, shown, np.nan),
        reference=tile.glacier,
        probability=probability,
    )


def short_name(name: str) -> str:
    """Set the name of a group in two lines: SVAL-10-38_2020_ro14 is SVAL-10-38 above 2020, orbit 14."""
    return name.replace("_", "\n", 1).replace("_ro", ", orbit ")


@in_print
def tile_strip(examples: Sequence[Example]) -> Figure:
    """Show tiles side by side: one date above the reference outlines."""
    width = min(2.0, PAGE_WIDTH / len(examples))
    size = width * len(examples), 2 * width + 0.4
    figure, axes = plt.subplots(2, len(examples), figsize=size, squeeze=False, layout="constrained")
    for (radar, labels), example in zip(axes.T, examples, strict=True):
        low, high = np.nanpercentile(example.backscatter, (0.5, 99.5))
        radar.imshow(example.backscatter, cmap="gray", vmin=low, vmax=high)
        radar.set_title(short_name(example.name))
        labels.imshow(example.reference, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    for axis, label in zip(axes[:, 0], ("radar, one date", "reference outlines"), strict=True):
        axis.set_ylabel(label)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return figure


@in_print
def split_map(splits: Mapping[str, Mapping[Tile, str]], outlines: gpd.GeoDataFrame | None = None) -> Figure:
    """Map the subset of each tile under the glacier outlines, one panel for each split."""
    tiles = [tile for split in splits.values() for tile in split]
    crs = tiles[0].grid.crs
    bounds = outline_tiles(tiles).bounds.to_numpy()
    width, height = bounds[:, 2:].max(0) - bounds[:, :2].min(0)
    panel = PAGE_WIDTH / len(splits) if len(splits) > 1 else COLUMN_WIDTH
    size = panel * len(splits), min((panel - 0.6) * height / width, 6) + 1.1
    figure, axes = plt.subplots(1, len(splits), figsize=size, squeeze=False, layout="constrained")
    for axis, (title, split) in zip(axes.flat, splits.items(), strict=True):
        frame = gpd.GeoDataFrame({"subset": list(split.values())}, geometry=outline_tiles(split).to_crs(crs))
        for subset, part in frame.groupby("subset"):
            part.plot(ax=axis, color=SUBSET_COLOURS[str(subset)], edgecolor="white", linewidth=0.8)
        if outlines is not None:
            glaciers(outlines).to_crs(crs).plot(ax=axis, color="white", alpha=0.55)
        axis.set(title=title, xlabel="easting (km)", ylabel="northing (km)", aspect="equal")
        label_kilometres(axis)
    counts = pd.Series(next(iter(splits.values())).values()).value_counts()
    drawn = {} if outlines is None else {"glacier": "#f2f2f2"}
    outside_legend(figure, legend_patches({s: colour for s, colour in SUBSET_COLOURS.items() if s in counts} | drawn))
    return figure


@in_print
def backscatter_year(curves: pd.DataFrame) -> Figure:
    """Draw a year of backscatter by class: the median, and the band from the 10th to the 90th percentile.

    Args:
        curves: Columns panel (one panel for each value), time (or the index of the date), kind ("glacier", "land and
            sea"), low, median, high in dB.
    """
    panels = list(curves["panel"].unique())
    rows = -(-len(panels) // 2)
    size = PAGE_WIDTH, 0.4 + 2.1 * rows
    figure, axes = plt.subplots(
        rows, min(len(panels), 2), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, panel in zip(axes.flat, panels, strict=False):
        for kind, part in curves[curves["panel"] == panel].groupby("kind"):
            colour = COLOURS[str(kind)]
            axis.fill_between(part["time"], part["low"], part["high"], color=colour, alpha=0.25, linewidth=0)
            axis.plot(part["time"], part["median"], color=colour, marker="o", markersize=3, label=str(kind))
        axis.set_title(panel)
        if pd.api.types.is_numeric_dtype(curves["time"]):
            axis.set(xlabel="index of the date (the file does not tell when)")
        else:
            axis.xaxis.set_major_locator(MonthLocator(range(1, 13, 2)))  # type: ignore[no-untyped-call]
            axis.xaxis.set_major_formatter(DateFormatter("%b"))  # type: ignore[no-untyped-call]
    for axis in axes[:, 0]:
        axis.set_ylabel("backscatter (dB)")
    outside_legend(figure)
    sns.despine(figure)
    return figure


@in_print
def series_strip(backscatter: NDArray[np.floating], times: Sequence[datetime], *, columns: int = 5) -> Figure:
    """Show a series date by date with one common colour scale.

    Args:
        backscatter: (T, H, W) dB.
        times: Its T dates; empty where they are not known.
        columns: Dates in a row.
    """
    titles = [f"{time:%Y-%m-%d}" for time in times] or [f"date {k + 1}" for k in range(len(backscatter))]
    rows = -(-len(titles) // columns)
    panel = (PAGE_WIDTH - 0.8) / columns
    size = PAGE_WIDTH, (panel + 0.15) * rows
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    low, high = np.nanpercentile(backscatter, (1, 99))
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, backscatter, titles, strict=False):
        shown = axis.imshow(image, cmap="gray", vmin=low, vmax=high)
        axis.set_title(title)
    figure.colorbar(shown, ax=axes, label="backscatter (dB)", shrink=0.6)
    return figure


@in_print
def date_coverage(scenes: Sequence[Scene], chosen: Mapping[tuple[int, int | None], Sequence[datetime]]) -> Figure:
    """Show the passes of each year and relative orbit, the target and the selected dates, and the longest gap.

    Args:
        scenes: All scenes.
        chosen: Selected dates, by year and relative orbit.
    """
    passes = passes_by_year(scenes)
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 0.9 + 0.4 * len(passes)), layout="constrained")
    for height, (key, found) in enumerate(passes.items()):
        times = [scene.time for scene in found]
        covered = measure_coverage(times)
        start, end = ((time - datetime(key[0], 1, 1, tzinfo=UTC)) / timedelta(days=1) for time in covered.gap)
        days = [time.timetuple().tm_yday for time in times]
        picked = [time.timetuple().tm_yday for time in chosen.get(key, ())]
        targets = [time.timetuple().tm_yday for time in covered.target_dates]
        axis.scatter(days, [height] * len(days), s=14, color="0.6", label="pass", zorder=2)
        axis.scatter(
            picked, [height] * len(picked), s=36, facecolors="none", edgecolors="#d95f02", zorder=3,
            label="stands for the year",
        )  # fmt: skip
        axis.vlines(targets, height - 0.32, height - 0.18, color="#7570b3", lw=1, label="target date")
        axis.barh(height, end - start, left=start + 1, height=0.22, color="#e6ab02", alpha=0.45, label="longest gap")
        axis.text(372, height, f"{covered.near:.0%} near, gap {covered.gap_days:.0f} d", va="center")
    axis.set_yticks(range(len(passes)), [f"{year}, orbit {orbit}" for year, orbit in passes])
    axis.set(xlabel="day of the year", xlim=(-3, 369), ylim=(-0.6, len(passes) - 0.4))
    outside_legend(figure)
    sns.despine(figure)
    return figure


@in_print
def training_curves(logs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and validation IoU by epoch, a line for each model."""
    figure, (losses, ious) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.5), layout="constrained")
    for (name, log), colour in zip(logs.items(), sns.color_palette("colorblind"), strict=False):
        losses.plot(log["epoch"], log["loss"], color=colour)
        losses.plot(log["epoch"], log["val_loss"], color=colour, linestyle=":")
        ious.plot(log["epoch"], log["val_iou"], color=colour, marker=".", label=name)
    losses.set(xlabel="epoch", ylabel="focal loss", yscale="log")
    ious.set(xlabel="epoch", ylabel="validation IoU, pooled", ylim=(None, 1))
    solid = Line2D([], [], color="0.4", label="training loss")
    dotted = Line2D([], [], color="0.4", linestyle=":", label="validation loss")
    outside_legend(figure, [*ious.lines, solid, dotted], beside=True)
    sns.despine(figure)
    return figure


@in_print
def iou_by_tile(scores: pd.DataFrame, *, agreement: float | None = None) -> Figure:
    """Show the IoU of every test tile by model, with the inter-annotator agreement as a reference.

    Args:
        scores: Columns model, iou (one row a tile); tiles without glacier hold NaN and are left out.
        agreement: IoU between two annotators' outlines; no upper bound of a model's IoU.
    """
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 1 + 0.5 * scores["model"].nunique()), layout="constrained")
    shown = scores.dropna(subset="iou")
    sns.boxplot(shown, x="iou", y="model", hue="model", ax=axis, fill=False, showfliers=False, palette="colorblind")
    dots = {"size": 4, "alpha": 0.6, "palette": "colorblind", "warn_thresh": 1}
    sns.swarmplot(shown, x="iou", y="model", hue="model", ax=axis, **dots)  # a strip would jitter anew in every run
    if agreement is not None:
        axis.axvline(agreement, color="0.4", linestyle="--", linewidth=1)
        axis.text(agreement, -0.55, "two annotators ", ha="right", va="top", color="0.4")
    axis.set(xlabel="IoU of a test tile", ylabel="")
    sns.despine(figure)
    return figure


@in_print
def glacier_map(
    probability: NDArray[np.floating],
    geobox: GeoBox,
    *,
    background: NDArray[np.floating] | None = None,
    outlines: gpd.GeoDataFrame | None = None,
) -> Figure:
    """Show a map of the probability of glacier beside the backscatter it was made from.

    Args:
        probability: (H, W), NaN where there is no data.
        geobox: Its grid.
        background: (H, W) dB of one date.
        outlines: Reference outlines, drawn on top.
    """
    panels = 1 if background is None else 2
    figure, axes = plt.subplots(
        1, panels, figsize=(PAGE_WIDTH / 2 * max(panels, 1.4), 4.4), squeeze=False, layout="constrained"
    )
    left, bottom, right, top = geobox.extent.boundingbox
    if background is not None:
        low, high = np.nanpercentile(background, (1, 99))
        shown = axes[0, 0].imshow(background, cmap="gray", vmin=low, vmax=high, extent=(left, right, bottom, top))
        figure.colorbar(shown, ax=axes[0, 0], label="backscatter γ⁰ (dB), median of the year", location="bottom")
    axis = axes[0, -1]
    axis.set_facecolor("0.8")  # no data
    shown = axis.imshow(probability, cmap="Blues_r", vmin=0, vmax=1, extent=(left, right, bottom, top))
    figure.colorbar(shown, ax=axis, label="probability of glacier (grey: no data)", location="bottom")
    for panel in axes.flat:
        if outlines is not None and len(outlines):
            outlines.to_crs(str(geobox.crs)).boundary.plot(ax=panel, color="#d95f02", linewidth=0.7)
        panel.set(xlim=(left, right), ylim=(bottom, top), xlabel="easting (km)", ylabel="northing (km)")
        label_kilometres(panel)
    if outlines is not None and len(outlines):
        outside_legend(figure, legend_patches({"reference outlines": "#d95f02"}))
    return figure
