"""Train a model: one loop, seeded, logged, resumable; on a CPU, a GPU, or many through `accelerate launch`."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from glaciersar.dataset.patches import load_batches
from glaciersar.dataset.summary import dataset_source
from glaciersar.devices import exact_float32
from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, wrap_write_errors
from glaciersar.io.extras import has_extra
from glaciersar.models import Network, pretrained
from glaciersar.training import schedule
from glaciersar.training.accumulation import MemoryEstimate
from glaciersar.training.config import TrainConfig
from glaciersar.training.decoder_first import hold_encoder
from glaciersar.training.memory import keep_freed_memory
from glaciersar.training.plan import print_plan
from glaciersar.training.setup import Run, set_up
from glaciersar.training.start import start_options
from glaciersar.training.step import take_step
from glaciersar.training.validation import iou, score_tiles
from glaciersar.training.weight_averaging import copy_average

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

STATISTICS_BATCHES = 40
"""Batches of an epoch on which the batch-norm statistics of averaged weights are recomputed."""


def train(
    config: TrainConfig,
    data: str | Path,
    out: str | Path,
    *,
    progress: bool = True,
    bytes_needed_at: MemoryEstimate | None = None,
) -> pd.DataFrame:
    """Train on `data`/train.h5, validate on `data`/val.h5, keep the weights of the best validation IoU (pooled).

    With an `ema_decay` the averaged weights of the last epoch are kept instead: they improve until the end, and the
    best of several validations on a few tiles would be best by chance.

    A run that was killed resumes after its last finished epoch when called again with the same configuration and data,
    and ends with the same weights. A checkpoint of another configuration, other data, another kind of device or number
    of processes is renamed to checkpoint.old.safetensors, what differs is printed, and training starts anew.

    Args:
        config: What to train and how.
        data: Folder of the dataset files.
        out: Folder for weights.safetensors (those kept), checkpoint.safetensors, log.csv and TensorBoard events.
        progress: Show a progress bar, and say before it what is computed by.
        bytes_needed_at: Memory of a step, from which accumulate=0 of the configuration chooses on a GPU.

    Returns:
        The log, one row an epoch: epoch, learning_rate, loss, val_loss, val_iou (pooled over pixels), val_mean_iou
        (mean over tiles, or over the dates of all tiles).

    Raises:
        InputError: A dataset file is missing, the subsets share tiles, no patch fits, the checkpoint cannot be read, or
            the loss is no longer finite.
    """
    data, out = Path(data), Path(out)
    run = set_up(config, data, out, bytes_needed_at)  # resumes a run that was killed
    print_plan(run, all_of_it=progress)
    if run.log and run.is_main:
        _save_weights(run, data, out)  # the files may be missing or old where a run was killed
        _write_log(run.log, out, None)
    best = max((row[run.selected_by] for row in run.log), default=-1.0)
    board = _open_board(out) if run.is_main else None
    bar = _progress_bar(run, shown=progress and run.is_main)
    with exact_float32(tf32=run.precision == "tf32"), bar, keep_freed_memory():
        for epoch in range(len(run.log), config.epochs):
            rate, loss = _train_epoch(run, epoch, bar)
            candidate = _copy_average(run, run.average) if run.average else run.model
            val_loss, val_iou, val_mean_iou = _validate(run, candidate)
            row = {"epoch": epoch + 1, "learning_rate": rate, "loss": loss}
            row |= {"val_loss": val_loss, "val_iou": val_iou, "val_mean_iou": val_mean_iou}
            run.log.append(row)
            bar.set_postfix(loss=f"{loss:.4f}", val_iou=f"{val_iou:.3f}")
            if not np.isfinite(loss):
                raise InputError(f"{data / 'train.h5'}: the loss became {loss} in epoch {epoch + 1}, expected a number")
            if run.is_main:
                if run.average or row[run.selected_by] > best:
                    best = row[run.selected_by]
                    run.kept.load_state_dict(candidate.state_dict())
                    _save_weights(run, data, out)
                run.save_checkpoint(out)
                _write_log(run.log, out, board)
            run.accelerator.wait_for_everyone()
    return pd.DataFrame(run.log)


def _progress_bar(run: Run, *, shown: bool) -> "tqdm[Any]":
    """Show the steps of all epochs, those of finished epochs as done."""
    total, done = run.config.epochs * run.steps, len(run.log) * run.steps
    return tqdm(total=total, initial=done, desc=f"training {run.config.model}", disable=not shown)


def _train_epoch(run: Run, epoch: int, bar: "tqdm[Any]") -> tuple[float, float]:
    """Train for one epoch; gives the learning rate of its last step and the mean loss."""
    torch.manual_seed(_dropout_seed(run.config.seed + 1000 * (epoch + 1), run.accelerator.process_index))
    torch.empty((), dtype=torch.int64).random_()  # a loader once took this number: dropout stays as it was
    run.patches.set_epoch(epoch)
    run.wrapped.train()
    held = epoch < run.config.decoder_first
    if run.accelerator.num_processes == 1:  # several wait for the gradient of every weight; the step drops it then
        hold_encoder(run.model, held=held)
    total = torch.zeros((), device=run.accelerator.device)
    for step, (series, labels) in enumerate(run.loader, epoch * run.steps):  # (B, F, T, P, P), (B, 2, P, P)
        rate = _set_rate(run, step)
        total += take_step(run, series, labels, encoder_held=held)
        if run.average:
            run.average.update_parameters(run.model)
        bar.update()
    return rate, float(run.accelerator.reduce(total, "mean")) / run.steps


def _dropout_seed(seed: int, process: int) -> int:
    """Give each process a seed of its own for an epoch's dropout, the first that of a training by one process.

    With one seed all would drop the same channels, which one process does not do to the patches of a batch.
    """
    return seed if process == 0 else int(np.random.SeedSequence([seed, process]).generate_state(1, np.uint64)[0])


def _set_rate(run: Run, step: int) -> float:
    """Set learning rate and epsilon of Adam for a step, counted over all epochs; gives the learning rate."""
    config = run.config
    rate = schedule.learning_rate(
        step, steps_per_epoch=run.steps, start=config.learning_rate, restarts=config.restarts, warmup=config.warmup
    )
    for group in run.optimizer.param_groups:
        group["lr"], group["eps"] = rate, schedule.adam_epsilon(step)
    return rate


def _copy_average(run: Run, average: AveragedModel) -> Network:
    """Copy the averaged weights, with batch-norm statistics of the epoch's first batches, the same on all processes."""
    batches = islice(load_batches(run.patches, run.config.batch), STATISTICS_BATCHES)
    return copy_average(average, (series.to(run.accelerator.device) for series, _ in batches), run.autocast)


