"""The notebook of the experiment on invented tables, as it will show complete ones."""

import contextlib
import io
from pathlib import Path

import nbformat
import pytest
from IPython import display
from matplotlib import pyplot as plt

from glaciersar import notebooks
from tests.support.evidence_tables import write_tables

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "06-ablations.ipynb"
FIGURES = {"arms", "errors", "dates", "seasons", "season-zones", "drift"} | {
    f"differences-{part}" for part in ("main", "steps", "dates", "data", "training")
}


@pytest.mark.slow
def test_complete_tables_become_every_figure_and_no_command(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    values = {"tables": str(write_tables(tmp_path / "tables")), "work": str(tmp_path / "work")}
    space, printed = {"In": []}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
            if cell.cell_type == "code":
                space["In"].append(cell.source)  # as a kernel does
                exec(cell.source, space)
            if "parameters" in cell.metadata.get("tags", []):
                space |= notebooks.check_parameters(NOTEBOOK, values)
            plt.close("all")
    assert printed.getvalue() == ""
    assert {path.stem for path in (tmp_path / "work/figures").glob("*.png")} == {f"evidence-{name}" for name in FIGURES}
    scores, differences, earliest, apart, drift = 5, 5, 2, 2, 1  # of five parts each; in words, and as tables
    assert len(shown) == scores + differences + earliest + apart + drift


def test_every_figure_has_its_numbered_caption():
    text = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "markdown"]
    assert sum(part.startswith("**Figure 6.") for part in text) == len(FIGURES)
