"""The notebook of figures as it is committed, and as a user runs it with a coastline."""

from pathlib import Path

import nbformat

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "10-figures.ipynb"


def cells():
    return nbformat.read(NOTEBOOK, as_version=4).cells


def test_every_figure_that_is_drawn_is_shown():
    drawing = [cell for cell in cells() if "figure = " in cell.source or "overview" in cell.source]
    assert len(drawing) == 4
    for cell in drawing:
        shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert shown, cell.source


def test_it_tells_what_goes_in_and_out_and_every_figure_of_the_small_run_is_fit_for_print():
    first, *_ = cells()
    for told in ("What it answers", "goes in", "comes out", "takes", "in the paper"):
        assert told in first.source
    said = "".join(output.get("text", "") for cell in cells() for output in cell.get("outputs", []))
    assert "figures, 0 of them not fit for print" in said
    assert "no coastline given" in said
