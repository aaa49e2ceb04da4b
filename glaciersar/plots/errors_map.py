"""Draw where a map errs, at the resolution of the eye: outlines as lines, errors as areas, no pixel to be counted."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar.grid import TILE_SIZE
from glaciersar.inference.calibration import entropy_confidence
from glaciersar.plots.layout import PAGE_WIDTH, in_print, legend_patches, outside_legend
from glaciersar.plots.results import Example, short_name

ERROR_COLOURS = {"land or sea": "#1a1a1a", "glacier": "#ffffff", "missed": "#d95f02", "false": "#1f78b4"}
PANEL = 600  # points a side that an area is drawn with: 300 dpi where a panel is 5 cm wide
WIDEST = 2.0  # inches, of a panel
GREYS = plt.get_cmap("gray")(np.linspace(0.3, 0.75, 256))
"""Neither black nor white, so that a line of either is seen on all of them."""
REFERENCE, MAPPED = "white", "black"


def sharpen(values: NDArray[np.generic], panel: int = PANEL) -> NDArray[np.float32]:
    """Interpolate a map of few pixels bilinearly to at least `panel` points a side, its edges where they were.

    The line where it crosses a half then runs as `Axes.contour` draws it, through pixels instead of around them.

    Args:
        values: (H, W) probability of glacier, or a mask.
        panel: Points wanted.
    """
    times = max(1, -(-panel // min(values.shape)))
    finer: NDArray[np.float32] = ndimage.zoom(
        values.astype(np.float32), times, order=1, mode="nearest", grid_mode=True, prefilter=False
    )
    return finer


def draw_errors_map(axis: Axes, reference: NDArray[np.bool_], found: NDArray[np.generic]) -> None:
    """Draw true positives, false negatives and false positives, in colours that are safe for the colour-blind.

    Args:
        axis: Where.
        reference: (H, W) glacier.
        found: (H, W) mask, or probability of glacier: glacier above a half, NaN is none.
    """
    height, width = reference.shape
    kinds = _kinds(reference, found)
    axis.imshow(
        kinds,
        cmap=ListedColormap(list(ERROR_COLOURS.values())),
        vmin=0,
        vmax=3,
        interpolation="nearest",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )


def _kinds(reference: NDArray[np.bool_], found: NDArray[np.generic]) -> NDArray[np.intp]:
    """Number what each point of a sharpened map is, in the order of ERROR_COLOURS."""
    truth, glacier = sharpen(reference) > 0.5, sharpen(np.nan_to_num(found)) > 0.5
    return np.select([truth & glacier, truth & ~glacier, ~truth & glacier], [1, 2, 3], 0)


@in_print
def errors_strip(examples: Sequence[Example], *, side: float = TILE_SIZE) -> Figure:
    """Show tiles side by side: radar, both outlines and the errors between them over the radar, confidence.

    Args:
        examples: With probabilities.
        side: Metres that a tile is wide.
    """
    width = min(WIDEST, (PAGE_WIDTH - 0.9) / len(examples))
    figure, axes = plt.subplots(
        3,
        len(examples),
        figsize=(min(PAGE_WIDTH, max(0.9 + width * len(examples), PAGE_WIDTH / 2)), 3 * width + 0.9),
        squeeze=False,
        layout="constrained",
    )
    low, high = np.nanpercentile(np.stack([example.backscatter for example in examples]), (0.5, 99.5))
    for (radar, errors, confidence), example in zip(axes.T, examples, strict=True):
        assert example.probability is not None
        shown = radar.imshow(example.backscatter, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
        radar.set_title(short_name(example.name))
        pale = errors.imshow(
            example.backscatter, cmap=ListedColormap(GREYS), vmin=low, vmax=high, interpolation="bilinear"
        )
        _draw_between(errors, example.reference, example.probability)
        sure = confidence.imshow(entropy_confidence(example.probability), cmap="RdPu_r", vmin=0, vmax=1)
    for axis, label in zip(axes[:, 0], ("radar, one date", "map and errors", "confidence"), strict=True):
        axis.set_ylabel(label)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    axes[-1, 0].set_xlabel(f"← {side / 1000:g} km →")
    labels = ("backscatter (dB)", "backscatter (dB)", "1 − entropy")
    for row, image, label in zip(axes, (shown, pale, sure), labels, strict=True):
        figure.colorbar(image, ax=row, label=label, pad=0.01)
    outside_legend(figure, [*_line_handles(), *legend_patches({k: ERROR_COLOURS[k] for k in ("missed", "false")})])
    return figure


def _draw_between(axis: Axes, reference: NDArray[np.bool_], probability: NDArray[np.floating]) -> None:
    """Fill the areas between the outline of the reference and that of the map, and draw both as lines."""
    height, width = reference.shape
    clear = "#00000000"
    fills = ListedColormap([clear, clear, ERROR_COLOURS["missed"], ERROR_COLOURS["false"]])
    axis.imshow(
        _kinds(reference, probability),
        cmap=fills,
        vmin=0,
        vmax=3,
        alpha=0.65,
        interpolation="nearest",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    for values, colour in ((reference.astype(float), REFERENCE), (np.nan_to_num(probability), MAPPED)):
        if values.min() <= 0.5 < values.max():
            axis.contour(values, levels=[0.5], colors=[colour], linewidths=0.7)


def _line_handles() -> list[Line2D]:
    """Make legend entries of both outlines; the white one is cased, to be seen on paper."""
    cased = [Stroke(linewidth=2.0, foreground="0.55"), Normal()]
    return [
        Line2D([], [], color=REFERENCE, linewidth=1.2, path_effects=cased, label="outline of the reference"),
        Line2D([], [], color=MAPPED, linewidth=1.2, label="outline of the map"),
    ]
