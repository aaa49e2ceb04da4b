"""glaciersar.training.shared_memory"""

import shutil
from collections import namedtuple
from dataclasses import replace

import pytest
import torch

from glaciersar.dataset.patches import RandomPatches
from glaciersar.errors import InputError
from glaciersar.training import shared_memory
from glaciersar.training.loop import train
from glaciersar.training.shared_memory import batch_bytes, check_shared_memory
from tests.training.test_loop import CONFIG, write_dataset

Usage = namedtuple("Usage", "total used free")
MIB = 2**20


@pytest.fixture
def docker(monkeypatch):
    """What a container has by default."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(64 * MIB, 0, 64 * MIB))


def test_the_bytes_of_a_batch_are_those_that_are_loaded(tmp_path, rng):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    patches = RandomPatches(tmp_path / "train.h5", patch=16, samples=2, seed=1, shown=range(5))
    assert batch_bytes(patches=2, features=1, dates=5, side=16) == sum(part.nbytes for part in patches.batch([0, 1]))


def test_a_batch_of_the_published_profile_is_more_than_a_container_has(docker, tmp_path):
    size = batch_bytes(patches=8, features=1, dates=15, side=384)
    with pytest.raises(InputError, match=r"64 MiB of shared memory free, 765 MiB expected for workers=4; `docker run "):
        check_shared_memory(size, workers=4, place=tmp_path)


def test_without_loading_processes_and_with_room_nothing_is_said(docker, tmp_path):
    check_shared_memory(10**12, workers=0, place=tmp_path)
    check_shared_memory(64 * MIB // 6, workers=2, place=tmp_path)
    check_shared_memory(10**12, workers=2, place=tmp_path / "not there")
    with pytest.raises(InputError):
        check_shared_memory(64 * MIB // 6, workers=2, processes=2, place=tmp_path)


def test_a_training_is_refused_before_its_work_starts(docker, tmp_path, rng, monkeypatch):
    monkeypatch.setattr(shared_memory, "FETCHED", 10**6)
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    if not shared_memory.PLACE.is_dir():
        pytest.skip("no shared memory is mounted here")
    with pytest.raises(InputError, match="of shared memory free"):
        train(replace(CONFIG, workers=1), tmp_path, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    assert not torch.distributed.is_initialized()
