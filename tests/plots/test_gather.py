"""glaciersar.plots.gather"""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from glaciersar.plots import gather, results
from glaciersar.plots.layout import COLUMN_WIDTH, in_print

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@in_print
def figure_of_text(size):
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH, 1.5), layout="constrained")
    axis.set_title("title", fontsize=size)
    return figure


def save(work, name, size=8, folder="figures"):
    (work / folder).mkdir(exist_ok=True, parents=True)
    figure = figure_of_text(size)
    results.save_figure(figure, work / folder / f"{name}.png", note=f"simulated radar, {name}")


@pytest.fixture
def work(tmp_path):
    for name in ("change-unet3d", "dates", "change-intervals-unet3d", "training", "training-ulstm"):
        save(tmp_path, name)
    save(tmp_path, "map", folder="map")
    return tmp_path


def test_figures_stand_in_the_order_of_the_paper_with_captions(work):
    table = gather.gather_figures(work)
    order = ["dates", "training", "training-ulstm", "map", "change-unet3d", "change-intervals-unet3d"]
    assert list(table["file"]) == order
    assert list(table.index) == [1, 2, 3, 4, 5, 6]
    assert table.set_index("file").loc["training-ulstm", "caption"] == "Loss and validation IoU of ulstm by epoch"
    assert list(table["source"]) == [f"simulated radar, {name}" for name in order]
    expected = {f"{name}.{kind}" for name in order for kind in ("png", "pdf")}
    target = work / "figures" / "print"
    assert {path.name for path in target.iterdir()} == expected | {f"figures.{kind}" for kind in ("csv", "md", "tex")}


def test_a_half_written_figure_of_a_killed_run_is_no_figure(work):
    (work / "figures/.dates-a1b2c3.png").write_bytes(b"\x89PNG")
    table = gather.gather_figures(work)
    assert len(table) == 6
    assert not list((work / "figures/print").glob(".*"))


def test_a_figure_that_is_no_longer_made_does_not_stay(work):
    gather.gather_figures(work)
    (work / "figures" / "dates.png").unlink()
    gather.gather_figures(work)
    assert not (work / "figures" / "print" / "dates.png").exists()


def test_what_is_not_fit_for_print_is_named(work):
    save(work, "year", size=6)
    save(work, "holiday")
    plt.imsave(work / "figures" / "split.png", np.zeros((3, 3)))
    (work / "figures" / "dates.pdf").unlink()
    gather.gather_figures(work)
    wrong = gather.check_figures(work)["wrong"]
    assert dict(wrong[wrong != ""]) == {
        "year": "text below 8 pt",
        "holiday": "no caption",
        "split": "not measured: its notebook has to run again",
        "dates": "no PDF",
    }


def test_the_overview_shows_each_figure_with_its_number(work):
    gather.gather_figures(work)
    titles = [axis.get_title() for axis in gather.overview(work).axes if axis.images]
    assert titles[:2] == ["1 dates", "2 training"]
    assert len(titles) == 6


def test_every_figure_that_a_notebook_saves_has_a_caption_that_names_it():
    saved = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for name in re.findall(r'\\"figures\\" / f?\\"([^"]+)\.png\\"', path.read_text(encoding="utf-8")):
            saved.append((re.sub(r"\{.+?\}", "x", name), path.stem))
    assert len(saved) > 15
    for name, notebook in saved:
        place, (made_by, caption) = gather._caption(name)
        assert place < len(gather.CAPTIONS), f"{name} of {notebook}: no caption"
        assert made_by == notebook, caption
