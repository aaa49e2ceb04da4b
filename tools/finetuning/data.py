"""Simulate the new region, and cut dataset files with few tiles to train on."""

import hashlib
from pathlib import Path

import h5py
import numpy as np

from glaciersar import outlines
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.io.atomic import atomic_write
from glaciersar.scenes.search import find_scenes
from glaciersar.simulate.archive import simulate_archive
from tools.evidence.data import ice_fraction
from tools.finetuning.plan import Plan


def build(plan: Plan, work: Path) -> Path:
    """Simulate the archive and build its dataset, unless they are there; gives the folder of train, val and test.h5."""
    out = work / "dataset"
    if (out / "test.h5").exists():
        return out
    archive = simulate_archive(work / "archive", plan.archive, replace=True, progress=False).parent
    config = DatasetConfig(
        years=plan.archive.years, relative_orbits=plan.archive.relative_orbits, pixel=plan.archive.pixel
    )
    reference = outlines.read_outlines(archive / "outlines.gpkg", layer="reference")
    return build_dataset(
        out, find_scenes(archive / "catalog.json"), reference, assign(plan, archive), config, progress=False
    )


def assign(plan: Plan, archive: Path) -> dict[Tile, str]:
    """Give the first landscapes with enough glacier to the test, the next to validation, the others to training.

    Raises:
        InputError: Fewer have enough glacier than the plan needs.
    """
    every = range(plan.archive.landscapes)
    iced = [plan.archive.corner(k) for k in every if ice_fraction(archive, k) >= plan.least_ice]
    needed = plan.tests + 1 + max(plan.counts)
    if len(iced) < needed:
        raise InputError(f"{archive}: {len(iced)} landscapes with glaciers found, {needed} expected")
    names = ["test"] * plan.tests + ["val"] + ["train"] * (len(iced) - plan.tests - 1)
    return dict(zip(iced, names, strict=True))


def choose_tiles(path: Path, count: int, *, seed: int) -> list[str]:
    """Draw tiles of a dataset file; those of a smaller count are among those of a larger one."""
    with h5py.File(path) as file:
        names = sorted(file)
    return [names[k] for k in np.random.default_rng(seed).permutation(len(names))[:count]]


def copy_tiles(source: Path, names: list[str], out: Path) -> None:
    """Write a dataset file with some tiles of another one."""
    with h5py.File(source) as file, atomic_write(out) as temporary, h5py.File(temporary, "w") as copy:
        for name in names:
            file.copy(name, copy)
        copy.attrs.update({name: value for name, value in file.attrs.items() if name != "content"})
        told = f"{file.attrs['content']} {' '.join(sorted(names))}"  # by which a training knows its data
        copy.attrs["content"] = hashlib.sha256(told.encode()).hexdigest()
