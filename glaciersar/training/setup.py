"""Set up a training run: devices, networks, data, and the checkpoint to resume from."""

import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import accelerate
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import ConcatDataset, DataLoader

from glaciersar import models
from glaciersar.dataset.date_sampling import spread_dates
from glaciersar.dataset.hdf5 import check_no_leakage
from glaciersar.dataset.patches import AdjacentPatches, RandomPatches, WholeTiles, load_batches
from glaciersar.errors import InputError
from glaciersar.io.atomic import require_file
from glaciersar.models import Network
from glaciersar.models.precision import multiplies_bf16
from glaciersar.recipe import find_recipe
from glaciersar.training import checkpoints
from glaciersar.training.config import TrainConfig, count_steps, no_batch_fits
from glaciersar.training.start import check_start, load_start
from glaciersar.training.weight_averaging import average_weights

ValidationTiles = WholeTiles | AdjacentPatches | ConcatDataset[tuple[Tensor, Tensor, str]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with."""

    config: TrainConfig
    identity: str
    """Names configuration, data and code, for the checkpoints."""
    started_from: str
    """The weights that the run started from, by name and content; empty where it started afresh."""
    steps: int
    """Steps of an epoch."""
    accelerator: accelerate.Accelerator
    autocast: torch.autocast
    model: Network
    """The network in training."""
    wrapped: nn.Module
    """The same network, as `accelerate` spreads it over the devices."""
    kept: Network
    """A copy for the weights that are kept."""
    average: AveragedModel | None
    """The exponential moving average of the weights, if there is one."""
    optimizer: torch.optim.Optimizer
    patches: RandomPatches
    """What an epoch trains on."""
    loader: DataLoader[int]
    """Gives the patches in batches."""
    tiles: ValidationTiles
    """What is validated on."""
    selected_by: str
    """Column of the log that chooses the best epoch."""
    log: list[dict[str, float]]
    """One row for each finished epoch."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return bool(self.accelerator.is_main_process)

    def save_checkpoint(self, out: Path) -> None:
        networks = _name_networks(self.model, self.kept, self.average)
        checkpoints.save_checkpoint(self.identity, out, networks, self.optimizer, self.log)


def set_up(config: TrainConfig, data: Path, out: Path) -> Run:
    """Check and open the data, build the network, and load the run's checkpoint if there is one."""
    train_file, val_file = (require_file(data / name, made_by="02-dataset") for name in ("train.h5", "val.h5"))
    check_no_leakage(data, subsets=("train", "val"))
    steps = count_steps(config, data)
    started_from = check_start(config, out)
    accelerator, autocast = _choose_devices(config)
    model, kept, average = _build_networks(config, accelerator)
    adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    patches = _open_patches(config, train_file, steps)
    tiles, selected_by = _open_validation(config, val_file)
    identity = checkpoints.run_identity(asdict(config) | {"weights": started_from}, data)
    networks = _name_networks(model, kept, average)
    log = checkpoints.load_checkpoint(identity, out, networks, adam, main=accelerator.is_main_process)
    accelerator.wait_for_everyone()  # the main process may have renamed the file
    batches = load_batches(patches, config.batch // accelerator.num_processes, workers=config.workers)
    wrapped, optimizer, loader = accelerator.prepare(model, adam, batches)
    return Run(
        config=config,
        identity=identity,
        started_from=started_from,
        steps=steps,
        accelerator=accelerator,
        autocast=autocast,
        model=model,
        wrapped=wrapped,
        kept=kept,
        average=average,
        optimizer=optimizer,
        patches=patches,
        loader=loader,
        tiles=tiles,
        selected_by=selected_by,
        log=log,
    )


def _choose_devices(config: TrainConfig) -> tuple[accelerate.Accelerator, torch.autocast]:
    """Take the devices there are, and the precision in which they compute."""
    if config.threads:
        torch.set_num_threads(config.threads)
    pinned = torch.cuda.is_available()  # copies from pinned memory need not wait
    accelerator = accelerate.Accelerator(dataloader_config=accelerate.DataLoaderConfiguration(non_blocking=pinned))
    if config.batch % accelerator.num_processes:
        raise InputError(f"batch={config.batch} found, a multiple of {accelerator.num_processes} processes expected")
    device = accelerator.device.type
    half = config.precision == "bf16" or (config.precision == "auto" and multiplies_bf16(device))
    return accelerator, torch.autocast(device, torch.bfloat16, enabled=half)


def _build_networks(
    config: TrainConfig, accelerator: accelerate.Accelerator
) -> tuple[Network, Network, AveragedModel | None]:
    """Build a network from the seed or a weight file, a copy for the weights that are kept, and their average."""
    rules = find_recipe(config.recipe)
    torch.manual_seed(config.seed)
    dropout = config.dropout if rules.dropout_active else 0.0
    model = models.build(config.model, features=len(config.features), width=config.width, dropout=dropout)
    load_start(model, config)
    average = None
    if config.ema_decay and rules.weights_averaged:
        average = average_weights(model, decay=config.ema_decay).to(accelerator.device)
    return model, copy.deepcopy(model), average


def _name_networks(model: Network, kept: Network, average: AveragedModel | None) -> dict[str, nn.Module]:
    """Name the networks as a checkpoint does."""
    networks: dict[str, nn.Module] = {"model": model, "kept": kept}
    return networks | ({"mean": average} if average else {})


def _open_patches(config: TrainConfig, path: Path, steps: int) -> RandomPatches:
    return RandomPatches(
        path,
        patch=config.patch,
        samples=config.batch * steps,
        seed=config.seed,
        features=config.features,
        recipe=find_recipe(config.recipe),
        shown=spread_dates(config.dates),
        date_sampling=config.date_sampling,
        augmentations=config.augmentations,
    )


def _open_validation(config: TrainConfig, path: Path) -> tuple[ValidationTiles, str]:
    """Open the validation tiles, and name the score that chooses the best epoch."""
    tiles: ValidationTiles
    if find_recipe(config.recipe).whole_tiles_validated:
        used, selected_by = spread_dates(config.dates), "val_iou"
        if config.date_sampling == "one":  # as in training: each date by itself
            tiles = ConcatDataset([WholeTiles(path, features=config.features, shown=[date]) for date in used])
        else:
            tiles = WholeTiles(path, features=config.features, shown=used)
    else:
        tiles = AdjacentPatches(path, patch=config.patch, batch=config.batch, features=config.features)
        selected_by = "val_mean_iou"
    if not len(tiles):
        raise InputError(no_batch_fits(path, config))
    return tiles, selected_by
