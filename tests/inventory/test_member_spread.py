"""glaciersar.inventory.member_spread"""

import numpy as np
import pandas as pd
import pytest
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inference import ensemble, map_product
from glaciersar.inference.calibration import TemperatureCalibration
from glaciersar.inference.sliding_window import write_map
from glaciersar.inventory import area, block_sums, change, error_model, member_spread

GRID = GeoBox.from_bbox((500_000, 8_700_000, 510_000, 8_708_000), "EPSG:32633", resolution=40)
SOME = error_model.ErrorModel(
    stays=dict.fromkeys(error_model.LEVELS, 0.02),
    year=dict.fromkeys(error_model.LEVELS, 0.03),
    count=dict.fromkeys(error_model.LEVELS, 8.0),
    landscapes=8,
    paired=True,
)
NONE = error_model.ErrorModel(
    stays=dict.fromkeys(error_model.LEVELS, 0.0),
    year=dict.fromkeys(error_model.LEVELS, 0.0),
    count=dict.fromkeys(error_model.LEVELS, 8.0),
    landscapes=8,
    paired=True,
)


@pytest.fixture
def members(rng):
    """Maps of five members (5, H, W) that err in common and each on its own."""
    logit = np.linspace(-6, 6, GRID.shape[1]) + rng.normal(size=(5, 1, 1)) + rng.normal(0, 0.3, (5, *GRID.shape))
    return 1 / (1 + np.exp(-logit))


def frames(maps):
    """The sums of the mean with and without what members disagree about, of two glaciers."""
    number = np.zeros(GRID.shape, int)
    number[:, GRID.shape[1] // 2 :] = 1
    mean = maps.mean(0)
    return (
        block_sums.sum_blocks(mean, GRID, glacier=number, between=maps.std(0, ddof=1)),
        block_sums.sum_blocks(mean, GRID, glacier=number),
    )


def test_the_summed_spread_bounds_the_deviation_of_the_areas_of_members(members):
    with_members, alone = frames(members)
    pixel = GRID.resolution.x**2 / 1e6
    areas = [block_sums.sum_blocks(one, GRID)["expected"].sum() for one in members]
    assert member_spread.member_spread(alone) == 0
    assert member_spread.member_spread(with_members) >= np.std(areas, ddof=1)
    assert member_spread.member_spread(with_members) == pytest.approx(members.std(0, ddof=1).sum() * pixel, rel=2e-3)
    same = np.repeat(members[:1], 5, axis=0)
    assert member_spread.member_spread(frames(same)[0]) == pytest.approx(0, abs=1e-12)


def test_variances_add_up_and_pixels_of_a_region_err_together(members, rng):
    blocks, _ = frames(members)
    year = dict.fromkeys(error_model.LEVELS, 0.0) | {"map": 0.09}
    model = error_model.ErrorModel(
        stays=dict.fromkeys(error_model.LEVELS, 0.0),
        year=year,
        count=dict.fromkeys(error_model.LEVELS, 1e9),
        landscapes=9,
        paired=True,
    )
    drawn = error_model.draw_errors(model, [blocks], draws=200_000, rng=rng)[:, 0]
    expected = np.hypot(0.3 * blocks["spread"].sum(), blocks["members"].sum())
    assert drawn.std() == pytest.approx(expected, rel=0.01)


def test_without_other_errors_the_interval_is_that_of_the_members_alone(members):
    blocks, _ = frames(members)
    found = area.residual_interval(blocks, NONE, draws=100_000, seed=1).loc["total"]
    spread = member_spread.member_spread(blocks)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * spread, rel=0.02)


@pytest.mark.parametrize("scale", [1e-6, 0.1, 1.0, 5.0])
def test_intervals_of_area_and_change_never_get_narrower(members, scale):
    with_members, alone = frames(members)
    with_members["members"] *= scale
    areas = [area.residual_interval(blocks, SOME, draws=20_000, seed=3) for blocks in (with_members, alone)]
    pairs = [{2016: blocks, 2020: blocks} for blocks in (with_members, alone)]
    changes = [change.change_intervals(both, SOME, draws=20_000, seed=3) for both in pairs]
    for wide, narrow in (areas, changes):
        assert ((wide["high"] - wide["low"]) >= (narrow["high"] - narrow["low"]) * 0.99).all()
    assert (changes[0]["detectable"] >= 0.99 * changes[1]["detectable"]).all()
    np.testing.assert_allclose(areas[0]["area"], areas[1]["area"])


def test_one_network_keeps_its_intervals_to_the_bit_and_members_that_agree_give_them_too(members):
    with_members, alone = frames(np.repeat(members[:1], 3, axis=0))
    with_members["members"] = 0.0
    for blocks in (with_members, alone):
        again = area.residual_interval(blocks, SOME, draws=500, seed=3)
        pd.testing.assert_frame_equal(again, area.residual_interval(alone, SOME, draws=500, seed=3))


def test_a_year_of_one_network_beside_one_of_several_has_no_part_of_its_own(members, rng):
    with_members, alone = frames(members)
    drawn = member_spread.draw_spreads([alone, with_members], draws=50_000, rng=rng)
    assert not drawn[:, 0].any()
    assert drawn[:, 1].std() == pytest.approx(member_spread.member_spread(with_members), rel=0.02)


def write_ensemble(folder, members):
    """Write the maps of an ensemble as `large_raster.map_raster` names them."""
    path = folder / "probability_2020.tif"
    write_map(path, members.mean(0).astype(np.float32), GRID, members="5")
    write_map(map_product.sibling_path(path, "spread"), members.std(0, ddof=1).astype(np.float32), GRID)
    return path


def test_a_map_of_several_networks_is_summed_with_the_spread_beside_it(tmp_path, members):
    path, rule = write_ensemble(tmp_path, members), TemperatureCalibration(temperature=1.5)
    found = block_sums.sum_map(path, calibration=rule)
    mean, spread = (values.astype(np.float32) for values in (members.mean(0), members.std(0, ddof=1)))
    expected = block_sums.sum_blocks(rule(mean), GRID, between=ensemble.calibrate_spread(rule, mean, spread))
    pd.testing.assert_frame_equal(found, block_sums.combine_sums([expected]), rtol=1e-6)


def test_a_map_of_several_networks_without_its_spread_is_refused(tmp_path, members):
    path = write_ensemble(tmp_path, members)
    (tmp_path / "spread_2020.tif").unlink()
    with pytest.raises(InputError, match=r"the mean of 5 networks found without spread_2020\.tif"):
        block_sums.sum_map(path)


def test_a_spread_of_another_grid_is_refused(tmp_path, members):
    path = write_ensemble(tmp_path, members)
    write_map(tmp_path / "spread_2020.tif", members.std(0).astype(np.float32)[:-5], GRID[:-5])
    with pytest.raises(InputError, match=r"spread_2020\.tif"):
        block_sums.sum_map(path)
