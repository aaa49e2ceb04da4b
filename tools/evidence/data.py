"""Simulate the archives of the experiment and build its datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from glaciersar import grid, outlines
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.search import find_scenes
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.places import bounds_of
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.simulate.zones import GLACIER
from tools.evidence import labels
from tools.evidence.plan import Plan


def simulate(plan: Plan, name: str, work: Path) -> Path:
    """Simulate an archive of the plan; one that is there already stays."""
    settings = ArchiveSettings(**plan.archives[name])
    return simulate_archive(work / "archives" / name, settings, replace=True, progress=False)


def build(plan: Plan, name: str, work: Path) -> Path:
    """Build a dataset of the plan from its archive, with the subsets that the plan gives."""
    wanted = plan.datasets[name]
    archive = work / "archives" / wanted["archive"]
    scenes = find_scenes(archive / "catalog.json")
    settings = ArchiveSettings(**plan.archives[wanted["archive"]])
    reference = outlines.read_outlines(archive / "outlines.gpkg", layer="reference")
    subset = assign_subsets(plan, name, archive)
    config = DatasetConfig(
        years=settings.years,
        relative_orbits=settings.relative_orbits,
        polarisation=wanted.get("polarisation", "HH"),
        pixel=settings.pixel,
    )
    out = work / "datasets" / name
    training = {tile for tile, part in subset.items() if part == "train"}  # what is tested stays as it is
    if "label_error" in wanted:
        reference = labels.redraw(archive, reference, training, settings, labels.with_error(wanted["label_error"]))
    if "ragged_share" in wanted:
        reference = labels.redraw(archive, reference, training, settings, labels.with_style(wanted["ragged_share"]))
    build_dataset(out, scenes, reference, subset, config, progress=False)
    return out


def assign_subsets(plan: Plan, name: str, archive: Path) -> dict[Tile, str]:
    """Assign the landscapes of a dataset to train, val and test by their number; controls train."""
    wanted, usual = plan.datasets[name], plan.subsets
    settings = ArchiveSettings(**plan.archives[wanted["archive"]])
    side = settings.tiles_per_side
    tiles = [_tiles(settings.corner(k), side) for k in range(settings.landscapes + settings.controls)]
    if split := wanted.get("split"):  # whole landscapes, or tile by tile
        flat = [tile for four in tiles for tile in four]
        how = grid.splits(flat, block=side, seed=1, shares=(0.6, 0.15, 0.25))
        return grid.choose_split(how, split)
    count = wanted.get("landscapes", settings.landscapes)
    tests, vals = wanted.get("test", usual["test"]), wanted.get("val", usual["val"])
    iced = [k for k in range(count) if ice_fraction(archive, k) >= usual["least_ice"]]
    if len(iced) < tests + vals:
        raise InputError(f"{archive}: {len(iced)} landscapes with glaciers found, {tests + vals} expected")
    order = iced[:tests] + [k for k in range(count) if k not in iced[:tests]]
    names = ["test"] * tests + ["val"] * vals + ["train"] * (count - tests - vals)
    subset = {tile: part for k, part in zip(order, names, strict=True) for tile in tiles[k]}
    if "landscapes" not in wanted:
        subset |= {tile: "train" for k in range(count, len(tiles)) for tile in tiles[k]}  # the controls
    for k, four in enumerate(tiles):
        if not _is_wanted(settings, k, wanted.get("train_on", {})):
            subset = {tile: part for tile, part in subset.items() if part != "train" or tile not in four}
    return subset


def _is_wanted(settings: ArchiveSettings, landscape: int, train_on: Mapping[str, Any]) -> bool:
    """Tell whether to train on a landscape: by its orbit, by its year, or every second pair of landscapes."""
    year, orbit = settings.pairs(landscape, bounds_of(settings.corner(landscape), settings.tiles_per_side))[0]
    if "every" in train_on:
        return landscape // 4 % int(train_on["every"]) == 0  # four in a row: two orbits by two years
    found = {"year": year, "relative_orbit": orbit}
    return all(found[key] == value for key, value in train_on.items())


def _tiles(corner: Tile, side: int) -> list[Tile]:
    return [corner.neighbour(right=i, up=j) for i in range(side) for j in range(side)]


def ice_fraction(archive: Path, landscape: int) -> float:
    """Measure how much of a landscape is glacier in its first year, 0 to 1."""
    path = min((archive / f"landscape-{landscape:02d}").glob("zones_*.tif"))
    with rasterio.open(path) as file:
        return float(np.isin(file.read(1), GLACIER).mean())
