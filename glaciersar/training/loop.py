"""Train a model: one loop, seeded, logged, resumable; on a CPU, a GPU, or many through `accelerate launch`."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import accelerate
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from glaciersar import models
from glaciersar.dataset.hdf5 import check_no_leakage
from glaciersar.dataset.patches import AdjacentPatches, RandomPatches, WholeTiles, load_batches
from glaciersar.dataset.summary import dataset_source
from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from glaciersar.io.atomic import atomic_write, require_file
from glaciersar.io.extras import has_extra
from glaciersar.models import Network, pretrained
from glaciersar.models.precision import multiplies_bf16
from glaciersar.recipe import find_recipe
from glaciersar.training import checkpoints, losses, schedule
from glaciersar.training.memory import keep_freed_memory
from glaciersar.training.schedule import RESTARTS, adam_epsilon
from glaciersar.training.weight_averaging import average_weights, copy_average

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

PRECISIONS = ("auto", "bf16", "float32")
VALIDATED = ("val_loss", "val_iou", "val_mean_iou")
STATISTICS = 40  # batches of an epoch from which statistics are computed anew


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a training run; the defaults are the paper's authors'."""

    model: str = "unet3d"
    features: Sequence[str] = ("grd",)
    width: int = 32
    dropout: float = 0.05
    patch: int = 384
    """Side of a training window, pixels."""
    batch: int = 8
    """Windows a step, over all devices."""
    epochs: int = 150
    steps_per_epoch: int = 500
    """0 takes as many as the authors: the patches that fit side by side into the training tiles, over the batch."""
    learning_rate: float = 5e-4
    restarts: Sequence[float] = RESTARTS
    """Epochs at which the cosine schedule starts anew."""
    warmup: int = 0
    """Steps in which the rate rises from 0 to the schedule's."""
    mean_decay: float = 0.0
    """Decay a step of the mean of the weights that is validated and kept (0.99 reaches back over about 100 steps), its
    statistics computed anew: so that a short run at a high rate settles. 0 keeps the weights of the last step, as the
    authors do; so does the recipe "as_released"."""
    recipe: str = "corrected"
    """ "corrected" or "as_released": glaciersar.recipe tells what differs."""
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
        if not 0 <= self.mean_decay < 1:
            raise InputError(f"mean_decay={self.mean_decay} found, a number from 0 to below 1 expected")
        models.check_name(self.model)
        find_recipe(self.recipe)
        if self.precision not in PRECISIONS:
            raise InputError(f"precision={self.precision!r} found, one of {', '.join(PRECISIONS)} expected")


def count_steps(plan: TrainConfig, data: str | Path) -> int:
    """Tell how many steps an epoch of a plan has on the dataset files in a folder."""
    if plan.steps_per_epoch:
        return plan.steps_per_epoch
    path = Path(data) / "train.h5"
    steps = len(AdjacentPatches(path, patch=plan.patch, batch=plan.batch, features=plan.features)) // plan.batch
    if not steps:
        raise InputError(f"{path}: no batch of {plan.batch} patches of {plan.patch} pixels fits, at least one expected")
    return steps


