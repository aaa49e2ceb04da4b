"""Figures of confidence, area and change, as functions that return a matplotlib Figure."""

from collections.abc import Iterable, Mapping

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from glaciersar.inventory.attributes import CONFIDENCE_COLOURS, confidence_class
from glaciersar.inventory.interval_coverage import ROUNDING
from glaciersar.plots.layout import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    in_print,
    label_kilometres,
    legend_patches,
    outside_legend,
)

CHANGE_COLOURS = {"gained": "#1f78b4", "lost": "#d95f02"}
INTERVALS = {"blocks": "#7570b3", "residuals": "#1b9e77", "boundary": "#e6ab02"}


@in_print
def reliability_diagram(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against confidence, a line for each calibration, above the distribution of pixels.

    Args:
        tables: From `calibration.reliability_table`, by name; bins with less than 1 in 10,000 pixels are left out.
    """
    figure, (axis, below) = plt.subplots(
        2, 1, figsize=(COLUMN_WIDTH, 4), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    axis.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    for (name, table), colour in zip(tables.items(), sns.color_palette("colorblind"), strict=False):
        table = table[table["pixels"] >= 1e-4 * table["pixels"].sum()]
        axis.plot(table["confidence"], table["accuracy"], marker=".", color=colour, label=name)
        below.plot(table["confidence"], table["pixels"] / table["pixels"].sum(), marker=".", color=colour)
    axis.set(ylabel="accuracy", ylim=(0, 1.02))
    below.set(xlabel="confidence", ylabel="fraction of pixels", xlim=(0, 1.02), yscale="log")
    outside_legend(figure)
    sns.despine(figure)
    return figure


@in_print
def interval_coverage_plot(landscapes: pd.DataFrame, *, against: str = "truth", unit: str = "area (km²)") -> Figure:
    """Draw the intervals of simulated landscapes relative to the truth; red ones do not hold it.

    A kind of interval that no landscape has, such as blocks of too few, has no panel.

    Args:
        landscapes: From `interval_coverage.measure_areas` or `interval_coverage.measure_changes`.
        against: The column of the truth.
        unit: Quantity and unit for the labels.
    """
    ordered = landscapes.sort_values("expected").reset_index(drop=True)
    given = ordered.dropna(axis="columns", how="all")
    kinds = {name: colour for name, colour in INTERVALS.items() if f"low_{name}" in given}
    size = PAGE_WIDTH if len(kinds) > 1 else COLUMN_WIDTH, 2.6
    figure, axes = plt.subplots(1, len(kinds), figsize=size, squeeze=False, layout="constrained")
    for axis, (name, colour) in zip(axes.flat, kinds.items(), strict=True):
        part = ordered.dropna(subset=f"low_{name}")
        low, high = part[f"low_{name}"] - part[against], part[f"high_{name}"] - part[against]
        holds = (low <= ROUNDING) & (high >= -ROUNDING)
        axis.vlines(part.index, low, high, color=np.where(holds, colour, "#d00000"), linewidth=1)
        axis.axhline(0, color="0.2", linewidth=0.8)
        axis.set_title(f"{name}: {holds.mean():.1%} of {len(part)} hold it")
        axis.set(xlabel=f"landscape, by {unit.partition(' ')[0]}")
    axes[0, 0].set_ylabel(f"interval − true {unit}")
    sns.despine(figure)
    return figure


@in_print
def interval_plot(table: pd.DataFrame, *, unit: str = "area (km²)") -> Figure:
    """Draw values with their intervals, a row each, and the truth where it is known.

    Args:
        table: Columns area, low, high and, if known, true, and for changes detectable, which is drawn as a band about
            no change; the index names the rows.
        unit: Quantity and unit for the label.
    """
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 0.9 + 0.2 * len(table)), layout="constrained")
    rows = np.arange(len(table))[::-1]
    if "detectable" in table:
        band = 2 * table["detectable"]
        axis.barh(rows, band, left=-band / 2, height=0.8, color="0.92", label="too small to detect")
    axis.hlines(rows, table["low"], table["high"], color=INTERVALS["residuals"], linewidth=2, label="95 % interval")
    axis.plot(table["area"], rows, "|", color="0.1", markersize=9, label="expected")
    if "true" in table:
        axis.plot(table["true"], rows, "o", color="#d95f02", markersize=4, label="true")
    axis.set_yticks(rows, [str(name) for name in table.index])
    axis.set(xlabel=unit, ylim=(-0.6, len(table) - 0.4))
    outside_legend(figure)
    sns.despine(figure)
    return figure


@in_print
def outline_map(ice: Mapping[str, gpd.GeoDataFrame]) -> Figure:
    """Map outlines in the colours of their mean confidence, a panel for each layer, all of one extent.

    Args:
        ice: From `attributes.add_attributes`, by title.
    """
    figure, axes = plt.subplots(1, len(ice), figsize=_map_size(len(ice)), squeeze=False, layout="constrained")
    for axis, (title, glaciers) in zip(axes.flat, ice.items(), strict=True):
        for name, part in glaciers.groupby(confidence_class(glaciers["confidence"])):
            colour = CONFIDENCE_COLOURS[str(name)]
            part.plot(ax=axis, facecolor=(colour, 0.25), edgecolor=colour)
        axis.set(title=title, xlabel="easting (km)", ylabel="northing (km)", aspect="equal")
        label_kilometres(axis)
    _share_extent(axes, ice.values())
    outside_legend(figure, [Patch(fc=(c, 0.25), ec=c, label=name) for name, c in CONFIDENCE_COLOURS.items()])
    return figure


def _share_extent(axes: NDArray[np.object_], layers: Iterable[gpd.GeoDataFrame]) -> None:
    """Show the extent of all layers in each panel."""
    bounds = np.array([layer.total_bounds for layer in layers if len(layer)])
    if len(bounds):
        (left, bottom), (right, top) = bounds[:, :2].min(0), bounds[:, 2:].max(0)
        plt.setp(axes.flat, xlim=(left, right), ylim=(bottom, top))


@in_print
def change_map(panels: Mapping[str, gpd.GeoDataFrame], ice: Mapping[str, gpd.GeoDataFrame]) -> Figure:
    """Map the areas of advance and retreat, a panel for each comparison, all of one extent.

    Args:
        panels: From `change.gained_and_lost`, by title.
        ice: Outlines of the first year, by the same titles.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=_map_size(len(panels)), squeeze=False, layout="constrained")
    for axis, (title, changed) in zip(axes.flat, panels.items(), strict=True):
        ice[title].plot(ax=axis, color="#e8eef4", edgecolor="0.7", linewidth=0.4)
        for kind, colour in CHANGE_COLOURS.items():
            part = changed[changed["change"] == kind]
            if len(part):
                part.plot(ax=axis, color=colour)
        axis.set(title=title, xlabel="easting (km)", ylabel="northing (km)", aspect="equal")
        label_kilometres(axis)
    _share_extent(axes, [*panels.values(), *ice.values()])
    outside_legend(figure, legend_patches(CHANGE_COLOURS))
    return figure


def _map_size(panels: int) -> tuple[float, float]:
    """Return the inches of a figure of square maps side by side."""
    width = PAGE_WIDTH / panels if panels > 1 else COLUMN_WIDTH
    return width * panels, width + 0.7
