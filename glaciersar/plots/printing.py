"""Save a figure for screen and print; measure its width, its smallest text, and text that covers what it should not."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from glaciersar.io.atomic import atomic_write
from glaciersar.plots.layout import SMALL, STYLE

CHARACTER = 4.1  # points: mean width of a letter of the note
NAMES = ("Source", "Width (mm)", "Smallest text (pt)", "Covered text")
"""Names of what a saved PNG says about itself: the fields of `Print`."""


@dataclass(frozen=True, kw_only=True)
class Print:
    """What a figure is in print."""

    source: str
    """Its note: data, notebook, run."""
    width: float
    """Millimetres, with all that stands out of its panels."""
    smallest: float
    """Points, of its smallest text."""
    covered: str
    """Texts that lie over a picture or over each other, or nothing."""


def save_figure(figure: Figure, path: str | Path, *, note: str) -> None:
    """Write a figure as PNG and beside it as PDF, with a note below that names its source.

    The same figure gives the same bytes every time. What `measure` finds is written into the PNG, for `read_print`.
    """
    width, _ = figure.get_size_inches()
    wrapped = textwrap.fill(note, max(20, int(72 * width / CHARACTER)))
    # the tight bounding box includes it
    figure.text(1, -0.01, wrapped, ha="right", va="top", fontsize=SMALL, color="0.4")
    found = measure(figure, note)
    told = dict(zip(NAMES, (found.source, f"{found.width:.1f}", f"{found.smallest:g}", found.covered), strict=True))
    with plt.style.context(STYLE):
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None} | told)
        with atomic_write(Path(path).with_suffix(".pdf")) as temporary:
            figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "Subject": note})


def read_print(path: str | Path) -> Print | None:
    """Read what a PNG of `save_figure` says about itself; None from a picture that says nothing."""
    with Image.open(path) as picture:
        told = picture.info
    if any(name not in told for name in NAMES):
        return None
    source, width, smallest, covered = (told[name] for name in NAMES)
    return Print(source=source, width=float(width), smallest=float(smallest), covered=covered)


def measure(figure: Figure, source: str = "") -> Print:
    """Measure a figure as it will be printed."""
    figure.draw_without_rendering()
    texts = list(drawn_texts(figure))
    boxes = [
        (text.get_text(), text.get_window_extent().padded(-1)) for text, _ in texts if not text.get_rotation() % 90
    ]
    pictures = [axis.bbox for axis in figure.axes if axis.images and axis.get_visible()]
    covered = [name for name, box in boxes if any(box.overlaps(picture) for picture in pictures)]
    covered += [f"{one} / {other}" for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]
    return Print(
        source=source,
        width=25.4 * figure.get_tightbbox().width,
        smallest=min((float(text.get_fontsize()) for text, _ in texts), default=SMALL),
        covered="; ".join(" ".join(name.split()) for name in covered),
    )


def drawn_texts(figure: Figure) -> Iterator[tuple[Text, Axes | None]]:
    """Go through the texts of a drawn figure that are to be seen, with the axes they belong to."""
    outside = [*figure.texts, *(text for legend in figure.legends for text in legend.findobj(Text))]
    for text in outside:
        if text.get_visible() and text.get_text().strip():
            yield text, None
    for axis in figure.axes:
        if not axis.get_visible():
            continue
        unseen = _unseen_labels(axis)
        for text in axis.findobj(Text):
            if text.get_visible() and text.get_text().strip() and text not in unseen:
                yield text, axis


def _unseen_labels(axis: Axes) -> set[Text]:
    """Find the labels of ticks that lie out of the panel, or of an axis that is switched off."""
    unseen: set[Text] = set()
    for side in (axis.xaxis, axis.yaxis):
        low, high = sorted(side.get_view_interval())
        margin = 1e-9 * (high - low)
        shown = axis.axison and side.get_visible()
        for tick in (*side.get_major_ticks(), *side.get_minor_ticks()):
            if not shown or not low - margin <= tick.get_loc() <= high + margin:
                unseen |= {tick.label1, tick.label2}
        if not shown:
            unseen |= {side.label, side.offsetText}
    return unseen
