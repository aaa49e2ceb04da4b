"""glaciersar.inventory.area"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio import Affine
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.inventory import area, block_sums, error_model


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


def model_of(variance, *, level="pixels", count=1e6):
    """An error model with one effect, of one year."""
    none = dict.fromkeys(error_model.LEVELS, 0.0)
    counts = dict.fromkeys(error_model.LEVELS, count)
    return error_model.ErrorModel(stays=none, year=none | {level: variance}, count=counts, landscapes=9, paired=True)


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


def test_fewer_than_twenty_blocks_get_no_interval_by_drawing_blocks(rng):
    found = area.block_bootstrap(blocks_of(rng.uniform(0, 10, 39), 0.1, glacier=np.arange(39) // 20), draws=99, seed=1)
    assert found.loc[["total", 0]].notna().all(axis=None)
    assert found.loc[1, ["low", "high"]].isna().all()
    assert found.loc[1, "area"] > 0


def test_the_interval_of_residuals_is_that_of_the_normal_law_when_they_follow_it(rng):
    blocks = blocks_of(np.full(64, 5.0), rng.uniform(0.1, 0.9, 64))
    found = area.residual_interval(blocks, model_of(0.09), seed=3).loc["total"]
    half = 1.96 * 0.3 * np.sqrt(blocks["spread"].sum())
    np.testing.assert_allclose((found["low"], found["high"]), (320 - half, 320 + half), atol=0.04 * half)


def test_an_error_that_a_map_has_all_over_widens_the_interval_as_if_blocks_erred_together():
    blocks = blocks_of(np.full(40, 5.0), 0.25)
    found = area.residual_interval(blocks, model_of(0.09, level="map"), seed=3).loc["total"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 0.3 * 40 * 0.25, rel=0.05)


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    pixel=st.sampled_from([10.0, 40.0, 80.0]),
    glaciers=st.integers(0, 3),
)
def test_a_map_all_of_ice_lies_within_its_interval(shape, pixel, glaciers):
    place, number = Affine(pixel, 0, 500_000, 0, -pixel, 8_700_000), np.indices(shape)[1] % (glaciers + 1) - 1
    box = GeoBox(shape, place, "EPSG:32633")
    blocks = block_sums.sum_blocks(np.ones(shape), box, glacier=number, truth=np.ones(shape, bool)).assign(spread=0.01)
    found = area.residual_interval(blocks, model_of(9.0), draws=99, seed=1)
    assert found.loc["total", "low"] <= blocks["true"].sum() <= found.loc["total", "high"]


def test_an_interval_that_is_possible_is_left_as_it_is(rng):
    blocks = blocks_of(np.full(60, 5.0), rng.uniform(0, 1, 60))
    more = blocks.assign(mapped=1000.0)
    for ways in (area.block_bootstrap, lambda b, **how: area.residual_interval(b, model_of(0.09), **how)):
        pd.testing.assert_frame_equal(ways(blocks, draws=200, seed=1), ways(more, draws=200, seed=1))


def test_the_error_of_the_boundary_is_that_of_a_buffer_and_less_if_stretches_err_apart(rng):
    assert area.boundary_error(20, 30) == pytest.approx(1.96 * 20 * 0.03)
    stretches = rng.normal(0, 30, (20_000, 40)) / 1e3 * 0.5  # 40 stretches of 500 m
    assert area.boundary_error(20, 30, correlation=0.5) == pytest.approx(1.96 * stretches.sum(1).std(), rel=0.02)


def test_all_three_intervals_stand_side_by_side_for_total_and_glaciers(rng):
    blocks = blocks_of(rng.uniform(0, 10, 60), 0.1, glacier=rng.integers(-1, 2, 60))
    model = model_of(0.09)
    table = area.intervals(blocks, model, {"total": 100.0, 0: 30.0}, disagreement=50, draws=500, seed=2)
    assert table.index.tolist() == ["total", 0, 1]
    for name, alone in (
        ("blocks", area.block_bootstrap(blocks, draws=500, seed=2)),
        ("residuals", area.residual_interval(blocks, model, draws=500, seed=2)),
    ):
        for side in ("low", "high"):
            np.testing.assert_array_equal(table[f"{side}_{name}"], alone[side])
    half = (table["high_boundary"] - table["low_boundary"]) / 2
    np.testing.assert_allclose(half, [area.boundary_error(100, 50), area.boundary_error(30, 50), np.nan])


def test_neither_the_edge_of_the_map_nor_a_divide_is_a_boundary():
    x, y = 500_000, 8_700_000
    shapes = [shapely.box(x, y, x + 4000, y + 3000), shapely.box(x + 4000, y + 1000, x + 6000, y + 3000)]
    shapes.append(shapely.box(x + 8000, y + 4000, x + 9000, y + 5000))
    glaciers = gpd.GeoDataFrame(geometry=shapes, index=["A", "B", "C"], crs="EPSG:32633")
    extent = shapely.box(x, y, x + 10_000, y + 10_000)
    found = area.free_perimeters(glaciers, extent)
    assert found.index.tolist() == ["total", "A", "B", "C"]
    np.testing.assert_allclose(found, [1 + 4 + 6 + 4, 4 + 1, 2 + 2 + 2, 4], atol=0.01)


def test_a_hole_in_the_ice_has_a_boundary_and_one_in_the_map_has_none():
    x, y = 500_000, 8_700_000
    ice = shapely.box(x + 1000, y + 1000, x + 5000, y + 5000)
    hole = shapely.box(x + 2000, y + 2000, x + 3000, y + 3000)
    whole = shapely.box(x, y, x + 6000, y + 6000)
    frame = gpd.GeoDataFrame(geometry=[ice.difference(hole)], crs="EPSG:32633")
    assert area.free_perimeters(frame, whole)["total"] == pytest.approx(16 + 4, abs=0.01)
    assert area.free_perimeters(frame, whole.difference(hole))["total"] == pytest.approx(16, abs=0.01)


def test_a_disagreement_that_is_no_length_is_refused():
    with pytest.raises(InputError, match="disagreement=nan found, metres"):
        area.intervals(blocks_of([1.0], 0.1), model_of(0.1), {}, disagreement=np.nan, draws=9, seed=1)


@pytest.mark.slow
@given(
    counts=st.lists(st.tuples(st.integers(0, 1600), st.floats(0, 1), st.integers(-1, 2)), min_size=1, max_size=12),
    variance=st.floats(0, 9),
    level=st.sampled_from(error_model.LEVELS),
    disagreement=st.floats(0, 500),
    draws=st.integers(1, 40),
)
def test_no_interval_of_an_area_reaches_below_nothing_or_above_what_is_mapped(
    counts, variance, level, disagreement, draws
):
    pixels, p, glacier = (np.array(column) for column in zip(*counts, strict=True))
    mapped = pixels * 0.0064  # km², of 80 m
    blocks = blocks_of(p * mapped, p * (1 - p) * mapped, glacier=glacier).assign(mapped=mapped)
    model = model_of(variance, level=level, count=3.0)
    table = area.intervals(blocks, model, {"total": 40.0, 0: 9.0}, disagreement=disagreement, draws=draws, seed=1)
    most = blocks.groupby("glacier")["mapped"].sum()
    most.loc["total"] = mapped.sum()
    for kind in ("blocks", "residuals", "boundary"):
        found = table.dropna(subset=f"low_{kind}")
        assert (found[f"low_{kind}"] >= 0).all()
        assert (found[f"low_{kind}"] <= found[f"high_{kind}"]).all()
        assert (found[f"high_{kind}"] <= most[found.index] + 1e-9).all()
