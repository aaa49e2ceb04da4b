"""glaciersar.training.plan"""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from glaciersar import models
from glaciersar.training.batch_statistics import share_batch_statistics
from glaciersar.training.config import TrainConfig
from glaciersar.training.plan import describe_plan, print_plan


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100")


def plan(*, device="cuda", processes=1, accumulate=1, precision="bf16", config=TrainConfig()):  # noqa: B008 (frozen)
    accelerator = SimpleNamespace(num_processes=processes, device=torch.device(device))
    config = replace(config, accumulate=accumulate)
    return SimpleNamespace(
        config=config,
        accelerator=accelerator,
        accumulate=accumulate,
        precision=precision,
        is_main=True,
        started_from="",
        model=network(config.model, processes),
    )


def network(name, processes):
    model = models.build(name, width=2)
    if processes > 1:
        share_batch_statistics(model, "cuda")
    return model


def test_device_precision_and_number_of_processes_are_said(gpus):
    assert describe_plan(plan(processes=8))[0] == "unet3d trains on NVIDIA H100 in bf16, 8 processes"
    assert describe_plan(plan(device="cpu", precision="float32")) == ["unet3d trains on the CPU in float32, 1 process"]


def test_gpus_that_are_not_used_are_named(gpus):
    (line,) = describe_plan(plan())
    assert line.endswith("; 8 GPUs are there, which `accelerate launch -m glaciersar.training` would use")


def test_what_batch_statistics_are_of_is_said(gpus):
    assert (
        "over the 8 patches that all processes compute at once (SyncBatchNorm)" in describe_plan(plan(processes=8))[1]
    )
    parts = describe_plan(plan(accumulate=4))
    assert parts[1].startswith("8 patches of a step are computed in 4 parts")
    assert "batch statistics are of 2 patches, not of all 8" in parts[1]
    assert "overflow" in describe_plan(plan(precision="fp16"))[1]


def test_what_is_compiled_is_said(gpus):
    gates = TrainConfig(model="ulstm", compile=True)
    assert describe_plan(plan(config=gates))[1] == (
        "compiled, which takes a minute in the first step: normalisation with its activation and gates of LSTMs"
    )
    left = "; normalisation is left as it is, as processes wait for each other in it"
    assert describe_plan(plan(config=gates, processes=8))[2].endswith(f"first step: gates of LSTMs{left}")
    assert describe_plan(plan(config=TrainConfig(compile=True), processes=8))[2].endswith(f"nothing{left}")


def test_only_what_is_special_is_printed_without_a_progress_bar(gpus, capsys):
    print_plan(plan(device="cpu"), all_of_it=False)
    assert capsys.readouterr().err == ""
    print_plan(plan(device="cpu"), all_of_it=True)
    assert capsys.readouterr().err == "unet3d trains on the CPU in bf16, 1 process\n"
    print_plan(plan(accumulate=2), all_of_it=False)
    assert capsys.readouterr().err.count("\n") == 1


def test_what_a_training_starts_from_and_what_learns_first_is_said():
    tuned = plan(device="cpu", config=TrainConfig(weights="w", decoder_first=2))
    tuned.started_from = "w, SHA-256 abc, trained on x"
    assert describe_plan(tuned)[1:] == [
        "starts from w, SHA-256 abc, trained on x; only the decoder learns for 2 epochs"
    ]
