"""Open dataset files in the published layout: list their groups, check them, check that no tile is in two subsets."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from glaciersar.errors import InputError
from glaciersar.grid import SUBSETS, Group, Tile
from glaciersar.io.hdf5 import DAMAGED, check_array
from glaciersar.io.open_raster import check_regular

_SIZES = ("height", "width", "orig_height", "orig_width", "pad_height", "pad_width")


@dataclass(frozen=True, kw_only=True)
class TileEntry:
    """One group of a dataset file, checked."""

    name: str
    """Such as SVAL-10-38_2020_ro14."""
    height: int
    """Rows, with padding."""
    width: int
    """Columns, with padding."""
    inner: tuple[slice, slice]
    """Rows and columns without padding."""
    dates: Mapping[str, int]
    """Number of dates stored, by feature."""
    base: Mapping[str, tuple[int, ...]]
    """Indices of the dates that stand for the year, by feature."""


@contextmanager
def open_dataset(path: str | Path) -> Iterator[h5py.File]:
    """Open a dataset file for reading; errors of HDF5 become an InputError."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file, expected a dataset file (train.h5, val.h5, test.h5)")
    check_regular(path)
    try:
        file = h5py.File(path, "r")
    except DAMAGED as error:
        raise InputError(f"{path}: cannot be opened ({error}), expected a whole HDF5 file") from error
    with file:
        try:
            yield file
        except InputError:
            raise
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read ({error}), expected a whole HDF5 file") from error


def list_groups(
    path: str | Path, *, features: Sequence[str] = ("grd",), dates: int = 15, names: Sequence[str] | None = None
) -> list[TileEntry]:
    """List the groups of a dataset file by name, each with its attributes, shapes and types checked.

    Args:
        path: train.h5, val.h5 or test.h5.
        features: Which features every group must hold.
        dates: How many dates must stand for a year.
        names: List only these groups.

    Raises:
        InputError: The file or a group is not in the published layout; the sentence names file, group and dataset.
    """
    with open_dataset(path) as file:
        if not len(file):
            raise InputError(f"{path}: no group found, at least one such as SVAL-10-38_2020_ro14 expected")
        for name in names or ():
            if name not in file:
                raise InputError(f"{path}: no group {name} found, one of {len(file)} such as {min(file)} expected")
        chosen = sorted(names or file)
        for name in chosen:
            _parse(path, name)
        return [_entry(f"{path}: {name}", name, file[name], features, dates) for name in chosen]


