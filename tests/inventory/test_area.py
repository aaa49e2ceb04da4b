"""glaciersar.inventory.area"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.inventory import area, block_sums
from tests.support.probability_maps import GRID, PIXEL


def test_resampling_is_that_of_the_classical_bootstrap(rng):
    values = rng.gamma(2, 1, (400, 1))
    drawn = area.resample(values, draws=20_000, rng=np.random.default_rng(1))[:, 0]
    assert drawn.shape == (20_000,)
    assert drawn.mean() == pytest.approx(values.sum(), rel=0.002)
    assert drawn.std() == pytest.approx(values.std() * np.sqrt(400), rel=0.02)
    expected = stats.bootstrap((values[:, 0],), np.sum, n_resamples=9_999, method="percentile", rng=2)
    low, high = np.quantile(drawn, (0.025, 0.975))
    np.testing.assert_allclose((low, high), expected.confidence_interval, rtol=0.005)


def blocks_of(expected, spread, glacier=0):
    n = len(expected)
    table = {"glacier": glacier, "row": np.arange(n) // 10, "column": np.arange(n) % 10, "mapped": 10.24}
    return pd.DataFrame(table | {"expected": expected, "spread": spread, "true": np.nan})


def test_the_interval_of_the_blocks_is_seeded_and_holds_the_area_of_total_and_glacier(rng):
    blocks = blocks_of(rng.uniform(0, 10, 100), 0.1, glacier=rng.integers(-1, 3, 100))
    found = area.block_bootstrap(blocks, draws=2000, seed=5)
    assert found.index.tolist() == ["total", 0, 1, 2]
    assert found.equals(area.block_bootstrap(blocks, draws=2000, seed=5))
    assert not found.equals(area.block_bootstrap(blocks, draws=2000, seed=6))
    assert ((found["low"] < found["area"]) & (found["area"] < found["high"])).all()
    assert found.loc["total", "area"] == pytest.approx(blocks["expected"].sum())
    half = 1.96 * blocks["expected"].std(ddof=0) * 10
    np.testing.assert_allclose(found.loc["total", ["low", "high"]], [500 - half, 500 + half], atol=40)
    assert found.loc["total", "high"] - found.loc["total", "low"] == pytest.approx(2 * half, rel=0.05)


def test_the_interval_of_residuals_is_that_of_the_normal_law_when_they_follow_it(rng):
    z = rng.normal(0, 0.3, 20_000)
    known = pd.DataFrame({"scene": "a", "z": z - z.mean()})
    blocks = blocks_of(np.full(64, 5.0), rng.uniform(0.1, 0.9, 64))
    found = area.residual_interval(blocks, known, seed=3).loc["total"]
    half = 1.96 * 0.3 * np.sqrt(blocks["spread"].sum())
    np.testing.assert_allclose((found["low"], found["high"]), (320 - half, 320 + half), atol=0.04 * half)


def test_an_error_that_a_scene_has_all_over_widens_the_interval_as_if_blocks_erred_together(rng):
    scenes = pd.DataFrame({"scene": np.repeat([f"s{k}" for k in range(400)], 9)})
    known = scenes.assign(z=np.repeat(rng.normal(0, 0.3, 400), 9))
    table = {"glacier": 0, "row": [1, 1, 2, 2], "column": [1, 2, 1, 2], "mapped": 10.24}
    table |= {"expected": 5.0, "spread": 0.25}
    found = area.residual_interval(pd.DataFrame(table), known, seed=3).loc["total"]  # four blocks on one tile
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 0.3 * 4 * 0.5, rel=0.1)


def test_one_scene_that_erred_to_one_side_widens_the_interval_to_both():
    known = pd.DataFrame({"scene": np.repeat(list("abcdefgh"), 4), "z": np.r_[np.full(4, -1.5), np.zeros(28)]})
    found = area.residual_interval(blocks_of(np.full(4, 5.0), 0.25), known, seed=3).loc["total"]
    assert 20 - found["low"] == pytest.approx(found["high"] - 20, rel=0.01)


def test_the_errors_of_the_glaciers_add_up_to_that_of_the_total(rng):
    blocks = blocks_of(rng.uniform(0, 10, 60), rng.uniform(0, 1, 60), glacier=rng.integers(-1, 3, 60))
    known = pd.DataFrame({"scene": rng.choice(list("abc"), 90), "z": rng.normal(0, 0.3, 90)})
    errors = area.draw_errors(blocks, known, draws=500, rng=np.random.default_rng(1))
    assert sorted(errors) == [-1, 0, 1, 2]
    total = area.residual_interval(blocks, known, draws=500, seed=1).loc["total"]
    drawn = blocks["expected"].sum() + sum(errors.values())
    np.testing.assert_allclose((total["low"], total["high"]), np.quantile(drawn, (0.025, 0.975)))


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    pixel=st.sampled_from([10.0, 40.0, 80.0]),
    glaciers=st.integers(0, 3),
)
def test_a_map_all_of_ice_lies_within_its_interval(shape, pixel, glaciers):
    place, number = Affine(pixel, 0, 500_000, 0, -pixel, 8_700_000), np.indices(shape)[1] % (glaciers + 1) - 1
    blocks = block_sums.sum_blocks(np.ones(shape), place, glacier=number, truth=np.ones(shape, bool)).assign(
        spread=0.01
    )
    found = area.residual_interval(blocks, pd.DataFrame({"scene": "a", "z": [9.0]}), draws=9, seed=1)
    assert found.loc["total", "low"] <= blocks["true"].sum() <= found.loc["total", "high"]


def test_an_interval_that_is_possible_is_left_as_it_is(rng):
    blocks = blocks_of(np.full(60, 5.0), rng.uniform(0, 1, 60))
    known = pd.DataFrame({"scene": rng.choice(list("abc"), 90), "z": rng.normal(0, 0.3, 90)})
    more = blocks.assign(mapped=1000.0)
    for ways in (area.block_bootstrap, lambda b, **how: area.residual_interval(b, known, **how)):
        pd.testing.assert_frame_equal(ways(blocks, draws=200, seed=1), ways(more, draws=200, seed=1))


def test_residuals_are_errors_by_the_root_of_the_doubt(probability, rng):
    truth = rng.random(GRID.shape) < probability
    blocks = block_sums.sum_blocks(probability, GRID.affine, truth=truth)
    known = area.residuals({"here": blocks, "there": blocks.assign(true=blocks["expected"])})
    z = known[known["scene"] == "here"]["z"]
    np.testing.assert_allclose(z * np.sqrt(blocks["spread"]), blocks["true"] - blocks["expected"], atol=1e-9)
    assert (known[known["scene"] == "there"]["z"] == 0).all()
    assert np.sqrt((z**2).mean()) == pytest.approx(np.sqrt(PIXEL), rel=0.5)  # pixels that err each on its own
    with pytest.raises(InputError, match="without a truth"):
        area.residuals({"here": block_sums.sum_blocks(probability, GRID.affine)})


def test_the_error_of_the_boundary_is_that_of_a_buffer_and_less_if_stretches_err_apart(rng):
    assert area.boundary_error(20, 30) == pytest.approx(1.96 * 20 * 0.03)
    stretches = rng.normal(0, 30, (20_000, 40)) / 1e3 * 0.5  # 40 stretches of 500 m
    assert area.boundary_error(20, 30, correlation=0.5) == pytest.approx(1.96 * stretches.sum(1).std(), rel=0.02)


def test_all_three_intervals_stand_side_by_side_for_total_and_glaciers(rng):
    blocks = blocks_of(rng.uniform(0, 10, 60), 0.1, glacier=rng.integers(-1, 2, 60))
    known = pd.DataFrame({"scene": "a", "z": rng.normal(0, 0.3, 90)})
    table = area.intervals(blocks, known, {"total": 100.0, 0: 30.0}, disagreement=50, draws=500, seed=2)
    assert table.index.tolist() == ["total", 0, 1]
    for name, alone in (
        ("blocks", area.block_bootstrap(blocks, draws=500, seed=2)),
        ("residuals", area.residual_interval(blocks, known, draws=500, seed=2)),
    ):
        for side in ("low", "high"):
            np.testing.assert_array_equal(table[f"{side}_{name}"], alone[side])
    half = (table["high_boundary"] - table["low_boundary"]) / 2
    np.testing.assert_allclose(half, [area.boundary_error(100, 50), area.boundary_error(30, 50), np.nan])


@pytest.mark.slow
@given(
    counts=st.lists(st.tuples(st.integers(0, 1600), st.floats(0, 1), st.integers(-1, 2)), min_size=1, max_size=12),
    z=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    disagreement=st.floats(0, 500),
    draws=st.integers(1, 40),
)
def test_no_interval_of_an_area_reaches_below_nothing_or_above_what_is_mapped(counts, z, disagreement, draws):
    pixels, p, glacier = (np.array(column) for column in zip(*counts, strict=True))
    mapped = pixels * 0.0064  # km², of 80 m
    blocks = blocks_of(p * mapped, p * (1 - p) * mapped, glacier=glacier).assign(mapped=mapped)
    known = pd.DataFrame({"scene": [str(k % 2) for k in range(len(z))], "z": z})
    table = area.intervals(blocks, known, {"total": 40.0, 0: 9.0}, disagreement=disagreement, draws=draws, seed=1)
    most = blocks.groupby("glacier")["mapped"].sum()
    most.loc["total"] = mapped.sum()
    for kind in ("blocks", "residuals", "boundary"):
        found = table.dropna(subset=f"low_{kind}")
        assert (found[f"low_{kind}"] >= 0).all()
        assert (found[f"low_{kind}"] <= found[f"high_{kind}"]).all()
        assert (found[f"high_{kind}"] <= most[found.index] + 1e-9).all()
