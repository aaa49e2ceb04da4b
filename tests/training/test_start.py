"""glaciersar.training.start: a training that starts from a weight file"""

import hashlib
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.models.shipped import WEIGHTS
from glaciersar.training.loop import train
from glaciersar.training.setup import set_up
from glaciersar.training.start import identified
from tests.support.keras_files import write_keras
from tests.support.killing import train_until_killed
from tests.training.test_loop import CONFIG, same, weights

SHORT = replace(CONFIG, epochs=1, steps_per_epoch=1)


def save_network(path, *, name="unet3d", features=1, width=4, seed=99, **metadata):
    torch.manual_seed(seed)
    pretrained.save(models.build(name, features=features, width=width), path, **metadata)
    return str(path)


@pytest.fixture
def start(tmp_path):
    return save_network(tmp_path / "first.safetensors", trained_on="simulated radar", feature_names="grd")


def test_every_network_of_the_run_begins_with_the_weights_of_the_file(data, tmp_path, start):
    expected = pretrained.load(start).state_dict()
    run = set_up(replace(SHORT, weights=start, ema_decay=0.9), data, tmp_path / "run")
    for network in (run.model, run.kept, run.average.module):
        assert same(network.state_dict(), expected)


def test_without_a_file_the_weights_are_drawn_from_the_seed_and_no_start_is_told(data, tmp_path, start):
    run = set_up(SHORT, data, tmp_path / "run")
    assert not same(run.model.state_dict(), pretrained.load(start).state_dict())
    train(SHORT, data, tmp_path / "run", progress=False)
    assert "started_from" not in pretrained.load(tmp_path / "run/weights.safetensors").metadata


def test_the_new_weights_tell_name_content_and_data_of_those_they_started_from_but_no_folder(data, tmp_path, start):
    train(replace(SHORT, weights=start), data, tmp_path / "run", progress=False)
    told = pretrained.load(tmp_path / "run/weights.safetensors").metadata["started_from"]
    digest = hashlib.sha256((tmp_path / "first.safetensors").read_bytes()).hexdigest()
    assert told == f"first.safetensors, SHA-256 {digest}, trained on simulated radar"


def test_a_killed_run_resumes_and_ends_the_same_wherever_the_weight_file_now_lies(data, tmp_path, start):
    config = replace(CONFIG, epochs=2, weights=start)
    train(config, data, tmp_path / "whole", progress=False)
    train_until_killed(config, data, tmp_path / "killed", step=CONFIG.steps_per_epoch + 1)
    moved = tmp_path / "elsewhere" / "first.safetensors"
    moved.parent.mkdir()
    (tmp_path / "first.safetensors").rename(moved)
    train(replace(config, weights=str(moved)), data, tmp_path / "killed", progress=False)
    assert not (tmp_path / "killed/checkpoint.old.safetensors").exists()  # resumed, not begun anew
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


def test_other_content_under_the_same_name_starts_the_run_anew(data, tmp_path, start):
    config = replace(SHORT, weights=start)
    train(config, data, tmp_path / "run", progress=False)
    save_network(start, seed=100)
    assert set_up(config, data, tmp_path / "run").log == []


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"name": "unet2d"}, "weights of model=unet2d width=4 features=grd found, model=unet3d width=4 features=grd"),
        ({"width": 6}, "weights of model=unet3d width=6 features=grd found"),
        ({"feature_names": "rtc"}, "weights of model=unet3d width=4 features=rtc found"),
        ({"features": 2, "feature_names": "grd,rtc"}, "features=grd,rtc found"),
    ],
)
def test_weights_of_another_network_are_refused(data, tmp_path, other, found):
    path = save_network(tmp_path / "other.safetensors", **other)
    with pytest.raises(InputError, match=f"other.safetensors: .*{found}"):
        train(replace(SHORT, weights=path), data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_no_weight_file_is_refused(data, tmp_path):
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    (tmp_path / "other.keras").write_bytes(b"PK")
    for name, message in (
        ("missing.safetensors", "no such weight file; expected a file, or one of ICE"),
        ("empty.h5", "empty.h5: "),
        ("other.keras", "Keras 3"),
    ):
        with pytest.raises(InputError, match=message):
            set_up(replace(SHORT, weights=str(tmp_path / name)), data, tmp_path / "run")


def test_a_run_does_not_start_from_the_weights_that_it_writes_over(data, tmp_path):
    (tmp_path / "run").mkdir()
    path = save_network(tmp_path / "run/weights.safetensors")
    with pytest.raises(InputError, match="the run's own weights found"):
        set_up(replace(SHORT, weights=path), data, tmp_path / "run")


def test_weights_that_ship_are_taken_by_their_name(data, tmp_path):
    config = replace(SHORT, width=8, weights="unet3d-simulated")
    run = set_up(config, data, tmp_path / "run")
    assert same(run.model.state_dict(), pretrained.load("unet3d-simulated").state_dict())
    digest = hashlib.sha256((WEIGHTS / "unet3d-simulated.safetensors").read_bytes()).hexdigest()
    assert run.started_from.startswith(f"unet3d-simulated, SHA-256 {digest}, trained on simulated")


def test_published_weights_are_told_by_their_name_and_address(data, tmp_path, monkeypatch):
    monkeypatch.setenv("GLACIERSAR_CACHE", str(tmp_path))
    entry = replace(pretrained.PUBLISHED["ICEmapper_maxpool_grd"], features=("grd",))
    path = save_network(tmp_path / f"{entry.name}-{entry.blob[:12]}.safetensors", **entry.metadata)
    run = set_up(replace(SHORT, weights=entry.name), data, tmp_path / "run")
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert run.started_from == f"{entry.name}, SHA-256 {digest}, published at {entry.url}"


def test_a_keras_file_names_no_features_so_that_those_of_the_training_are_taken_and_told(data, tmp_path):
    torch.manual_seed(99)
    network = models.build("unet3d", width=4)
    path = write_keras(network, tmp_path / "theirs.h5")
    run = set_up(replace(SHORT, weights=str(path)), data, tmp_path / "run")
    assert same(run.model.state_dict(), network.state_dict())
    assert run.started_from.endswith(", trained on unknown data, features not named and taken as grd")
    more = write_keras(models.build("unet3d", width=4, features=2), tmp_path / "more.h5")
    with pytest.raises(InputError, match="features=2 without names found, model=unet3d width=4 features=grd expected"):
        set_up(replace(SHORT, weights=str(more)), data, tmp_path / "other")


def test_a_training_without_weights_is_identified_as_before_these_options():
    content = identified(CONFIG, "")
    assert content["weights"] == ""
    assert "decoder_first" not in content
    tuned = replace(CONFIG, weights="w", decoder_first=1)
    assert identified(tuned, "told") == content | {"weights": "told", "decoder_first": 1}


def test_the_average_starts_from_the_weights_that_are_given(data, tmp_path, start):
    fresh, tuned = (
        set_up(replace(SHORT, weights=weights, ema_decay=0.9), data, tmp_path / "run") for weights in ("", start)
    )
    assert (int(fresh.average.n_averaged), int(tuned.average.n_averaged)) == (0, 1)
