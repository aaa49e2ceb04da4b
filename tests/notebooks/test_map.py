"""The map notebook as a user runs it, on a folder of GeoTIFFs: a map, or one sentence and nothing left behind."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox

from glaciersar import cli, models
from glaciersar.models import pretrained
from tests.support.archives import backscatter, write_folder, write_raster, year_of_dates

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08-map.ipynb"
HERE = GeoBox.from_bbox((600_000, 8_700_000, 602_000, 8_701_600), "EPSG:32633", resolution=100)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "weights.safetensors"
    pretrained.save(models.build("ulstm", width=4), path, feature_names="grd", trained_on="nothing at all")
    return path


@pytest.fixture
def folder(tmp_path, rng):
    return write_folder(tmp_path / "scenes", HERE, year_of_dates(), rng)


def run(folder, weights, tmp_path, *words):
    given = ["--source", str(folder), "--weights", str(weights), "--work", str(tmp_path / "work"), *words]
    return cli.main(["run", str(NOTEBOOK), "--out", str(tmp_path / "out"), "--quiet", *given])


def test_a_folder_of_geotiffs_becomes_a_map_that_tells_its_making(folder, weights, tmp_path):
    assert run(folder, weights, tmp_path) == 0
    with rasterio.open(tmp_path / "work/map/probability.tif") as file:
        assert file.crs.to_epsg() == 32633
        assert file.transform == HERE.affine
        assert np.isfinite(file.read(1)).all()
        tags = file.tags()
    assert tags["model"] == "ulstm"
    assert tags["trained_on"] == "nothing at all"
    assert len(tags["dates"].split()) == 15


def in_decibels(folder, rng):
    for path in folder.glob("*.tif"):
        write_raster(path, 10 * np.log10(backscatter(rng, HERE.shape)), HERE)


def truncated(folder, rng):
    path = min(folder.glob("*.tif"))
    path.write_bytes(path.read_bytes()[:-400])


def with_a_gap(folder, rng):
    for path in sorted(folder.glob("*.tif"))[8:14]:
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (in_decibels, "look like decibels"),
        (truncated, "the file is truncated"),
        (with_a_gap, "a date is missing"),
    ],
)
def test_a_bad_series_is_one_sentence_a_status_and_no_map(folder, weights, tmp_path, rng, capsys, spoil, message):
    spoil(folder, rng)
    assert run(folder, weights, tmp_path) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "work").exists()


def test_an_unknown_model_is_refused_by_the_train_notebook(tmp_path, capsys):
    notebook = NOTEBOOK.with_name("04-train.ipynb")
    words = ["--work", str(tmp_path / "work"), "--model", "unet4d", "--out", str(tmp_path / "out"), "--quiet"]
    assert cli.main(["run", str(notebook), *words]) == 2
    assert "model 'unet4d' is unknown; expected one of unet3d" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
