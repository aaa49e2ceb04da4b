"""glaciersar.training.step"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from glaciersar.training import losses, processes
from glaciersar.training.setup import set_up
from glaciersar.training.step import take_step
from tests.training.test_loop import CONFIG, write_dataset

SMALL = replace(CONFIG, model="unet2d_mean", width=2, batch=4, dropout=0.0, precision="float32")


@pytest.fixture
def data(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return tmp_path


@pytest.fixture
def batch(rng):
    """Patches of which radar sees all, half, some and none."""
    series = torch.from_numpy(rng.uniform(0.5, 0.8, (4, 1, 15, 16, 16)).astype(np.float32))
    glacier = torch.from_numpy(rng.random((4, 16, 16)) > 0.5)
    labels = torch.stack((~glacier, glacier), 1).float()
    for patch, rows in enumerate((16, 8, 1, 0)):
        labels[patch, :, rows:] = 0
    return series, labels


def gradients(model):
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_parts_sum_to_the_mean_over_all_seen_pixels(data, tmp_path, batch, parts):
    run = set_up(replace(SMALL, accumulate=parts), data, tmp_path / "run")
    series, labels = batch
    model = copy.deepcopy(run.model).train()  # as it is before the step
    run.wrapped.train()
    loss = take_step(run, series, labels)
    logits = torch.cat([model(part) for part in series.chunk(parts)])  # batch statistics are of a part
    expected = losses.focal_loss(logits, losses.smooth(labels))
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradients(run.model), gradients(model))


def test_a_step_in_fp16_is_that_of_float32_unless_a_gradient_overflows(data, tmp_path, batch, monkeypatch):
    """On a CPU by a scale alone: the scale leaves the gradient as it was, and a step that overflows is not taken."""
    plain, scaled = (set_up(SMALL, data, tmp_path / name) for name in ("plain", "scaled"))
    object.__setattr__(scaled, "scaler", torch.amp.GradScaler("cpu", init_scale=2.0**16))
    for run in (plain, scaled):
        run.wrapped.train()
        take_step(run, *batch)
    torch.testing.assert_close(gradients(scaled.model), gradients(plain.model), rtol=1e-4, atol=1e-7)
    before = copy.deepcopy(scaled.model.state_dict())
    object.__setattr__(scaled, "scaler", torch.amp.GradScaler("cpu", init_scale=float("inf")))
    take_step(scaled, *batch)
    after = scaled.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name, _ in scaled.model.named_parameters())


def test_the_scale_of_fp16_comes_back_with_the_checkpoint(data, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "choose_precision", lambda *_: "fp16")
    monkeypatch.setattr(processes, "make_autocast", lambda *_: torch.autocast("cpu", enabled=False))
    first = set_up(SMALL, data, tmp_path / "run")
    assert first.scaler.is_enabled()
    first.scaler.scale(torch.zeros(()))  # it has no scale before
    first.scaler.update(8.0)
    first.log.append({"epoch": 1})
    first.save_checkpoint(tmp_path / "run")
    assert set_up(SMALL, data, tmp_path / "run").scaler.get_scale() == 8.0
