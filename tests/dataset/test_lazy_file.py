"""glaciersar.dataset.lazy_file: what it reads, however the arrays lie in the file"""

import h5py
import numpy as np
import pytest
import torch

from glaciersar.dataset.augmentation import Augmentation
from glaciersar.dataset.hdf5 import list_groups
from glaciersar.dataset.lazy_file import LazyFile
from glaciersar.dataset.patches import RandomPatches, WholeTiles
from glaciersar.recipe import CORRECTED
from tests.support.archives import write_dataset

NAME = "SVAL-10-38_2020_ro14"
LAYOUTS = {
    "chunked": {"chunks": True},
    "lzf": {"chunks": True, "compression": "lzf"},
    "gzip": {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True},
}


@pytest.fixture
def path(tmp_path, rng):
    return write_dataset(tmp_path / "train.h5", [NAME], rng)


def rewritten(path, *, user_block=0, **layout):
    """Write a file's content anew in another layout."""
    new = path.with_name("rewritten.h5")
    with h5py.File(path) as old, h5py.File(new, "w", userblock_size=user_block) as file:
        group = file.create_group(NAME)
        group.attrs.update(old[NAME].attrs)
        for name, dataset in old[NAME].items():
            group.create_dataset(name, data=dataset[()], **layout)
    return new


def test_arrays_in_one_piece_are_mapped_and_others_are_not(path):
    assert isinstance(LazyFile(path).array(f"{NAME}/grd"), np.ndarray)
    assert isinstance(LazyFile(rewritten(path, chunks=True)).array(f"{NAME}/grd"), h5py.Dataset)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_how_arrays_lie_in_the_file_changes_no_sample(path, layout):
    other = rewritten(path, **LAYOUTS[layout])
    one, two = (RandomPatches(p, patch=24, samples=8, seed=1) for p in (path, other))
    for pair, other_pair in zip(one, two, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(pair, other_pair, strict=True))


def test_a_file_that_begins_with_something_else_is_read_alike(path):
    other = rewritten(path, user_block=1024)
    assert all(torch.equal(a, b) for a, b in zip(WholeTiles(path)[0][:2], WholeTiles(other)[0][:2], strict=True))


def test_labels_of_any_number_type_are_read_alike(path):
    expected = WholeTiles(path)[0][1]
    for number in (np.uint8, bool, ">f8"):
        other = path.with_name("other.h5")
        with h5py.File(path) as old, h5py.File(other, "w") as file:
            old.copy(NAME, file)
            outlines = old[NAME]["outlines"][()]
            del file[NAME]["outlines"]
            file[NAME]["outlines"] = outlines.astype(number)
        assert torch.equal(WholeTiles(other)[0][1], expected)


def test_only_the_window_and_dates_are_read_of_chunks_once_they_were_checked(path, monkeypatch):
    file = LazyFile(rewritten(path, chunks=True))
    entry, read = list_groups(file.path)[0], []
    original = h5py.Dataset.__getitem__

    def spy(self, key):
        values = original(self, key)
        read.append((self.name.rpartition("/")[2], values.shape))
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
    series, labels = np.empty((1, 15, 16, 12), np.float32), np.empty((2, 16, 12), np.float32)
    for _ in range(2):
        read.clear()
        file.read(entry, [np.arange(15)], np.s_[3:19, 5:17], CORRECTED, series=series, labels=labels)
    assert read == [("grd", (16, 12))] * 15 + [("outlines", (16, 12, 2))]


def test_a_window_is_flipped_and_turned(path):
    file = LazyFile(path)
    entry = list_groups(path)[0]
    plain, turned = ((np.empty((1, 15, 16, 16), np.float32), np.empty((2, 16, 16), np.float32)) for _ in range(2))
    for (series, labels), augmentation in ((plain, Augmentation()), (turned, Augmentation(quarters=3))):
        window = np.s_[3:19, 5:21]
        file.read(entry, [np.arange(15)], window, CORRECTED, series=series, labels=labels, augmentation=augmentation)
    for before, after in zip(plain, turned, strict=True):
        np.testing.assert_array_equal(after, np.rot90(before, axes=(-2, -1)))  # anticlockwise
