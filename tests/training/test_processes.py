"""glaciersar.training.processes"""

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from accelerate.state import PartialState

from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.training import loop, processes, setup
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tests.support.biases import hold_biases_before_norms
from tests.support.ranks import run_ranks
from tests.training.test_loop import CONFIG, write_dataset

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "train_on_ranks.py"
PLAIN = dataclasses.replace(
    CONFIG,
    model="unet2d_mean",
    width=2,
    batch=4,
    epochs=2,
    steps_per_epoch=3,
    restarts=[2],
    dropout=0.0,
    precision="float32",
)
RUNS = {
    "plain": PLAIN,
    "still": PLAIN,
    "parts": dataclasses.replace(PLAIN, accumulate=2, epochs=1),
    "average": dataclasses.replace(PLAIN, model="unet3d", ema_decay=0.5, epochs=1),
    "dropout": dataclasses.replace(PLAIN, model="ulstm", dropout=0.5, epochs=1),
}
KILLED = {"killed": PLAIN, "killed again": PLAIN}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Tiles of which one is hardly seen by radar, so that processes count unlike pixels; one tile to validate on."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(5)
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14"], rng)
    with h5py.File(folder / "train.h5", "a") as file:
        labels = file["SVAL-1-2_2020_ro14/outlines"]
        labels[2:] = 0
    write_dataset(folder / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return folder


def on_ranks(count, out, data, runs):
    return run_ranks(SCRIPT, count, out, str(data), json.dumps({n: dataclasses.asdict(c) for n, c in runs.items()}))


@pytest.fixture(scope="module")
def two(data, tmp_path_factory):
    """Train on two processes, and validate on one tile, within a limit of time."""
    out = tmp_path_factory.mktemp("two") / "ranks"
    return on_ranks(2, out, data, RUNS | KILLED), out / "disk0"


def assert_as_one_process(told, data, folder, name, *, validation=1e-5):
    alone = train(RUNS[name], data, folder, progress=False)
    for found in told:
        np.testing.assert_allclose(found[name]["log"]["loss"], alone["loss"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(found[name]["log"]["val_loss"], alone["val_loss"], atol=validation, rtol=0)


@pytest.mark.slow
def test_two_processes_are_two(two):
    assert [(told["rank"], told["size"], told["backend"]) for told in two[0]] == [(0, 2, "gloo"), (1, 2, "gloo")]


@pytest.mark.slow
def test_the_loss_of_two_processes_is_that_of_one(two, data, tmp_path):
    """Validation is less alike: a bias before a normalisation has no gradient but rounding, which Adam makes steps of,
    and running statistics lag behind them. The next tests take away the one, and the other."""
    assert_as_one_process(two[0], data, tmp_path, "plain", validation=2e-3)


@pytest.mark.slow
def test_validation_too_is_that_of_one_where_biases_before_a_normalisation_are_held(two, data, tmp_path, monkeypatch):
    def set_up_still(*arguments):
        run = setup.set_up(*arguments)
        hold_biases_before_norms(run.model)
        return run

    monkeypatch.setattr(loop, "set_up", set_up_still)
    assert_as_one_process(two[0], data, tmp_path, "still")


@pytest.mark.slow
def test_validation_too_is_that_of_one_where_statistics_are_computed_anew(two, data, tmp_path):
    assert_as_one_process(two[0], data, tmp_path, "average")


@pytest.mark.slow
def test_one_process_differs_as_much_from_itself_where_patches_are_summed_in_another_order(data, tmp_path, monkeypatch):
    log = train(PLAIN, data, tmp_path / "one", progress=False)
    take_step = loop.take_step
    monkeypatch.setattr(loop, "take_step", lambda run, x, y, **how: take_step(run, x.flip(0), y.flip(0), **how))
    turned = train(PLAIN, data, tmp_path / "turned", progress=False)
    np.testing.assert_allclose(turned["loss"], log["loss"], atol=1e-5, rtol=0)
    assert 0 < abs(turned["val_loss"] - log["val_loss"]).max() < 2e-3


@pytest.mark.slow
def test_the_loss_of_four_processes_is_that_of_one(data, tmp_path):
    told = on_ranks(4, tmp_path / "ranks", data, {"plain": PLAIN})
    assert [found["size"] for found in told] == [4] * 4
    assert len({found["plain"]["checksum"] for found in told}) == 1
    assert_as_one_process(told, data, tmp_path / "alone", "plain", validation=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_two_processes_end_with_one_set_of_weights_and_one_log(two, name):
    (first, second), out = two
    assert first[name]["checksum"] == second[name]["checksum"]
    assert first[name]["log"] == second[name]["log"]
    assert len((out / name / "log.csv").read_text().splitlines()) == 1 + RUNS[name].epochs
    assert pretrained.load(out / name / "weights.safetensors").name == RUNS[name].model


@pytest.mark.slow
def test_a_process_without_a_tile_to_validate_waits_for_nothing(two):
    assert [told["plain"]["tiles"] for told in two[0]] == [1, 0]


@pytest.mark.slow
def test_each_process_drops_other_channels_and_the_first_those_it_always_did(two):
    drawn = [told["dropout"]["drawn"] for told in two[0]]
    assert drawn[0] != drawn[1]


def test_the_first_process_has_the_seed_that_a_training_by_one_always_had():
    seeds = [loop._dropout_seed(1007, process) for process in range(8)]
    assert seeds[0] == 1007
    assert len(set(seeds)) == 8


@pytest.mark.slow
def test_what_batch_normalisation_is_over_is_said(two):
    assert "over the 4 patches that all processes compute at once (CpuSyncBatchNorm" in two[0][0]["plain"]["plan"][1]
    assert two[0][0]["plain"]["plan"][0] == "unet2d_mean trains on the CPU in float32, 2 processes"
    assert "batch statistics are of 2 patches, not of all 4" in two[0][0]["parts"]["plan"][2]


@pytest.mark.slow
def test_processes_resume_together_from_what_only_the_first_has_and_end_the_same(two):
    told, out = two
    assert [found["killed"]["resumed"] for found in told] == [0, 0]
    assert [found["killed again"]["resumed"] for found in told] == [1, 1]
    assert not list((out.parent / "disk1").rglob("checkpoint*"))
    for found in told:
        assert found["killed again"]["checksum"] == found["plain"]["checksum"]
        assert found["killed again"]["log"] == found["plain"]["log"]
        assert found["killed again"]["steps"] == ["cpu"]


@pytest.mark.parametrize(
    ("name", "device", "halves", "expected"),
    [
        ("auto", "cpu", True, "bf16"),
        ("auto", "cpu", False, "float32"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda", False, "fp16"),
        ("tf32", "cuda", True, "tf32"),
        ("fp16", "cuda", True, "fp16"),
        ("bf16", "cpu", False, "bf16"),
    ],
)
def test_the_precision_follows_the_device_where_it_is_left_open(monkeypatch, name, device, halves, expected):
    monkeypatch.setattr(processes, "multiplies_bf16", lambda _: halves)
    assert processes.choose_precision(name, device) == expected


def test_fp16_on_a_cpu_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="precision='fp16' found on a CPU"):
        train(dataclasses.replace(PLAIN, precision="fp16"), data, tmp_path / "run", progress=False)


def test_networks_compute_in_the_precision_and_float32_stays_float32():
    for precision, expected in {"bf16": torch.bfloat16, "fp16": torch.float16, "tf32": None, "float32": None}.items():
        context = processes.make_autocast(precision, "cpu")
        assert context._enabled == (expected is not None)
        assert expected in (None, context.fast_dtype)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCELERATE_MIXED_PRECISION", "fp16"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR"),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4"),
        ("ACCELERATE_USE_DEEPSPEED", "true"),
        ("ACCELERATE_USE_FSDP", "true"),
        ("ACCELERATE_TORCH_DEVICE", "cuda:3"),
    ],
)
def test_what_accelerate_is_configured_for_otherwise_is_refused(monkeypatch, data, tmp_path, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{value} found in the configuration of accelerate"):
        train(PLAIN, data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_what_accelerate_launch_sets_by_default_and_what_says_the_same_is_accepted():
    defaults = {"ACCELERATE_DYNAMO_BACKEND": "NO", "ACCELERATE_USE_CPU": "False", "ACCELERATE_MIXED_PRECISION": "no"}
    processes.check_configuration(defaults, "bf16")
    processes.check_configuration(defaults | {"ACCELERATE_MIXED_PRECISION": "bf16"}, "bf16")


def test_a_gpu_is_refused_where_accelerate_is_configured_for_a_cpu(monkeypatch, data, tmp_path):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(InputError, match="accelerate is configured for cpu"):
        train(dataclasses.replace(PLAIN, device="cuda"), data, tmp_path / "run", progress=False)


def test_one_gpu_of_a_number_is_refused_for_several_processes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="'cuda:1' found with several processes"):
        processes.start_processes(TrainConfig(device="cuda:1", precision="float32"))


def test_a_batch_that_cannot_be_computed_in_equal_parts_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="accumulate=3 found for 4 patches"):
        train(dataclasses.replace(PLAIN, accumulate=3), data, tmp_path / "run", progress=False)


def test_a_training_on_another_kind_of_device_starts_accelerate_anew():
    processes.start_processes(PLAIN)
    processes._forget_other_device("cpu")
    assert PartialState._shared_state
    processes._forget_other_device("cuda")
    assert not PartialState._shared_state


def test_what_the_main_process_cannot_do_is_told_to_all():
    def fail():
        raise InputError("a file that cannot be read")

    accelerator = processes.start_processes(PLAIN)
    assert processes.told_by_main(accelerator, lambda: 7) == 7
    with pytest.raises(InputError, match="a file that cannot be read"):
        processes.told_by_main(accelerator, fail)
