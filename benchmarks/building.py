"""How long does building take, and how much memory? 20 tiles of 10 km at 10 m, 30 dates, by one and two processes.

Scenes lie on the grid of the tiles, as cloud-optimised archives have them: one float32 raster a date over all tiles,
tiled and compressed. Run as `python -m benchmarks.building`.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.windows import Window

from benchmarks.mapping import table
from benchmarks.turns import take_turns
from glaciersar import grid
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.scenes.search import find_scenes

COLUMNS, ROWS, DATES, PIXEL = 5, 4, 30, 10.0
TILES = [grid.Tile(column=10 + column, row=38 + row) for column in range(COLUMNS) for row in range(ROWS)]
SPLIT = {tile: grid.SUBSETS[k % 3] for k, tile in enumerate(TILES)}
BLOCK = 512
WORKERS = (1, 2)


def write(folder: Path) -> None:
    """Write a raster a date: speckle of four looks around -10 dB, drawn once and moved from date to date."""
    side = round(grid.TILE_SIZE / PIXEL)
    height, width = ROWS * side, COLUMNS * side
    left, top = TILES[0].bounds[0], TILES[-1].bounds[3]
    transform = rasterio.Affine(PIXEL, 0, left, 0, -PIXEL, top)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "crs": grid.SVAL.crs}
    profile |= {"height": height, "width": width, "transform": transform, "compress": "deflate", "zlevel": 1}
    profile |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}
    speckle = 0.1 * np.random.default_rng(1).standard_gamma(4, (BLOCK, width), dtype=np.float32) / 4
    folder.mkdir()
    for k in range(DATES):
        day = datetime(2020, 1, 2, 6, 30, 5, tzinfo=UTC) + timedelta(days=12 * k)
        with rasterio.open(folder / f"S1_ro14_{day:%Y%m%dT%H%M%SZ}_HH.tif", "w", **profile) as file:
            for row in range(0, height, BLOCK):
                rows = min(BLOCK, height - row)
                file.write(np.roll(speckle, 37 * k + row, axis=1)[:rows], 1, window=Window(0, row, width, rows))


def outlines() -> gpd.GeoDataFrame:
    """Draw a hundred round glaciers a tile."""
    rng = np.random.default_rng(1)
    centres = [rng.uniform(tile.bounds[:2], tile.bounds[2:], (100, 2)) for tile in TILES]
    return gpd.GeoDataFrame(geometry=shapely.buffer(shapely.points(np.concatenate(centres)), 400), crs=grid.SVAL.crs)


def build(folder: Path, workers: int) -> Callable[[], str]:
    """Make ready to build; the result is the most memory that its processes held together, MiB."""
    found, reference = find_scenes(folder), outlines()
    out = folder.with_name(f"dataset-{workers}")

    def run() -> str:
        peak, done = [0.0], threading.Event()
        watching = threading.Thread(target=_watch, args=(peak, done))
        watching.start()
        config = DatasetConfig(years=[2020], relative_orbits=[14], pixel=PIXEL)
        build_dataset(out, found, reference, SPLIT, config, workers=workers, progress=False)
        done.set()
        watching.join()
        shutil.rmtree(out)
        return f"{peak[0]:.0f}"

    return run


def _watch(peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.05):
        peak[0] = max(peak[0], _held_mib())


def _held_mib() -> float:
    """Tell the memory of this process and its children, MiB; pages in common count once (Linux)."""
    children = Path("/proc/self/task").glob("*/children")
    total = 0
    for pid in ("self", *(pid for path in children for pid in path.read_text().split())):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main() -> str:
    """Measure; returns the section of the report."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "scenes"
        start = time.perf_counter()
        write(folder)
        written = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e9
        ways = {f"{workers} process{'es' * (workers > 1)}": partial(build, folder, workers) for workers in WORKERS}
        frame = take_turns(ways, rounds=1, warm=False)
    frame["tiles a minute"] = len(TILES) * 60 / frame["median s"]
    frame["peak MiB, all"] = frame["result"].astype(float)
    return "\n\n".join(
        [
            "## Building a dataset",
            f"{len(TILES)} tiles of 10 km at {PIXEL:.0f} m, {DATES} dates, from {size:.1f} GB of tiled, compressed "
            f"GeoTIFFs on disk (written in {written:.0f} s) to three HDF5 files of "
            f"{len(TILES) * (DATES + 2) * 4e6 / 1e9:.1f} GB; *peak MiB, all* is of a process and those it starts.",
            table(frame[["median s", "× base", "tiles a minute", "peak MiB, all"]]),
        ]
    )


if __name__ == "__main__":
    print(main())
