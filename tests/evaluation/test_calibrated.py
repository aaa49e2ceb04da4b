"""glaciersar.evaluation.calibrated"""

import pytest

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation import scoring
from glaciersar.evaluation.calibrated import load_calibrated
from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.grid import Tile
from glaciersar.inference.calibration import TemperatureCalibration, fit_calibration, write_calibration
from glaciersar.inference.histogram import ProbabilityHistogram
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
    (network,), found, source = load_calibrated(weights, run / "not-there.h5")
    assert network.checksum() == pretrained.load(weights).checksum()
    assert (found, source) == (rule, "calibration of models/calibration.json")


def test_weights_that_ship_are_calibrated_on_the_validation_tiles_and_never_by_another_file(run, monkeypatch):
    monkeypatch.chdir(run)
    write_calibration(run / "calibration.json", TemperatureCalibration(temperature=0.3))  # lies beside the bare name
    (network,), rule, source = load_calibrated("unet3d-simulated", run / "val.h5", window=64)
    assert network.checksum() == pretrained.load("unet3d-simulated").checksum()
    assert rule == fit_calibration(scoring.histogram_tiles(network, run / "val.h5", window=64), "temperature")
    assert source == f"temperature calibration, fitted on {run.name}/val.h5"


def test_several_networks_are_calibrated_by_their_mean_and_never_by_what_lies_beside_one(run):
    weights = run / "models" / "weights.safetensors"
    write_calibration(run / "models" / "calibration.json", TemperatureCalibration(temperature=0.3))
    networks, rule, source = load_calibrated([weights, "unet3d-simulated"], run / "val.h5", window=64)
    maps = [
        {name: p for name, p, _ in iter_tile_maps(one, run / "val.h5", window=64, progress=False)} for one in networks
    ]
    histogram = ProbabilityHistogram.empty()
    for name, _, glacier in iter_tile_maps(networks[0], run / "val.h5", window=64, progress=False):
        mean = ((maps[0][name].astype(float) + maps[1][name]) / 2).astype("float32")
        histogram += ProbabilityHistogram.of(mean, glacier[1] > 0.5, glacier.sum(0) > 0)
    assert rule == fit_calibration(histogram, "temperature")
    assert source == f"temperature calibration, fitted on {run.name}/val.h5"


def test_what_is_missing_is_told_with_what_makes_it(run):
    with pytest.raises(InputError, match=r"val\.h5: not there yet; notebooks/02-dataset"):
        load_calibrated(run / "models" / "weights.safetensors", run / "models" / "val.h5")
    with pytest.raises(InputError, match=r"other: not there yet; notebooks/04-train"):
        load_calibrated(run / "other", run / "val.h5")
