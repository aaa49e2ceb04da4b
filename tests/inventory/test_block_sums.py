"""glaciersar.inventory.block_sums"""

from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.grid import SVAL
from glaciersar.inference.calibration import TemperatureCalibration
from glaciersar.inventory import block_sums
from glaciersar.io import rasters
from tests.support.archives import write_raster
from tests.support.probability_maps import GRID, PIXEL

GROUND = 1e-3  # a plane area in a UTM zone is that on the ground within this


def test_the_sums_of_the_blocks_are_the_sums_of_the_map(probability, rng):
    truth = rng.random(GRID.shape) < probability
    blocks = block_sums.sum_blocks(probability, GRID, truth=truth)
    assert blocks["mapped"].sum() == pytest.approx(np.isfinite(probability).sum() * PIXEL, rel=GROUND)
    assert blocks["expected"].sum() == pytest.approx(np.nansum(probability) * PIXEL, rel=GROUND)
    assert blocks["spread"].sum() == pytest.approx(np.nansum(probability * (1 - probability)) * PIXEL, rel=GROUND)
    assert blocks["true"].sum() == pytest.approx((truth & np.isfinite(probability)).sum() * PIXEL, rel=GROUND)
    assert blocks["mapped"].max() <= 3.2**2 * (1 + GROUND)


def test_blocks_lie_where_those_of_the_follow_up_do():
    left, bottom = 378_194.512 + 3200 * 40, 8_466_488.863 + 3200 * 70
    box = GeoBox.from_bbox((left, bottom, left + 3200, bottom + 3200), "EPSG:32633", resolution=100, tight=True)
    blocks = block_sums.sum_blocks(np.ones((32, 32)), box)
    assert blocks[["row", "column", "mapped"]].to_numpy().tolist() == [[70, 40, pytest.approx(10.24, rel=GROUND)]]
    moved = block_sums.sum_blocks(np.ones((32, 32)), box.translate_pix(16, 16))  # to the right and down
    assert sorted(zip(moved["row"], moved["column"], strict=True)) == [(69, 40), (69, 41), (70, 40), (70, 41)]


def test_blocks_of_another_system_lie_as_those_of_the_published_grid_do_from_its_origin():
    for origin, crs in ((SVAL.origin, SVAL.crs), ((0.0, 0.0), "EPSG:32645")):
        left, bottom = origin[0] + 480_000, origin[1] + 3_090_000
        box = GeoBox.from_bbox((left, bottom, left + 10_000, bottom + 10_000), crs, resolution=100, tight=True)
        blocks = block_sums.sum_blocks(np.ones(box.shape), box)
        assert blocks["mapped"].sum() == pytest.approx(100, rel=0.02)
        assert set(zip(blocks["column"], blocks["row"], strict=True)) >= {(136, 945), (137, 946)}


def test_a_map_read_in_windows_gives_the_blocks_of_the_whole(tmp_path, probability, monkeypatch):
    path = write_raster(tmp_path / "p.tif", probability, GRID)
    glaciers = gpd.GeoSeries([shapely.box(501_000, 8_701_000, 504_000, 8_705_000)], crs=GRID.crs)
    whole = block_sums.sum_map(path, glaciers=glaciers)
    monkeypatch.setattr(rasters, "iter_windows", partial(rasters.iter_windows, side=53))
    pd.testing.assert_frame_equal(block_sums.sum_map(path, glaciers=glaciers), whole)
    summed = whole.groupby(["row", "column"])["expected"].sum()
    np.testing.assert_allclose(summed, block_sums.sum_blocks(probability, GRID)["expected"], rtol=1e-6)


def test_a_calibration_changes_the_area_as_it_changes_the_probabilities(tmp_path, probability):
    path = write_raster(tmp_path / "p.tif", probability, GRID)
    rule = TemperatureCalibration(temperature=0.5)
    expected = np.nansum(rule(probability)) * PIXEL
    assert block_sums.sum_map(path, calibration=rule)["expected"].sum() == pytest.approx(expected, rel=GROUND)


def test_a_doubtful_pixel_counts_to_the_nearest_glacier_within_reach(tmp_path):
    path = write_raster(tmp_path / "p.tif", np.full(GRID.shape, 0.5, np.float32), GRID)
    two = gpd.GeoSeries(
        [shapely.box(503_000, 8_703_000, 504_000, 8_705_000), shapely.box(504_600, 8_703_000, 506_000, 8_705_000)],
        crs=GRID.crs,
    )
    mapped = block_sums.sum_map(path, glaciers=two.to_crs(4326), reach=500).groupby("glacier")["mapped"].sum()
    reached = [shape.buffer(500).area / 1e6 for shape in two]
    between = shapely.intersection(two[0].buffer(500), two[1].buffer(500)).area / 1e6  # each gets half of it
    np.testing.assert_allclose(mapped[[0, 1]], np.array(reached) - between / 2, rtol=0.02)
    assert mapped.sum() == pytest.approx(12 * 9, rel=GROUND)


def test_a_map_without_data_is_refused(tmp_path):
    path = write_raster(tmp_path / "void.tif", np.full(GRID.shape, np.nan, np.float32), GRID)
    with pytest.raises(InputError, match=r"void\.tif: no pixel with data"):
        block_sums.sum_map(path)
