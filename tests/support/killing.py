"""Trainings that end as if they were killed."""

from pathlib import Path
from typing import Any

import pytest

from glaciersar.training import schedule
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train


def train_until_killed(config: TrainConfig, data: Path, out: Path, *, step: int) -> None:
    """Train until the learning rate of a step is set, counted from 0, and end there as by a kill."""
    learning_rate = schedule.learning_rate

    def rate_until_killed(number: int, **how: Any) -> float:
        if number == step:
            raise KeyboardInterrupt
        return learning_rate(number, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "learning_rate", rate_until_killed)
        with pytest.raises(KeyboardInterrupt):
            train(config, data, out, progress=False)
