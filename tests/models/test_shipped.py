"""glaciersar.models.shipped"""

import hashlib
import json

import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained, shipped

NAME = "unet3d-simulated"
MIB = 2**20


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Shipped weights in a folder that stands for the package's, with a record that holds what is read of it."""
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    torch.manual_seed(3)
    path = tmp_path / f"{NAME}.safetensors"
    pretrained.save(models.build("unet3d", width=2), path, feature_names="grd", trained_on="simulated radar")
    checksum = "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"assets": {"weights": {"file:checksum": checksum}}}))
    return path


def test_shipped_weights_are_loaded_by_name_as_from_their_path(weights):
    named, given = pretrained.load(NAME), pretrained.load(weights)
    assert named.name == "unet3d"
    assert named.metadata == given.metadata
    assert all(torch.equal(value, given.state_dict()[key]) for key, value in named.state_dict().items())


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_weights_or_a_record_that_is_not_there_is_told_in_a_sentence(weights, suffix):
    weights.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match=rf"^{NAME}: .*{NAME}{suffix} is not there, weights of `make evidence` exp"):
        pretrained.load(NAME)


def test_a_file_that_is_not_the_one_of_its_record_is_refused(weights):
    pretrained.save(models.build("unet3d", width=2), weights)
    with pytest.raises(InputError, match=rf"{NAME}\.safetensors: checksum 1220[0-9a-f]{{64}} found, 1220.* expected"):
        pretrained.load(NAME)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"assets": {"weights": null}}'])
def test_a_record_without_a_checksum_is_refused(weights, text):
    weights.with_suffix(".json").write_text(text)
    with pytest.raises(InputError, match=rf"{NAME}\.json: no file:checksum of an asset 'weights' found"):
        pretrained.load(NAME)


def test_an_unknown_name_is_told_those_that_ship():
    with pytest.raises(InputError, match=r"unet5d: no such weight file; .*unet3d-simulated, ulstm-simulated"):
        pretrained.load("unet5d")


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_what_ships_is_a_small_network_trained_on_simulated_radar(name):
    if not (shipped.WEIGHTS / f"{name}.safetensors").exists():
        pytest.skip("this checkout has no weights yet; python -m tools.ship_weights runs/evidence makes them")
    model = pretrained.load(name)
    assert (f"{model.name}-simulated", model.width) == (name, 8)
    assert model.metadata["trained_on"] == "simulated radar"
    with torch.no_grad():
        assert model(torch.rand(1, 1, 15, 16, 16)).isfinite().all()


def test_all_weights_together_are_less_than_2_mib():
    assert sum(path.stat().st_size for path in shipped.WEIGHTS.glob("*.safetensors")) < 2 * MIB