@torch.inference_mode()
def _validate(run: Run, model: nn.Module) -> tuple[float, float, float]:
    """Give mean loss, pooled IoU and mean IoU of the validation tiles, which are divided among the processes."""
    accelerator = run.accelerator
    model.eval()
    mine = range(accelerator.process_index, len(run.tiles), accelerator.num_processes)
    sums = score_tiles(model, run.tiles, mine, device=accelerator.device, autocast=run.autocast)  # (4,)
    found, wrong, loss_sum, iou_sum = accelerator.reduce(sums).cpu()
    return float(loss_sum) / len(run.tiles), float(iou(found, wrong)), float(iou_sum) / len(run.tiles)


def _save_weights(run: Run, data: Path, out: Path) -> None:
    pretrained.save(
        run.kept,
        out / "weights.safetensors",
        feature_names=",".join(run.config.features),
        recipe=run.config.recipe,
        seed=str(run.config.seed),
        trained_on=dataset_source(data / "train.h5"),
        **run.config.sample_options,
        **start_options(run.config, run.started_from),
    )


def _open_board(out: Path) -> "SummaryWriter | None":
    """Open a log for TensorBoard if that is installed (extra `tensorboard`); log.csv holds the same numbers."""
    if not has_extra("tensorboard"):
        return None
    from torch.utils.tensorboard import SummaryWriter

    with wrap_write_errors(out):
        return SummaryWriter(str(out))


def _write_log(rows: list[dict[str, float]], out: Path, board: "SummaryWriter | None") -> None:
    """Write all rows to log.csv, and the last one for TensorBoard."""
    with atomic_write(out / "log.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    if board is None:
        return
    with wrap_write_errors(out):
        for name, value in rows[-1].items():
            board.add_scalar(name, value, len(rows))
        board.flush()
