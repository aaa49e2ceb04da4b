"""Read windows of dataset files: the window and the dates that a sample needs, with no copy in between."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from glaciersar.augment import Variation
from glaciersar.dataset.opening import Entry, check_finite
from glaciersar.recipe import Recipe

Window = tuple[slice, slice]
AS_IT_IS = Variation()


class LazyFile:
    """A dataset file that each process opens for itself, at its first read: HDF5 handles don't survive a fork."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = 0
        self._arrays: dict[str, h5py.Dataset | NDArray] = {}
        self._finite: set[tuple[str, tuple[int, ...]]] = set()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["LazyFile"], tuple[Path]]:
        return LazyFile, (self.path,)

    def array(self, name: str) -> h5py.Dataset | NDArray:
        """Give what an index reads from: mapped memory where an array lies uncompressed in one piece, HDF5 elsewhere.

        Mapped, a window is copied once, from the page cache to where it is wanted, in a quarter of the time of HDF5.
        """
        with self._lock:
            if self._file is None or self._process != os.getpid():
                self._file, self._process, self._arrays = h5py.File(self.path, "r"), os.getpid(), {}
            if name not in self._arrays:
                self._arrays[name] = self._map(self._file[name])
            return self._arrays[name]

    def _map(self, dataset: h5py.Dataset) -> h5py.Dataset | NDArray:
        offset = dataset.id.get_offset()  # None where it lies in chunks
        if offset is None or dataset.external:
            return dataset
        return np.asarray(np.memmap(self.path, dataset.dtype, mode="r", offset=offset, shape=dataset.shape))

    def _look_at(self, name: str, index: tuple[int, ...]) -> None:
        """Refuse NaN and infinite values in all that an index gives, once in each process: training reads it often."""
        if (name, index) not in self._finite:
            check_finite(self.array(name)[index], f"{self.path}: dataset /{name}")
            self._finite.add((name, index))

    def read(
        self,
        entry: Entry,
        dates: Sequence[NDArray[np.integer]],
        window: Window,
        recipe: Recipe,
        *,
        series: NDArray[np.float32],
        labels: NDArray[np.float32],
        variation: Variation = AS_IT_IS,
    ) -> None:
        """Read a window at the given dates of each feature, and vary it on its way to where it belongs.

        Args:
            entry: The group.
            dates: Of each feature, T.
            window: Rows and columns, h × w.
            recipe: Whether nodata is masked, and how crops are resized.
            series: Filled (F, T, h, w).
            labels: Filled (2, h, w).
            variation: What becomes of it; only a square window can be varied.

        Raises:
            InputError: NaN or an infinite value, anywhere in what is stored of a date or of the outlines, padding too.
        """
        for number, (planes, feature, index) in enumerate(zip(series, entry.base, dates, strict=True)):
            name = f"{entry.name}/{feature}"
            source = self.array(name)
            # date by date: HDF5 takes 20 times as long by a list of dates
            for plane, date in zip(planes, index.tolist(), strict=True):
                self._look_at(name, (date,))
                variation.place(source[(date, *window, 0)], plane, recipe, feature=number)
        name = f"{entry.name}/outlines"
        self._look_at(name, ())
        shares = cv2.split(self.array(name)[window].astype(np.float32, copy=False))
        if not recipe.nodata_masked:
            shares = [1 - shares[1], shares[1]]  # what no radar saw counts as background
        elif not (inside := _inside(entry, window)).all():
            shares = [share * inside for share in shares]
        for share, plane in zip(shares, labels, strict=True):
            variation.place(share, plane, recipe)
        variation.finish(series, labels, recipe)


def _inside(entry: Entry, window: Window) -> NDArray[np.bool_]:
    """Tell which pixels of a window (h, w) are no padding."""
    rows, columns = (
        (np.arange(part.start, part.stop) >= inner.start) & (np.arange(part.start, part.stop) < inner.stop)
        for part, inner in zip(window, entry.inner, strict=True)
    )
    return rows[:, None] & columns[None, :]
