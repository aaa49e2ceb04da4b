"""Build small datasets for tests."""

from dataclasses import fields
from pathlib import Path

from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig

CHOICES = {field.name for field in fields(DatasetConfig)}


def build(out, scenes, reference, split, **arguments) -> Path:
    """Build groups of 2020 and orbit 14 without a progress bar; `arguments` are of `build_dataset` or its config."""
    choices = {"years": [2020], "relative_orbits": [14]}
    choices |= {name: arguments.pop(name) for name in CHOICES & set(arguments)}
    return build_dataset(out, scenes, reference, split, DatasetConfig(**choices), **{"progress": False} | arguments)