def train(plan: TrainConfig, data: str | Path, out: str | Path, *, progress: bool = True) -> pd.DataFrame:
    """Train on `data`/train.h5, validate on `data`/val.h5, keep the weights of the best validation IoU (pooled).

    With a `mean_decay` the last ones are kept: settled weights grow better to the end, and the best of several
    validations on a few tiles would be one of luck.

    A run that was killed goes on from its last finished epoch when called again with the same plan and data, and
    ends with the same weights. A checkpoint of another plan or other data is set aside as
    checkpoint.old.safetensors, and training starts anew.

    Args:
        plan: What to train and how.
        data: Folder of the dataset files.
        out: Folder for weights.safetensors (those kept), checkpoint.safetensors, log.csv and TensorBoard events.
        progress: Show a progress bar.

    Returns:
        The log, one row an epoch: epoch, learning_rate, loss, val_loss, val_iou (pooled over pixels), val_mean_iou
        (mean over tiles).
    """
    data, out = Path(data), Path(out)
    train_file, val_file = (require_file(data / name, made_by="02-dataset") for name in ("train.h5", "val.h5"))
    check_no_leakage(data, subsets=("train", "val"))
    epoch_length = count_steps(plan, data)
    accelerator, autocast = _devices(plan)
    model, kept, mean = _networks(plan, accelerator)
    networks: dict[str, nn.Module] = {"model": model, "kept": kept} | ({"mean": mean} if mean else {})
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.learning_rate)
    patches, tiles, judged_by = _open(plan, train_file, val_file, epoch_length)
    identity = checkpoints.run_identity(asdict(plan), data)
    rows = checkpoints.load_checkpoint(identity, out, networks, optimizer, main=accelerator.is_main_process)
    accelerator.wait_for_everyone()
    best = max((row[judged_by] for row in rows), default=-1.0)
    if rows and accelerator.is_main_process:
        _save_weights(kept, plan, data, out)  # a run may have been killed, or its file removed, in between
    loader = load_batches(patches, plan.batch // accelerator.num_processes, workers=plan.workers)
    wrapped, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    steps = _bar(plan, epoch_length, done=len(rows), shown=progress and accelerator.is_main_process)
    board = _open_board(out) if accelerator.is_main_process else None
    with steps, keep_freed_memory():
        for epoch in range(len(rows), plan.epochs):
            torch.manual_seed(plan.seed + 1000 * (epoch + 1))  # dropout of this epoch, whether resumed or not
            patches.set_epoch(epoch)
            wrapped.train()
            running = torch.zeros((), device=accelerator.device)
            for step, (series, labels) in enumerate(loader, epoch * epoch_length):  # (B, F, T, P, P), (B, 2, P, P)
                rate = _set_rate(plan, optimizer, step, epoch_length)
                with autocast:
                    logits = wrapped(series)  # (B, 2, P, P)
                loss = losses.focal_loss(logits.float(), losses.smooth(labels))
                optimizer.zero_grad()
                accelerator.backward(loss)
                optimizer.step()
                if mean:
                    mean.update_parameters(model)
                running += loss.detach()
                steps.update()
            judged = _settled(plan, mean, patches, accelerator, autocast) if mean else model
            row = {
                "epoch": epoch + 1,
                "learning_rate": rate,
                "loss": float(accelerator.reduce(running, "mean")) / epoch_length,
            }
            row |= dict(zip(VALIDATED, _validate(accelerator, autocast, judged, tiles), strict=True))
            rows.append(row)
            steps.set_postfix(loss=f"{row['loss']:.4f}", val_iou=f"{row['val_iou']:.3f}")
            if not np.isfinite(row["loss"]):
                raise InputError(f"{train_file}: the loss became {row['loss']} in epoch {epoch + 1}, expected a number")
            if accelerator.is_main_process:
                if mean or row[judged_by] > best:  # what has settled is best when the rate has fallen: at the end
                    best = row[judged_by]
                    kept.load_state_dict(judged.state_dict())
                    _save_weights(kept, plan, data, out)
                checkpoints.save_checkpoint(identity, out, networks, optimizer, rows)
                _write_log(rows, out, board)
            accelerator.wait_for_everyone()
    return pd.DataFrame(rows)


def _devices(plan: TrainConfig) -> tuple[accelerate.Accelerator, torch.autocast]:
    """Take the devices there are, and the precision in which they compute."""
    if plan.threads:
        torch.set_num_threads(plan.threads)
    pinned = torch.cuda.is_available()  # memory from which copies need not wait
    accelerator = accelerate.Accelerator(dataloader_config=accelerate.DataLoaderConfiguration(non_blocking=pinned))
    if plan.batch % accelerator.num_processes:
        raise InputError(f"batch={plan.batch} found, a multiple of {accelerator.num_processes} processes expected")
    device = accelerator.device.type
    half = plan.precision == "bf16" or (plan.precision == "auto" and multiplies_bf16(device))
    return accelerator, torch.autocast(device, torch.bfloat16, enabled=half)


def _networks(plan: TrainConfig, accelerator: accelerate.Accelerator) -> tuple[Network, Network, AveragedModel | None]:
    """Draw a network, and copy it for the weights that are kept and, where a plan has one, for their mean."""
    rules = find_recipe(plan.recipe)
    torch.manual_seed(plan.seed)
    dropout = plan.dropout if rules.dropout_active else 0.0
    model = models.build(plan.model, features=len(plan.features), width=plan.width, dropout=dropout)
    mean = None
    if plan.mean_decay and rules.weights_settled:
        mean = average_weights(model, decay=plan.mean_decay).to(accelerator.device)
    return model, copy.deepcopy(model), mean


def _bar(plan: TrainConfig, epoch_length: int, *, done: int, shown: bool) -> tqdm:
    """Show the steps of all epochs, of which some are done."""
    total, initial = plan.epochs * epoch_length, done * epoch_length
    return tqdm(total=total, initial=initial, desc=f"training {plan.model}", disable=not shown)


def _open(
    plan: TrainConfig, train_file: Path, val_file: Path, epoch_length: int
) -> tuple[RandomPatches, WholeTiles | AdjacentPatches, str]:
    """Open what is trained and validated on, and name the score that chooses the best epoch."""
    rules = find_recipe(plan.recipe)
    patches = RandomPatches(
        train_file,
        patch=plan.patch,
        samples=plan.batch * epoch_length,
        seed=plan.seed,
        features=plan.features,
        recipe=rules,
    )
    tiles: WholeTiles | AdjacentPatches
    if rules.whole_tiles_validated:
        tiles, judged_by = WholeTiles(val_file, features=plan.features), "val_iou"
    else:
        tiles = AdjacentPatches(val_file, patch=plan.patch, batch=plan.batch, features=plan.features)
        judged_by = "val_mean_iou"
    if not len(tiles):
        raise InputError(
            f"{val_file}: no batch of {plan.batch} patches of {plan.patch} pixels fits, at least one expected"
        )
    return patches, tiles, judged_by


def _set_rate(plan: TrainConfig, optimizer: torch.optim.Optimizer, step: int, epoch_length: int) -> float:
    """Set what Adam takes at a step, counted over all epochs; returns the learning rate."""
    rate = schedule.learning_rate(
        step, steps_per_epoch=epoch_length, start=plan.learning_rate, restarts=plan.restarts, warmup=plan.warmup
    )
    for group in optimizer.param_groups:
        group["lr"], group["eps"] = rate, adam_epsilon(step)
    return rate


def _settled(
    plan: TrainConfig,
    mean: AveragedModel,
    patches: RandomPatches,
    accelerator: accelerate.Accelerator,
    autocast: torch.autocast,
) -> Network:
    """Settle the mean of the weights on the first batches of the epoch, the same on all processes."""
    first = islice(load_batches(patches, plan.batch), STATISTICS)
    return copy_average(mean, (series.to(accelerator.device) for series, _ in first), autocast)


def _open_board(out: Path) -> "SummaryWriter | None":
    """Open a log for TensorBoard if that is installed (extra `tensorboard`); log.csv holds the same numbers."""
    if not has_extra("tensorboard"):
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out))


