"""Train a model: one loop, seeded, logged, resumable; on a CPU, a GPU, or many through `accelerate launch`."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import accelerate
import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from glaciersar import losses, models
from glaciersar.dataset import FittingPatches, RandomPatches, Tiles
from glaciersar.errors import InputError
from glaciersar.files import need, written_whole
from glaciersar.metrics import Confusion
from glaciersar.models import Network, pretrained
from glaciersar.recipe import recipe
from glaciersar.schedule import adam_epsilon, learning_rate

PRECISIONS = ("auto", "bf16", "float32")


@dataclass(frozen=True, kw_only=True)
class Plan:
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
    restarts: Sequence[float] = (10, 30, 70, 150)
    """Epochs at which the cosine schedule starts anew."""
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
        for name, least in (("patch", 1), ("batch", 1), ("epochs", 1), ("steps_per_epoch", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} found, at least {least} expected")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision={self.precision!r} found, one of {', '.join(PRECISIONS)} expected")


def epoch_steps(plan: Plan, data: str | Path) -> int:
    """Tell how many steps an epoch of a plan has on the dataset files in a folder."""
    if plan.steps_per_epoch:
        return plan.steps_per_epoch
    path = Path(data) / "train.h5"
    steps = len(FittingPatches(path, patch=plan.patch, batch=plan.batch, features=plan.features)) // plan.batch
    if not steps:
        raise InputError(f"{path}: no batch of {plan.batch} patches of {plan.patch} pixels fits, at least one expected")
    return steps


def train(plan: Plan, data: str | Path, out: str | Path, *, progress: bool = True) -> pd.DataFrame:
    """Train on `data`/train.h5, validate on `data`/val.h5, keep the weights of the best validation IoU (pooled).

    A run that was killed goes on from its last finished epoch when called again with the same plan and data, and
    ends with the same weights. A checkpoint of another plan or other data is set aside as
    checkpoint.old.safetensors, and training starts anew.

    Args:
        plan: What to train and how.
        data: Folder of the dataset files.
        out: Folder for weights.safetensors (the best), checkpoint.safetensors, log.csv and TensorBoard events.
        progress: Show a progress bar.

    Returns:
        The log, one row an epoch: epoch, learning_rate, loss, val_loss, val_iou (pooled over pixels), val_mean_iou
        (mean over tiles).
    """
    data, out = Path(data), Path(out)
    epoch_length = epoch_steps(plan, need(data / "train.h5", made_by="02-dataset").parent)
    if plan.threads:
        torch.set_num_threads(plan.threads)
    rules = recipe(plan.recipe)
    accelerator = accelerate.Accelerator()
    autocast = torch.autocast(accelerator.device.type, torch.bfloat16, enabled=_half(plan.precision))
    torch.manual_seed(plan.seed)
    dropout = plan.dropout if rules.dropout_active else 0.0
    model = models.build(plan.model, features=len(plan.features), width=plan.width, dropout=dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.learning_rate)
    patches = RandomPatches(
        data / "train.h5",
        patch=plan.patch,
        samples=plan.batch * epoch_length,
        seed=plan.seed,
        features=plan.features,
        recipe=rules,
    )
    held_out = need(data / "val.h5", made_by="02-dataset")
    tiles: Tiles | FittingPatches
    if rules.whole_tiles_validated:
        tiles, judged_by = Tiles(held_out, features=plan.features), "val_iou"
    else:
        tiles = FittingPatches(held_out, patch=plan.patch, batch=plan.batch, features=plan.features)
        judged_by = "val_mean_iou"
    if not len(tiles):
        raise InputError(
            f"{held_out}: no batch of {plan.batch} patches of {plan.patch} pixels fits, at least one expected"
        )
    identity = _identity(plan, data)
    rows = _resume(identity, out, model, optimizer) if (out / "checkpoint.safetensors").exists() else []
    loader = DataLoader(patches, batch_size=plan.batch // accelerator.num_processes, num_workers=plan.workers)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    best = max((row[judged_by] for row in rows), default=-1.0)

    steps = tqdm(
        total=plan.epochs * epoch_length,
        initial=len(rows) * epoch_length,
        desc=f"training {plan.model}",
        disable=not (progress and accelerator.is_main_process),
    )
    with SummaryWriter(str(out)) as board, steps:
        for epoch in range(len(rows), plan.epochs):
            torch.manual_seed(plan.seed + 1000 * (epoch + 1))  # dropout of this epoch, whether resumed or not
            loader.set_epoch(epoch)  # which hands it on to the dataset
            model.train()
            running = torch.zeros((), device=accelerator.device)
            for step, (series, labels) in enumerate(loader):  # (B, F, T, P, P), (B, 2, P, P)
                rate = learning_rate(
                    epoch * epoch_length + step,
                    steps_per_epoch=epoch_length,
                    start=plan.learning_rate,
                    restarts=plan.restarts,
                )
                for group in optimizer.param_groups:
                    group["lr"], group["eps"] = rate, adam_epsilon(epoch * epoch_length + step)
                with autocast:
                    logits = model(series)  # (B, 2, P, P)
                loss = losses.focal_loss(logits.float(), losses.smooth(labels))
                optimizer.zero_grad()
                accelerator.backward(loss)
                optimizer.step()
                running += loss.detach()
                steps.update()
            val_loss, counts, mean_iou = _validate(accelerator, autocast, model, tiles)
            row = {
                "epoch": epoch + 1,
                "learning_rate": rate,
                "loss": float(accelerator.reduce(running, "mean")) / epoch_length,
                "val_loss": val_loss,
                "val_iou": counts.iou,
                "val_mean_iou": mean_iou,
            }
            rows.append(row)
            steps.set_postfix(loss=f"{row['loss']:.4f}", val_iou=f"{row['val_iou']:.3f}")
            if not np.isfinite(row["loss"]):
                raise InputError(
                    f"{data / 'train.h5'}: the loss became {row['loss']} in epoch {epoch + 1}, expected a number"
                )
            if accelerator.is_main_process:
                raw = accelerator.unwrap_model(model)
                if row[judged_by] > best:
                    best = row[judged_by]
                    _save_weights(raw, plan, out)
                _checkpoint(identity, out, raw, optimizer, rows)
                for name, value in row.items():
                    board.add_scalar(name, value, epoch + 1)
            accelerator.wait_for_everyone()
    return pd.DataFrame(rows)


def _half(precision: str) -> bool:
    """Tell whether to compute in bf16: when asked for, or by "auto" where the processor has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@torch.inference_mode()
