"""glaciersar.training.identity"""

import os
import shutil
from dataclasses import asdict, replace

import h5py
import pytest

from glaciersar.training import identity
from glaciersar.training.identity import content_of, differing, list_differences, run_identity
from tests.training.test_loop import CONFIG, write_dataset

HOW = {"device": "cpu", "processes": 1, "precision": "float32", "accumulate": 1}


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(folder / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return folder


def identify(data, config=CONFIG, how=HOW):
    return run_identity(asdict(config), data, how)


def test_a_copy_of_the_data_at_another_time_is_the_same(data, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(data, copied, copy_function=shutil.copy)
    os.utime(copied / "train.h5", (1, 1))
    assert identify(copied) == identify(data)


def test_other_data_of_the_same_size_and_time_is_another_run(data):
    before, status = identify(data), (data / "train.h5").stat()
    with h5py.File(data / "train.h5", "a") as file:
        file["SVAL-1-1_2020_ro14/grd"][0, 0, 0] = 0.5
    os.utime(data / "train.h5", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert differing(before, identify(data)) == ["train.h5"]


def test_the_attribute_content_stands_for_a_file(data):
    with h5py.File(data / "train.h5", "a") as file:
        file.attrs["content"] = "abc"
    assert content_of(data / "train.h5") == "abc"


def test_what_does_not_matter_is_left_out_and_what_came_out_of_a_choice_is_told(data):
    before = identify(data)
    assert identify(data, replace(CONFIG, workers=3, device="cpu", precision="float32", accumulate=0)) == before
    for name, value in {"device": "cuda", "processes": 2, "precision": "bf16", "accumulate": 2}.items():
        found = identify(data, how=HOW | {name: value})
        assert differing(found, before) == [name]
        assert list_differences(found, before, [name]) == f"{name} ({value} there, {HOW[name]} now)"
    for change in ({"width": 6}, {"compile": True}):
        assert differing(identify(data, replace(CONFIG, **change)), before) == [*change]


def test_the_hash_of_a_large_file_is_noted_until_the_file_changes(data, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hashed = []
    compute = identity._hash
    monkeypatch.setattr(identity, "_hash", lambda path: hashed.append(path) or compute(path))
    path = data / "train.h5"
    first = content_of(path, worth_noting=0)
    assert content_of(path, worth_noting=0) == first
    assert len(hashed) == 1
    os.utime(path, (1, 1))
    assert content_of(path, worth_noting=0) == first
    assert len(hashed) == 2
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")  # nothing can be noted there
    assert content_of(path, worth_noting=0) == first
