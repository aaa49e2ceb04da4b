"""glaciersar.models.initial"""

import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.models.initial import load_or_draw


def write(path, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    network = models.build(name, width=6)
    pretrained.save(network, path, feature_names="grd", trained_on="nothing at all")
    return network.checksum()


def test_random_weights_follow_from_the_seed_alone():
    torch.manual_seed(7)
    first, state = load_or_draw(["unet3d", "ulstm"], width=4, seed=3), torch.get_rng_state()
    torch.manual_seed(8)
    (alone,) = load_or_draw(["ulstm"], width=4, seed=3)
    (other,) = load_or_draw(["ulstm"], width=4, seed=4)
    assert first[1].checksum() == alone.checksum() != other.checksum()
    torch.manual_seed(7)
    assert torch.equal(torch.get_rng_state(), state)  # as before the first call
    assert not any(network.training for network in first)
    assert first[0].metadata["weights"] == "random weights, seed 3"


def test_a_folder_gives_what_it_holds_and_the_rest_is_drawn(tmp_path):
    trained = write(tmp_path / "ulstm" / "weights.safetensors", "ulstm")
    unet3d, ulstm = load_or_draw(["unet3d", "ulstm"], tmp_path, width=4)
    assert ulstm.checksum() == trained
    assert (unet3d.width, ulstm.width) == (4, 6)
    assert ulstm.metadata["weights"] == "trained on nothing at all"
    assert unet3d.metadata["weights"] == "random weights, seed 1"


def test_a_file_gives_the_network_that_it_names(tmp_path):
    trained = write(tmp_path / "mine.safetensors", "unet3d")
    unet3d, ulstm = load_or_draw(["unet3d", "ulstm"], tmp_path / "mine.safetensors", width=4)
    assert unet3d.checksum() == trained
    assert ulstm.metadata["weights"] == "random weights, seed 1"


def test_weights_of_none_of_the_networks_are_refused(tmp_path):
    write(tmp_path / "mine.safetensors", "unet2d")
    with pytest.raises(InputError, match=r"mine\.safetensors: no weights of unet3d or ulstm found"):
        load_or_draw(["unet3d", "ulstm"], tmp_path / "mine.safetensors")
    with pytest.raises(InputError, match="no weights of unet3d found"):
        load_or_draw(["unet3d"], tmp_path)
    with pytest.raises(InputError, match="no such weight file"):
        load_or_draw(["unet3d"], tmp_path / "absent")
