"""Maps of the places, with the outlines of their inventories and of the maps."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glaciersar.io.atomic import atomic_write
from glaciersar.io.rasters import read_overview
from glaciersar.plots.layout import PAGE_WIDTH, in_print, label_kilometres, outside_legend

INVENTORY, OURS = "#d95f02", "black"


@in_print
def map_places(titles: Sequence[str], maps: Sequence[Path], inventories: Sequence[gpd.GeoDataFrame]) -> Figure:
    """Show the map of each place, the outlines of its inventory, and those traced in the map.

    Args:
        titles: One a place.
        maps: Probability maps.
        inventories: Real outlines, in any system.
    """
    figure, axes = plt.subplots(1, len(maps), figsize=(PAGE_WIDTH, 2.6))
    figure.set_layout_engine("constrained", w_pad=0.08)
    for axis, title, path, known in zip(axes, titles, maps, inventories, strict=True):
        probability, geobox = read_overview(path)
        left, bottom, right, top = geobox.extent.boundingbox
        extent = (left, right, bottom, top)
        shown = axis.imshow(probability, cmap="Blues_r", vmin=0, vmax=1, extent=extent)
        axis.contour(probability[::-1], [0.5], extent=extent, colors=OURS, linewidths=0.6)
        known.to_crs(str(geobox.crs)).boundary.plot(ax=axis, color=INVENTORY, linewidth=0.7)
        axis.set(xlim=(left, right), ylim=(bottom, top), xlabel="easting (km)", ylabel="", aspect="equal")
        axis.set_title(f"{title}\n{geobox.crs}")
        axis.locator_params(nbins=4)
        label_kilometres(axis)
    axes[0].set_ylabel("northing (km)")
    figure.colorbar(shown, ax=axes, label="probability of glacier (simulated)", shrink=0.8)
    named = {"inventory": INVENTORY, "edge of the map": OURS}
    lines: list[Artist] = [Line2D([], [], color=colour, label=name) for name, colour in named.items()]
    outside_legend(figure, lines)
    return figure


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None}, bbox_inches="tight")
    plt.close(figure)
