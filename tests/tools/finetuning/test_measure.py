"""tools.finetuning.measure"""

from dataclasses import replace

import h5py
import pytest
import torch

from glaciersar import models
from glaciersar.models import pretrained
from tests.training.test_loop import write_dataset
from tools.finetuning import measure
from tools.finetuning.plan import AS_SHIPPED, PLAN, SCRATCH, TUNED

SUBSETS = {"train": (1, 2, 3), "val": (4,), "test": (5, 6)}


@pytest.fixture
def work(tmp_path, rng):
    """A run whose dataset is there."""
    folder = tmp_path / "work" / "dataset"
    folder.mkdir(parents=True)
    for name, rows in SUBSETS.items():
        write_dataset(folder / f"{name}.h5", [f"SVAL-1-{row}_2020_ro14" for row in rows], rng)
        with h5py.File(folder / f"{name}.h5", "a") as file:
            file.attrs["content"] = name
    return folder.parent


@pytest.fixture
def plan(tmp_path):
    torch.manual_seed(1)
    pretrained.save(models.build("unet3d", width=2), tmp_path / "start.safetensors", feature_names="grd")
    fresh = replace(PLAN.fresh, width=2, patch=16, batch=1, steps_per_epoch=2, warmup=0)
    return replace(PLAN, counts=(1, 3), start=str(tmp_path / "start.safetensors"), fresh=fresh, tuned_steps=2)


def test_every_arm_is_scored_on_every_pixel_of_the_test_and_what_is_there_stays(plan, work, monkeypatch):
    measure.measure(plan, work, counts=[1], seeds=[1])
    first = measure.read(work)
    assert set(first["arm"]) == {AS_SHIPPED, SCRATCH, TUNED}
    assert (first[["tp", "fp", "fn", "tn"]].sum(axis=1) == 2 * 24 * 24).all()
    trained = []
    monkeypatch.setattr(measure, "train", lambda config, *_, **__: trained.append(config) or 1 / 0)
    measure.measure(plan, work, counts=[1], seeds=[1])
    assert not trained
    with pytest.raises(ZeroDivisionError):
        measure.measure(plan, work, counts=[1, 3], seeds=[1])
    assert trained[0] == replace(plan.fresh, seed=1)


def test_the_score_is_pooled_over_the_test_tiles(work):
    for arm, counts in (("a", (6, 2, 2)), ("b", (1, 0, 0))):
        rows = [
            dict(zip(("tp", "fp", "fn"), counts, strict=True), tn=0, tile=k, arm=arm, tiles=1, seed=1) for k in "xy"
        ]
        measure.write(measure.pd.DataFrame(rows), work / "scores" / f"{arm}.csv")
    assert measure.read(work).set_index("arm")["iou"].to_dict() == {"a": 12 / 20, "b": 1.0}
