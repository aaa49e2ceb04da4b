import numpy as np
import pytest

from glaciersar.simulate import ice


def halfar(radius, time, *, height, width, gamma):
    """Halfar 1983: the dome that spreads under its own weight on a flat bed, n = 3, without sliding."""
    start = (7 / 4) ** 3 / (18 * gamma) * width**4 / height**7
    ratio = start / (start + time)
    inner = np.clip(1 - (ratio ** (1 / 18) * radius / width) ** (4 / 3), 0, None)
    return height * ratio ** (1 / 9) * inner ** (3 / 7)


def test_a_spreading_dome_follows_the_closed_form(monkeypatch):
    monkeypatch.setattr(ice, "SLIDING_COEFFICIENT", 0.0)
    spacing, size = 500.0, 81
    x = (np.arange(size) - size // 2) * spacing
    radius = np.hypot(*np.meshgrid(x, x))
    gamma = 2 / 5 * ice.RATE_FACTOR * ice.RHO_G_CUBED
    shape = {"height": 500.0, "width": 12_000.0, "gamma": gamma}
    first = halfar(radius, 0, **shape)
    grown = ice.grow_ice(np.zeros_like(radius), np.zeros_like, spacing=spacing, years=300, step=1, thickness=first)
    expected = halfar(radius, 300, **shape)
    assert expected.max() < 0.93 * first.max()  # it has moved enough to be a test
    assert grown.max() == pytest.approx(expected.max(), rel=0.02)
    inside = radius < 9_000
    assert np.abs(grown - expected)[inside].max() < 0.05 * expected.max()


def test_without_snow_and_melt_the_volume_stays():
    bed = np.zeros((40, 40))
    dome = np.zeros_like(bed)
    dome[15:25, 15:25] = 200
    after = ice.grow_ice(bed, np.zeros_like, spacing=200, years=100, thickness=dome)
    assert after.sum() == pytest.approx(dome.sum(), rel=0.02)
    assert after.max() < 150


def test_a_slab_gains_what_the_balance_says():
    bed = np.full((20, 20), 500.0)
    grown = ice.grow_ice(bed, ice.mass_balance(np.full_like(bed, 400.0)), spacing=200, years=10, step=1)
    slow, fast = (10 * ice.BALANCE_GRADIENT * height for height in (100, 110))  # the surface rises and gains more
    assert slow < grown[10, 10] < fast


def test_ice_that_floats_breaks_off_and_grounded_ice_stays():
    bed = np.full((20, 20), -100.0)
    thick = np.full_like(bed, 110.0)
    thick[:, 10:] = 140.0  # 100 m of water lift at most 113 m of ice
    after = ice.grow_ice(bed, np.zeros_like, spacing=5000, years=1, step=1, thickness=thick)
    assert (after[:, :9] == 0).all()
    assert (after[:, 12:] > 130).all()


def test_ice_flows_faster_where_it_is_steeper():
    x = np.arange(60) * 200.0
    bed = np.where(x < 6000, 0.1 * x, 600 + 0.3 * (x - 6000))[None, :] + np.zeros((10, 1))
    speed = ice.speed(bed, np.full_like(bed, 100.0), spacing=200)
    assert speed[5, 45] > 5 * speed[5, 15] > 0


def test_ice_that_slips_slides_as_many_times_faster():
    x = np.arange(40) * 200.0
    bed = np.broadcast_to(500 + 0.05 * x, (10, 40))
    thick = np.full(bed.shape, 100.0)
    usual, fast = (ice.speed(bed, thick, spacing=200, sliding=factor)[5, 20] for factor in (1.0, 10.0))
    creep = ice.RHO_G_CUBED * 0.05**3 * 2 / 5 * ice.RATE_FACTOR * 100**4  # the part of the speed that is no sliding
    assert fast - creep == pytest.approx(10 * (usual - creep), rel=1e-6)


def test_where_ice_slips_its_front_advances():
    x = np.arange(80) * 200.0
    bed = np.broadcast_to(2000 - 0.1 * x, (12, 80))
    dome = np.where(np.arange(80) < 40, 120.0, 0.0) * np.ones((12, 1))
    sliding = np.where(np.arange(80) > 20, 50.0, 1.0) * np.ones((12, 1))
    usual, surged = (
        ice.grow_ice(bed, np.zeros_like, spacing=200, years=5, step=0.25, thickness=dome, sliding=factor)
        for factor in (1.0, sliding)
    )
    assert (surged[5] > 5).sum() > (usual[5] > 5).sum() + 3
    assert surged.sum() == pytest.approx(usual.sum(), rel=0.02)  # moved, not made
