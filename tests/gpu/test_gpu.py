"""What only a GPU can tell: `make test-gpu` runs this in five minutes. What runs on a CPU, too, `make test` runs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from glaciersar import doctor, models
from glaciersar.devices import exact_float32
from glaciersar.inference import backends, large_raster
from glaciersar.inference.sliding_window import Tiling, map_array
from glaciersar.models.memory import peak_bytes
from glaciersar.models.precision import fastest_precision
from glaciersar.training.loop import train
from tests.inference.test_backends import network
from tests.support.killing import train_until_killed
from tests.support.streams import GRID, TILES, Source, shares
from tests.training.test_loop import CONFIG, same, weights, write_dataset

COUNT = torch.cuda.device_count() if torch.cuda.is_available() else 0
NEEDS_GPU = [pytest.mark.gpu, pytest.mark.skipif(COUNT == 0, reason="needs a GPU")]
ROOT = Path(__file__).resolve().parents[2]

on_each_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
of_both = pytest.mark.parametrize("name", ["unet3d", "ulstm"])


@pytest.fixture
def data(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return tmp_path


@pytest.mark.gpu
@pytest.mark.skipif(COUNT == 0, reason="needs a GPU")
def test_the_machine_is_described(capsys):
    with capsys.disabled():
        print("\n" + doctor.examine())


@on_each_device
@of_both
def test_float32_is_that_of_float64_on_a_cpu(name, device):
    model, series = network(name), torch.rand(2, 1, 5, 32, 40)
    with torch.no_grad():
        expected = models.build(name, width=4).eval().double()
        expected.load_state_dict(model.state_dict())
        expected = expected(series.double()).softmax(1)[:, 1].float()
    found = backends.make_predictor(model, device=device, backend="torch", precision="float32")(series)
    torch.testing.assert_close(found, expected, atol=5e-6, rtol=0)


def gradients(name, device):
    torch.manual_seed(1)
    model, series = models.build(name, width=4, dropout=0).train().to(device), torch.rand(2, 1, 5, 32, 32).to(device)
    with exact_float32():
        F.binary_cross_entropy_with_logits(model(series), torch.ones(2, 2, 32, 32, device=device)).backward()
    return {key: weight.grad for key, weight in model.named_parameters()}


@on_each_device
@of_both
def test_gradients_are_the_same_bits_twice(name, device):
    assert same(gradients(name, device), gradients(name, device))


@on_each_device
@of_both
def test_16_bits_are_near_float32(name, device):
    model, series = network(name), torch.rand(1, 1, 5, 32, 32)
    half = "bf16" if device == "cpu" else fastest_precision(device)
    exact, found = (
        backends.make_predictor(model, device=device, backend="torch", precision=precision)(series)
        for precision in ("float32", half)
    )
    assert 0 < (found - exact).abs().max() < 0.02


@on_each_device
def test_a_raster_is_mapped_as_on_a_cpu(tmp_path, device):
    maps = {}
    for where in ("cpu", device):
        (tmp_path / where).mkdir(exist_ok=True)
        predictor = backends.make_predictor(network("unet3d"), device=where, backend="torch", precision="float32")
        path = tmp_path / where / "probability.tif"
        large_raster.map_raster(predictor, Source(), GRID, path, tiling=TILES, inputs={})
        maps[where] = shares(path)
    np.testing.assert_allclose(maps[device], maps["cpu"], atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(COUNT == 0, reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "half"])
@pytest.mark.parametrize("training", [False, True])
@of_both
def test_memory_is_as_computed(name, training, precision):
    if precision == "half":
        precision = fastest_precision("cuda")
    model, side, batch = models.build(name).to("cuda").train(training), 384, 1
    series = torch.rand(batch, 1, 15, side, side)
    predictor = backends.make_predictor(model, backend="torch", precision=precision)
    adam, dtype = torch.optim.Adam(model.parameters()), backends.HALVES.get(precision, torch.bfloat16)

    def step():
        if not training:
            return predictor(series)
        model.train()
        with exact_float32(), torch.autocast("cuda", dtype, enabled=precision in backends.HALVES):
            logits = model(series.to("cuda"))
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(logits.float(), torch.ones_like(logits, dtype=torch.float32)).backward()
        return adam.step()

    step()  # Adam's numbers are made in the first one
    torch.cuda.reset_peak_memory_stats()
    step()
    found = torch.cuda.max_memory_allocated()
    computed = peak_bytes(model, side=side, batch=batch, precision=precision, training=training)
    assert found == pytest.approx(computed, rel=0.2), f"{found / 2**30:.2f} GiB, {computed / 2**30:.2f} computed"


@pytest.mark.gpu
@pytest.mark.skipif(COUNT == 0, reason="needs a GPU")
def test_a_map_goes_on_in_smaller_windows_where_memory_runs_out(capsys):
    model, series = models.build("unet3d"), torch.rand(1, 15, 512, 512)
    needed = peak_bytes(model, side=512, precision="float32")
    settings = {"device": "cuda", "backend": "torch", "precision": "float32"}
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.7 * needed / torch.cuda.get_device_properties(0).total_memory)
    try:
        found = map_array(model, series, tiling=Tiling(window=512, overlap=0.125), **settings)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "windows of 512 pixels need more memory than the GPU has" in capsys.readouterr().out
    small = map_array(model, series, tiling=Tiling(window=256, overlap=0.25), **settings)
    np.testing.assert_allclose(found, small, atol=1e-5)  # with little memory cuDNN may take other kernels


@pytest.mark.gpu
@pytest.mark.skipif(COUNT == 0, reason="needs a GPU")
def test_a_killed_training_resumes_and_ends_with_the_same_bits(data, tmp_path):
    train(CONFIG, data, tmp_path / "whole", progress=False)
    train_until_killed(CONFIG, data, tmp_path / "killed", step=2 * CONFIG.steps_per_epoch + 1)
    train(CONFIG, data, tmp_path / "killed", progress=False)
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


@pytest.mark.gpu
@pytest.mark.skipif(COUNT < 2, reason="needs two GPUs")
def test_two_gpus_train_as_one(data, tmp_path):
    config = dataclasses.replace(CONFIG, dropout=0.0, precision="float32", batch=4)
    alone = train(config, data, tmp_path / "alone", progress=False)
    options = ["--device", "cuda", "--precision", "float32", "--dropout", "0", "--seed", str(config.seed), "--quiet"]
    for name in ("width", "patch", "batch", "epochs", "steps_per_epoch", "learning_rate", "threads"):
        options += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    options += ["--restarts", *map(str, config.restarts), "--data", str(data), "--work", str(tmp_path / "two")]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "glaciersar.training"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *launcher, *options], cwd=ROOT, env=environment, check=True, timeout=120)
    together = pd.read_csv(next((tmp_path / "two").rglob("log.csv")))
    np.testing.assert_allclose(together["loss"], alone["loss"], atol=1e-4)
