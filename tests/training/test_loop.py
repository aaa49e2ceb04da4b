"""glaciersar.training.loop"""

import dataclasses
from itertools import pairwise

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation import scoring
from glaciersar.models import pretrained
from glaciersar.models.features import features_of
from glaciersar.training import loop, schedule
from glaciersar.training.config import TrainConfig, count_steps
from glaciersar.training.loop import train
from tests.support.killing import train_until_killed

CONFIG = TrainConfig(
    width=4, patch=16, batch=2, epochs=3, steps_per_epoch=4, learning_rate=5e-3, restarts=[3], threads=1, seed=7
)


def write_dataset(path, names, rng, side=24, dates=16):
    """Write tiles whose glacier is bright in every date: easy, so that a few steps teach something."""
    with h5py.File(path, "w") as file:
        for name in names:
            glacier = np.add.outer(np.arange(side), np.arange(side)) > rng.integers(side, side + 8)
            group = file.create_group(name)
            noise = rng.normal(0, 0.02, (dates, side, side))
            group["grd"] = (0.65 + 0.1 * glacier + noise).astype(np.float32)[..., None]
            group["outlines"] = np.stack([~glacier, glacier], -1).astype(np.float32)
            sizes = {"height": side, "width": side, "orig_height": side, "orig_width": side}
            group.attrs.update(sizes | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": np.arange(15)})


def write_data(folder, rng):
    """Write the files of a training: two tiles to train on, and one to validate."""
    folder.mkdir()
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14"], rng)
    write_dataset(folder / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return folder


def weights(folder):
    return load_file(folder / "weights.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_the_loss_falls_and_the_log_has_a_row_an_epoch(data, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=6, restarts=[6], steps_per_epoch=8)
    log = train(config, data, tmp_path / "run", progress=False)
    assert list(log["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert log["loss"].iloc[-1] < 0.7 * log["loss"].iloc[0]
    assert all(late < early for early, late in pairwise(log["learning_rate"]))
    assert (
        (tmp_path / "run" / "log.csv").read_text().startswith("epoch,learning_rate,loss,val_loss,val_iou,val_mean_iou")
    )
    assert list((tmp_path / "run").glob("events.out.tfevents*"))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_to_the_bit_and_another_seed_does_not(data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = train(CONFIG, data, one, progress=False), train(CONFIG, data, two, progress=False)
    assert first.equals(second)
    assert same(weights(one), weights(two))
    train(dataclasses.replace(CONFIG, seed=8), data, tmp_path / "other", progress=False)
    assert not same(weights(one), weights(tmp_path / "other"))


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.0, 0.8])
def test_a_run_killed_within_an_epoch_resumes_and_ends_the_same(data, tmp_path, decay):
    config = dataclasses.replace(CONFIG, ema_decay=decay)
    train(config, data, tmp_path / "whole", progress=False)
    train_until_killed(config, data, tmp_path / "killed", step=2 * CONFIG.steps_per_epoch + 1)
    log = train(config, data, tmp_path / "killed", progress=False)
    assert len(log) == CONFIG.epochs
    assert (tmp_path / "killed/log.csv").read_text() == (tmp_path / "whole/log.csv").read_text()
    assert same(
        load_file(tmp_path / "killed/checkpoint.safetensors"), load_file(tmp_path / "whole/checkpoint.safetensors")
    )
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, CONFIG.epochs])
def test_a_run_killed_between_its_checkpoint_and_its_log_ends_with_the_whole_log(data, tmp_path, monkeypatch, epoch):
    def log_until_killed(rows, *rest):
        if len(rows) == epoch:
            raise KeyboardInterrupt
        write_log(rows, *rest)

    write_log = loop._write_log
    train(CONFIG, data, tmp_path / "whole", progress=False)
    monkeypatch.setattr(loop, "_write_log", log_until_killed)
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, data, tmp_path / "killed", progress=False)
    monkeypatch.undo()
    train(CONFIG, data, tmp_path / "killed", progress=False)
    assert (tmp_path / "killed/log.csv").read_bytes() == (tmp_path / "whole/log.csv").read_bytes()


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(data, tmp_path):
    log = train(CONFIG, data, tmp_path / "run", progress=False)
    before = (tmp_path / "run/checkpoint.safetensors").stat().st_mtime_ns
    again = train(CONFIG, data, tmp_path / "run", progress=False)
    assert again.equals(log)
    assert (tmp_path / "run/checkpoint.safetensors").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_weights_of_the_best_epoch_are_kept(data, tmp_path, monkeypatch):
    def train_with_scores(scores, name):
        given = iter(scores)
        monkeypatch.setattr(loop, "_validate", lambda *_: (0.0, next(given), 0.0))
        config = dataclasses.replace(CONFIG, epochs=len(scores))
        train(config, data, tmp_path / name, progress=False)
        return weights(tmp_path / name)

    best_in_the_middle = train_with_scores([0.2, 0.9, 0.4], "three")
    assert same(best_in_the_middle, train_with_scores([0.2, 0.9], "two"))
    assert not same(best_in_the_middle, train_with_scores([0.2, 0.3, 0.4], "rising"))


@pytest.mark.slow
def test_averaged_weights_are_kept_where_the_configuration_and_the_recipe_average_them(data, tmp_path):
    config = dataclasses.replace(CONFIG, patch=12, batch=1)
    kept = {}
    for recipe in ("corrected", "as_released"):
        for decay in (0.0, 0.9):
            run = tmp_path / f"{recipe}-{decay}"
            train(dataclasses.replace(config, recipe=recipe, ema_decay=decay), data, run, progress=False)
            kept[recipe, decay] = weights(run)
    assert not same(kept["corrected", 0.0], kept["corrected", 0.9])
    assert same(kept["as_released", 0.0], kept["as_released", 0.9])


@pytest.mark.slow
def test_at_a_high_rate_averaged_weights_are_as_good_as_the_training_loss_says(data, tmp_path):
    """Without an average the running statistics lag so far behind the weights that validation fails."""
    config = dataclasses.replace(CONFIG, epochs=3, steps_per_epoch=30, learning_rate=2e-2, restarts=[30])  # no decline
    lagging = train(config, data, tmp_path / "lagging", progress=False)
    averaged = train(dataclasses.replace(config, ema_decay=0.9), data, tmp_path / "averaged", progress=False)
    assert averaged["loss"].equals(lagging["loss"])  # the training itself is the same
    assert averaged["val_iou"].min() > 0.9
    assert lagging["val_iou"].iloc[0] < 0.7


@pytest.mark.slow
def test_lost_weights_come_back_from_the_checkpoint(data, tmp_path):
    train(CONFIG, data, tmp_path / "run", progress=False)
    before = (tmp_path / "run/weights.safetensors").read_bytes()
    (tmp_path / "run/weights.safetensors").unlink()
    train(CONFIG, data, tmp_path / "run", progress=False)
    assert (tmp_path / "run/weights.safetensors").read_bytes() == before


def test_a_tile_in_both_subsets_is_refused(data, tmp_path, rng):
    write_dataset(data / "val.h5", ["SVAL-1-1_2016_ro14"], rng)
    with pytest.raises(InputError, match="SVAL-1-1"):
        train(CONFIG, data, tmp_path / "run", progress=False)


def test_validation_tiles_without_glacier_still_give_weights(data, tmp_path):
    with h5py.File(data / "val.h5", "a") as file:
        labels = file["SVAL-9-9_2020_ro14/outlines"]
        labels[...] = np.broadcast_to([1.0, 0.0], labels.shape)
    log = train(CONFIG, data, tmp_path / "run", progress=False)
    assert log["val_iou"].between(0, 1).all()
    assert (tmp_path / "run/weights.safetensors").exists()


def test_the_weights_say_what_they_were_trained_on(data, tmp_path):
    with h5py.File(data / "train.h5", "a") as file:
        file.attrs["kind"] = "simulated radar"
    train(dataclasses.replace(CONFIG, epochs=1), data, tmp_path / "run", progress=False)
    assert pretrained.load(tmp_path / "run/weights.safetensors").metadata["trained_on"] == "simulated radar"


@pytest.mark.slow
def test_averaged_weights_of_the_last_epoch_are_kept_whatever_validation_says(data, tmp_path, monkeypatch):
    scores = iter([0.9, 0.2, 0.4])
    monkeypatch.setattr(loop, "_validate", lambda *_: (0.0, next(scores), 0.0))
    train(dataclasses.replace(CONFIG, ema_decay=0.5), data, tmp_path / "run", progress=False)
    checkpoint = load_file(tmp_path / "run/checkpoint.safetensors")
    name = "decoder.head.weight"
    assert torch.equal(weights(tmp_path / "run")[name], checkpoint[f"mean/module.{name}"])


@pytest.mark.slow
@pytest.mark.parametrize("change", ["config", "data"])
def test_another_configuration_or_other_data_starts_anew_and_keeps_the_old_checkpoint(data, tmp_path, rng, change):
    run = tmp_path / "run"
    train(CONFIG, data, run, progress=False)
    old = (run / "checkpoint.safetensors").read_bytes()
    config = CONFIG
    if change == "config":
        config = dataclasses.replace(CONFIG, width=6)
    else:
        write_dataset(data / "train.h5", ["SVAL-3-3_2020_ro14"], rng)
    log = train(config, data, run, progress=False)
    assert (run / "checkpoint.old.safetensors").read_bytes() == old
    assert log.equals(train(config, data, tmp_path / "fresh", progress=False))
    assert same(weights(run), weights(tmp_path / "fresh"))


@pytest.mark.slow
def test_a_broken_checkpoint_is_refused(data, tmp_path):
    train(CONFIG, data, tmp_path / "run", progress=False)
    path = tmp_path / "run/checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: not a checkpoint that can be read"):
        train(CONFIG, data, tmp_path / "run", progress=False)


