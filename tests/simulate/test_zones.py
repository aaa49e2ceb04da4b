import numpy as np
import pytest
from scipy import ndimage

from glaciersar.simulate import zones
from glaciersar.simulate.random_fields import random_stream
from glaciersar.simulate.zones import GLACIER, TEMPERATE, Zone


def test_the_zones_of_glaciers_are_the_glaciers(landscape):
    for year in (2016, 2020):
        assert (np.isin(landscape.zones[year], GLACIER) == landscape.glacier[year]).all()


def test_every_zone_of_svalbard_occurs(landscape):
    assert set(np.unique(landscape.zones[2016])) == {int(zone) for zone in Zone} - set(TEMPERATE)


def test_firn_lies_above_superimposed_ice_above_bare_ice(landscape):
    heights = [
        np.median(landscape.surface[landscape.zones[2016] == zone]) for zone in (Zone.FIRN, Zone.SUPERIMPOSED, Zone.ICE)
    ]
    assert heights[0] > heights[1] > heights[2]
    assert heights[0] > landscape.ela > heights[2]


def test_debris_covers_two_to_four_percent_of_the_ice_and_lies_low(landscape):
    debris = landscape.zones[2016] == Zone.DEBRIS
    assert 0.01 < debris.sum() / landscape.glacier[2016].sum() < 0.04
    assert landscape.surface[debris].max() < landscape.ela


def test_ice_cored_moraine_lies_beside_glaciers_but_is_none(landscape):
    moraine = landscape.zones[2016] == Zone.MORAINE
    away = ndimage.distance_transform_edt(~landscape.glacier[2016], sampling=landscape.pixel)
    assert away[moraine].max() < 900
    assert not (moraine & landscape.glacier[2016]).any()


def test_tundra_is_flatter_and_lower_than_rock(landscape):
    slope = np.hypot(*np.gradient(landscape.surface, landscape.pixel))
    tundra, rock = (landscape.zones[2016] == zone for zone in (Zone.TUNDRA, Zone.ROCK))
    assert np.median(slope[tundra]) < 0.6 * np.median(slope[rock])
    assert np.median(landscape.surface[tundra]) < np.median(landscape.surface[rock])


def test_ice_is_crevassed_where_it_meets_the_sea(rng):
    surface = np.tile(np.linspace(0, 300, 120, dtype=np.float32), (80, 1))
    surface[:, :20] = 0
    glacier = np.zeros(surface.shape, bool)
    glacier[:, 20:] = True
    placed = zones.place_zones(
        surface, glacier, ~glacier, ela=400, pixel=40, speed=None, rng=random_stream(1), snow_rng=random_stream(2)
    )
    crevassed = placed == Zone.CREVASSED
    assert crevassed[:, 20:24].mean() > 0.9
    assert crevassed[:, 90:].mean() < 0.05


def test_a_landscape_without_glaciers_has_no_zone_of_ice():
    surface = np.linspace(0, 500, 64 * 64, dtype=np.float32).reshape(64, 64)
    nothing = np.zeros(surface.shape, bool)
    placed = zones.place_zones(
        surface, nothing, surface <= 0, ela=400, pixel=40, speed=None, rng=random_stream(1), snow_rng=random_stream(2)
    )
    assert not np.isin(placed, (*GLACIER, Zone.MORAINE)).any()


@pytest.mark.parametrize("year", [2016, 2020])
def test_water_is_level(landscape, year):
    elevation = landscape.surface[landscape.zones[year] == Zone.WATER]
    assert (elevation <= 0.01).mean() > 0.9  # the rest was ice in 2014, the year of the elevation model


def test_snow_patches_differ_from_year_to_year_and_moraine_stays(landscape):
    first, second = (landscape.zones[year] for year in (2016, 2020))
    patches, moraine = ([placed == zone for placed in (first, second)] for zone in (Zone.SNOW_PATCH, Zone.MORAINE))
    assert (patches[0] & patches[1]).sum() < 0.8 * patches[0].sum()
    assert (moraine[0] & moraine[1]).sum() > 0.7 * moraine[0].sum()
