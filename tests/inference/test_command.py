"""glaciersar.inference.command"""

import numpy as np
import pytest
import torch

from glaciersar import cli, models
from glaciersar.inference.calibration import write_calibration
from glaciersar.models import pretrained
from tests.support.archives import write_folder, year_of_dates
from tests.support.streams import GRID, SHARPER, contents


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The words that name scenes, weights and small windows."""
    folder = tmp_path_factory.mktemp("given")
    write_folder(folder / "scenes", GRID, year_of_dates(3), np.random.default_rng(1))
    torch.manual_seed(1)
    pretrained.save(models.build("unet3d", width=2), folder / "weights.safetensors")
    words = [str(folder / "scenes"), "--weights", str(folder / "weights.safetensors")]
    return [*words, "--dates", "0", "--window", "48", "--quiet"]


def test_strips_are_joined_to_what_one_command_maps(given, tmp_path, capsys):
    write_calibration(tmp_path / "calibration.json", SHARPER)
    kinds = ["--dtype", "uint8", "--calibration", str(tmp_path / "calibration.json")]
    assert cli.main(["map", *given, *kinds, "--out", str(tmp_path / "whole" / "probability.tif")]) == 0
    assert "3 dates of HH, 2020-01-02 to 2020-01-26" in capsys.readouterr().out
    strips = [str(tmp_path / f"{k}.zip") for k in (1, 2, 3)]
    for k, strip in enumerate(strips, 1):
        assert cli.main(["map", *given, "--strip", f"{k}/3", "--out", strip]) == 0
        assert capsys.readouterr().out.strip() == strip
    joined = ["join", *strips, *kinds, "--quiet", "--out", str(tmp_path / "joined" / "probability.tif")]
    assert cli.main(joined) == 0
    assert "written: " in capsys.readouterr().out
    assert len(contents(tmp_path / "joined")) == 3
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--strip", "4/3"], "strip=4 found, 1 to 3 expected"),
        (["--strip", "3"], "--strip 3 found, a strip of all such as 3/10 expected"),
        (["--strip", "1/2", "--dtype", "uint8"], "expected for glaciersar join"),
        (["--strip", "1/900"], "strips=900 found, 1 to 3 expected"),
        (["--polarisation", "VV"], "VV"),
        (["--relative-orbit", "15"], "15"),
    ],
)
def test_a_mistake_is_one_sentence(given, tmp_path, capsys, words, message):
    assert cli.main(["map", *given, *words, "--out", str(tmp_path / "new" / "map.tif")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("glaciersar: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_strip_that_is_missing_is_named(given, tmp_path, capsys):
    assert cli.main(["map", *given, "--strip", "2/3", "--out", str(tmp_path / "2.zip")]) == 0
    assert cli.main(["join", str(tmp_path / "2.zip"), "--out", str(tmp_path / "probability.tif")]) == 2
    assert "strip 1, 3 of 3 missing" in capsys.readouterr().err