def test_without_data_the_notebook_that_makes_it_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match=r"train\.h5: not there yet; notebooks/02-dataset\.ipynb"):
        train(CONFIG, tmp_path, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 64}, "at least patch=64 expected"),
        ({"recipe": "as_released"}, "no batch of 2 patches of 16 pixels fits"),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_refused(data, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        train(dataclasses.replace(CONFIG, **change), data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("recipe", ["corrected", "as_released"])
@pytest.mark.parametrize("name", models.NAMES)
def test_every_model_trains_under_both_recipes(data, tmp_path, name, recipe):
    config = dataclasses.replace(CONFIG, model=name, recipe=recipe, batch=1, epochs=1, steps_per_epoch=1, restarts=[1])
    log = train(config, data, tmp_path / "run", progress=False)
    assert np.isfinite(log.to_numpy()).all()


@pytest.mark.slow
def test_bf16_follows_float32(data, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=2, steps_per_epoch=8, precision="float32")
    full = train(config, data, tmp_path / "full", progress=False)
    half = train(dataclasses.replace(config, precision="bf16"), data, tmp_path / "half", progress=False)
    assert not half["loss"].equals(full["loss"])
    np.testing.assert_allclose(half["loss"], full["loss"], rtol=0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_cuda_is_reproducible(data, tmp_path):
    one = train(CONFIG, data, tmp_path / "one", progress=False)
    two = train(CONFIG, data, tmp_path / "two", progress=False)
    assert one.equals(two)


def test_an_epoch_without_a_number_of_steps_has_as_many_as_patches_fit(data, tmp_path):
    config = dataclasses.replace(CONFIG, patch=12, batch=3, steps_per_epoch=0, epochs=1)
    assert count_steps(config, data) == 2 * 2 * 2 // 3  # two tiles of 24 × 24
    assert count_steps(CONFIG, data) == CONFIG.steps_per_epoch
    log = train(config, data, tmp_path / "run", progress=False)
    assert log["learning_rate"].iloc[0] == pytest.approx(
        schedule.learning_rate(1, steps_per_epoch=2, start=5e-3, restarts=[3])
    )
    with pytest.raises(InputError, match=r"train\.h5: no batch of 9 patches of 12 pixels fits"):
        count_steps(dataclasses.replace(config, batch=9), data)


def test_a_network_of_two_polarisations_is_trained_saved_and_scored_on_both(data, tmp_path, rng):
    for path in data.iterdir():
        with h5py.File(path, "a") as file:
            for group in file.values():
                group["grd_cross"] = 1 - group["grd"][()]
                group.attrs["grd_cross_base_time_idx"] = group.attrs["grd_base_time_idx"]
    both = dataclasses.replace(CONFIG, epochs=1, features=("grd", "grd_cross"))
    train(both, data, tmp_path / "models/unet3d", progress=False)
    model = pretrained.load(tmp_path / "models/unet3d/weights.safetensors")
    assert (model.features, features_of(model)) == (2, ("grd", "grd_cross"))

    def probability():
        return scoring.map_selected_tiles(tmp_path / "models/unet3d", data / "val.h5", ["SVAL-9-9_2020_ro14"])

    (before,) = probability().values()
    with h5py.File(data / "val.h5", "a") as file:
        file["SVAL-9-9_2020_ro14/grd_cross"][...] = 0.1
    (after,) = probability().values()
    assert not np.array_equal(before, after)  # it looks at the second polarisation
    with h5py.File(data / "val.h5", "a") as file:
        del file["SVAL-9-9_2020_ro14/grd_cross"]
    with pytest.raises(InputError, match="dataset grd_cross missing, found grd, outlines"):
        probability()
