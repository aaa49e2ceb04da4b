"""How fast are training patches loaded and augmented, against a plain loader written sample by sample?

The base follows what is known of the authors' loader: a group, jittered dates and a window are drawn; flips, quarter
turns, crop-and-scale by OpenCV, gamma and shift follow in NumPy; samples are stacked to a batch. Both read the same
file in the published layout.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import cv2
import h5py
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.machine import limits
from benchmarks.turns import Way, take_turns
from glaciersar.dataset.patches import RandomPatches, load_batches

TILES, SIDE, DATES = 3, 1000, 30  # 10 km tiles at 10 m; 30 passes a year
PATCH, BATCH, SAMPLES, ROUNDS = 384, 8, 96, 5
PROCESSES = 3  # one after the other, as where the pages of one lie makes it up to a tenth faster or slower
MEGABYTES = (15 + 2) * PATCH**2 * 4 / 1e6  # of a sample: series and labels, float32; each is read and written
LAYOUTS = {"in one piece": None, "chunks of 128²": 128}  # as published, and as files of others may be


def write(path: Path, chunk: int | None) -> None:
    """Write a file in the published layout: noise of a sensible level, and diagonal glaciers."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:SIDE, :SIDE]
    glacier = (x + y) % 300 > 150
    with h5py.File(path, "w") as file:
        for k in range(TILES):
            group = file.create_group(f"SVAL-{10 + k}-38_2020_ro14")
            grd = np.float32(0.7) + np.float32(0.03) * rng.standard_normal((DATES, SIDE, SIDE, 1), np.float32)
            outlines = np.stack((~glacier, glacier), -1).astype(np.float32)
            group.create_dataset("grd", data=grd, chunks=chunk and (1, chunk, chunk, 1))
            group.create_dataset("outlines", data=outlines, chunks=chunk and (chunk, chunk, 2))
            sizes = {"height": SIDE, "width": SIDE, "orig_height": SIDE, "orig_width": SIDE}
            group.attrs.update(sizes | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": np.arange(15) * 2})
    os.sync()  # or the disk would be written to while times are taken


class PlainPatches(Dataset):
    """The base: each step on one sample, channels last, as NumPy and OpenCV offer it."""

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.path, self.whole = path, whole
        self.file: h5py.File | None = None

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.file is None:
            self.file = h5py.File(self.path)
            self.groups = [self.file[name] for name in sorted(self.file)]
        rng = np.random.default_rng([1, index])
        group = self.groups[rng.integers(len(self.groups))]
        grd, outlines = group["grd"], group["outlines"]
        dates = group.attrs["grd_base_time_idx"] + rng.choice((-1, 0, 1), size=15, p=(0.125, 0.75, 0.125))
        dates = np.clip(dates, 0, len(grd) - 1)
        top, left = (int(rng.integers(side - PATCH + 1)) for side in grd.shape[1:3])
        rows, columns = slice(top, top + PATCH), slice(left, left + PATCH)
        planes = grd[()][:, rows, columns][dates] if self.whole else [grd[date, rows, columns] for date in dates]
        return augmented(np.stack(planes), outlines[rows, columns], rng)  # (T, P, P, F), (P, P, 2)


def augmented(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Augment a series (T, P, P, F) and its labels (P, P, 2) as the authors do, but for their scrambled crop."""
    if rng.random() < 0.5:
        x, y = x[:, ::-1], y[::-1]
    if rng.random() < 0.5:
        x, y = x[:, :, ::-1], y[:, ::-1]
    if rng.random() < 0.75:
        quarters = int(rng.integers(1, 4))
        x, y = np.rot90(x, -quarters, axes=(1, 2)), np.rot90(y, -quarters)
    if rng.random() < 0.25:
        size = int(rng.uniform(0.8, 1) * PATCH)
        top, left = rng.integers(0, PATCH - size + 1, size=2)
        rows, columns = slice(top, top + size), slice(left, left + size)
        planes = [plane[rows, columns] for dates in np.moveaxis(x, -1, 1) for plane in dates]
        resized = np.stack([cv2.resize(np.ascontiguousarray(plane), (PATCH, PATCH)) for plane in planes])
        x = np.moveaxis(resized.reshape(len(x), -1, PATCH, PATCH), 1, -1)
        y = cv2.resize(np.ascontiguousarray(y[rows, columns]), (PATCH, PATCH))
    if rng.random() < 0.25:
        x = np.nan_to_num(x ** rng.uniform(0.8, 1.2, size=x.shape[-1]).astype(np.float32), copy=False)
    if rng.random() < 0.25:
        x = x + rng.normal(0, 0.025, size=x.shape[-1]).astype(np.float32)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def stacked(patches: PlainPatches) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Load an epoch in this process; np.stack takes a third of the time of the collation of a DataLoader."""
    for start in range(0, SAMPLES, BATCH):
        xs, ys = zip(*(patches[k] for k in range(start, start + BATCH)), strict=True)
        yield torch.from_numpy(np.stack(xs)), torch.from_numpy(np.stack(ys))


def plain(path: Path, *, workers: int, whole: bool = False) -> Callable[[], tuple[float, float]]:
    patches = PlainPatches(path, whole=whole)
    if not workers:
        return partial(_consume, partial(stacked, patches))
    return partial(_consume, DataLoader(patches, BATCH, num_workers=workers, persistent_workers=True).__iter__)


def ours(path: Path, *, workers: int) -> Callable[[], tuple[float, float]]:
    patches = RandomPatches(path, patch=PATCH, samples=SAMPLES, seed=1)
    return partial(_consume, load_batches(patches, BATCH, workers=workers).__iter__)


def _consume(epoch: Callable[[], Iterable]) -> tuple[float, float]:
    """Take every batch of an epoch; tell this process's CPU time a sample, ms, and what it maps of files now, MiB."""
    begin = time.process_time()
    for _ in epoch():
        pass
    cpu = (time.process_time() - begin) / SAMPLES * 1000
    with open("/proc/self/status") as status:
        return cpu, next(int(line.split()[1]) for line in status if line.startswith("RssFile")) / 1024


def repeated(ways: Mapping[str, Way]) -> pd.DataFrame:
    """Take turns in several sets of processes; medians of their medians, what was least and most, the last result."""
    tables = [take_turns(ways, rounds=ROUNDS) for _ in range(PROCESSES)]
    how = {"median s": "median", "min s": "min", "max s": "max", "× base": "median", "peak MiB": "max"}
    return pd.concat(tables).groupby(level=0, sort=False).agg(how | {"result": "last"})


def main() -> str:
    """Measure, and write the section of the results."""
    rows, bandwidth = [], limits()["copy GB/s"]
    with tempfile.TemporaryDirectory() as folder:
        for layout, chunk in LAYOUTS.items():
            path = Path(folder) / f"{chunk}.h5"
            write(path, chunk)
            for workers in (0, 2):
                ways = {
                    "NumPy/OpenCV": partial(plain, path, workers=workers),
                    "glaciersar": partial(ours, path, workers=workers),
                }
                if not (chunk or workers):  # the authors keep all arrays in memory, and copy one at each access
                    ways["NumPy/OpenCV, whole arrays"] = partial(plain, path, workers=0, whole=True)
                table = repeated(ways)
                rows += [
                    {
                        "file": layout,
                        "workers": workers,
                        "way": way,
                        "samples/s": SAMPLES / seconds["median s"],
                        "slowest": SAMPLES / seconds["max s"],
                        "fastest": SAMPLES / seconds["min s"],
                        "× base": seconds["× base"],
                        "of copy GB/s": 2 * MEGABYTES * SAMPLES / seconds["median s"] / 1000 / bandwidth,
                        "CPU ms a sample": "–"
                        if workers
                        else f"{seconds['result'][0]:.1f}",  # the CPU time of workers is not measured
                        "peak MiB": seconds["peak MiB"],
                        "of it mapped files": seconds["result"][1],
                    }
                    for way, seconds in table.iterrows()
                ]
            path.unlink()
    table = pd.DataFrame(rows)
    ratios = table[table["way"] == "glaciersar"].set_index(["file", "workers"])["× base"]
    lines = [
        "## Loading",
        "",
        f"How many training patches of 15 × {PATCH} × {PATCH} are loaded and augmented in a second, in batches of "
        f"{BATCH}, against a plain loader that goes sample by sample?",
        "",
        table.to_markdown(
            index=False, floatfmt=("", "d", "", ".0f", ".0f", ".0f", ".2f", ".2f", ".1f", ".0f", ".0f"), missingval="–"
        ),
        "",
        f"On a file in one piece, {ratios['in one piece', 0]:.1f} times the base in one process and "
        f"{ratios['in one piece', 2]:.1f} times with two workers; on one in chunks, "
        f"{ratios['chunks of 128²', 0]:.1f} and {ratios['chunks of 128²', 2]:.1f} times. The file lies in the page "
        "cache, and the first epoch, in which ours looks at each plane for NaN, is not timed. Rates and ratios are "
        f"medians over {PROCESSES} sets of processes, of the median of each. Mapped pages are the kernel's, which "
        "takes them back when memory is short; workers' memory is theirs.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(main())
