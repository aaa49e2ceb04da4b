"""glaciersar.dataset.hdf5"""

import h5py
import numpy as np
import pytest

from glaciersar.dataset.hdf5 import check_labels, check_no_leakage, check_published, list_groups, open_dataset, split_of
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from tests.support.archives import write_dataset

NAME = "SVAL-10-38_2020_ro14"


@pytest.fixture
def path(tmp_path, rng):
    return write_dataset(tmp_path / "train.h5", [NAME, "SVAL-9-30_2016_ro174"], rng, features=("grd", "insar"))


def test_groups_are_listed_by_name_with_what_they_hold(path):
    first, second = list_groups(path, features=("grd", "insar"))
    assert (first.name, second.name) == (NAME, "SVAL-9-30_2016_ro174")
    assert (first.height, first.width) == (40, 48)
    assert first.dates == {"grd": 20, "insar": 20}
    assert len(first.base["grd"]) == 15


def test_padding_is_known(tmp_path, rng):
    path = write_dataset(tmp_path / "val.h5", [NAME], rng, padding=(3, 5))
    (entry,) = list_groups(path)
    assert entry.inner == (slice(3, 37), slice(5, 43))


@pytest.mark.parametrize(
    "attribute",
    ["height", "width", "orig_height", "orig_width", "pad_height", "pad_width", "grd_base_time_idx"],
)
def test_a_missing_attribute_is_named(path, attribute):
    with h5py.File(path, "a") as file:
        del file[NAME].attrs[attribute]
    with pytest.raises(InputError, match=rf"train\.h5: {NAME}: attribute {attribute} missing"):
        list_groups(path)


@pytest.mark.parametrize(
    ("attribute", "value", "sentence"),
    [
        ("height", 41, r"outlines of shape \(40, 48, 2\) found, \(41, 48, 2\) expected"),
        ("width", 48.0, "attribute width=48.0 .* one integer expected"),
        ("orig_height", 60, "60 × 48 padded by 0 and 0 found"),
        ("pad_width", -1, "padded by 0 and -1 found"),
        ("orig_height", 0, "0 × 48 padded by 0 and 0 found"),
        ("orig_width", -5, "40 × -5 padded by 0 and 0 found"),
        ("grd_base_time_idx", np.arange(14), "with 14 dates found, 15 expected"),
        ("grd_base_time_idx", np.arange(15) + 6, "from 6 to 20 found, 0 to 19 expected"),
        ("grd_base_time_idx", np.arange(15) - 1, "from -1 to 13 found"),
        ("grd_base_time_idx", np.arange(15.0), "of type float64 found, 15 integers expected"),
    ],
)
def test_an_attribute_that_does_not_fit_is_named(path, attribute, value, sentence):
    with h5py.File(path, "a") as file:
        file[NAME].attrs[attribute] = value
    with pytest.raises(InputError, match=rf"train\.h5: {NAME}: .*{sentence}"):
        list_groups(path)


@pytest.mark.parametrize(
    ("dataset", "value", "sentence"),
    [
        ("grd", np.zeros((20, 40, 48, 1)), "dataset grd of type float64 found, float32 expected"),
        ("grd", np.zeros((20, 40, 48), "f4"), r"dataset grd of shape \(20, 40, 48\) found"),
        ("grd", np.zeros((20, 40, 47, 1), "f4"), r"\('dates', 40, 48, 1\) expected"),
        ("grd", np.zeros((0, 40, 48, 1), "f4"), "dataset grd with 0 dates found"),
        ("grd", np.zeros((14, 40, 48, 1), "f4"), "dataset grd with 14 dates found, at least 15 expected"),
        ("grd", None, "dataset grd missing, found insar, outlines"),
        ("outlines", None, "dataset outlines missing"),
        ("outlines", np.zeros((40, 48, 1), "f4"), "dataset outlines of shape"),
        ("outlines", np.full((40, 48, 2), b"x"), "numbers expected"),
    ],
)
def test_a_dataset_that_does_not_fit_is_named(path, dataset, value, sentence):
    with h5py.File(path, "a") as file:
        del file[NAME][dataset]
        if value is not None:
            file[NAME][dataset] = value
    with pytest.raises(InputError, match=rf"train\.h5: {NAME}: .*{sentence}"):
        list_groups(path)


def test_a_group_of_another_name_is_refused(path):
    with h5py.File(path, "a") as file:
        file.move(NAME, "tile-1")
    for read in (lambda: list_groups(path), lambda: split_of(path.parent, subsets=("train",))):
        with pytest.raises(InputError, match=r"train\.h5: group 'tile-1' is not named like"):
            read()


