"""Does memory grow with the raster that is mapped? One area and 4 and 16 times as much, from scenes on disk.

The network is narrow (width 8) and the windows are small, so that what grew with the raster would show. Run as
`python -m benchmarks.streaming`.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import torch
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from benchmarks.mapping import network, table
from benchmarks.turns import take_turns
from glaciersar import radiometry
from glaciersar.inference import backends, large_raster, sliding_window
from glaciersar.models.precision import multiplies_bf16
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series

SIDES = (742, 1471, 2929)  # pixels: 3, 6 and 12 windows of full size side by side, so 1, 4 and 16 times the area
DATES, WIDTH, WINDOW = 4, 8, 256
BLOCK = 512  # rows that are written at once
PRECISION = "bf16" if multiplies_bf16("cpu") else "float32"  # "auto" would take another for the smallest


def area(side: int) -> GeoBox:
    """Lay a square grid of 10 m."""
    return GeoBox((side, side), rasterio.Affine(10, 0, 500_000, 0, -10, 8_800_000), "EPSG:32633")


def write(folder: Path, side: int) -> None:
    """Write a raster a date: speckle of four looks around -10 dB, no memory of the whole."""
    rng = np.random.default_rng(1)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "tiled": True}
    profile |= {"height": side, "width": side, "crs": "EPSG:32633", "transform": area(side).affine}
    for k in range(DATES):
        time = datetime(2020, 1, 2, 6, 30, 5, tzinfo=UTC) + timedelta(days=24 * k)
        folder.mkdir(exist_ok=True)
        with rasterio.open(folder / f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_HH.tif", "w", **profile) as file:
            for top in range(0, side, BLOCK):
                rows = min(BLOCK, side - top)
                power = 0.1 * rng.standard_gamma(4, (rows, side), dtype=np.float32) / 4
                file.write(power, 1, window=Window(0, top, side, rows))


def chosen(folder: Path) -> list[Scene]:
    """Take every date of a folder."""
    return choose_series(find_scenes(folder), polarisation="HH", dates=0)


def streamed(folder: Path, side: int):
    """Make ready to map from disk to disk, in windows."""
    settings = {"backend": "torch", "precision": PRECISION, "tiling": sliding_window.Tiling(window=WINDOW)}
    model, found, path = network("unet3d", width=WIDTH), chosen(folder), folder.with_name("probability.tif")
    return lambda: large_raster.map_scenes(model, found, area(side), "HH", path, **settings)[0].predictor


def in_memory(folder: Path, side: int):
    """Make ready to read the whole, map it and write it, as long as it fits."""
    predictor = backends.make_predictor(network("unet3d", width=WIDTH), backend="torch", precision=PRECISION)
    found, path = chosen(folder), folder.with_name("whole.tif")

    def run() -> str:
        prepared = radiometry.prepare(read_series(found, area(side), "HH").power)
        tiling = sliding_window.Tiling(window=WINDOW)
        probability = sliding_window.map_array(predictor, prepared.series[None], valid=prepared.valid, tiling=tiling)
        sliding_window.write_map(path, probability, area(side))
        return str(predictor)

    return run


def main() -> str:
    """Measure; returns the section of the report."""
    with tempfile.TemporaryDirectory() as temporary:
        ways = {}
        for side in SIDES:
            folder = Path(temporary) / str(side)
            write(folder, side)
            ways[f"{side}², streamed"] = partial(streamed, folder, side)
        for side in SIDES[:2]:
            ways[f"{side}², in memory"] = partial(in_memory, Path(temporary) / str(side), side)
        frame = take_turns(ways, rounds=1)
    sides = np.array([*SIDES, *SIDES[:2]])
    peaks = frame["peak MiB"].to_numpy()
    frame["area"] = sides**2 / SIDES[0] ** 2
    frame["Mpixel/s"] = sides**2 / 1e6 / frame["median s"]
    frame["peak ÷ that of area 1"] = peaks / peaks[[0, 0, 0, 3, 3]]
    growth = frame["peak ÷ that of area 1"].iloc[: len(SIDES)].max() - 1
    return "\n\n".join(
        [
            "## Mapping larger than memory",
            f"unet3d, width {WIDTH}, {DATES} dates, windows of {WINDOW} ({', '.join(sorted(set(frame['result'])))}), "
            f"from GeoTIFFs on disk to cloud-optimised ones, {torch.get_num_threads()} threads.",
            table(frame[["area", "median s", "Mpixel/s", "peak MiB", "peak ÷ that of area 1"]]),
            f"Streamed, {frame['area'].iloc[len(SIDES) - 1]:.1f} times the area takes {growth:.0%} more memory.",
        ]
    )


if __name__ == "__main__":
    print(main())
