"""glaciersar.training.setup: the dates that are trained and validated on, and compiling"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.models.compiled import compile_elementwise
from glaciersar.training import setup
from glaciersar.training.loop import train
from glaciersar.training.setup import set_up
from tests.training.test_loop import CONFIG, same, weights, write_dataset

SHORT = replace(CONFIG, epochs=1, steps_per_epoch=1)
USED = [1, 4, 7, 10, 13]


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14"], rng)
    write_dataset(folder / "val.h5", ["SVAL-9-8_2020_ro14", "SVAL-9-9_2020_ro14"], rng)
    return folder


@pytest.mark.parametrize("sampling", ["all", "shuffled", "subset"])
def test_validation_sees_the_dates_that_are_used_in_order(data, tmp_path, sampling):
    run = set_up(replace(SHORT, dates=5, date_sampling=sampling), data, tmp_path / "run")
    whole = WholeTiles(data / "val.h5")
    assert len(run.tiles) == 2
    assert all(torch.equal(run.tiles[k][0], whole[k][0][:, USED]) for k in (0, 1))
    assert run.patches.shown == tuple(USED)


def test_after_single_dates_validation_sees_each_date_of_each_tile_by_itself(data, tmp_path):
    run = set_up(replace(SHORT, dates=5, date_sampling="one"), data, tmp_path / "run")
    whole = [series for series, *_ in WholeTiles(data / "val.h5")]
    expected = [series[:, [date]] for date in USED for series in whole]
    assert len(run.tiles) == 10
    assert all(torch.equal(run.tiles[k][0], series) for k, series in enumerate(expected))


@pytest.mark.parametrize("sampling", ["all", "one", "shuffled", "subset"])
def test_a_network_trains_on_any_choice_of_dates_and_its_weights_tell_which(data, tmp_path, sampling):
    config = replace(SHORT, model="unet2d_statistics", dates=5, date_sampling=sampling, augmentations=("flip",))
    log = train(config, data, tmp_path / "run", progress=False)
    assert np.isfinite(log.to_numpy()).all()
    told = pretrained.load(tmp_path / "run/weights.safetensors").metadata
    assert (told["dates"], told.get("date_sampling", "all"), told["augmentations"]) == ("5", sampling, "flip")


def test_a_network_trained_by_the_defaults_tells_nothing_new(data, tmp_path):
    train(SHORT, data, tmp_path / "run", progress=False)
    told = pretrained.load(tmp_path / "run/weights.safetensors").metadata
    assert told.keys() == {"feature_names", "recipe", "seed", "trained_on"}


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["all", "one", "shuffled", "subset"])
def test_the_same_seed_ends_with_the_same_weights_whatever_loads_the_dates(data, tmp_path, sampling):
    config = replace(CONFIG, date_sampling=sampling, ema_decay=0.5)
    one = train(config, data, tmp_path / "one", progress=False)
    two = train(replace(config, workers=2), data, tmp_path / "two", progress=False)
    assert one.equals(two)
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))
    other = {"all": "shuffled"}.get(sampling, "all")
    train(replace(config, date_sampling=other), data, tmp_path / "other", progress=False)
    assert not same(weights(tmp_path / "one"), weights(tmp_path / "other"))


@pytest.mark.slow
def test_a_compiled_training_is_the_eager_one_and_the_weights_that_are_kept_are_not_compiled(
    data, tmp_path, monkeypatch
):
    """By a compiler that leaves all as it is; `test_compiled` has the others."""
    monkeypatch.setattr(setup, "check_compiler", lambda _: None)
    monkeypatch.setattr(setup, "compile_elementwise", partial(compile_elementwise, backend="eager"))
    config = replace(SHORT, precision="float32", ema_decay=0.5, compile=True)
    run = set_up(config, data, tmp_path / "run")
    assert run.identity["compile"] is True
    compiled = [name for name, module in run.model.named_modules() if "forward" in vars(module)]
    assert "blocks.0.first" in compiled
    assert not any("forward" in vars(part) for net in (run.kept, run.average) for part in net.modules())
    found = train(config, data, tmp_path / "run", progress=False)
    expected = train(replace(config, compile=False), data, tmp_path / "eager", progress=False)
    np.testing.assert_allclose(found["loss"], expected["loss"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(found["val_loss"], expected["val_loss"], atol=1e-4, rtol=0)
    assert weights(tmp_path / "run").keys() == weights(tmp_path / "eager").keys()


def test_a_training_that_cannot_be_compiled_is_refused_before_it_starts(data, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="compile=True found without a C\\+\\+ compiler"):
        train(replace(SHORT, compile=True), data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
