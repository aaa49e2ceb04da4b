"""glaciersar.evaluation.calibrated"""

import pytest

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation import scoring
from glaciersar.evaluation.calibrated import load_calibrated
from glaciersar.grid import Tile
from glaciersar.inference.calibration import TemperatureCalibration, fit_calibration, write_calibration
from glaciersar.models import pretrained
from tests.support.tiles import write_tiles


@pytest.fixture
def run(tmp_path):
    write_tiles(tmp_path / "val.h5", {Tile(column=6, row=6): 0.5})
    pretrained.save(models.build("unet3d", width=4), tmp_path / "models" / "weights.safetensors")
    return tmp_path


def test_weights_come_with_the_calibration_beside_them(run):
    weights, rule = run / "models" / "weights.safetensors", TemperatureCalibration(temperature=0.3)
    write_calibration(run / "models" / "calibration.json", rule)
    network, found, source = load_calibrated(weights, run / "not-there.h5")
    assert network.checksum() == pretrained.load(weights).checksum()
    assert (found, source) == (rule, "calibration of models/calibration.json")


def test_weights_that_ship_are_calibrated_on_the_validation_tiles_and_never_by_another_file(run, monkeypatch):
    monkeypatch.chdir(run)
    write_calibration(run / "calibration.json", TemperatureCalibration(temperature=0.3))  # lies beside the bare name
    network, rule, source = load_calibrated("unet3d-simulated", run / "val.h5", window=64)
    assert network.checksum() == pretrained.load("unet3d-simulated").checksum()
    assert rule == fit_calibration(scoring.histogram_tiles(network, run / "val.h5", window=64), "temperature")
    assert source == f"temperature calibration, fitted on {run.name}/val.h5"


def test_what_is_missing_is_told_with_what_makes_it(run):
    with pytest.raises(InputError, match=r"val\.h5: not there yet; notebooks/02-dataset"):
        load_calibrated(run / "models" / "weights.safetensors", run / "models" / "val.h5")
    with pytest.raises(InputError, match=r"other: not there yet; notebooks/04-train"):
        load_calibrated(run / "other", run / "val.h5")
