"""PyTorch datasets: random patches to train on, whole tiles or adjacent patches to validate on."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from glaciersar.dataset.augmentation import AUGMENTATIONS, check_augmentations, draw_augmentation, jitter_dates
from glaciersar.dataset.buffer_pool import Buffer, BufferPool
from glaciersar.dataset.date_sampling import DATES, check_sampling, check_shown, count_shown, draw_dates
from glaciersar.dataset.hdf5 import TileEntry, list_groups
from glaciersar.dataset.lazy_file import LazyFile, Window
from glaciersar.errors import InputError
from glaciersar.radiometry import CROSS
from glaciersar.recipe import AS_RELEASED, CORRECTED, Recipe


class RandomPatches(Dataset[tuple[Tensor, Tensor]]):
    """Random training patches: a group, its dates jittered, a window, the augmentations.

    Sample k of epoch e depends on the seed, e and k alone, so neither resuming nor the number of workers changes it.
    Tile, window and augmentations of sample k are the same whichever dates and augmentations are chosen.
    Each sample is a series (F, T, P, P) and labels (2, P, P), both float32.

    Args:
        path: train.h5.
        patch: Side P of a patch, pixels.
        samples: Samples an epoch.
        seed: Of all random numbers.
        features: Read in this order.
        recipe: Which offsets are drawn, how crops are resized, whether nodata is masked.
        dates: Dates that stand for a year in this file.
        shown: Which of these are used, 0 … dates − 1; None takes all.
        date_sampling: Which of those used a sample shows, one of `date_sampling.DATE_SAMPLINGS`.
        augmentations: What is done to a sample, some of `augmentation.AUGMENTATIONS`.

    Raises:
        InputError: The file is not in the published layout, the patch is larger than a tile, or a date, sampling or
            augmentation does not exist.
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
        dates: int = DATES,
        shown: Sequence[int] | None = None,
        date_sampling: str = "all",
        augmentations: Collection[str] = AUGMENTATIONS,
    ) -> None:
        check_sampling(date_sampling)
        check_augmentations(augmentations)
        self.entries = list_groups(path, features=features, dates=dates)
        _check_patch(path, self.entries, patch)
        self.shown = check_shown(range(dates) if shown is None else shown, of=dates)
        self.date_sampling, self.augmentations = date_sampling, tuple(augmentations)
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
        features, dates = len(self.entries[0].base), count_shown(self.date_sampling, used=len(self.shown))
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
        bases = [np.array(base) for base in entry.base.values()]
        moved = _jitter(entry, rng)
        window = (self._draw_slice(rng, entry.height), self._draw_slice(rng, entry.width))
        drawn = draw_augmentation(rng, side=self.patch, features=len(bases), recipe=self.recipe)
        # last, so that all that was drawn before is the same for every choice of dates
        shown = draw_dates(rng, self.date_sampling, self.shown)
        dates = [base[shown] for base in (moved if "jitter" in self.augmentations else bases)]
        augmentation = drawn.keep(self.augmentations)
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
        generator=torch.Generator(),  # else it takes a number from torch's own, once an epoch or once a run by workers
        pin_memory=torch.cuda.is_available(),  # so that copies to a GPU run beside its work
    )


class WholeTiles(Dataset[tuple[Tensor, Tensor, str]]):
    """Whole tiles in name order, without augmentation: every pixel once.

    Each is a series (F, T, H, W), labels (2, H, W) that are (0, 0) where no radar sees, and the name of the group.
    Padding is cut off unless `padded`; `entries` say where it lies. `shown` names the dates to show, 0 … dates − 1, in
    their order; None shows all.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        features: Sequence[str] = ("grd",),
        dates: int = DATES,
        padded: bool = False,
        shown: Sequence[int] | None = None,
    ) -> None:
        self.entries = list_groups(path, features=features, dates=dates)
        self.padded, self.shown = padded, check_shown(range(dates) if shown is None else shown, of=dates)
        self._file = LazyFile(path)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, str]:
        entry = self.entries[index]
        dates = [np.array(base)[list(self.shown)] for base in entry.base.values()]
        window = (slice(0, entry.height), slice(0, entry.width)) if self.padded else entry.inner
        return *_read(self._file, entry, dates, window, CORRECTED), entry.name


class AdjacentPatches(Dataset[tuple[Tensor, Tensor]]):
    """The patches that the released code validates on: side by side, from the top left of each tile, row by row.

    What is left over at the right and bottom is never seen, nor is the last incomplete batch.
    """

    def __init__(
        self, path: str | Path, *, patch: int, batch: int, features: Sequence[str] = ("grd",), dates: int = DATES
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


def _jitter(entry: TileEntry, rng: np.random.Generator) -> list[NDArray[np.integer]]:
    """Move the dates of each feature; co- and cross-polarised are of one acquisition, so their dates move together."""
    moved: dict[tuple[str, tuple[int, ...], int], NDArray[np.integer]] = {}
    keys = [(name.removesuffix(CROSS), base, entry.dates[name]) for name, base in entry.base.items()]
    for key in keys:
        if key not in moved:
            moved[key] = jitter_dates(np.array(key[1]), rng, dates=key[2])
    return [moved[key] for key in keys]


def _check_patch(path: str | Path, entries: Sequence[TileEntry], patch: int) -> None:
    for entry in entries:
        if patch > min(entry.height, entry.width):
            raise InputError(
                f"{path}: {entry.name} of {entry.height} × {entry.width} pixels found, at least patch={patch} expected"
            )
