"""Sample dataset files as PyTorch datasets: random patches to train on, whole tiles to score on.

Files are opened in each worker at its first read, because HDF5 handles don't survive a fork, and only the window and
the dates that a sample needs are read.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from glaciersar.augment import augment, jitter_dates
from glaciersar.dataset.opening import Entry, check_finite, list_groups
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED, Recipe

Window = tuple[slice, slice]


class _LazyFile:
    """A dataset file that each process opens for itself, at its first read."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = 0

    def __getitem__(self, name: str) -> h5py.Group:
        if self._file is None or self._process != os.getpid():
            self._file, self._process = h5py.File(self.path, "r"), os.getpid()
        return self._file[name]

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_file": None, "_process": 0}

    def read(
        self, entry: Entry, dates: Sequence[NDArray[np.integer]], window: Window, recipe: Recipe
    ) -> tuple[Tensor, Tensor]:
        """Read a window at the given dates of each feature: series (F, T, h, w) and labels (2, h, w)."""
        group = self[entry.name]
        series = [
            self._feature(group[feature], index, window) for feature, index in zip(entry.base, dates, strict=True)
        ]
        labels = np.moveaxis(group["outlines"][window].astype(np.float32), -1, 0)  # (2, h, w)
        check_finite(labels, f"{self.path}: {entry.name}: dataset outlines")
        if recipe.nodata_masked:
            labels = labels * _inside(entry, window)
        else:
            labels[0] = 1 - labels[1]  # what no radar saw counts as background
        return torch.from_numpy(np.stack(series)), torch.from_numpy(np.ascontiguousarray(labels))

    def _feature(self, dataset: h5py.Dataset, index: NDArray[np.integer], window: Window) -> NDArray[np.float32]:
        """Read dates one by one: each once, and 20 times faster than by a list of indices."""
        unique, back = np.unique(index, return_inverse=True)
        values = np.stack([dataset[(date, *window, 0)] for date in unique])  # (≤ T, h, w)
        check_finite(values, f"{self.path}: dataset {dataset.name}")
        return values[back]


def _inside(entry: Entry, window: Window) -> NDArray[np.bool_]:
    """Tell which pixels of a window (h, w) are no padding."""
    rows, columns = (
        (np.arange(part.start, part.stop) >= inner.start) & (np.arange(part.start, part.stop) < inner.stop)
        for part, inner in zip(window, entry.inner, strict=True)
    )
    return rows[:, None] & columns[None, :]


class RandomPatches(Dataset[tuple[Tensor, Tensor]]):
    """Random training patches: a group, its dates jittered, a window, the augmentations.

    Sample k of epoch e depends on the seed, e and k alone, so neither resuming nor the number of workers changes it.
    Each sample is a series (F, T, P, P) and labels (2, P, P), both float32.

    Args:
        path: train.h5.
        patch: Side P of a patch, pixels.
        samples: Samples an epoch.
        seed: Of all draws.
        features: Read in this order.
        recipe: Which offsets are drawn, how crops are resized, whether nodata is masked.
        dates: Dates that stand for a year in this file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        patch: int,
        samples: int,
        seed: int,
        features: Sequence[str] = ("grd",),
        recipe: Recipe = CORRECTED,
        dates: int = 15,
    ) -> None:
        self.entries = list_groups(path, features=features, dates=dates)
        _check_patch(path, self.entries, patch)
        self.patch, self.samples, self.seed, self.recipe = patch, samples, seed, recipe
        self._file = _LazyFile(path)
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers that persist see it change

    def set_epoch(self, epoch: int) -> None:
        """Draw other samples from now on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not 0 <= index < self.samples:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, int(self._epoch), index])
        entry = self.entries[rng.integers(len(self.entries))]
        dates = [jitter_dates(np.array(base), rng, dates=entry.dates[feature]) for feature, base in entry.base.items()]
        window = (self._draw(rng, entry.height), self._draw(rng, entry.width))
        series, labels = self._file.read(entry, dates, window, self.recipe)
        return augment(series, labels, rng, self.recipe)

    def _draw(self, rng: np.random.Generator, length: int) -> slice:
        ends = length - self.patch + (1 if self.recipe.last_offset_drawn else 0)
        start = int(rng.integers(max(ends, 1)))
        return slice(start, start + self.patch)


class Tiles(Dataset[tuple[Tensor, Tensor, str]]):
    """Whole tiles in name order, unvaried: every pixel once.

    Each is a series (F, T, H, W), labels (2, H, W) that are (0, 0) where no radar sees, and the name of the group.
    Padding is cut off, unless `padded`; `entries` tells where it lies.
    """

    def __init__(
        self, path: str | Path, *, features: Sequence[str] = ("grd",), dates: int = 15, padded: bool = False
    ) -> None:
        self.entries = list_groups(path, features=features, dates=dates)
        self.padded = padded
        self._file = _LazyFile(path)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, str]:
        entry = self.entries[index]
        dates = [np.array(base) for base in entry.base.values()]
        window = (slice(0, entry.height), slice(0, entry.width)) if self.padded else entry.inner
        return *self._file.read(entry, dates, window, CORRECTED), entry.name


class FittingPatches(Dataset[tuple[Tensor, Tensor]]):
    """The patches that the released code validates on: side by side, from the top left of each tile, row by row.

    What is left over at the right and bottom is never seen, nor is the last incomplete batch.
    """

    def __init__(
        self, path: str | Path, *, patch: int, batch: int, features: Sequence[str] = ("grd",), dates: int = 15
    ) -> None:
        entries = list_groups(path, features=features, dates=dates)
        _check_patch(path, entries, patch)
        windows = [
            (entry, (slice(y, y + patch), slice(x, x + patch)))
            for entry in entries
            for y in range(0, entry.height - patch + 1, patch)
            for x in range(0, entry.width - patch + 1, patch)
        ]
        self.windows = windows[: len(windows) // batch * batch]
        self._file = _LazyFile(path)

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        entry, window = self.windows[index]
        return self._file.read(entry, [np.array(base) for base in entry.base.values()], window, AS_RELEASED)


def _check_patch(path: str | Path, entries: Sequence[Entry], patch: int) -> None:
    for entry in entries:
        if patch > min(entry.height, entry.width):
            raise InputError(
                f"{path}: {entry.name} of {entry.height} × {entry.width} pixels found, at least patch={patch} expected"
            )
