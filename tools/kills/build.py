"""python -m tools.kills.build FOLDER: build a small dataset by two workers, which import no torch."""

import os
import sys
from pathlib import Path

from glaciersar import grid, outlines
from glaciersar.cli import main as glaciersar
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.covered import covered_tiles
from glaciersar.scenes.search import find_scenes
from tools.kills.tasks import BEGUN, ENDED

PIXEL = 100.0
TILES = 6


def make_archive(place: Path) -> None:
    """Simulate the radar that all kinds of small work read."""
    glaciersar(["simulate", "--out", str(place / "archive"), "--pixel", f"{PIXEL:g}", "--landscapes", "2", "--quiet"])


def build(place: Path, out: str = "dataset", *, workers: int = 2, count: int = TILES) -> None:
    """Build a small dataset from that radar."""
    scenes = find_scenes(place / "archive/catalog.json")
    reference = outlines.read_outlines(place / "archive/outlines.gpkg", layer="reference")
    tiles = sorted(covered_tiles(scenes, "HH"))[:count]
    split = {tile: grid.SUBSETS[k % 3] for k, tile in enumerate(tiles)}
    config = DatasetConfig(years=[2020], relative_orbits=[14], pixel=PIXEL)
    build_dataset(place / out, scenes, reference, split, config, workers=workers, progress=False)


if __name__ == "__main__":
    print(f"{BEGUN} {os.getpid()}", flush=True)
    build(Path(sys.argv[1]))
    print(ENDED, flush=True)