def test_what_hdf5_cannot_read_is_reported_with_the_file(path):
    with h5py.File(path, "a") as file:
        grd = file[NAME]["grd"][()]
        del file[NAME]["grd"]
        file[NAME].create_dataset("grd", data=grd, chunks=(1, 40, 48, 1), compression="gzip")
        chunk = file[NAME]["grd"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 16] = b"\xff" * 16
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"train\.h5: cannot be read"), open_dataset(path) as file:
        file[NAME]["grd"][3]


@pytest.mark.parametrize(
    ("labels", "fits"),
    [
        ([[1.0, 0.0], [0.0, 1.0], [0.3, 0.7], [0.0, 0.0]], True),
        ([[1, 1]], False),
        ([[0, 255]], False),
        ([[2, -1]], False),
        ([[np.nan, 1]], False),
    ],
)
def test_labels_are_fractions_that_sum_to_one_at_most(labels, fits):
    if fits:
        check_labels(np.array(labels), "here")
    else:
        with pytest.raises(InputError, match=r"here: .* found, fractions of background and glacier"):
            check_labels(np.array(labels), "here")


def test_a_file_that_is_absent_truncated_or_empty_is_refused(path):
    with pytest.raises(InputError, match=r"absent\.h5: no such file"):
        list_groups(path.with_name("absent.h5"))
    content = path.read_bytes()
    for kept in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"train\.h5: cannot be opened"):
            list_groups(path)
    path.unlink()
    h5py.File(path, "w").close()
    with pytest.raises(InputError, match=r"train\.h5: no group found"):
        list_groups(path)


def test_the_split_of_a_folder_is_read_from_its_files(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2016_ro14", "SVAL-1-1_2020_ro174"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-1-2_2016_ro14"], rng)
    write_dataset(tmp_path / "test.h5", ["SVAL-2-1_2016_ro14"], rng)
    found = {Tile(column=1, row=1): "train", Tile(column=1, row=2): "val", Tile(column=2, row=1): "test"}
    assert split_of(tmp_path) == found
    check_no_leakage(tmp_path)


def test_a_tile_in_two_files_is_found_whatever_its_year_and_orbit(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2016_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-1-2_2016_ro14"], rng)
    write_dataset(tmp_path / "test.h5", ["SVAL-1-1_2020_ro174"], rng)
    with pytest.raises(InputError, match=r"tile SVAL-1-1 found in train\.h5 and test\.h5"):
        check_no_leakage(tmp_path)


def test_a_folder_without_a_subset_is_refused(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", [NAME], rng)
    with pytest.raises(InputError, match=r"val\.h5: no such file"):
        check_no_leakage(tmp_path)


def test_every_missing_or_damaged_file_of_a_folder_is_named_in_one_sentence(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2016_ro14"], rng)
    write_dataset(tmp_path / "test.h5", ["SVAL-2-1_2016_ro14"], rng)
    whole = (tmp_path / "test.h5").read_bytes()
    (tmp_path / "test.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"val\.h5: no such file.*; .*test\.h5: cannot be opened") as caught:
        check_published(tmp_path)
    assert "train.h5:" not in str(caught.value)
    write_dataset(tmp_path / "val.h5", ["SVAL-1-2_2016_ro14"], rng)
    (tmp_path / "test.h5").write_bytes(whole)
    check_published(tmp_path)
    write_dataset(tmp_path / "val.h5", ["SVAL-1-1_2020_ro174"], rng)
    with pytest.raises(InputError, match=r"tile SVAL-1-1 found in train\.h5 and val\.h5"):
        check_published(tmp_path)


def test_a_group_is_listed_by_its_name_and_one_that_is_not_there_is_named(path):
    (entry,) = list_groups(path, names=[NAME])
    assert entry.name == NAME
    with pytest.raises(InputError, match=r"train\.h5: no group SVAL-1-1_2020_ro14 found, one of 2 such as SVAL-10-38"):
        list_groups(path, names=["SVAL-1-1_2020_ro14"])


def test_a_folder_of_two_subsets_can_be_checked_by_naming_them(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2016_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-1-2_2016_ro14"], rng)
    check_no_leakage(tmp_path, subsets=("train", "val"))
    write_dataset(tmp_path / "val.h5", ["SVAL-1-1_2020_ro174"], rng)
    with pytest.raises(InputError, match=r"tile SVAL-1-1 found in train\.h5 and val\.h5"):
        check_no_leakage(tmp_path, subsets=("train", "val"))
