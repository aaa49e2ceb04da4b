"""A check for every figure: its legends do not overlap the panels."""

from pathlib import Path

from matplotlib.backend_bases import DrawEvent
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from glaciersar.plots import results


def stand_clear(figure: Figure, folder: Path) -> None:
    """Check that no legend overlaps a panel, its labels or the note, or is cut off, both drawn and saved."""
    figure.draw_without_rendering()
    _check(figure)
    saved: list[DrawEvent] = []

    def check_drawn(event: DrawEvent) -> None:
        _check(figure)
        saved.append(event)

    figure.canvas.mpl_connect("draw_event", check_drawn)
    results.save_figure(figure, folder / "figure.png", note="simulated radar, notebooks/00-none.ipynb, run tests")
    assert saved


def _check(figure: Figure) -> None:
    own = [found for axis in figure.axes if (found := axis.get_legend())]
    legends = [found.get_window_extent() for found in [*figure.legends, *own]]
    assert legends
    boxes = [axis.bbox if axis.get_legend() else axis.get_tightbbox() for axis in figure.axes if axis.get_visible()]
    panels = [box for box in boxes if box is not None]
    assert len(panels) == len(boxes)
    notes = [text.get_window_extent() for text in figure.texts]
    for legend in legends:
        assert tuple(Bbox.union([legend, figure.bbox]).size) == tuple(figure.bbox.size), "a legend is cut off"
        assert not any(legend.overlaps(other) for other in [*panels, *notes]), "a legend lies over a panel or the note"
