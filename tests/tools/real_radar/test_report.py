"""tools.real_radar.report"""

from pathlib import Path

import pandas as pd
import pytest

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from tools.real_radar import report

PAGE = Path(__file__).resolve().parents[3] / "docs" / "real-radar.md"
TABLES = {
    report.controls: "false_shares",
    report.levels: "level_table",
    report.folds: "summarize_folds",
    report: "key_table",
}


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page of a run whose measurements are all made up."""
    run = tmp_path / "run"
    for name in report.MODELS:
        (run / "models" / name).mkdir(parents=True)
        (run / "models" / name / "weights.safetensors").touch()
        (run / "models" / name / "log.csv").write_text("epoch,loss\n1,0.5\n2,0.4\n3,0.3\n")
    for module, function in TABLES.items():
        monkeypatch.setattr(module, function, lambda *_, name=function: pd.DataFrame({"table": [name]}))
    monkeypatch.setattr(report.pretrained, "load", lambda path: path.parent.name)
    monkeypatch.setattr(report.controls, "read_controls", lambda folder: [])
    monkeypatch.setattr(report.patches, "read_patches", lambda folder: [])
    monkeypatch.setattr(report.folds, "leave_one_glacier_out", lambda *_: None)
    monkeypatch.setattr(report.folds, "tell_folds", lambda counts: "Told.")
    counts = {"unet3d": Confusion(tp=6, fp=2, fn=2, tn=0), "ulstm": Confusion(tp=5, fp=5, fn=0, tn=0)}
    monkeypatch.setattr(report.kongsfjorden, "score_on_kongsfjorden", lambda *_: counts)
    report.write(tmp_path / "data", run, tmp_path / "docs" / "real-radar.md")
    return (tmp_path / "docs" / "real-radar.md").read_text()


def test_the_page_holds_every_table_and_how_long_the_networks_were_trained(page):
    assert all(f"| {function}" in page for function in TABLES.values())
    assert "unet3d: 3 epochs, ulstm: 3 epochs" in page


def test_scores_on_simulated_radar_carry_the_word(page):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    assert ["network", "IoU (*simulated* radar)", "precision", "recall"] in lines
    assert ["unet3d", "0.600", "0.750", "0.750"] in lines
    assert ["ulstm", "0.500", "0.500", "1.000"] in lines


def test_the_page_names_no_folder_of_the_machine_that_made_it(page, tmp_path):
    assert str(tmp_path) not in page


def test_a_run_without_a_network_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"models/unet3d/weights.safetensors"):
        report.load_models(tmp_path)


def test_the_committed_page_says_what_its_labelled_radar_is():
    assert "X-band, one date, 8 bit, no result comparable with the benchmark's" in PAGE.read_text()
