"""glaciersar.training.launch"""

import os
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from glaciersar import cli
from glaciersar.errors import InputError
from glaciersar.training import launch
from glaciersar.training.accumulation import choose_accumulation
from glaciersar.training.config import TrainConfig
from tests.training.test_loop import CONFIG, write_dataset

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ("published", "sentinel1", "simulated")


@pytest.fixture
def given(monkeypatch):
    """What `train` is called with, in place of a training."""
    calls = []
    monkeypatch.setattr(launch, "train", lambda *arguments, **more: calls.append((*arguments, more)))
    return calls


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "config" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(
        "all: {work: runs/mine, models: [unet3d], device: cpu, progress: true}\n"
        "04-train: {width: 4, learning_rate: 5e-4, restarts: [1, 3.5], steps_per_epoch: 2}\n"
    )
    return path


def test_a_profile_and_what_is_given_beside_it_make_the_configuration(profile, tmp_path, given):
    words = ["train", "--profile", str(profile), "--model", "ulstm", "--recipe", "as_released", "--patch=16", "--quiet"]
    assert cli.main(words) == 0
    ((config, data, out, more),) = given
    assert config == TrainConfig(
        model="ulstm",
        recipe="as_released",
        patch=16,
        width=4,
        learning_rate=5e-4,
        restarts=(1.0, 3.5),
        steps_per_epoch=2,
        device="cpu",
    )
    assert data == tmp_path / "runs/mine/dataset"
    assert out == tmp_path / "runs/mine/models/ulstm-as_released"
    assert more["progress"] is False


def test_weights_of_a_profile_are_a_path_from_the_project_or_a_name(profile, tmp_path):
    own = tmp_path / "runs/first/weights.safetensors"
    own.parent.mkdir(parents=True)
    own.touch()
    for told, expected in ((own.relative_to(tmp_path), own), (own, own), ("unet3d-simulated", "unet3d-simulated")):
        profile.write_text(f"04-train: {{weights: {told}}}\n")
        assert launch.read_profile(str(profile)) == {"weights": str(expected)}


def test_every_field_of_a_configuration_is_an_option(given, tmp_path):
    config = TrainConfig(
        model="unet2d_mean", features=["grd", "rtc"], restarts=[2.0], augmentations=["flip"], dates=5, compile=True
    )
    words = ["--work", str(tmp_path), "--data", "elsewhere"]
    for name, value in asdict(config).items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
            continue
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    assert launch.main(words) == 0
    assert given[-1][:2] == (config, Path("elsewhere"))


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_give_what_notebook_04_is_given(name, given, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = launch.read_profile(name)
    assert {"work"} <= values.keys() <= {*launch.DEFAULTS, *launch.PLACES}
    TrainConfig(**{key: value for key, value in values.items() if key not in launch.PLACES})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--profile", "huge"], "huge.yaml: no such profile found, one of"),
        ([], "no folder for the run found"),
        (["--work", "x", "--model", "unet9"], "model 'unet9' is unknown"),
        (["--work", "nowhere"], "train.h5: not there yet"),
    ],
)
def test_a_mistake_is_one_sentence(words, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert launch.main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("line", ["widht: 4", "width: four", "restarts: [one]"])
def test_a_profile_with_an_unknown_name_or_another_type_is_refused(profile, line):
    profile.write_text(f"04-train: {{{line}}}\n")
    with pytest.raises(InputError, match=r"found, .* expected"):
        launch.read_profile(str(profile))


def test_the_published_profile_refuses_a_cpu_unless_it_is_asked_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(ROOT)
    rng = np.random.default_rng(1)
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    words = ["--profile", "published", "--data", str(tmp_path), "--work", str(tmp_path), "--quiet"]
    words += ["--patch", "16", "--batch", "1", "--width", "2", "--epochs", "1", "--steps-per-epoch", "1"]
    words += ["--workers", "0", "--model", "unet2d_mean"]
    assert launch.main(words) == 2
    assert "device='cuda' found, but torch sees no GPU; expected cpu or auto" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()
    assert launch.main([*words, "--device", "cpu"]) == 0
    assert (tmp_path / "models/unet2d_mean/weights.safetensors").exists()


@pytest.mark.slow
def test_accelerate_launch_starts_it(tmp_path):
    rng = np.random.default_rng(1)
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    changed = {"width": 2, "epochs": 1, "steps_per_epoch": 1, "model": "unet2d_mean"}
    values = {name: getattr(CONFIG, name) for name in ("patch", "batch", "seed", "threads")} | changed
    words = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    launcher = ["accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1"]
    launcher += ["--dynamo_backend", "no", "--mixed_precision", "no", "-m", "glaciersar.training"]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *words, "--work", str(tmp_path), "--data", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    assert "unet2d_mean trains on the CPU in" in done.stderr
    assert (tmp_path / "models/unet2d_mean/weights.safetensors").exists()


@pytest.mark.parametrize(("gibibytes", "parts"), [(80, 1), (16, 2), (8.5, 4), (6, 8)])
def test_ulstm_of_the_published_profile_takes_as_many_parts_as_a_card_needs(gibibytes, parts):
    needed = partial(launch.bytes_of_step, TrainConfig(model="ulstm"))
    assert choose_accumulation(int(gibibytes * 2**30), needed, patches=8) == parts


def test_a_step_takes_more_memory_in_float32_and_for_more_patches_and_draws_no_random_number():
    before = torch.get_rng_state()
    half, exact = (
        TrainConfig(model="unet3d", width=4, patch=32, precision=precision) for precision in ("auto", "tf32")
    )
    assert launch.bytes_of_step(half, 1) < launch.bytes_of_step(half, 4) < launch.bytes_of_step(exact, 4)
    assert torch.equal(torch.get_rng_state(), before)
