"""glaciersar.training.checkpoints"""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from glaciersar.errors import InputError
from glaciersar.training.checkpoints import NAME, find_checkpoint, read_checkpoint
from glaciersar.training.loop import train
from glaciersar.training.setup import set_up
from tests.training.test_loop import CONFIG, write_dataset

TINY = replace(CONFIG, model="unet2d_mean", width=2, batch=1, epochs=2, steps_per_epoch=1, precision="float32")


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(folder / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return folder


@pytest.fixture
def run(data, tmp_path):
    train(TINY, data, tmp_path / "run", progress=False)
    return tmp_path / "run"


def rewrite(path, **changes):
    """Change what a checkpoint says of itself, as one without a checksum."""
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["run"])
    del told["sha256"]
    save_file(load_file(path), path, {"run": json.dumps(told | changes)})


def test_a_checkpoint_that_was_changed_after_it_was_written_is_refused(run):
    content = bytearray((run / NAME).read_bytes())
    content[-9] ^= 1
    (run / NAME).write_bytes(content)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: content with checksum .*; remove it to start anew"):
        read_checkpoint(run / NAME)


def test_why_training_starts_anew_is_said_and_no_checkpoint_is_lost(data, run, capsys):
    kept = []
    for width, name in ((4, "checkpoint.old"), (6, "checkpoint.old-2"), (8, "checkpoint.old-3")):
        kept.append((run / NAME).read_bytes())
        train(replace(TINY, width=width), data, run, progress=False)
        said = capsys.readouterr().err
        assert f"width ({width - 2} there, {width} now); kept as {name}.safetensors, training starts anew" in said
    names = ["checkpoint.old", "checkpoint.old-2", "checkpoint.old-3"]
    assert [(run / f"{name}.safetensors").read_bytes() for name in names] == kept


def test_a_run_that_goes_on_says_nothing(data, run, capsys):
    train(TINY, data, run, progress=False)
    assert capsys.readouterr().err == ""


def test_a_checkpoint_of_an_older_version_is_kept_and_what_differs_is_said(data, run, capsys):
    rewrite(run / NAME, identity=json.dumps({"width": 2, "code": "0", "train.h5": [1, 2]}), scaler={})
    train(TINY, data, run, progress=False)
    said = capsys.readouterr().err
    assert "train.h5" in said
    assert "device (not told there, cpu now)" in said
    assert (run / "checkpoint.old.safetensors").exists()


def test_a_finished_training_by_other_devices_is_not_repeated_where_they_were_left_open(data, run, capsys):
    identity = read_checkpoint(run / NAME).identity
    rewrite(run / NAME, identity=identity | {"device": "cuda", "processes": 8, "precision": "bf16"})
    before = (run / NAME).read_bytes()
    log = train(replace(TINY, precision="auto"), data, run, progress=False)
    assert (len(log), (run / NAME).read_bytes()) == (2, before)
    assert "of a finished training with other device (cuda there, cpu now), processes (8" in capsys.readouterr().err
    train(TINY, data, run, progress=False)  # asks for float32
    assert (run / "checkpoint.old.safetensors").read_bytes() == before


def test_an_unfinished_training_by_other_devices_starts_anew(run):
    found = read_checkpoint(run / NAME)
    other = found.identity | {"processes": 2}
    assert find_checkpoint(other, run, epochs=3, open_to_choice={"processes"}) is None
    assert (run / "checkpoint.old.safetensors").exists()


def test_adam_counts_its_steps_on_the_cpu_after_resuming(data, run):
    resumed = set_up(TINY, data, run)
    states = resumed.optimizer.state_dict()["state"].values()
    assert {float(state["step"]) for state in states} == {2.0}
    assert {state["step"].device.type for state in states} == {"cpu"}
    assert type(resumed.optimizer) is torch.optim.Adam  # not accelerate's, which moves its state


def test_moments_follow_the_parameters_to_their_device_and_the_count_of_steps_does_not(run):
    """Shown on torch's device without memory, as no GPU is needed for it."""
    found = read_checkpoint(run / NAME)
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in found.tensors.items():
        if name.startswith("adam/"):
            _, index, key = name.split("/")
            states.setdefault(int(index), {})[key] = tensor
    parameters = [torch.nn.Parameter(torch.empty_like(state["exp_avg"], device="meta")) for state in states.values()]
    adam = torch.optim.Adam(parameters)
    adam.load_state_dict({"state": states, "param_groups": adam.state_dict()["param_groups"]})
    for state in adam.state.values():
        assert (state["step"].device.type, state["exp_avg"].device.type) == ("cpu", "meta")