def _write_log(rows: list[dict[str, float]], out: Path, board: "SummaryWriter | None") -> None:
    """Write the log whole, and its last row for TensorBoard."""
    with atomic_write(out / "log.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    if board is None:
        return
    for name, value in rows[-1].items():
        board.add_scalar(name, value, len(rows))
    board.flush()


@torch.inference_mode()
def _validate(
    accelerator: accelerate.Accelerator, autocast: torch.autocast, model: nn.Module, tiles: WholeTiles | AdjacentPatches
) -> tuple[float, float, float]:
    """Give mean loss, pooled IoU and mean IoU of the validation tiles, which the processes share out among them."""
    model.eval()
    sums = torch.zeros(4, dtype=torch.float64)  # pixels found, pixels missed or false, loss and IoU times tiles
    for index in range(accelerator.process_index, len(tiles), accelerator.num_processes):
        series, labels = (x[None].to(accelerator.device) for x in tiles[index][:2])
        with autocast:
            logits = model(series)  # (1, 2, H, W)
        found, truth, valid = _classes(logits, labels)
        counts = Confusion.of(truth, found, valid)
        loss = float(losses.focal_loss(logits.float(), labels))
        wrong = counts.fp + counts.fn
        sums += torch.tensor([counts.tp, wrong, loss, _iou(counts.tp, wrong)], dtype=torch.float64)
    if accelerator.num_processes > 1:
        sums = accelerator.reduce(sums.to(accelerator.device)).cpu()
    both, wrong, loss_sum, iou_sum = sums.tolist()
    return loss_sum / len(tiles), _iou(both, wrong), iou_sum / len(tiles)


def _iou(found: float, wrong: float) -> float:
    return found / (found + wrong) if found + wrong else 1.0  # no glacier, and none found


def _classes(logits: Tensor, labels: Tensor) -> Iterator[np.ndarray]:
    """Give found and true glacier, and where labels exist, as (H, W) arrays from (1, 2, H, W) tensors."""
    return (x[0].cpu().numpy() for x in (logits[:, 1] > logits[:, 0], labels[:, 1] > labels[:, 0], labels.sum(1) > 0))


def _save_weights(model: Network, plan: TrainConfig, data: Path, out: Path) -> None:
    pretrained.save(
        model,
        out / "weights.safetensors",
        feature_names=",".join(plan.features),
        recipe=plan.recipe,
        seed=str(plan.seed),
        trained_on=dataset_source(data / "train.h5"),
    )
