"""Build small datasets for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import geopandas as gpd

from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.grid import Tile
from glaciersar.scenes.scene import Scene

CHOICES = {field.name for field in fields(DatasetConfig)}


def build(
    out: Path, scenes: Sequence[Scene], reference: gpd.GeoDataFrame, split: Mapping[Tile, str], **arguments: Any
) -> Path:
    """Build groups of 2020 and orbit 14 without a progress bar; `arguments` are of `build_dataset` or its config."""
    choices: dict[str, Any] = {"years": [2020], "relative_orbits": [14]}
    choices |= {name: arguments.pop(name) for name in CHOICES & set(arguments)}
    return build_dataset(out, scenes, reference, split, DatasetConfig(**choices), **{"progress": False} | arguments)
