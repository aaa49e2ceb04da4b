"""python -m tools.kills.work training|map FOLDER: small work with a network."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from glaciersar.inference import large_raster
from glaciersar.inference.region import choose_region
from glaciersar.inference.sliding_window import Tiling
from glaciersar.models import pretrained
from glaciersar.scenes.search import find_scenes
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tools.kills.tasks import BEGUN, ENDED

LANDSCAPE = "landscape-00"
"""The one of the archive that is mapped."""


def learn(place: Path) -> None:
    """Train a small network for some epochs."""
    config = TrainConfig(width=4, patch=32, batch=2, epochs=8, steps_per_epoch=6, precision="float32", device="cpu")
    train(config, place / "data", place / "training", progress=False)


def draw(place: Path) -> None:
    """Map a landscape by small windows."""
    network = pretrained.load("unet3d-simulated")
    scenes = [scene for scene in find_scenes(place / "archive/catalog.json") if LANDSCAPE in scene.id]
    region = choose_region(network, scenes)
    large_raster.map_scenes(
        network,
        region.chosen,
        region.grid,
        region.polarisation,
        place / "map/probability.tif",
        tiling=Tiling(window=64),
        backend="torch",
        precision="float32",
        device="cpu",
    )


WORK: dict[str, Callable[[Path], None]] = {"training": learn, "map": draw}

if __name__ == "__main__":
    torch.set_num_threads(1)  # the number of threads changes the last bits
    print(f"{BEGUN} {os.getpid()}", flush=True)
    WORK[sys.argv[1]](Path(sys.argv[2]))
    print(ENDED, flush=True)
