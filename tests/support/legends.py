"""A check for every figure: its legends do not overlap the panels."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from glaciersar.plots import results


def stand_clear(figure: Figure, folder: Path) -> None:
    """Check that no legend overlaps a panel, its labels or the note, or is cut off, both drawn and saved."""
    figure.draw_without_rendering()
    _check(figure)
    figure.canvas.mpl_connect("draw_event", lambda _: saved.append(_check(figure)))
    saved: list[None] = []
    results.save_figure(figure, folder / "figure.png", note="simulated radar, notebooks/00-none.ipynb, run tests")
    assert saved


def _check(figure: Figure) -> None:
    own = [axis.get_legend() for axis in figure.axes if axis.get_legend()]
    legends = [legend.get_window_extent() for legend in [*figure.legends, *own]]
    assert legends
    panels = [axis.bbox if axis.get_legend() else axis.get_tightbbox() for axis in figure.axes if axis.get_visible()]
    notes = [text.get_window_extent() for text in figure.texts]
    for legend in legends:
        assert Bbox.union([legend, figure.bbox]).size.tolist() == figure.bbox.size.tolist(), "a legend is cut off"
        assert not any(legend.overlaps(other) for other in [*panels, *notes]), "a legend lies over a panel or the note"
