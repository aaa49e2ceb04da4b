"""tools.real_radar.folds"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox

from glaciersar import models
from glaciersar.dataset.labelled_patches import Patch, name_groups
from glaciersar.models import pretrained
from tools.real_radar import folds

FRACTIONS = {"Abre": 0.5, "Bre": 1.0, "Cbre": 0.0}


def draw_patch(glacier, number, fraction, side=24):
    """A patch whose glacier is the columns on the left, and bright."""
    ice = np.broadcast_to(np.arange(side) < fraction * side, (side, side)).astype(np.float32)
    amplitude = (60 + 120 * ice).astype(np.float32)
    labels = np.stack([1 - ice, ice], axis=-1)
    date = f"201{number}-01-01"
    place = Affine(24, 0, 500_000 + 20_000 * list(FRACTIONS).index(glacier), 0, -24, 7_000_000 + 20_000 * number)
    where = {"pixel": 24, "geobox": GeoBox((side, side), place, "EPSG:32622")}
    return Patch(id=f"{glacier}{number}", glacier=glacier, date=date, amplitude=amplitude, labels=labels, **where)


@pytest.fixture
def named():
    return name_groups([draw_patch(glacier, k, f) for glacier, f in FRACTIONS.items() for k in range(2)])


@pytest.mark.parametrize("glacier", FRACTIONS)
def test_no_patch_of_the_tested_glacier_is_trained_or_validated_on_and_every_patch_has_one_place(named, glacier):
    split = folds.split_fold(named, glacier)
    assert {patch.glacier for _, patch in split["test"]} == {glacier}
    assert all(patch.glacier != glacier for subset in ("train", "val") for _, patch in split[subset])
    assert sorted(name for groups in split.values() for name, _ in groups) == sorted(named)
    assert len(split["val"]) == 1


def test_every_arm_is_scored_on_every_glacier_and_one_run_is_taken_up_by_the_next(named, tmp_path, monkeypatch):
    quick = replace(folds.FRESH, width=2, patch=16, batch=1, steps_per_epoch=2, warmup=0)
    monkeypatch.setattr(folds, "FRESH", quick)
    torch.manual_seed(1)
    start = tmp_path / "simulated.safetensors"
    pretrained.save(models.build("unet3d", width=2), start)
    counts = folds.leave_one_glacier_out(named, start, tmp_path / "work")
    assert len(counts) == 3 * 5
    assert (counts[["tp", "fp", "fn", "tn"]].sum(axis=1) == 2 * 24 * 24).all()
    everywhere = counts[counts["arm"] == folds.ALL_GLACIER].set_index("glacier")
    assert everywhere["tp"].to_dict() == {name: 2 * 24 * 24 * share for name, share in FRACTIONS.items()}
    assert not everywhere["tn"].any()

    written = (tmp_path / "work/fold-0/unet3d-fine-tuned/checkpoint.safetensors").stat().st_mtime_ns
    assert folds.leave_one_glacier_out(named, start, tmp_path / "work").equals(counts)
    assert (tmp_path / "work/fold-0/unet3d-fine-tuned/checkpoint.safetensors").stat().st_mtime_ns == written


def test_the_mean_leaves_out_a_glacier_without_glacier_and_the_pooled_score_does_not():
    rows = [("x", "Abre", 6, 2, 2, 0), ("x", "Bre", 5, 0, 5, 0), ("x", "Cbre", 0, 10, 0, 10)]
    table = folds.summarize_folds(pd.DataFrame(rows, columns=["arm", "glacier", "tp", "fp", "fn", "tn"]))
    (row,) = table.to_dict("records")
    assert row["IoU, pooled"].startswith(f"{11 / 30:.3f} (")
    assert row["IoU, mean of glaciers"].startswith(f"{(6 / 10 + 5 / 10) / 2:.3f} (")
    assert (row["Abre"], row["Bre"], row["Cbre"]) == ("0.600", "0.500", "–")


def test_trained_networks_are_told_beside_calling_everything_glacier():
    rows = [
        (folds.ALL_GLACIER, 60, 40, 0),
        (folds.AS_THEY_ARE, 0, 0, 60),
        ("unet2d", 50, 10, 10),
        ("unet3d", 30, 40, 30),
    ]
    counts = pd.DataFrame(rows, columns=["arm", "tp", "fp", "fn"])
    told = folds.tell_folds(counts)
    assert told.startswith(
        "Of 2 trained networks, 1 have a pooled IoU above that of calling everything glacier (0.600)"
    )
    assert told.endswith("the best has 0.714.")


def test_fine_tuning_differs_from_a_fresh_training_by_its_start_and_its_rate_alone(tmp_path):
    arms = folds.trained_arms(tmp_path / "w.safetensors")
    tuned = arms["unet3d, fine-tuned"]
    assert replace(tuned, weights="", learning_rate=folds.FRESH.learning_rate) == arms["unet3d, from scratch"]
    assert replace(arms["unet2d, from scratch"], model="unet3d") == arms["unet3d, from scratch"]
