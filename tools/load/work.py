"""python -m tools.load.work SOURCE OUT AT_A_TIME: map four regions, so many of them at a time in threads."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from glaciersar.inference import large_raster
from glaciersar.inference.region import choose_region
from glaciersar.inference.sliding_window import Tiling
from glaciersar.models import pretrained
from glaciersar.scenes.search import find_scenes

REGIONS = 4
LANDSCAPE = "landscape-00"
SIDE = 100  # pixels of a region; the landscape has twice as many
DATES = 5


def map_regions(source: str, out: Path, at_a_time: int) -> None:
    """Map four regions of one archive, each with a network of its own."""
    scenes = [scene for scene in find_scenes(source) if LANDSCAPE in scene.id]
    region = choose_region(pretrained.load("unet3d-simulated"), scenes, dates=0)
    chosen = region.chosen[:: max(1, len(region.chosen) // DATES)][:DATES]

    def draw(number: int) -> None:
        row, column = SIDE * (number // 2), SIDE * (number % 2)
        grid = region.grid[row : row + SIDE, column : column + SIDE]
        large_raster.map_scenes(
            pretrained.load("unet3d-simulated"),
            chosen,
            grid,
            region.polarisation,
            out / f"region-{number}/probability.tif",
            tiling=Tiling(window=64),
            backend="torch",
            precision="float32",
            device="cpu",
            max_offset=math.inf,  # 100 pixels of speckle are too few to measure offsets by
        )

    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(draw, range(REGIONS)))


if __name__ == "__main__":
    torch.set_num_threads(1)  # the number of threads changes the last bits
    map_regions(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
