"""Draw the maps of several models of one tile side by side."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glaciersar.dataset.summary import TileSeries
from glaciersar.evaluation.metrics import Confusion
from glaciersar.plots.errors_map import ERROR_COLOURS, draw_errors_map
from glaciersar.plots.layout import PAGE_WIDTH, in_print, legend_patches, outside_legend
from glaciersar.plots.results import tile_example

COLUMNS = 4  # pictures in a row


@in_print
def models_on_tile(tile: TileSeries, maps: Mapping[str, NDArray[np.floating]]) -> Figure:
    """Show one date of a tile, its reference, and the errors of each model, with the IoU of the tile above.

    Args:
        tile: As `summary.read_tile` reads it.
        maps: Probability (H, W) of glacier, or a mask, by model.
    """
    example = tile_example(tile)
    count = 2 + len(maps)
    rows = -(-count // COLUMNS)
    size = PAGE_WIDTH, 0.4 + rows * (PAGE_WIDTH / COLUMNS + 0.35)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=size, squeeze=False, layout="constrained")
    low, high = np.nanpercentile(example.backscatter, (0.5, 99.5))
    axes.flat[0].imshow(example.backscatter, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
    axes.flat[0].set_title("backscatter, one date")
    axes.flat[1].imshow(example.reference, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.flat[1].set_title("reference outlines")
    for axis, (name, found) in zip(axes.flat[2:], maps.items(), strict=False):
        glacier = found > 0.5  # NaN is not above: background
        draw_errors_map(axis, example.reference, found)
        iou = Confusion.of(example.reference, glacier, tile.valid).iou
        axis.set_title(f"{name}\nIoU {iou:.3f}")
    for number, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[], visible=number < count)
    outside_legend(figure, legend_patches(ERROR_COLOURS))
    return figure
