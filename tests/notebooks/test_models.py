"""The notebook of the networks as a user runs it: other networks, trained weights, or one sentence."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest

from glaciersar import cli, models
from glaciersar.grid import Tile
from glaciersar.models import pretrained
from tests.support.tiles import write_tiles

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03-models.ipynb"
SMALL = ["--width", "4", "--patch", "40", "--timed_patch", "8", "--window", "16"]


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "models" / "ulstm"
    folder.mkdir(parents=True)
    pretrained.save(models.build("ulstm", width=6), folder / "weights.safetensors", trained_on="simulated radar")
    return folder.parent


def run(tmp_path, *words):
    write_tiles(tmp_path / "train.h5", {Tile(column=10, row=38): 0.5})
    given = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), *SMALL, *words]
    return cli.main(["run", str(NOTEBOOK), "--out", str(tmp_path / "out"), "--quiet", *given])


def test_any_network_is_drawn_and_counted_with_trained_weights_where_there_are_any(tmp_path, weights):
    assert run(tmp_path, "--names", "[unet3d_weighted, ulstm]", "--weights", str(weights)) == 0
    for name in ("networks.png", "networks.pdf", "functions.png", "pixel-course.png"):
        assert (tmp_path / "work/figures" / name).stat().st_size > 0
    table = pd.read_csv(tmp_path / "work/tables/networks.csv", index_col="network")
    built = {"unet3d_weighted": models.build("unet3d_weighted", width=4), "ulstm": models.build("ulstm", width=6)}
    assert dict(table["parameters"]) == {
        name: sum(weight.numel() for weight in network.parameters()) for name, network in built.items()
    }
    assert table.loc["unet3d_weighted", "sees (pixels)"] == "whole patch"
    cells = nbformat.read(tmp_path / "out" / NOTEBOOK.name, as_version=4).cells
    said = "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
    assert "unet3d_weighted: width 4, random weights, seed 1" in said
    assert "ulstm: width 6, trained on simulated radar" in said
    assert "simulated radar: glacier, land or sea" in said


def test_weights_of_another_network_are_one_sentence_and_a_status(tmp_path, weights, capsys):
    assert run(tmp_path, "--names", "[unet3d]", "--weights", str(weights)) == 2
    error = capsys.readouterr().err
    assert "no weights of unet3d found, at least those of one expected" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "work").exists()
