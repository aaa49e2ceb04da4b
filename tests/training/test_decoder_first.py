"""glaciersar.training.decoder_first"""

from dataclasses import replace

import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.training import step
from glaciersar.training.config import TrainConfig
from glaciersar.training.decoder_first import encoder_weights
from glaciersar.training.loop import train
from glaciersar.training.setup import set_up
from tests.support.killing import train_until_killed
from tests.training.test_loop import CONFIG, same, weights


@pytest.fixture
def config(tmp_path):
    torch.manual_seed(99)
    path = tmp_path / "first.safetensors"
    pretrained.save(models.build("unet3d", width=2), path)
    return replace(CONFIG, width=2, epochs=2, steps_per_epoch=2, weights=str(path), decoder_first=1)


def parts(state):
    """Split weights into those of the decoder, of the encoder, and the encoder's statistics."""
    statistics = {key for key in state if "running" in key or "batches" in key}
    decoder = {key for key in state if key.startswith("decoder.")}
    groups = (decoder - statistics, state.keys() - decoder - statistics, statistics - decoder)
    return [{key: state[key] for key in group} for group in groups]


@pytest.mark.parametrize("name", models.NAMES)
def test_every_network_has_an_encoder_and_a_decoder_that_together_are_all_of_it(name):
    model = models.build(name, width=2)
    encoder, whole = len(list(encoder_weights(model))), len(list(model.parameters()))
    assert 0 < encoder < whole
    assert encoder + len(list(model.decoder.parameters())) == whole


def test_the_decoder_alone_learns_while_the_normalisation_follows(data, tmp_path, config):
    train(replace(config, epochs=1), data, tmp_path / "run", progress=False)
    decoder, encoder, statistics = (
        same(one, two)
        for one, two in zip(
            parts(pretrained.load(config.weights).state_dict()), parts(weights(tmp_path / "run")), strict=True
        )
    )
    assert (decoder, encoder, statistics) == (False, True, False)
    assert pretrained.load(tmp_path / "run/weights.safetensors").metadata["decoder_first"] == "1"


def test_afterwards_all_learns(data, tmp_path, config):
    train(replace(config, ema_decay=0.5), data, tmp_path / "run", progress=False)
    _, one, _ = parts(pretrained.load(config.weights).state_dict())
    _, two, _ = parts(weights(tmp_path / "run"))
    assert not any(torch.equal(one[name], two[name]) for name in one if name.endswith("weight"))


def test_a_killed_run_resumes_and_ends_the_same(data, tmp_path, config):
    train(config, data, tmp_path / "whole", progress=False)
    train_until_killed(config, data, tmp_path / "killed", step=config.steps_per_epoch + 1)
    train(config, data, tmp_path / "killed", progress=False)
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


def test_gradients_that_are_computed_and_dropped_leave_what_gradients_that_are_not_computed_leave(
    data, tmp_path, config
):
    """Several processes compute them, one process does not."""
    states = []
    for computed in (False, True):
        run = set_up(config, data, tmp_path / "run")
        run.wrapped.train()
        torch.manual_seed(5)
        for weight in encoder_weights(run.model):
            weight.requires_grad_(computed)
        series, labels = next(iter(run.loader))
        step.take_step(run, series, labels, encoder_held=True)
        states.append(run.model.state_dict())
    assert same(*states)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"decoder_first": 1}, "decoder_first=1 found without weights"),
        ({"decoder_first": -1, "weights": "w"}, "decoder_first=-1 found, 0 to 150 expected"),
        ({"decoder_first": 3, "epochs": 2, "weights": "w"}, "decoder_first=3 found, 0 to 2 expected"),
    ],
)
def test_what_cannot_be_is_refused(options, found):
    with pytest.raises(InputError, match=found):
        TrainConfig(**options)