def _validate(
    accelerator: accelerate.Accelerator, autocast: torch.autocast, model: nn.Module, tiles: Tiles | FittingPatches
) -> tuple[float, Confusion, float]:
    """Score whole tiles, every pixel once, shared out over the processes: mean loss, summed counts, mean IoU."""
    model.eval()
    sums = torch.zeros(6, dtype=torch.float64)  # tp, fp, fn, tn, loss × tiles, IoU × tiles
    for index in range(accelerator.process_index, len(tiles), accelerator.num_processes):
        series, labels = (x[None].to(accelerator.device) for x in tiles[index][:2])
        with autocast:
            logits = model(series)  # (1, 2, H, W)
        found, truth, valid = _classes(logits, labels)
        counts = Confusion.of(truth, found, valid)
        loss = float(losses.focal_loss(logits.float(), labels))
        iou = counts.iou if np.isfinite(counts.iou) else 1.0  # no glacier, and none found
        sums += torch.tensor([counts.tp, counts.fp, counts.fn, counts.tn, loss, iou], dtype=torch.float64)
    if accelerator.num_processes > 1:
        sums = accelerator.reduce(sums.to(accelerator.device)).cpu()
    tp, fp, fn, tn = (int(n) for n in sums[:4])
    return float(sums[4]) / len(tiles), Confusion(tp=tp, fp=fp, fn=fn, tn=tn), float(sums[5]) / len(tiles)


def _classes(logits: Tensor, labels: Tensor) -> Iterator[np.ndarray]:
    """Give found and true glacier, and where labels exist, as (H, W) arrays from (1, 2, H, W) tensors."""
    return (x[0].cpu().numpy() for x in (logits.argmax(1) == 1, labels.argmax(1) == 1, labels.sum(1) > 0))


def _save_weights(model: Network, plan: Plan, out: Path) -> None:
    pretrained.save(
        model,
        out / "weights.safetensors",
        feature_names=",".join(plan.features),
        recipe=plan.recipe,
        seed=str(plan.seed),
    )


def _checkpoint(identity: str, out: Path, model: nn.Module, optimizer: torch.optim.Optimizer, rows: list[dict]) -> None:
    """Write model, Adam's moments and the log so far; the log as CSV too."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with written_whole(out / "checkpoint.safetensors") as temporary:
        save_file(tensors, temporary, {"run": json.dumps({"identity": identity, "rows": rows})})
    with written_whole(out / "log.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _resume(identity: str, out: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[dict]:
    """Load what `_checkpoint` wrote and give its log; set a checkpoint of another plan or other data aside."""
    path = out / "checkpoint.safetensors"
    try:
        with safe_open(path, "pt") as file:
            run = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a checkpoint that can be read ({error}); remove it to start anew") from error
    if run["identity"] != identity:
        path.rename(out / "checkpoint.old.safetensors")
        return []
    model.load_state_dict({name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")})
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return run["rows"]


def _identity(plan: Plan, data: Path) -> str:
    """Name what decides the result: the plan, but for how many processes load the data, and the files."""
    content = {name: value for name, value in asdict(plan).items() if name != "workers"}
    for name in ("train.h5", "val.h5"):
        status = (data / name).stat()
        content[name] = [status.st_size, status.st_mtime_ns]
    return json.dumps(content, sort_keys=True)
