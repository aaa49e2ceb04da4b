"""Train from the command line, on one device or, through `accelerate launch -m glaciersar.training`, on several.

`glaciersar train`, `python -m glaciersar.training` and notebook 04 train by the same function, `train_run`. A notebook
cannot be run by several processes, as each would run all of its cells; it finds what they have trained.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.distributed as dist

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.io.yaml_files import read_sections
from glaciersar.models.memory import peak_bytes
from glaciersar.recipe import run_name
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train

SECTION = "04-train"
"""Of a profile: what it sets for trainings, beside `all`."""

DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(TrainConfig)}
assert MISSING not in DEFAULTS.values()
LISTS = {name: float if name == "restarts" else str for name, value in DEFAULTS.items() if isinstance(value, tuple)}
"""Type of what a list holds."""

PLACES = ("work", "data")
CUDA_RESERVE = 3 * 2**30
"""Bytes: `models.memory` says 1 to 3 GiB."""


def train_run(config: TrainConfig, work: str | Path, *, data: str | Path = "", progress: bool = True) -> pd.DataFrame:
    """Train a model into the folder of a run, as `loop.train` does.

    Args:
        config: What to train and how.
        work: Folder of the run; weights and log go to `models` in it, into a folder named by model and recipe.
        data: Folder with train.h5 and val.h5; empty takes `dataset` in the folder of the run.
        progress: Show a progress bar.

    Returns:
        The log, one row an epoch.
    """
    work = Path(work)
    out = work / "models" / run_name(config.model, config.recipe)
    return train(
        config, Path(data or work / "dataset"), out, progress=progress, bytes_needed_at=partial(bytes_of_step, config)
    )


def bytes_of_step(config: TrainConfig, patches: int) -> int:
    """Estimate the memory that a GPU needs for a step with some patches at once, with 3 GiB for CUDA and its kernels.

    The precision "auto" counts as 16 bits, which it is on a GPU.
    """
    with torch.device("meta"):  # no memory, and no random numbers
        network = models.build(config.model, features=len(config.features), width=config.width)
    precision = "float32" if config.precision in ("float32", "tf32") else "bf16"
    needed = peak_bytes(
        network, dates=config.dates, side=config.patch, batch=patches, precision=precision, training=True
    )
    return needed + CUDA_RESERVE


def main(arguments: Sequence[str] | None = None, *, program: str = "python -m glaciersar.training") -> int:
    """Run the command line; a user's mistake is one sentence on stderr and exit status 2."""
    try:
        given = vars(_parser(program).parse_args(arguments))
        profile, quiet = given.pop("profile", None), given.pop("quiet")
        values = (read_profile(profile) if profile else {}) | given
        work, data = values.pop("work", ""), values.pop("data", "")
        if not work:
            raise InputError("no folder for the run found, --work FOLDER or --profile NAME expected")
        train_run(TrainConfig(**values), work, data=data, progress=not quiet)
        return 0
    except InputError as error:
        rank = int(os.environ.get("RANK", "0"))
        print(f"glaciersar: {f'process {rank}: ' if rank else ''}{error}", file=sys.stderr)
        return 2
    finally:
        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()


def _parser(program: str) -> argparse.ArgumentParser:
    """Take every field of a configuration as an option."""
    parser = argparse.ArgumentParser(
        prog=program,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        description="Train a model; on several GPUs: accelerate launch -m glaciersar.training, with the same options. "
        "The options are the fields of glaciersar.training.TrainConfig.",
    )
    parser.add_argument("--profile", help="take parameters from config/PROFILE.yaml, or from a file")
    parser.add_argument("--work", help="folder of the run (default: the profile's)")
    parser.add_argument("--data", help="folder with train.h5 and val.h5 (default: dataset in the folder of the run)")
    parser.add_argument("--quiet", action="store_true", default=False, help="no progress bar")
    for name, default in DEFAULTS.items():
        option, shown = f"--{name.replace('_', '-')}", f"default {default!r}"
        if name in LISTS:
            parser.add_argument(option, dest=name, nargs="*", type=LISTS[name], help=shown)
        elif isinstance(default, bool):
            parser.add_argument(option, dest=name, action=argparse.BooleanOptionalAction, help=shown)
        else:
            parser.add_argument(option, dest=name, type=type(default), help=shown)
    return parser


def read_profile(profile: str) -> dict[str, Any]:
    """Read what a profile sets for a training: its section `all`, where that names anything of one, and its own.

    Args:
        profile: Name of a file in `config` of the current folder, or a path to a YAML file in such a folder.

    Returns:
        Fields of a `TrainConfig`, and the folders `work` and `data`.

    Raises:
        InputError: No such profile, a name that no training has, or a value of another type.
    """
    path = Path(profile) if profile.endswith(".yaml") else Path("config", f"{profile}.yaml")
    if not path.is_file():
        known = sorted(found.stem for found in path.parent.glob("*.yaml"))
        raise InputError(f"{path}: no such profile found, one of {', '.join(known) or 'none there'} expected")
    sections = read_sections(path)
    common = {name: value for name, value in sections.get("all", {}).items() if name in (*DEFAULTS, *PLACES)}
    values = common | sections.get(SECTION, {})
    values.pop("progress", None)
    project = path.resolve().parent.parent
    for name, value in values.items():
        if name in PLACES:
            values[name] = str(project / value) if value else ""
        elif name not in DEFAULTS:
            raise InputError(f"{path}: {SECTION}: {name} found, a field of TrainConfig expected")
        else:
            where = f"{path}: {name}"
            if name in LISTS and isinstance(value, list):
                values[name] = tuple(_convert(part, LISTS[name], where=where) for part in value)
            else:
                values[name] = _convert(value, type(DEFAULTS[name]), where=where)
    if (weights := values.get("weights")) and (project / weights).is_file():  # else a name
        values["weights"] = str(project / weights)
    return values


def _convert(value: Any, wanted: type, *, where: str) -> Any:
    """Bring a value of YAML to a type, or refuse it."""
    if wanted is float and type(value) in (int, str):
        with suppress(ValueError):
            return float(value)  # also 5e-4, which YAML takes for a text
    if type(value) is not wanted:
        raise InputError(f"{where}={value!r} found, {wanted.__name__} expected")
    return value
