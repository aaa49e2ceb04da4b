"""glaciersar.cli"""

import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from glaciersar import cli
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.temporal_coverage import data_source
from tests.support.notebooks import write_notebook


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "04-train.ipynb", "print(model, epochs, fast)")


def test_run_executes_a_notebook_with_the_given_parameters(notebook, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["run", str(notebook), "--model", "ulstm", "--epochs=4", "--fast", "false", "--out", str(out), "--quiet"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.strip() == str(out / "04-train.ipynb")
    assert "ulstm 4 False" in (out / "04-train.ipynb").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epoch", "4"], "did you mean 'epochs'"),
        (["--epochs", "four"], "expected int"),
        (["--epochs"], "stands without a value"),
        (["epochs", "4"], "'epochs' found, a parameter of the notebook as --name value expected"),
        (["--profile", "huge"], "profile 'huge' is unknown"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_status_that_is_not_zero(notebook, tmp_path, capsys, words, message):
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("glaciersar: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_behind_a_notebook_lists_its_parameters(notebook, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", str(notebook), "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "usage: glaciersar run" in said
    assert "folder of this run (default" in said
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    assert "glaciersar run NOTEBOOK --help lists its parameters" in capsys.readouterr().out
    assert cli.main(["run", str(tmp_path / "none.ipynb"), "--help"]) == 2
    assert capsys.readouterr().err.endswith("none.ipynb: no such notebook, expected an .ipynb file\n")


def test_watch_shows_each_cell_and_what_it_prints(tmp_path, capsys):
    notebook = write_notebook(tmp_path / "04-train.ipynb", "print('from the cell')", further="window = 384  # pixels")
    words = ["run", str(notebook), "--window", "64", "--out", str(tmp_path / "out"), "--watch"]
    assert cli.main(words) == 0
    shown, said = capsys.readouterr()
    assert shown == f"{tmp_path / 'out' / '04-train.ipynb'}\n"
    lines = said.splitlines()
    assert [line.strip("-") for line in lines if "Executing Cell" in line] == [
        f"Executing Cell {k}" for k in (1, 2, 3, 4)
    ]
    assert lines.count("from the cell") == 1
    assert "unknown parameter" not in said


@pytest.mark.slow
def test_simulate_over_your_own_terrain_is_one_command(tmp_path, capsys):
    side, transform = 40, rasterio.Affine(100, 0, 600_000, 0, -100, 8_700_000)
    height = 300 + 400 * np.hypot(*np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]).astype(np.float32)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": side, "width": side}
    with rasterio.open(tmp_path / "dem.tif", "w", crs="EPSG:32633", transform=transform, **profile) as file:
        file.write(height, 1)
    ice = gpd.GeoDataFrame(geometry=[shapely.Point(602_000, 8_698_000).buffer(900)], crs="EPSG:32633")
    ice.to_file(tmp_path / "ice.gpkg")
    words = ["simulate", "--dem", str(tmp_path / "dem.tif"), "--outlines", str(tmp_path / "ice.gpkg"), "--pixel", "100"]
    assert cli.main([*words, "--out", str(tmp_path / "mine"), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine" / "catalog.json")
    assert data_source(find_scenes(tmp_path / "mine")) == "simulated radar"
    assert cli.main([*words, "--landscapes", "2", "--out", str(tmp_path / "two"), "--quiet"]) == 2
    assert "1 expected" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


def test_help_does_not_load_torch():
    code = (
        "import sys, glaciersar.cli as c\n"
        "try: c.main(['run', '--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
