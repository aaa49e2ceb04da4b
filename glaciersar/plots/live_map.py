"""Show in a notebook how a map fills, coarsely, so that memory does not grow with the map."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.inference.sliding_window import Place
from glaciersar.plots.layout import SMALL, label_kilometres, legend_patches, outside_legend
from glaciersar.plots.live import LivePicture, time_left

SIDE = 400  # pixels of the picture's longer side, at most
COLOURS = {"not mapped yet": "#f0dfb8", "no data": "#a0a0a0"}  # neither is a colour of the map's scale


@contextmanager
def watch_map(geobox: GeoBox, *, shown: bool = True) -> "Iterator[FillingMap | None]":
    """Show the map that is made inside of this context, in a notebook; elsewhere give None, which shows nothing.

    Args:
        geobox: The grid of the map.
        shown: Whether to show anything.

    Yields:
        What `large_raster.map_raster` and `map_scenes` take as `on_block`.
    """
    picture = LivePicture()
    if not (shown and picture.possible):
        yield None
        return
    filling = FillingMap(geobox, picture)
    yield filling
    picture.show(filling.draw, last=True)


class FillingMap:
    """A map, thinned to every n-th row and column, that is filled block by block and drawn now and then."""

    def __init__(self, geobox: GeoBox, picture: LivePicture, *, side: int = SIDE) -> None:
        self._geobox, self._picture = geobox, picture
        self._total = int(np.prod(geobox.shape))
        self.step = math.ceil(max(geobox.shape) / side)
        rows, columns = (math.ceil(pixels / self.step) for pixels in geobox.shape)
        self.probability = np.full((rows, columns), np.nan, np.float32)
        self.mapped = np.zeros((rows, columns), bool)
        self._pixels, self._here = 0, 0  # mapped in all, and by this run
        self._begin = time.monotonic()

    def __call__(self, place: Place, probability: NDArray[np.float32], *, resumed: bool) -> None:
        """Take a block of the map that is finished.

        Args:
            place: Its rows and columns.
            probability: (h, w) of glacier, NaN where there is no data.
            resumed: An earlier run has mapped it, which says nothing about the time that is left.
        """
        kept = tuple(slice(-side.start % self.step, None, self.step) for side in place)
        cells = tuple(slice(math.ceil(side.start / self.step), math.ceil(side.stop / self.step)) for side in place)
        self.probability[cells], self.mapped[cells] = probability[kept], True
        self._pixels += probability.size
        if resumed:
            self._begin = time.monotonic()
            return
        self._here += probability.size
        self._picture.show(self.draw)

    @property
    def seconds_left(self) -> float:
        """How long the rest takes, if it goes on as in this run."""
        return (self._total - self._pixels) * (time.monotonic() - self._begin) / max(self._here, 1)

    def draw(self) -> Figure:
        """Draw what is mapped so far."""
        height, width = self._geobox.shape
        figure = Figure(figsize=(5.8, 1.1 + min(4.1 * height / width, 8)), layout="constrained")
        axis = figure.subplots()
        left, bottom, right, top = self._geobox.extent.boundingbox
        axis.set_facecolor(COLOURS["no data"])
        extent = (left, right, bottom, top)
        shown = axis.imshow(self.probability, cmap="Blues_r", vmin=0, vmax=1, extent=extent)
        missing = np.where(self.mapped, np.nan, 0.0)  # NaN lets the map through
        axis.imshow(missing, cmap=ListedColormap([COLOURS["not mapped yet"]]), extent=extent, interpolation="nearest")
        axis.set(xlabel="easting (km)", ylabel="northing (km)")
        axis.tick_params(labelsize=SMALL)
        label_kilometres(axis)
        share = self._pixels / self._total
        rest = f", {time_left(self.seconds_left)} left" if share < 1 else ""
        axis.set_title(f"{share:.0%} mapped{rest}", fontsize=10)
        figure.colorbar(shown, ax=axis, label="probability of glacier", shrink=0.7)
        outside_legend(figure, legend_patches(COLOURS))
        return figure
