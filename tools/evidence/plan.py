"""The plan of the experiment, read from config/evidence.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from glaciersar.errors import InputError
from glaciersar.training.config import TrainConfig

PLAN = Path("config/evidence.yaml")
WORK = Path("runs/evidence")
FIGURES = Path("figures/evidence")
MAIN = "main"
"""The part, and the dataset, that the others are compared with."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way to map that the experiment compares with others."""

    name: str
    data: str
    """Its dataset."""
    options: Mapping[str, Any]
    """What differs from the plan's training."""

    def config(self, training: Mapping[str, Any], *, seed: int) -> TrainConfig:
        """Make the configuration of its training."""
        return TrainConfig(**{"model": "unet3d", **training, **self.options, "seed": seed})


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Weights of an arm of the part `MAIN`, scored on another dataset without a training."""

    name: str
    arm: str
    """Whose weights."""
    data: str
    """The dataset."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the experiment: arms that are trained with the same seeds."""

    name: str
    seeds: Sequence[int]
    training: Mapping[str, Any]
    """What differs from the plan's training in all its arms."""
    arms: Mapping[str, Arm]
    shifts: Mapping[str, Shift]
    """Scored with the part's seeds, which are some of those of `MAIN`."""

    @property
    def scored(self) -> list[str]:
        """Names of all that has scores of every seed."""
        return [*self.arms, *self.shifts]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole experiment."""

    archives: Mapping[str, Mapping[str, Any]]
    """Settings of `simulate.settings.ArchiveSettings` by name."""
    subsets: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any]
    parts: Mapping[str, Part]

    def reference(self, part: Part) -> tuple[Part, Arm]:
        """Find what a part is compared with, and its part: the plain unet3d that is trained as long on `MAIN`."""
        for other in self.parts.values():
            for arm in other.arms.values():
                if arm.data == MAIN and {"model": "unet3d", **arm.options} == {"model": "unet3d", **part.training}:
                    return other, arm
        raise InputError(f"no unet3d with {dict(part.training)} found, one expected to compare part {part.name} with")

    def arm(self, name: str) -> Arm:
        """Find an arm by its name, which no two parts share."""
        for part in self.parts.values():
            if name in part.arms:
                return part.arms[name]
        known = ", ".join(arm for part in self.parts.values() for arm in part.arms)
        raise InputError(f"arm {name!r} found, one of {known} expected")


def read_plan(path: str | Path = PLAN) -> Plan:
    """Read the plan, and check that every arm can be trained and has a dataset."""
    content = yaml.safe_load(Path(path).read_text())
    parts = {}
    for name, part in content["parts"].items():
        arms = {}
        for arm, options in part["arms"].items():
            own = {**part.get("training", {}), **{key: value for key, value in options.items() if key != "data"}}
            arms[arm] = Arm(name=arm, data=options.get("data", MAIN), options=own)
            arms[arm].config(content["training"], seed=1)
            if arms[arm].data not in content["datasets"]:
                raise InputError(f"{path}: dataset {arms[arm].data!r} of arm {arm} found, one that is listed expected")
        shifts, training = _shifts(part.get("shifted", {})), part.get("training", {})
        parts[name] = Part(name=name, seeds=part["seeds"], training=training, arms=arms, shifts=shifts)
    _check_shifts(path, parts, content["datasets"])
    keys = ("archives", "subsets", "datasets", "training")
    plan = Plan(**{key: content[key] for key in keys}, parts=parts)
    for one in parts.values():
        reference, _ = plan.reference(one)
        if not set(one.seeds) <= set(reference.seeds):
            raise InputError(f"{path}: seeds {one.seeds} of part {one.name} found, those of {reference.name} expected")
    return plan


def _shifts(shifted: Mapping[str, Sequence[str]]) -> dict[str, Shift]:
    """Name every arm on every dataset that its weights are scored on."""
    pairs = [(arm, data) for arm, datasets in shifted.items() for data in datasets]
    return {f"{arm}_{data}": Shift(name=f"{arm}_{data}", arm=arm, data=data) for arm, data in pairs}


def _check_shifts(path: str | Path, parts: Mapping[str, Part], datasets: Mapping[str, Any]) -> None:
    """Check that the weights to shift are trained, with every seed, and that their datasets are listed."""
    for part in parts.values():
        for shift in part.shifts.values():
            if shift.arm not in parts[MAIN].arms or not set(part.seeds) <= set(parts[MAIN].seeds):
                found = f"shifted arm {shift.arm!r} with seeds {part.seeds}"
                raise InputError(f"{path}: {found} found, an arm and seeds of part {MAIN} expected")
            if shift.data not in datasets:
                raise InputError(f"{path}: shifted dataset {shift.data!r} found, one that is listed expected")
