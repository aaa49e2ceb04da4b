"""Masks and images of CaFFe (Gourmelon and others 2022), X-band, one date: built, split, trained on, scored."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import rasterio

from glaciersar import grid, outlines
from glaciersar.dataset import labelled_patches
from glaciersar.dataset.hdf5 import check_published
from glaciersar.dataset.label_codes import read_mask
from glaciersar.dataset.label_rasters import read_label_rasters
from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.models import pretrained
from glaciersar.training.loop import train
from tools.real_radar import patches
from tools.real_radar.folds import FRESH

PROJECTIONS = {"EPSG:32622", "EPSG:3031", "EPSG:32606"}


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "data/caffe-patches"


def test_traced_masks_of_three_projections_give_their_pixels_back(folder, capsys):
    found = read_label_rasters(folder, patches.CODES, pattern="*_mask.tif")
    assert "17 masks, glacier 2, unknown 0, other 1, 3" in capsys.readouterr().out
    crs = set()
    for path in sorted(folder.glob("*_mask.tif")):
        mask, own = read_mask(path, patches.CODES), found[found["mask"] == path.name]
        crs.add(str(mask.geobox.crs))
        # by way of another projection a corner may move by a part of a millimetre, and no pixel changes
        assert (outlines.to_mask(outlines.glaciers(own), mask.geobox) == mask.glacier).all()
        assert (outlines.known_mask(own, mask.geobox) == mask.known).all()
    assert crs == PROJECTIONS


def test_patches_become_a_dataset_split_by_glacier_that_is_trained_on_and_scored(folder, tmp_path):
    named = labelled_patches.name_groups(patches.read_patches(folder))
    split = labelled_patches.split_by_glacier(named, seed=3)
    for subset, groups in split.items():
        patches.write_dataset(tmp_path / f"data/{subset}.h5", groups.items())
    check_published(tmp_path / "data")
    glaciers, projections = {}, set()
    for subset in grid.SUBSETS:
        with h5py.File(tmp_path / f"data/{subset}.h5") as file:
            glaciers[subset] = {group.attrs["glacier"] for group in file.values()}
            projections |= {group.attrs["crs"] for group in file.values()}
    assert sum(map(len, glaciers.values())) == len(set.union(*glaciers.values())) == 6
    assert projections == PROJECTIONS

    config = replace(FRESH, width=2, patch=32, batch=2, steps_per_epoch=3, warmup=1)
    train(config, tmp_path / "data", tmp_path / "model", progress=False)
    results = list(map_tiles(pretrained.load(tmp_path / "model/weights.safetensors"), tmp_path / "data/test.h5"))
    counts = sum((Confusion.of(r.truth, r.found > 0.5, r.valid) for r in results), Confusion())
    known = sum(int((patch.labels.sum(-1) > 0).sum()) for patch in split["test"].values())
    assert counts.tp + counts.fp + counts.fn + counts.tn == known  # unknown pixels are scored nowhere
    assert 0 <= counts.iou <= 1


def test_a_group_says_where_its_patch_lies(folder):
    for patch in patches.read_patches(folder)[:3]:
        with rasterio.open(folder / f"{patch.id}_img.tif") as file:
            np.testing.assert_allclose(patch.geobox.boundingbox.bbox, tuple(file.bounds))
