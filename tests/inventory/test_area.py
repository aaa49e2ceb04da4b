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
from scipy import ndimage, stats

from glaciersar.errors import InputError
from glaciersar.inference.calibration import Calibration
from glaciersar.inventory import area
from glaciersar.io import rasters
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((500_000, 8_700_000, 512_000, 8_709_000), "EPSG:32633", resolution=50, tight=True)  # 180 × 240
PIXEL = 50**2 / 1e6


@pytest.fixture
def probability(rng):
    field = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 8)
    values = (1 / (1 + np.exp(-5 * field / field.std()))).astype(np.float32)
    values[40:90, 30:60] = np.nan
    return values


def test_the_sums_of_the_blocks_are_the_sums_of_the_map(probability, rng):
    truth = rng.random(GRID.shape) < probability
    blocks = area.sum_blocks(probability, GRID.affine, truth=truth)
    assert blocks["mapped"].sum() == pytest.approx(np.isfinite(probability).sum() * PIXEL)
    assert blocks["expected"].sum() == pytest.approx(np.nansum(probability) * PIXEL)
    assert blocks["spread"].sum() == pytest.approx(np.nansum(probability * (1 - probability)) * PIXEL)
    assert blocks["true"].sum() == pytest.approx((truth & np.isfinite(probability)).sum() * PIXEL)
    assert blocks["mapped"].max() <= 3.2**2 + 1e-9


def test_blocks_lie_where_those_of_the_follow_up_do():
    left, bottom = 378_194.512 + 3200 * 40, 8_466_488.863 + 3200 * 70
    box = GeoBox.from_bbox((left, bottom, left + 3200, bottom + 3200), "EPSG:32633", resolution=100, tight=True)
    blocks = area.sum_blocks(np.ones((32, 32)), box.affine)
    assert blocks[["row", "column", "mapped"]].to_numpy().tolist() == [[70, 40, pytest.approx(10.24)]]
    moved = area.sum_blocks(np.ones((32, 32)), box.translate_pix(16, 16).affine)  # to the right and down
    assert sorted(zip(moved["row"], moved["column"], strict=True)) == [(69, 40), (69, 41), (70, 40), (70, 41)]


def test_a_map_read_in_windows_gives_the_blocks_of_the_whole(tmp_path, probability, monkeypatch):
    path = write_raster(tmp_path / "p.tif", probability, GRID)
    glaciers = gpd.GeoSeries([shapely.box(501_000, 8_701_000, 504_000, 8_705_000)], crs=GRID.crs)
    whole = area.sum_map(path, glaciers=glaciers)
    monkeypatch.setattr(rasters.iter_windows, "__kwdefaults__", {"side": 53})
    pd.testing.assert_frame_equal(area.sum_map(path, glaciers=glaciers), whole)
    summed = whole.groupby(["row", "column"])["expected"].sum()
    np.testing.assert_allclose(summed, area.sum_blocks(probability, GRID.affine)["expected"], rtol=1e-6)


def test_a_calibration_changes_the_area_as_it_changes_the_probabilities(tmp_path, probability):
    path = write_raster(tmp_path / "p.tif", probability, GRID)
    rule = Calibration(method="temperature", temperature=0.5)
    expected = np.nansum(rule(probability)) * PIXEL
    assert area.sum_map(path, calibration=rule)["expected"].sum() == pytest.approx(expected)


def test_a_doubtful_pixel_counts_to_the_nearest_glacier_within_reach(tmp_path):
    path = write_raster(tmp_path / "p.tif", np.full(GRID.shape, 0.5, np.float32), GRID)
    two = gpd.GeoSeries(
        [shapely.box(503_000, 8_703_000, 504_000, 8_705_000), shapely.box(504_600, 8_703_000, 506_000, 8_705_000)],
        crs=GRID.crs,
    )
    mapped = area.sum_map(path, glaciers=two.to_crs(4326), reach=500).groupby("glacier")["mapped"].sum()
    reached = [shape.buffer(500).area / 1e6 for shape in two]
    between = shapely.intersection(two[0].buffer(500), two[1].buffer(500)).area / 1e6  # each gets half of it
    np.testing.assert_allclose(mapped[[0, 1]], np.array(reached) - between / 2, rtol=0.02)
    assert mapped.sum() == pytest.approx(12 * 9)


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
    blocks = area.sum_blocks(np.ones(shape), place, glacier=number, truth=np.ones(shape, bool)).assign(spread=0.01)
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
    blocks = area.sum_blocks(probability, GRID.affine, truth=truth)
    known = area.residuals({"here": blocks, "there": blocks.assign(true=blocks["expected"])})
    z = known[known["scene"] == "here"]["z"]
    np.testing.assert_allclose(z * np.sqrt(blocks["spread"]), blocks["true"] - blocks["expected"], atol=1e-9)
    assert (known[known["scene"] == "there"]["z"] == 0).all()
    assert np.sqrt((z**2).mean()) == pytest.approx(np.sqrt(PIXEL), rel=0.5)  # pixels that err each on its own
    with pytest.raises(InputError, match="without a truth"):
        area.residuals({"here": area.sum_blocks(probability, GRID.affine)})


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


def test_a_map_without_data_is_refused(tmp_path):
    path = write_raster(tmp_path / "void.tif", np.full(GRID.shape, np.nan, np.float32), GRID)
    with pytest.raises(InputError, match=r"void\.tif: no pixel with data"):
        area.sum_map(path)