def _parse(path: str | Path, name: str) -> Group:
    try:
        return Group.parse(name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _entry(where: str, name: str, group: h5py.Group, features: Sequence[str], dates: int) -> TileEntry:
    height, width, orig_height, orig_width, top, left = (_integer(where, group, size) for size in _SIZES)
    if (
        min(top, left) < 0
        or min(orig_height, orig_width) < 1
        or top + orig_height > height
        or left + orig_width > width
    ):
        raise InputError(
            f"{where}: {orig_height} × {orig_width} padded by {top} and {left} found, "
            f"an inner part that fits into {height} × {width} expected"
        )
    _dataset(where, group, "outlines", (height, width, 2))
    stored = {f: _dataset(where, group, f, (None, height, width, 1)).shape[0] for f in features}
    for feature, count in stored.items():
        if count < dates:
            raise InputError(f"{where}: dataset {feature} with {count} dates found, at least {dates} expected")
    return TileEntry(
        name=name,
        height=height,
        width=width,
        inner=(slice(top, top + orig_height), slice(left, left + orig_width)),
        dates=stored,
        base={feature: _base(where, group, feature, stored[feature], dates) for feature in features},
    )


def _attribute(where: str, group: h5py.Group, name: str) -> np.ndarray:
    if name not in group.attrs:
        raise InputError(f"{where}: attribute {name} missing, expected as in the published layout")
    return np.asarray(group.attrs[name])


def _integer(where: str, group: h5py.Group, name: str) -> int:
    value = _attribute(where, group, name)
    if value.size != 1 or value.dtype.kind not in "iu":
        raise InputError(f"{where}: attribute {name}={value} ({value.dtype}) found, one integer expected")
    return int(value.reshape(()))


def _base(where: str, group: h5py.Group, feature: str, stored: int, dates: int) -> tuple[int, ...]:
    name = f"{feature}_base_time_idx"
    index = _attribute(where, group, name)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise InputError(f"{where}: attribute {name} of type {index.dtype} found, {dates} integers expected")
    if len(index) != dates:
        raise InputError(f"{where}: attribute {name} with {len(index)} dates found, {dates} expected")
    if index.min() < 0 or index.max() >= stored:
        raise InputError(
            f"{where}: attribute {name} from {index.min()} to {index.max()} found, 0 to {stored - 1} expected"
        )
    return tuple(int(i) for i in index)


def _dataset(where: str, group: h5py.Group, name: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
    if not isinstance(group.get(name), h5py.Dataset):
        raise InputError(f"{where}: dataset {name} missing, found {', '.join(group) or 'nothing'}")
    dataset = group[name]
    check_array(dataset, group.file, f"{where}: dataset {name}")
    fits = dataset.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, dataset.shape, strict=True)
    )
    if not fits:
        expected = tuple("dates" if side is None else side for side in shape)
        raise InputError(f"{where}: dataset {name} of shape {dataset.shape} found, {expected} expected")
    if name != "outlines" and dataset.dtype != np.float32:
        raise InputError(f"{where}: dataset {name} of type {dataset.dtype} found, float32 expected")
    if dataset.dtype.kind not in "fiub":
        raise InputError(f"{where}: dataset {name} of type {dataset.dtype} found, numbers expected")
    return dataset


def check_finite(values: np.ndarray, where: str) -> None:
    """Refuse NaN and infinite values in what was read from a dataset."""
    if not np.isfinite(values).all():
        raise InputError(f"{where}: NaN or infinite values found, finite scaled values expected")


def check_labels(labels: np.ndarray, where: str) -> None:
    """Refuse labels (…, 2) that are no fractions of background and glacier; both are 0 where radar never sees."""
    low, high, sums = labels.min(), labels.max(), labels.sum(-1).max()
    if not (low >= 0 and sums <= 1.001):  # NaN compares false
        raise InputError(
            f"{where}: values from {low} to {high}, sums up to {sums} found, "
            f"fractions of background and glacier that sum to 1 at most expected"
        )


def split_of(folder: str | Path, subsets: Sequence[str] = SUBSETS) -> dict[Tile, str]:
    """Return the subset of each tile of a dataset folder; `subsets` names the files that it holds.

    Raises:
        InputError: A tile is in two files, so that a model would be scored on tiles it was trained on.
    """
    split: dict[Tile, str] = {}
    for subset in subsets:
        path = Path(folder) / f"{subset}.h5"
        with open_dataset(path) as file:
            for name in sorted(file):
                tile = _parse(path, name).tile
                if split.setdefault(tile, subset) != subset:
                    raise InputError(
                        f"{folder}: tile {tile.name} found in {split[tile]}.h5 and {subset}.h5, one subset expected"
                    )
    return split


def check_published(folder: str | Path, *, features: Sequence[str] = ("grd",), dates: int = 15) -> None:
    """Check that a folder holds train.h5, val.h5 and test.h5 in the published layout, no tile in two of them.

    Attributes, shapes and types of every group are checked; values are when they are read.

    Raises:
        InputError: One sentence that names every file that is missing or damaged, and what is wrong with it.
    """
    problems = []
    for subset in SUBSETS:
        try:
            list_groups(Path(folder) / f"{subset}.h5", features=features, dates=dates)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    check_no_leakage(folder)


def check_no_leakage(folder: str | Path, subsets: Sequence[str] = SUBSETS) -> None:
    """Raise InputError where a tile is in two of the subsets, whatever its year and orbit."""
    split_of(folder, subsets)
