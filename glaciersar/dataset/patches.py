"""PyTorch datasets: windows of dataset files, read at the dates that a sample needs, without a copy in between."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from glaciersar.dataset import augmentation as augment
from glaciersar.dataset.augmentation import Augmentation, Plane, draw_augmentation, jitter_dates
from glaciersar.dataset.buffer_pool import Buffer, BufferPool
from glaciersar.dataset.hdf5 import TileEntry, check_finite, list_groups
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED, Recipe

Window = tuple[slice, slice]
UNCHANGED = Augmentation()


class LazyFile:
    """A dataset file that each process opens for itself, at its first read: HDF5 handles don't survive a fork."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = 0
        self._arrays: dict[str, h5py.Dataset | NDArray[Any]] = {}
        self._finite: set[tuple[str, tuple[int, ...]]] = set()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["LazyFile"], tuple[Path]]:
        return LazyFile, (self.path,)

    def array(self, name: str) -> h5py.Dataset | NDArray[Any]:
        """Return an array to index: mapped memory where it lies uncompressed in one piece, an HDF5 dataset elsewhere.

        From mapped memory, a window is copied once, from the page cache to its target: four times as fast as HDF5.
        """
        with self._lock:
            if self._file is None or self._process != os.getpid():
                self._file, self._process, self._arrays = h5py.File(self.path, "r"), os.getpid(), {}
            if name not in self._arrays:
                self._arrays[name] = self._map(self._file[name])
            return self._arrays[name]

    def _map(self, dataset: h5py.Dataset) -> h5py.Dataset | NDArray[Any]:
        offset = dataset.id.get_offset()  # None where it lies in chunks
        if offset is None or dataset.external:
            return dataset
        return np.asarray(np.memmap(self.path, dataset.dtype, mode="r", offset=offset, shape=dataset.shape))

    def _check_once(self, name: str, index: tuple[int, ...]) -> None:
        """Refuse NaN and infinite values at an index, once in each process, as training reads it many times."""
        if (name, index) not in self._finite:
            check_finite(self.array(name)[index], f"{self.path}: dataset /{name}")
            self._finite.add((name, index))

    def read(
        self,
        entry: TileEntry,
        dates: Sequence[NDArray[np.integer]],
        window: Window,
        recipe: Recipe,
        *,
        series: NDArray[np.float32],
        labels: NDArray[np.float32],
        augmentation: Augmentation = UNCHANGED,
    ) -> None:
        """Read a window at the given dates of each feature, and augment it plane by plane.

        Args:
            entry: The group.
            dates: Of each feature, T.
            window: Rows and columns, h × w.
            recipe: Whether nodata is masked, and how crops are resized.
            series: Filled (F, T, h, w).
            labels: Filled (2, h, w).
            augmentation: What is done to it; the window must be square unless that is nothing.

        Raises:
            InputError: NaN or an infinite value, anywhere in what is stored of a date or of the outlines, padding too.
        """
        apply = augment.apply_by_plane_as_released if recipe.scrambled_crop else Augmentation.apply_by_plane
        features = (
            self._planes(f"{entry.name}/{feature}", index, window)
            for feature, index in zip(entry.base, dates, strict=True)
        )
        apply(augmentation, features, self._label_planes(entry, window, recipe), series, labels)

    def _planes(self, name: str, dates: NDArray[np.integer], window: Window) -> Iterator[Plane]:
        source = self.array(name)
        for date in dates.tolist():  # one by one: HDF5 takes 20 times as long by a list of dates
            self._check_once(name, (date,))
            yield source[(date, *window, 0)]

    def _label_planes(self, entry: TileEntry, window: Window, recipe: Recipe) -> Iterator[Plane]:
        name = f"{entry.name}/outlines"
        self._check_once(name, ())
        background, glacier = cv2.split(self.array(name)[window].astype(np.float32, copy=False))
        if not recipe.nodata_masked:
            background = 1 - glacier  # pixels without radar count as background
        elif not (inside := _inside(entry, window)).all():
            background, glacier = background * inside, glacier * inside
        yield from (background, glacier)


def _inside(entry: TileEntry, window: Window) -> NDArray[np.bool_]:
    """Return which pixels of a window (h, w) are no padding."""
    rows, columns = (
        (np.arange(part.start, part.stop) >= inner.start) & (np.arange(part.start, part.stop) < inner.stop)
        for part, inner in zip(window, entry.inner, strict=True)
    )
    inside: NDArray[np.bool_] = rows[:, None] & columns[None, :]
    return inside


