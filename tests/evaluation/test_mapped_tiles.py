"""glaciersar.evaluation.mapped_tiles"""

import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.grid import Tile
from glaciersar.inference.predictor import Predictor
from tests.support.tiles import write_tiles


@pytest.fixture
def network():
    torch.manual_seed(0)
    return models.build("unet2d_mean", width=2)


@pytest.fixture
def path(tmp_path):
    write_tiles(tmp_path / "test.h5", {Tile(column=column, row=6): 0.5 for column in (6, 7, 8)})
    return tmp_path / "test.h5"


def test_a_reader_beside_the_gpu_changes_no_map(path, network, monkeypatch):
    alone = list(iter_tile_maps(network, path, window=16, progress=False, device="cpu"))
    monkeypatch.setattr(Predictor, "on_gpu", True)
    beside = list(iter_tile_maps(network, path, window=16, progress=False))
    assert [name for name, _, _ in beside] == [name for name, _, _ in alone]
    for (_, probability, labels), (_, of_gpu, labels_of_gpu) in zip(alone, beside, strict=True):
        assert np.array_equal(probability, of_gpu, equal_nan=True)
        assert np.array_equal(labels, labels_of_gpu)


def test_a_device_that_is_not_there_is_refused(path, network):
    with pytest.raises(InputError, match="device='tpu' found"):
        next(iter_tile_maps(network, path, window=16, progress=False, device="tpu"))
