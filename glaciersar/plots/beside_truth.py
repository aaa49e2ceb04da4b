"""A map beside the radar it was made from and the truth."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.plots.errors_map import ERROR_COLOURS, draw_errors_map
from glaciersar.plots.layout import PAGE_WIDTH, in_print, label_kilometres, legend_patches, outside_legend
from glaciersar.plots.results import glacier_map


@in_print
def map_beside_truth(
    backscatter: NDArray[np.floating],
    truth: NDArray[np.bool_] | None,
    probability: NDArray[np.floating],
    geobox: GeoBox,
) -> Figure:
    """Show the radar, the true glaciers, and the map with its errors side by side; without a truth, radar and map.

    Args:
        backscatter: (h, w) dB, one date or the median of a year, of the whole grid, however coarse.
        truth: (H, W) glacier; None where it is not known.
        probability: (H, W) of glacier; above 0.5 it is called glacier.
        geobox: Grid of truth and probability.
    """
    if truth is None:
        return glacier_map(probability, geobox, background=backscatter)
    figure, axes = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 2.9), sharex=True, sharey=True)
    figure.set_layout_engine("constrained", w_pad=0.1)  # inches, else the labels of neighbouring axes meet
    low, high = np.nanpercentile(backscatter, (1, 99))
    axes[0].imshow(backscatter, cmap="gray", vmin=low, vmax=high)
    colours = ListedColormap([ERROR_COLOURS["land or sea"], ERROR_COLOURS["glacier"]])
    axes[1].imshow(truth, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    draw_errors_map(axes[2], truth, probability)
    left, bottom, right, top = geobox.extent.boundingbox
    levels = f"radar, {low:.0f} (black) to {high:.0f} dB".replace("-", "\N{MINUS SIGN}")
    titles = (levels, "true glaciers", "map and its errors")
    for axis, title in zip(axes, titles, strict=True):
        axis.images[0].set_extent((left, right, bottom, top))
        axis.set(xlim=(left, right), ylim=(bottom, top), xlabel="easting (km)")
        axis.set_title(title)
        label_kilometres(axis)
    axes[0].set_ylabel("northing (km)")
    outside_legend(figure, legend_patches(ERROR_COLOURS))
    return figure
