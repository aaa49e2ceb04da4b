"""Save and load the checkpoint of a training run, as safetensors: its networks, the optimiser's state, the log."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from glaciersar.dependencies import files_behind
from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, require_file

NAME, OLD = "checkpoint.safetensors", "checkpoint.old.safetensors"
TRAINING = "glaciersar.training.loop"
"""The module whose code, with all that it imports, decides the result of a run."""


def run_identity(config: Mapping[str, Any], data: Path) -> str:
    """Identify all that decides the result of a run: its configuration, its data, and the code.

    How many processes load the data does not matter. A dataset file is known by its attribute `content`; a published
    one, which has none, by its size and time of modification.
    """
    content: dict[str, Any] = {name: value for name, value in config.items() if name != "workers"}
    for name in ("train.h5", "val.h5"):
        with h5py.File(data / name) as file:
            status = (data / name).stat()
            content[name] = file.attrs.get("content", [status.st_size, status.st_mtime_ns])
    code = b"".join(path.read_bytes() for path in files_behind(TRAINING))
    return json.dumps(content | {"code": hashlib.sha256(code).hexdigest()}, sort_keys=True)


def save_checkpoint(
    identity: str,
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    rows: list[dict[str, float]],
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
        save_file(tensors, temporary, {"run": json.dumps({"identity": identity, "rows": rows})})


def load_checkpoint(
    identity: str,
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    *,
    main: bool = True,
) -> list[dict[str, float]]:
    """Load a checkpoint into the networks and the optimiser, and return its log; an empty one to start anew.

    The main process renames a checkpoint of another identity to `OLD`.

    Raises:
        InputError: The file is no checkpoint.
    """
    path = folder / NAME
    if not path.exists():
        return []
    try:
        with safe_open(path, "pt") as file:
            run = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a checkpoint that can be read ({error}); remove it to start anew") from error
    if run["identity"] != identity:
        if main:
            path.replace(folder / OLD)
        return []
    for name, network in networks.items():
        mine = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
        network.load_state_dict(mine)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    rows: list[dict[str, float]] = run["rows"]
    return rows


def read_log(folder: str | Path) -> pd.DataFrame:
    """Read the training log of a trained model's folder, a row an epoch."""
    return pd.read_csv(require_file(Path(folder) / "log.csv", made_by="04-train"))
