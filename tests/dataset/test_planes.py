"""glaciersar.dataset.planes"""

import h5py
import numpy as np
import pytest
import torch

from glaciersar.dataset.hdf5 import list_groups
from glaciersar.dataset.lazy_file import LazyFile
from glaciersar.dataset.patches import RandomPatches
from glaciersar.dataset.planes import MappedPlanes, map_planes, write_array
from glaciersar.errors import InputError
from glaciersar.recipe import CORRECTED
from tests.support.archives import write_dataset
from tests.support.spoiling import Place

NAME = "SVAL-10-38_2020_ro14"


@pytest.fixture
def plain(tmp_path, rng):
    return write_dataset(tmp_path / "plain.h5", [NAME], rng)


def with_checksums(path, *, user_block=0):
    """Write a file's content anew, as `build` writes it."""
    new = path.with_name("train.h5")
    with h5py.File(path) as old, h5py.File(new, "w", userblock_size=user_block) as file:
        group = file.create_group(NAME)
        group.attrs.update(old[NAME].attrs)
        for name, array in old[NAME].items():
            write_array(group, name, array.shape, array.dtype)[()] = array[()]
    return new


@pytest.mark.parametrize("user_block", [0, 512])
def test_arrays_with_checksums_are_mapped_and_give_the_same_samples(plain, user_block):
    path = with_checksums(plain, user_block=user_block)
    assert isinstance(LazyFile(path).array(f"{NAME}/grd"), MappedPlanes)
    one, two = (RandomPatches(p, patch=24, samples=8, seed=1) for p in (plain, path))
    for pair, other in zip(one, two, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(pair, other, strict=True))


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "u1"])
def test_a_window_of_mapped_planes_is_that_of_the_array(tmp_path, rng, dtype):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("odd", data=b"abc")  # what follows need not lie at a whole word
        for name, shape in {"series": (5, 7, 9, 1), "labels": (7, 9, 2), "one": (1, 4, 4, 1)}.items():
            write_array(file, name, shape, dtype)[()] = (100 * rng.random(shape)).astype(dtype)
    with h5py.File(tmp_path / "a.h5") as file:
        keys = {"series": [(2,), (3, slice(1, 4), slice(2, 9), 0)], "labels": [(), np.s_[2:5, 1:3]], "one": [(0,)]}
        for name, chosen in keys.items():
            planes = map_planes(file[name], tmp_path / "a.h5")
            assert planes is not None
            for key in chosen:
                np.testing.assert_array_equal(planes[key], file[name][key])


@pytest.mark.parametrize("layout", [{"chunks": (2, 7, 9, 1)}, {"compression": "gzip", "chunks": (1, 7, 9, 1)}])
def test_other_layouts_are_not_mapped(tmp_path, layout):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("series", data=np.ones((4, 7, 9, 1), np.float32), **layout)
    with h5py.File(tmp_path / "a.h5") as file:
        assert map_planes(file["series"], tmp_path / "a.h5") is None


@pytest.mark.parametrize("array", ["grd", "outlines"])
def test_a_value_that_changed_on_the_disk_is_refused(plain, array):
    path = with_checksums(plain)
    with h5py.File(path) as file:
        offset = file[NAME][array].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 400] ^= 1
    path.write_bytes(content)
    entry = list_groups(path)[0]
    series, labels = np.empty((1, 20, 16, 12), np.float32), np.empty((2, 16, 12), np.float32)
    with pytest.raises(InputError, match=rf"train\.h5: dataset /{NAME}/{array}: cannot be read .*whole and unchanged"):
        LazyFile(path).read(entry, [np.arange(20)], np.s_[3:19, 5:17], CORRECTED, series=series, labels=labels)


def test_a_built_dataset_has_a_checksum_on_every_array(tmp_path, rng):
    for path in Place(tmp_path, rng).build().glob("*.h5"):
        with h5py.File(path) as file:
            arrays = [array for group in file.values() for array in group.values()]
            assert arrays
            assert all(array.fletcher32 for array in arrays)
            assert all(map_planes(array, path) is not None for array in arrays)


def test_values_in_another_file_are_refused(plain, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(4 * 20 * 40 * 48))
    with h5py.File(plain, "r+") as file:
        shape = file[NAME]["grd"].shape
        del file[NAME]["grd"]
        file[NAME].create_dataset("grd", shape, "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(InputError, match="values in another file found"):
        list_groups(plain)
