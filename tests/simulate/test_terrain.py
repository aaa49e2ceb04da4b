import numpy as np
import pytest
from scipy import ndimage

from glaciersar.simulate import random_fields, terrain


@pytest.fixture
def incised(rng):
    """Land that rises out of a sea along its lower edge, after many steps."""
    outlets = np.zeros((40, 50), bool)
    outlets[-1] = True
    start = np.where(outlets, 0, 10 + rng.random(outlets.shape))
    return outlets, *terrain.incise(start, np.full(outlets.shape, 5.0), spacing=300, steps=300, outlets=outlets)


def test_every_river_reaches_the_sea(incised):
    outlets, land, _ = incised
    lowest = ndimage.minimum_filter(land, size=3, mode="nearest")
    assert ((lowest < land) | outlets).all()


def test_all_the_land_drains_through_the_outlets(incised):
    outlets, land, drained = incised
    assert drained[outlets].sum() == pytest.approx(land.size * 0.3**2)


def test_in_the_end_rivers_cut_as_fast_as_the_land_rises(incised):
    outlets, land, _ = incised
    more, _ = terrain.incise(land, np.full(land.shape, 5.0), spacing=300, steps=1, outlets=outlets)
    assert np.median(np.abs(more - land)[~outlets]) < 0.1 * 5.0


def test_slumping_keeps_the_volume_and_lowers_the_steepest_slope(rng):
    land = 300 * rng.random((30, 30))
    slumped = terrain.slump_slopes(land, spacing=100, steepest=0.5, rounds=200)
    assert slumped.sum() == pytest.approx(land.sum())
    assert np.abs(np.diff(slumped, axis=0)).max() < 1.05 * 0.5 * 100 < np.abs(np.diff(land, axis=0)).max()


def test_troughs_only_take_away(rng):
    land = 400 + 100 * random_fields.smooth_field((60, 60), 10, rng).astype(float)
    drained = np.exp(random_fields.smooth_field((60, 60), 5, rng).astype(float))
    assert (terrain.cut_troughs(land, drained, spacing=150) <= land).all()


def test_a_bed_has_land_sea_and_summits(rng):
    bed = terrain.draw_bed((120, 120), spacing=150, sea_fraction=0.2, relief=1000, plateau=0, rng=rng)
    assert 0.05 < (bed < 0).mean() < 0.6
    assert 600 < bed.max() < 1600
    assert np.isfinite(bed).all()
