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
        ({"model": "unet4d"}, "model 'unet4d' is unknown"),
        ({"recipe": "mine"}, "recipe 'mine' is unknown"),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**change)
