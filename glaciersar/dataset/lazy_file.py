"""Read windows of a dataset file at the dates that a sample needs, without a copy in between."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from glaciersar.dataset import augmentation as augment
from glaciersar.dataset.augmentation import Augmentation, Plane
from glaciersar.dataset.hdf5 import TileEntry, check_finite
from glaciersar.dataset.planes import MappedPlanes, map_planes
from glaciersar.errors import InputError
from glaciersar.io.hdf5 import DAMAGED, check_array
from glaciersar.recipe import Recipe

Window = tuple[slice, slice]
UNCHANGED = Augmentation()


class LazyFile:
    """A dataset file that each process opens for itself, at its first read: HDF5 handles don't survive a fork."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = 0
        self._arrays: dict[str, h5py.Dataset | NDArray[Any] | MappedPlanes] = {}
        self._finite: set[tuple[str, tuple[int, ...]]] = set()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["LazyFile"], tuple[Path]]:
        return LazyFile, (self.path,)

    def array(self, name: str) -> h5py.Dataset | NDArray[Any] | MappedPlanes:
        """Return an array to index: mapped memory where it, or each date, lies uncompressed in one piece, else HDF5's.

        From mapped memory, a window is copied once, from the page cache to its target: four times as fast as HDF5.

        Raises:
            InputError: Its values lie in another file, or its header asks for more than a limit.
        """
        with self._lock:
            if self._file is None or self._process != os.getpid():
                self._file, self._process, self._arrays = h5py.File(self.path, "r"), os.getpid(), {}
            if name not in self._arrays:
                self._arrays[name] = self._map(self._file[name])
            return self._arrays[name]

    def _map(self, dataset: h5py.Dataset) -> h5py.Dataset | NDArray[Any] | MappedPlanes:
        check_array(dataset, dataset.file, f"{self.path}: dataset {dataset.name}")
        if dataset.chunks:
            return map_planes(dataset, self.path) or dataset
        offset = dataset.id.get_offset()
        if offset is None:
            return dataset
        return np.asarray(np.memmap(self.path, dataset.dtype, mode="r", offset=offset, shape=dataset.shape))

    def _check_once(self, name: str, index: tuple[int, ...]) -> None:
        """Refuse NaN, infinite values and wrong checksums, once at each index, as training reads it many times."""
        if (name, index) not in self._finite:
            where = f"{self.path}: dataset /{name}"
            try:
                values = self.array(name)[index]
            except InputError:
                raise
            except DAMAGED as error:
                raise InputError(f"{where}: cannot be read ({error}), a whole and unchanged file expected") from error
            check_finite(values, where)
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
