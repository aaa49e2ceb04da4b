"""glaciersar.training.config"""

import pytest

from glaciersar.errors import InputError
from glaciersar.training.config import TrainConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs=0 found"),
        ({"precision": "fp8"}, "precision='fp8' found"),
        ({"ema_decay": 1.0}, "ema_decay=1.0 found"),
        ({"warmup": -1}, "warmup=-1 found"),
        ({"accumulate": -1}, "accumulate=-1 found"),
        ({"model": "unet4d"}, "model 'unet4d' is unknown"),
        ({"recipe": "mine"}, "recipe 'mine' is unknown"),
        ({"dates": 0}, "dates=0 found, 1 to 15 expected"),
        ({"dates": 16}, "dates=16 found, 1 to 15 expected"),
        ({"date_sampling": "two"}, "date_sampling='two' found, one of all, one, shuffled, subset expected"),
        ({"augmentations": ("flip", "noise")}, "augmentation 'noise' found"),
        ({"recipe": "as_released", "dates": 5}, "dates=5 found with recipe='as_released', the defaults expected"),
        ({"recipe": "as_released", "augmentations": ()}, "augmentations= found with recipe='as_released'"),
        ({"recipe": "as_released", "date_sampling": "one"}, "date_sampling=one found with recipe='as_released'"),
        ({"model": "unet2d_channels", "dates": 5}, "unet2d_channels: a series of 5 dates found, 15 expected"),
        ({"model": "unet2d_channels", "date_sampling": "one"}, "unet2d_channels: a series of 1 dates found"),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**change)


def test_only_what_differs_from_the_defaults_is_said_of_a_sample():
    assert TrainConfig(augmentations=["shift", "gamma", "crop", "turn", "flip", "jitter"]).sample_options == {}
    changed = TrainConfig(dates=5, date_sampling="shuffled", augmentations=("flip", "turn"))
    assert changed.sample_options == {"dates": "5", "date_sampling": "shuffled", "augmentations": "flip,turn"}
