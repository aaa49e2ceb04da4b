"""glaciersar.plots.experiment"""

import pandas as pd
import pytest
from IPython import display
from matplotlib import pyplot as plt

from glaciersar.evaluation.evidence import PARTS
from glaciersar.plots.experiment import Experiment
from tests.support.evidence_tables import write_tables

FIGURES = {
    "arms": Experiment.draw_arms,
    "errors": Experiment.draw_errors,
    "dates": Experiment.draw_dates,
    "seasons": Experiment.draw_seasons,
    "differences-main": lambda experiment: experiment.draw_differences("main"),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in order."""
    found = []
    monkeypatch.setattr(display, "display", found.append)
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("evidence"))


def read(tables, tmp_path):
    return Experiment.read(tables, figures=tmp_path / "figures", note="simulated radar")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_from_tables_or_the_command_is_said(name, tables, tmp_path, capsys):
    FIGURES[name](read(tmp_path / "none", tmp_path))
    assert "`make evidence PART=" in capsys.readouterr().out
    assert not (tmp_path / "figures").exists()
    FIGURES[name](read(tables, tmp_path))
    assert (tmp_path / "figures" / f"evidence-{name}.png").exists()
    assert not capsys.readouterr().out


def test_a_figure_of_two_parts_says_which_is_missing(tables, tmp_path, capsys):
    found = read(tables, tmp_path)
    parts = dict(found.parts) | {"dates": {}}
    Experiment(parts=parts, figures=found.figures, note="").draw_dates()
    assert "Part dates has no tables yet" in capsys.readouterr().out


def test_the_scores_of_every_part_are_shown_as_simulated(tables, tmp_path, shown):
    for part in PARTS:
        read(tables, tmp_path).scores(part)
    assert [table.columns.name for table in shown] == ["simulated"] * len(PARTS)
    assert "unet3d" in shown[0].index


def test_differences_are_told_and_where_they_were_not_made_that_is_said(tables, tmp_path, shown, capsys):
    experiment = read(tables, tmp_path)
    experiment.tell("main")
    assert "*simulated*" in shown[0].data
    assert "`ulstm` − `unet3d`: " in shown[0].data
    without = {"scores": pd.DataFrame({"arm": ["hv"]})}
    Experiment(parts={"data": without}, figures=tmp_path, note="").tell("data")
    assert "no table of differences yet: `make evidence PART=data` makes it after part main" in capsys.readouterr().out
    assert len(shown) == 1


def test_the_drift_of_a_style_is_shown(tables, tmp_path, shown):
    read(tables, tmp_path).drift()
    assert list(shown[0]["source"]) == ["network", "reference"]
