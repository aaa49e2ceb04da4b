"""tools.ensembles.maps"""

import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.grid import Tile
from tests.support.tiles import write_tiles
from tools.ensembles import maps


def networks():
    for seed in (1, 2):
        torch.manual_seed(seed)
        yield models.build("unet3d", width=2).eval()


def test_tiles_are_mapped_by_each_member_once_and_read_back(tmp_path, monkeypatch):
    data, out, members = tmp_path / "data", tmp_path / "maps", list(networks())
    data.mkdir()
    for subset in maps.SUBSETS:
        write_tiles(data / f"{subset}.h5", {Tile(column=6, row=6): 0.5, Tile(column=9, row=6): 0.3})
    with pytest.raises(InputError, match="no tile found that all 2 members have mapped"):
        maps.read_maps(members, data, out, "val")
    maps.map_members(members, data, out)
    found = maps.read_maps(members, data, out, "test")
    assert len(found) == 2
    for k, member in enumerate(members):
        for name, probability, labels in iter_tile_maps(member, data / "test.h5", window=384, progress=False):
            seen = labels.sum(0) > 0
            np.testing.assert_array_equal(found[name].probability[k], np.where(seen, probability, np.nan))
            np.testing.assert_array_equal(found[name].reference, labels[1] > 0.5)
    monkeypatch.setattr(maps, "iter_tile_maps", None)  # what is mapped is not mapped again
    maps.map_members(members, data, out)
