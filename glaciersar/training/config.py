"""The configuration of a training run, with its checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glaciersar import models
from glaciersar.dataset.patches import AdjacentPatches
from glaciersar.errors import InputError
from glaciersar.recipe import find_recipe
from glaciersar.training.schedule import RESTARTS

PRECISIONS = ("auto", "bf16", "float32")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a training run; the defaults are the paper's authors'."""

    model: str = "unet3d"
    features: Sequence[str] = ("grd",)
    width: int = 32
    """Channels of the network's first level."""
    dropout: float = 0.05
    patch: int = 384
    """Side of a training patch, pixels."""
    batch: int = 8
    """Patches a step, over all devices."""
    epochs: int = 150
    steps_per_epoch: int = 500
    """0 takes as many as the authors: the patches that fit side by side into the training tiles, over the batch."""
    learning_rate: float = 5e-4
    """Highest rate of the cosine schedule."""
    restarts: Sequence[float] = RESTARTS
    """Epochs at which the cosine schedule starts anew."""
    warmup: int = 0
    """Steps in which the rate rises from 0 to the schedule's."""
    ema_decay: float = 0.0
    """Decay per step of the exponential moving average of the weights (EMA), which is then validated and kept with
    recomputed batch-norm statistics; 0.99 averages over about 100 steps. 0 keeps the weights of the last step, as the
    authors do; the recipe "as_released" always does."""
    recipe: str = "corrected"
    """ "corrected" or "as_released"; glaciersar.recipe lists the differences."""
    precision: str = "auto"
    """ "bf16", "float32", or "auto": bf16 where the processor has it."""
    workers: int = 0
    """Processes that load data; the result does not depend on it."""
    threads: int = 0
    """CPU threads of torch; 0 leaves its default. The last bits of a result depend on it."""
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in (("patch", 1), ("batch", 1), ("epochs", 1), ("steps_per_epoch", 0), ("warmup", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} found, at least {least} expected")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay={self.ema_decay} found, a number from 0 to below 1 expected")
        models.check_name(self.model)
        find_recipe(self.recipe)
        if self.precision not in PRECISIONS:
            raise InputError(f"precision={self.precision!r} found, one of {', '.join(PRECISIONS)} expected")


def count_steps(config: TrainConfig, data: str | Path) -> int:
    """Count the steps of an epoch on the dataset files in a folder.

    Raises:
        InputError: The steps follow from the training tiles, and not even one batch fits into them.
    """
    if config.steps_per_epoch:
        return config.steps_per_epoch
    path = Path(data) / "train.h5"
    patches = AdjacentPatches(path, patch=config.patch, batch=config.batch, features=config.features)
    steps = len(patches) // config.batch
    if not steps:
        raise InputError(no_batch_fits(path, config))
    return steps


def no_batch_fits(path: Path, config: TrainConfig) -> str:
    """Say that the tiles of a file are too few or too small for one batch of patches."""
    size = f"{config.batch} patches of {config.patch} pixels"
    return f"{path}: no batch of {size} fits, at least one expected"
