"""Real labelled patches of three projections: built, split, trained on, scored, mapped, outlined and measured."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from glaciersar.dataset.labelled_patches import Patch, name_groups, split_by_glacier
from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.evaluation.metrics import Confusion
from glaciersar.geodesy import pixel_areas_km2
from glaciersar.grid import SUBSETS
from glaciersar.inference.sliding_window import write_map
from glaciersar.inventory.from_map import outline_glaciers
from glaciersar.io.rasters import read_overview
from glaciersar.models import Network, pretrained
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tools.real_radar.folds import FINE_RATE, FRESH
from tools.real_radar.patches import read_patches, write_dataset

START = "unet3d-simulated"
SPLIT_SEED = 3
SMALLEST = 1.0
"""m², of islands and holes: every pixel of a map is kept."""


def fine_tuning(steps: int = 40, *, patch: int = 64) -> TrainConfig:
    """Say how shipped weights of *simulated* radar are fine-tuned on the patches."""
    start = pretrained.load(START)
    warmup = min(FRESH.warmup, steps // 4)
    config = replace(FRESH, steps_per_epoch=steps, patch=patch, warmup=warmup)
    return replace(config, width=start.width, weights=START, learning_rate=FINE_RATE)


def train_on_patches(
    folder: str | Path, work: Path, config: TrainConfig
) -> tuple[Network, dict[str, dict[str, Patch]]]:
    """Build a dataset of the patches of a folder, split by glacier, and train on it.

    Returns:
        The network, and the patches of each subset by the names of their groups.
    """
    split = split_by_glacier(name_groups(read_patches(folder)), seed=SPLIT_SEED)
    for subset, groups in split.items():
        write_dataset(work / f"data/{subset}.h5", groups.items())
    train(config, work / "data", work / "model", progress=False)
    return pretrained.load(work / "model/weights.safetensors"), split


def map_patches(network: Network, split: Mapping[str, Mapping[str, Patch]], work: Path) -> dict[str, Path]:
    """Map the patches of all subsets, each on its own grid; gives the map of each group, NaN without data."""
    maps = {}
    for subset in SUBSETS:
        path = work / f"data/{subset}.h5"
        for name, probability, labels in iter_tile_maps(network, path, window=384, progress=False):
            seen = np.where(labels.sum(0) > 0, probability, np.nan)  # (H, W)
            maps[name] = write_map(work / f"maps/{name}.tif", seen.astype(np.float32), split[subset][name].geobox)
    return maps


def outlined_km2(path: Path) -> float:
    """Outline the glaciers of a map and sum their areas on the ground, km²."""
    return float(outline_glaciers(path, smallest=SMALLEST)["area_km2"].sum())


def areas_by_projection(split: Mapping[str, Mapping[str, Patch]], maps: Mapping[str, Path], work: Path) -> pd.DataFrame:
    """Measure the glaciers of the patches, by projection.

    Returns:
        A row each system: glaciers, patches, pixels_km2 and outlines_km2 of the labels, and mapped_km2.
    """
    rows = []
    for name, patch in (pair for groups in split.values() for pair in groups.items()):
        glacier = patch.labels[..., 1] > 0.5  # (H, W)
        known = np.where(patch.labels.sum(-1) > 0, glacier, np.nan).astype(np.float32)
        rows.append(
            {
                "crs": str(patch.geobox.crs),
                "glacier": patch.glacier,
                "pixels_km2": float(pixel_areas_km2(patch.geobox)[glacier].sum()),
                "outlines_km2": outlined_km2(write_map(work / f"labels/{name}.tif", known, patch.geobox)),
                "mapped_km2": outlined_km2(maps[name]),
            }
        )
    table = pd.DataFrame(rows).groupby("crs")
    counts = table["glacier"].agg(glaciers="nunique", patches="size")
    found: pd.DataFrame = counts.join(table[["pixels_km2", "outlines_km2", "mapped_km2"]].sum()).reset_index()
    return found


def score_maps(groups: Mapping[str, Patch], maps: Mapping[str, Path]) -> Confusion:
    """Count the pixels of the maps of some groups against their labels; unknown ones count nowhere."""
    counts = Confusion()
    for name, patch in groups.items():
        probability, _ = read_overview(maps[name])
        counts += Confusion.of(patch.labels[..., 1] > 0.5, probability > 0.5, np.isfinite(probability))
    return counts
