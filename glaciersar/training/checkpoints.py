"""Save and load the checkpoint of a training run, as safetensors: its networks, the optimiser's state, the log."""

import itertools
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, require_file
from glaciersar.io.checksums import KEY, tensors_checksum, verify
from glaciersar.io.limits import parse_json
from glaciersar.training.identity import differing, list_differences

NAME, OLD = "checkpoint.safetensors", "checkpoint.old.safetensors"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint holds."""

    identity: dict[str, Any]
    """Names the run, as `identity.run_identity` does."""
    rows: list[dict[str, float]]
    """The log."""
    scaler: dict[str, Any]
    """State of the scale of the loss, in fp16."""
    tensors: dict[str, Tensor]
    """Of the networks and of Adam, on the CPU."""


def save_checkpoint(
    identity: Mapping[str, Any],
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    rows: list[dict[str, float]],
    *,
    scaler: Mapping[str, Any],
) -> None:
    """Write the networks, each under its name, Adam's moments and the log to one file, atomically."""
    states = {name: network.state_dict() for name, network in networks.items()}
    tensors = {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    with atomic_write(folder / NAME) as temporary:
        told = {"identity": identity, "rows": rows, "scaler": scaler}
        told[KEY] = tensors_checksum(tensors, told)
        save_file(tensors, temporary, {"run": json.dumps(told)})


def find_checkpoint(
    identity: Mapping[str, Any], folder: Path, *, epochs: int, open_to_choice: Collection[str]
) -> Checkpoint | None:
    """Read the checkpoint that a run resumes from; None starts anew.

    A checkpoint of another run is renamed to `OLD` or, where there is one, to a name with a number, and what differs is
    printed. A finished run is taken as it is where only what the configuration leaves open differs: trained by eight
    GPUs, it is not trained again where a notebook with one looks at it.

    Args:
        identity: Of the run.
        folder: Of the checkpoint.
        epochs: When the run is finished.
        open_to_choice: Names in the identity that the configuration leaves open.

    Raises:
        InputError: The file is no checkpoint.
    """
    path = folder / NAME
    if not path.exists():
        return None
    found = read_checkpoint(path)
    names = differing(found.identity, identity)
    if not names:
        return found
    told = list_differences(found.identity, identity, names)
    if len(found.rows) == epochs and set(names) <= set(open_to_choice):
        print(f"{path}: of a finished training with other {told}; taken as it is", file=sys.stderr)
        return found
    numbered = (folder / f"checkpoint.old-{number}.safetensors" for number in itertools.count(2))
    free = next(place for place in itertools.chain([folder / OLD], numbered) if not place.exists())
    path.rename(free)
    print(f"{path}: of a training with other {told}; kept as {free.name}, training starts anew", file=sys.stderr)
    return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: The file is none, or was changed after it was written.
    """
    try:
        with safe_open(path, "pt") as file:
            run = parse_json((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        identity, rows = run["identity"], run["rows"]
        if isinstance(identity, str):  # as it was written before
            identity = parse_json(identity)
        scaler = run.get("scaler", {})
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a checkpoint that can be read ({error}); remove it to start anew") from error
    verify(run.get(KEY), tensors_checksum(tensors, run), path, remedy="; remove it to start anew")
    return Checkpoint(identity=identity, rows=rows, scaler=scaler, tensors=tensors)


def restore(found: Checkpoint, networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
    """Put a checkpoint into the networks and the optimiser.

    To be called once the networks are on their device: Adam's moments follow its parameters then, and its count of
    steps stays on the CPU, where it is read at every step without waiting for a GPU.
    """
    for name, network in networks.items():
        mine = {key.removeprefix(f"{name}/"): t for key, t in found.tensors.items() if key.startswith(f"{name}/")}
        network.load_state_dict(mine)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in found.tensors.items():
        if name.startswith("adam/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def read_log(folder: str | Path) -> pd.DataFrame:
    """Read the training log of a trained model's folder, a row an epoch."""
    return pd.read_csv(require_file(Path(folder) / "log.csv", made_by="04-train"))