class RandomPatches(Dataset[tuple[Tensor, Tensor]]):
    """Random training patches: a group, its dates jittered, a window, the augmentations.

    Sample k of epoch e depends on the seed, e and k alone, so neither resuming nor the number of workers changes it.
    Each sample is a series (F, T, P, P) and labels (2, P, P), both float32.

    Args:
        path: train.h5.
        patch: Side P of a patch, pixels.
        samples: Samples an epoch.
        seed: Of all random numbers.
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
        self._file, self._pool = LazyFile(path), BufferPool(shared=False)
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers that persist see it change

    def set_epoch(self, epoch: int) -> None:
        """Draw other samples from now on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        series, labels = self.batch([index])
        return series[0], labels[0]

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Load a batch, several samples at a time, as nearly all of the work needs no Python.

        Returns:
            Series (B, F, T, P, P) and labels (B, 2, P, P).
        """
        series, labels = self.load(indices, self._pool).tensors()
        return series, labels

    def load(self, indices: Sequence[int], pool: BufferPool) -> Buffer:
        """Load a batch into a buffer of a pool."""
        if not all(0 <= index < self.samples for index in indices):
            raise IndexError(indices)
        features, dates = len(self.entries[0].base), len(next(iter(self.entries[0].base.values())))
        batch, side = len(indices), self.patch
        buffer = pool.acquire((batch, features, dates, side, side), (batch, 2, side, side))
        try:
            with ThreadPoolExecutor(torch.get_num_threads()) as threads:
                list(threads.map(self._fill, indices, *buffer.arrays()))
        except BaseException:
            buffer.release()
            raise
        return buffer

    def _fill(self, index: int, series: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        rng = np.random.default_rng([self.seed, int(self._epoch), index])
        entry = self.entries[rng.integers(len(self.entries))]
        dates = [jitter_dates(np.array(base), rng, dates=entry.dates[feature]) for feature, base in entry.base.items()]
        window = (self._draw_slice(rng, entry.height), self._draw_slice(rng, entry.width))
        augmentation = draw_augmentation(rng, side=self.patch, features=len(dates), recipe=self.recipe)
        self._file.read(entry, dates, window, self.recipe, series=series, labels=labels, augmentation=augmentation)

    def _draw_slice(self, rng: np.random.Generator, length: int) -> slice:
        ends = length - self.patch + (1 if self.recipe.last_offset_drawn else 0)
        start = int(rng.integers(max(ends, 1)))
        return slice(start, start + self.patch)


def load_batches(patches: RandomPatches, size: int, *, workers: int = 0) -> DataLoader[int]:
    """Load epochs in batches: series (B, F, T, P, P) and labels (B, 2, P, P), the last of them smaller if need be.

    A loader that collates samples copies each of them once more, into new memory. This one hands indices to
    `RandomPatches.load`, which reads a batch straight into a buffer that an earlier batch has released. The memory in
    use is that of the most batches that were ever alive at once.

    Args:
        patches: What to load; its `set_epoch` sets the epoch.
        size: B.
        workers: Processes that load; 0 loads in this one, by as many threads as torch has.
    """
    return DataLoader(
        range(len(patches)),  # type: ignore[arg-type]  # it has all that a Dataset needs
        batch_size=size,
        collate_fn=partial(patches.load, pool=BufferPool(shared=True)) if workers else patches.batch,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),  # so that copies to a GPU run beside its work
    )


class WholeTiles(Dataset[tuple[Tensor, Tensor, str]]):
    """Whole tiles in name order, without augmentation: every pixel once.

    Each is a series (F, T, H, W), labels (2, H, W) that are (0, 0) where no radar sees, and the name of the group.
    Padding is cut off unless `padded`; `entries` say where it lies.
    """

    def __init__(
        self, path: str | Path, *, features: Sequence[str] = ("grd",), dates: int = 15, padded: bool = False
    ) -> None:
        self.entries = list_groups(path, features=features, dates=dates)
        self.padded = padded
        self._file = LazyFile(path)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, str]:
        entry = self.entries[index]
        dates = [np.array(base) for base in entry.base.values()]
        window = (slice(0, entry.height), slice(0, entry.width)) if self.padded else entry.inner
        return *_read(self._file, entry, dates, window, CORRECTED), entry.name


class AdjacentPatches(Dataset[tuple[Tensor, Tensor]]):
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
        self._file = LazyFile(path)

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        entry, window = self.windows[index]
        return _read(self._file, entry, [np.array(base) for base in entry.base.values()], window, AS_RELEASED)


def _read(
    file: LazyFile, entry: TileEntry, dates: Sequence[NDArray[np.integer]], window: Window, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Read a window without augmentation: series (F, T, h, w) and labels (2, h, w)."""
    height, width = (part.stop - part.start for part in window)
    series = np.empty((len(dates), len(dates[0]), height, width), np.float32)
    labels = np.empty((2, height, width), np.float32)
    file.read(entry, dates, window, recipe, series=series, labels=labels)
    return torch.from_numpy(series), torch.from_numpy(labels)


def _check_patch(path: str | Path, entries: Sequence[TileEntry], patch: int) -> None:
    for entry in entries:
        if patch > min(entry.height, entry.width):
            raise InputError(
                f"{path}: {entry.name} of {entry.height} × {entry.width} pixels found, at least patch={patch} expected"
            )
