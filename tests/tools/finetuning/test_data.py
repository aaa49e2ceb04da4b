"""tools.finetuning.data"""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from glaciersar.dataset.hdf5 import list_groups
from glaciersar.errors import InputError
from tests.training.test_loop import write_dataset
from tools.finetuning import data
from tools.finetuning.plan import PLAN


@pytest.fixture
def source(tmp_path, rng):
    path = tmp_path / "train.h5"
    write_dataset(path, [f"SVAL-1-{k}_2020_ro14" for k in range(6)], rng)
    with h5py.File(path, "a") as file:
        file.attrs.update({"content": "abc", "kind": "simulated radar"})
    return path


def test_fewer_tiles_are_among_the_more_and_another_seed_draws_others(source):
    drawn = {count: data.choose_tiles(source, count, seed=1) for count in (1, 2, 4)}
    assert all(len(set(names)) == count for count, names in drawn.items())
    assert set(drawn[1]) < set(drawn[2]) < set(drawn[4])
    assert any(data.choose_tiles(source, 2, seed=seed) != drawn[2] for seed in range(2, 6))


def test_a_copy_holds_the_tiles_as_they_are_and_is_known_as_other_data(source, tmp_path):
    names = data.choose_tiles(source, 2, seed=1)
    for own in (names, names[:1]):
        data.copy_tiles(source, own, tmp_path / f"{len(own)}.h5")
    with h5py.File(source) as whole, h5py.File(tmp_path / "2.h5") as part, h5py.File(tmp_path / "1.h5") as one:
        assert sorted(part) == sorted(names)
        assert all(np.array_equal(whole[name]["grd"], part[name]["grd"]) for name in names)
        assert part.attrs["kind"] == "simulated radar"
        assert len({file.attrs["content"] for file in (whole, part, one)}) == 3
    assert len(list_groups(tmp_path / "2.h5", features=("grd",))) == 2


def test_landscapes_without_glaciers_are_left_out_and_no_subset_shares_one(monkeypatch, tmp_path):
    plan = replace(PLAN, tests=3, counts=(1, 4))
    monkeypatch.setattr(data, "ice_fraction", lambda archive, landscape: 0.0 if landscape in (0, 5) else 0.3)
    subset = data.assign(plan, tmp_path)
    assert list(subset) == [plan.archive.corner(k) for k in range(plan.archive.landscapes) if k not in (0, 5)]
    assert [list(subset.values()).count(name) for name in ("test", "val", "train")] == [3, 1, len(subset) - 4]


def test_too_few_landscapes_with_glaciers_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "ice_fraction", lambda archive, landscape: 0.3 if landscape < 3 else 0.0)
    with pytest.raises(InputError, match=f"3 landscapes with glaciers found, {PLAN.tests + 9} expected"):
        data.assign(PLAN, tmp_path)
