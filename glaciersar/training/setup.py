"""Set up a training run: devices, networks, data, and the checkpoint to resume from."""

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from glaciersar.models.compiled import check_compiler, compile_elementwise
from glaciersar.recipe import find_recipe
from glaciersar.training import checkpoints, processes
from glaciersar.training.accumulation import MemoryEstimate, choose_accumulation
from glaciersar.training.batch_statistics import share_batch_statistics
from glaciersar.training.config import TrainConfig, count_steps, no_batch_fits
from glaciersar.training.identity import run_identity
from glaciersar.training.shared_memory import batch_bytes, check_shared_memory
from glaciersar.training.start import check_start, identified, load_start
from glaciersar.training.weight_averaging import average_weights

ValidationTiles = WholeTiles | AdjacentPatches | ConcatDataset[tuple[Tensor, Tensor, str]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with."""

    config: TrainConfig
    identity: dict[str, Any]
    """Names configuration, data, code and what the run computes by, for the checkpoints."""
    started_from: str
    """The weights that the run started from, by name and content; empty where it started afresh."""
    steps: int
    """Steps of an epoch."""
    accelerator: accelerate.Accelerator
    precision: str
    """What it computes in: bf16, fp16, tf32 or float32."""
    autocast: torch.autocast
    scaler: torch.amp.GradScaler
    """Scales the loss in fp16, so that small gradients do not become 0; else it leaves everything as it is."""
    accumulate: int
    """Parts that a process computes its patches of a step in."""
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
        scaler = self.scaler.state_dict()
        checkpoints.save_checkpoint(self.identity, out, networks, self.optimizer, self.log, scaler=scaler)


def set_up(config: TrainConfig, data: Path, out: Path, bytes_needed_at: MemoryEstimate | None = None) -> Run:
    """Check and open the data, build the network, and load the run's checkpoint if there is one."""
    train_file, val_file = (require_file(data / name, made_by="02-dataset") for name in ("train.h5", "val.h5"))
    check_no_leakage(data, subsets=("train", "val"))
    steps = count_steps(config, data)
    started_from = check_start(config, out)
    accelerator = processes.start_processes(config)
    device, together = accelerator.device.type, accelerator.num_processes
    precision = processes.choose_precision(config.precision, device)
    accumulate = _choose_parts(config, accelerator, bytes_needed_at)
    _check_loading(config, together)
    if config.compile:
        check_compiler(device)
    model, kept, average = _build_networks(config, accelerator)
    if together > 1:
        share_batch_statistics(model, device)
    if config.compile:
        compile_elementwise(model)  # after its copies are made, and after normalisations are exchanged
    adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    patches = _open_patches(config, train_file, steps)
    tiles, selected_by = _open_validation(config, val_file)
    # Adam is not wrapped: accelerate would put its count of steps onto the GPU, to wait for at each step
    wrapped, loader = accelerator.prepare(
        model, load_batches(patches, config.batch // together, workers=config.workers)
    )
    how = {"device": device, "processes": together, "precision": precision, "accumulate": accumulate}
    content = identified(config, started_from)
    identity = processes.told_by_main(accelerator, lambda: run_identity(content, data, how))
    run = Run(
        config=config,
        identity=identity,
        started_from=started_from,
        steps=steps,
        accelerator=accelerator,
        precision=precision,
        autocast=processes.make_autocast(precision, device),
        scaler=torch.amp.GradScaler(device, enabled=precision == "fp16"),
        accumulate=accumulate,
        model=model,
        wrapped=wrapped,
        kept=kept,
        average=average,
        optimizer=adam,
        patches=patches,
        loader=loader,
        tiles=tiles,
        selected_by=selected_by,
        log=[],
    )
    _resume(run, out)
    return run


def _resume(run: Run, out: Path) -> None:
    """Load the run's checkpoint if there is one: the main process decides, reads it, and tells the others."""
    config = run.config
    choices = {
        "processes": True,
        "device": config.device == "auto",
        "precision": config.precision == "auto",
        "accumulate": not config.accumulate,
    }
    left_open = {name for name, free in choices.items() if free}
    found = processes.told_by_main(
        run.accelerator,
        lambda: checkpoints.find_checkpoint(run.identity, out, epochs=config.epochs, open_to_choice=left_open),
    )
    if found is not None:
        checkpoints.restore(found, _name_networks(run.model, run.kept, run.average), run.optimizer)
        if found.scaler:
            run.scaler.load_state_dict(found.scaler)
        run.log.extend(found.rows)


def _choose_parts(
    config: TrainConfig, accelerator: accelerate.Accelerator, bytes_needed_at: MemoryEstimate | None
) -> int:
    """Give the parts that a process computes its patches of a step in, the same on all of them."""
    if config.accumulate:
        return config.accumulate
    if accelerator.device.type != "cuda":
        return 1
    if bytes_needed_at is None:
        raise InputError("accumulate=0 found without an estimate of memory, a number of parts expected")
    free, _ = torch.cuda.mem_get_info(accelerator.device)
    parts = choose_accumulation(free, bytes_needed_at, patches=config.batch // accelerator.num_processes)
    return int(accelerator.reduce(torch.tensor(parts, device=accelerator.device), "max"))


def _check_loading(config: TrainConfig, together: int) -> None:
    """Refuse loading processes for which shared memory is too small."""
    size = batch_bytes(
        patches=config.batch // together, features=len(config.features), dates=config.dates, side=config.patch
    )
    here = int(os.environ.get("LOCAL_WORLD_SIZE", together))
    check_shared_memory(size, workers=config.workers, processes=here)


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
        average = average_weights(model, decay=config.ema_decay, trained=bool(config.weights)).to(accelerator.device)
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
