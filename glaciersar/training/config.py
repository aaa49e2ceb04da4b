"""The configuration of a training run, with its checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glaciersar import models
from glaciersar.dataset.augmentation import AUGMENTATIONS, check_augmentations
from glaciersar.dataset.date_sampling import DATES, check_sampling, spread_dates
from glaciersar.dataset.patches import AdjacentPatches
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, find_recipe
from glaciersar.training.schedule import RESTARTS

PRECISIONS = ("auto", "bf16", "fp16", "tf32", "float32")


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
    accumulate: int = 1
    """Parts that a device computes its patches of a step in, one after the other, to need less memory. Gradients are
    summed, so that only the batch statistics change, which are those of a part. 0 takes as few as memory holds."""
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
    dates: int = DATES
    """Dates of a year that are used, 1 to 15, evenly spread by `date_sampling.spread_dates`: in training, validation,
    scoring and mapping."""
    date_sampling: str = "all"
    """Which of them a training sample shows: "all"; "one", drawn for each sample; "shuffled", all in an order drawn for
    each sample; "subset", a number of them drawn for each sample, in order, with the nearest of these in place of each
    that is left out. Validation then sees all in order, after "one" each date by itself. A network trained on "one" is
    scored and mapped with one date."""
    augmentations: Sequence[str] = AUGMENTATIONS
    """What is done to a training sample; the random numbers of the others are drawn all the same."""
    recipe: str = "corrected"
    """ "corrected" or "as_released"; glaciersar.recipe lists the differences."""
    precision: str = "auto"
    """ "bf16"; "fp16", with a scaled loss, on a GPU only; "float32"; "tf32", float32 whose products a GPU rounds to 10
    bits; or "auto": bf16 where the processor has it, else fp16 on a GPU and float32 on a CPU."""
    device: str = "auto"
    """ "cpu", "cuda", "cuda:1", or "auto": a GPU where there is one. Each process of several has a GPU of its own."""
    compile: bool = False
    """Let torch.compile fuse normalisation with its activation, and the gates of LSTMs: the same to rounding, and the
    first step takes a minute. Needs a C++ compiler, and on a GPU Triton."""
    workers: int = 0
    """Processes that load data; the result does not depend on it."""
    threads: int = 0
    """CPU threads of torch; 0 leaves its default. The last bits of a result depend on it."""
    seed: int = 1
    weights: str = ""
    """What the training starts from, of the same model, width and features: a weight file of this package or of Keras,
    or the name of weights that ship or were published. Empty starts afresh."""
    decoder_first: int = 0
    """Epochs at the begin in which only the decoder learns, after a start from `weights`. The encoder keeps its weights
    then, while its batch normalisation already follows the new data."""

    def __post_init__(self) -> None:
        for name in ("patch", "batch", "epochs", "accumulate", "steps_per_epoch", "warmup"):
            least = 1 if name in ("patch", "batch", "epochs") else 0
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} found, at least {least} expected")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay={self.ema_decay} found, a number from 0 to below 1 expected")
        models.check_name(self.model)
        find_recipe(self.recipe)
        if self.precision not in PRECISIONS:
            raise InputError(f"precision={self.precision!r} found, one of {', '.join(PRECISIONS)} expected")
        self._check_samples()
        self._check_start()

    def _check_start(self) -> None:
        if not 0 <= self.decoder_first <= self.epochs:
            raise InputError(
                f"decoder_first={self.decoder_first} found, 0 to {self.epochs} expected, as are the epochs"
            )
        if self.decoder_first and not self.weights:
            raise InputError(f"decoder_first={self.decoder_first} found without weights, those to start from expected")

    def _check_samples(self) -> None:
        spread_dates(self.dates)
        check_sampling(self.date_sampling)
        check_augmentations(self.augmentations)
        if self.recipe == AS_RELEASED.name and (found := self.sample_options):
            named = ", ".join(f"{name}={value}" for name, value in found.items())
            raise InputError(f"{named} found with recipe={self.recipe!r}, the defaults expected")
        if self.date_sampling == "one":
            models.check_dates(self.model, 1)
        models.check_dates(self.model, self.dates)

    @property
    def sample_options(self) -> dict[str, str]:
        """What a training sample shows, where that is not the default; for the weight file."""
        options = {}
        if self.dates != DATES:
            options["dates"] = str(self.dates)
        if self.date_sampling != "all":
            options["date_sampling"] = self.date_sampling
        if set(self.augmentations) != set(AUGMENTATIONS):
            options["augmentations"] = ",".join(self.augmentations)
        return options


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
