"""tools.coverage"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glaciersar.errors import InputError
from glaciersar.evaluation.annotators import BoundaryDisagreement
from glaciersar.inventory import coverage_landscapes, error_model
from tests.support import erring_maps
from tools import coverage


def landscapes(count, *, side=1):
    return erring_maps.draw_landscapes(np.random.default_rng(7), count, side=side, divided=True)


def test_sums_that_are_written_and_read_are_the_same(tmp_path):
    (sums,) = landscapes(1)
    coverage.write_sums(tmp_path / "a.json", sums)
    found = coverage.read_sums(tmp_path / "a.json")
    assert replace(found, blocks={}) == replace(sums, blocks={})
    for year, blocks in sums.blocks.items():
        pd.testing.assert_frame_equal(found.blocks[year], blocks, check_exact=True)


@pytest.fixture
def options(tmp_path):
    return coverage.Options(run=tmp_path, model="unet3d", landscapes=6, years=(2016, 2020), orbits=(14, 174), draws=200)


@pytest.fixture
def network(options, monkeypatch):
    """Stand-ins for the network and its maps, and a list of what was mapped."""
    asked = []

    def map_landscapes(network, *, landscapes, tiles_per_side, shift_db, **how):
        for k in landscapes:
            asked.append((tiles_per_side, shift_db, k))
            yield erring_maps.draw_landscapes(np.random.default_rng(k), 1, side=tiles_per_side)[0]

    weights = options.run / "models" / "unet3d" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    weights.with_name("calibration.json").write_text("{}")
    monkeypatch.setattr(coverage.pretrained, "load", lambda path: None)
    monkeypatch.setattr(coverage.calibration, "read_calibration", lambda path: None)
    monkeypatch.setattr(coverage, "pixel_size", lambda path: 80.0)
    monkeypatch.setattr(coverage_landscapes, "map_landscapes", map_landscapes)
    monkeypatch.setattr(coverage_landscapes, "sum_landscape", lambda mapped, calibration: mapped)
    return asked


def test_parts_map_every_landscape_once_and_again_nothing(options, network):
    for part in (1, 2):
        coverage.map_part(options, part, 2)
    expected = [(*how, k) for *how, number in coverage.sets_of_landscapes(6).values() for k in range(number)]
    assert sorted(network) == sorted(expected)
    coverage.map_part(options, 1, 1)
    assert len(network) == len(expected)


def test_landscapes_of_other_weights_are_not_put_beside(options, network):
    coverage.map_part(options, 1, 1)
    (options.run / "models" / "unet3d" / "weights.safetensors").write_bytes(b"others")
    with pytest.raises(InputError, match="other weights, years, orbits or code found"):
        coverage.map_part(options, 1, 1)


def test_of_two_hundred_landscapes_some_have_four_and_sixteen_tiles_and_as_many_more_are_shifted():
    sets = coverage.sets_of_landscapes(200)
    assert sum(number for _, shift, number in sets.values() if not shift) == 200
    assert {side**2 for side, _, _ in sets.values()} == {1, 4, 16}
    assert [(shift, number) for _, shift, number in sets.values() if shift] == [(-3.0, 100), (3.0, 100)]


def test_too_few_landscapes_are_told(options, network):
    with pytest.raises(InputError, match="0 landscapes of side1 found, at least 5 expected"):
        coverage.count(options, options.run)


def test_each_set_is_counted_with_the_residuals_of_others_and_of_the_validation_tiles(options, network, monkeypatch):
    coverage.map_part(options, 1, 1)
    known = coverage_landscapes.landscape_residuals(landscapes(3))
    monkeypatch.setattr(coverage, "_validation_errors", lambda options: error_model.fit_errors(known))
    apart = BoundaryDisagreement(deviation=40.0, mean=30.0, matched=1.0)
    monkeypatch.setattr(coverage.annotators, "archive_disagreement", lambda path: apart)
    table = coverage.count(options, options.run / "evidence")
    of, sets, sources, *_ = (table.index.unique(level) for level in range(table.index.nlevels))
    assert list(of) == ["area", "change"]
    assert list(sets) == ["all sides", *coverage.sets_of_landscapes(6)]
    assert list(sources) == ["other landscapes", "val.h5"]
    whole = table.xs("all landscapes", level="group").xs("residuals", level="interval")["n"]
    assert whole.xs("val.h5", level="residuals of")["area"].tolist() == [15, 5, 5, 5, 5, 5]
    by_incidence = table.xs("incidence 36 to 40°", level="group").xs("residuals", level="interval")["n"]
    assert (by_incidence == whole).all()
    text = Path(options.run / "evidence" / "coverage.md").read_text()
    assert "simulated" in text
    assert str(options.run) not in text


@pytest.mark.parametrize("part", ["3/2", "0/2", "1", "a/b"])
def test_a_part_that_is_none_is_refused(part, tmp_path):
    with pytest.raises(InputError, match="such as 2/4 expected"):
        coverage.main([str(tmp_path), "--part", part])
