"""glaciersar.plots.experiment"""

import re

import pandas as pd
import pytest
from IPython import display

from glaciersar.evaluation.evidence import PARTS
from glaciersar.plots.experiment import Experiment
from tests.support.evidence_tables import write_tables

FIGURES = {
    "arms": Experiment.draw_arms,
    "errors": Experiment.draw_errors,
    "dates": Experiment.draw_dates,
    "seasons": Experiment.draw_seasons,
    "season-zones": Experiment.draw_season_zones,
    "drift": Experiment.draw_drift,
    "differences-main": lambda experiment: experiment.draw_differences("main"),
}


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
    assert (
        "no table of differences yet: `make evidence PART=data` makes it after those before" in capsys.readouterr().out
    )
    assert len(shown) == 1


def test_the_drift_of_a_style_is_told_beside_the_change_that_the_follow_up_found(tables, tmp_path, shown):
    read(tables, tmp_path).tell_drift()
    network, reference = shown[0].data.splitlines()
    assert network.startswith(
        "- network, 50 % of its outlines ragged: +1.00 % [+0.00, +2.00] of the area; +40 [+0, +80]"
    )
    assert reference.startswith("- reference, smooth in both years: +2.00 %")


def test_another_table_of_a_part_is_shown_as_simulated(tables, tmp_path, shown):
    read(tables, tmp_path).table("data", "unseen")
    assert shown[0].columns.name == "simulated"
    assert list(shown[0]["on"]) == ["unseen relative_orbit"]


def test_how_many_dates_suffice_is_told(tables, tmp_path, shown):
    read(tables, tmp_path).tell_dates()
    assert re.match(r"(The first \d+ dates, to about \d\d \w+|No number of dates)", shown[0].data)
    assert list(shown[1]["dates"]) == list(range(1, 15))
