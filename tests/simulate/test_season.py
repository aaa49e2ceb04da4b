from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from glaciersar.simulate import season
from glaciersar.simulate.zones import GLACIER, Zone


@pytest.fixture(scope="module")
def year(landscape):
    return season.draw_season(landscape, 2016, seed=8)


def days(year=2016):
    return [date(year, 1, 1) + timedelta(days=k) for k in range(366)]


@pytest.mark.slow
def test_every_pixel_is_dry_wet_or_bare_at_all_times(year):
    for day in days()[::9]:
        fractions = season.surface_states(year, day)
        assert sum(fractions) == pytest.approx(np.ones_like(fractions[0]), abs=1e-5)
        assert min(fraction.min() for fraction in fractions) > -1e-5


def test_melt_begins_later_and_frost_earlier_higher_up(year, landscape):
    low, high = landscape.surface < 150, landscape.surface > 500
    assert year.onset[low].mean() + 7 < year.onset[high].mean()
    assert year.freeze[low].mean() > year.freeze[high].mean()
    rise = np.polyfit(landscape.surface.ravel() / 100, year.onset.ravel(), 1)[0]
    assert rise == pytest.approx(3, abs=0.5)  # days for each 100 m


def test_the_snow_never_goes_far_above_the_equilibrium_line(year, landscape):
    accumulation = landscape.surface > landscape.ela + 150
    tongues = (landscape.zones[2016] == Zone.ICE) & (landscape.surface < landscape.ela - 150)
    bare = np.max([season.surface_states(year, day)[2] for day in days()[150:300:5]], axis=0)
    firn = accumulation & (landscape.zones[2016] == Zone.FIRN)
    assert np.median(bare[firn]) < 0.3
    assert np.median(bare[tongues]) > 0.9


def test_ice_far_above_sea_level_melts_as_that_of_svalbard_does_about_its_equilibrium_line(landscape):
    """The Alps: the same landscape, three kilometres higher."""
    low = replace(landscape, ela=season.MEAN_ELA)
    high = replace(low, surface=low.surface + np.float32(3000), ela=season.MEAN_ELA + 3000)
    one, other = (season.draw_season(place, 2016, seed=3) for place in (low, high))
    for when in days():
        np.testing.assert_allclose(season.surface_states(one, when), season.surface_states(other, when), atol=1e-3)
    assert (season.surface_states(other, date(2016, 8, 1))[0] < 0.5).any()


def test_snow_patches_outlast_the_snow_around_them(year, landscape):
    patches, rock = (landscape.zones[2016] == zone for zone in (Zone.SNOW_PATCH, Zone.ROCK))
    same = (landscape.surface > 200) & (landscape.surface < 400)
    assert np.median(year.snow_free[patches & same]) > np.median(year.snow_free[rock & same]) + 40


def test_in_early_summer_wet_snow_lies_on_land_and_ice_alike(year, landscape):
    wet = season.surface_states(year, date(2016, 6, 28))[1]
    glacier = np.isin(landscape.zones[2016], GLACIER)
    rock = landscape.zones[2016] == Zone.ROCK
    assert np.median(wet[glacier]) > 0.7
    assert np.median(wet[rock & (landscape.surface > 300)]) > 0.5


def test_rain_in_winter_wets_the_snow_below_its_limit_for_some_days_only(year):
    winter = season.Season(
        onset=year.onset, snow_free=year.snow_free, freeze=year.freeze, rain=((40.0, 300.0),), elevation=year.elevation
    )
    before, during, after = (
        season.surface_states(winter, date(2016, 1, 1) + timedelta(days=k))[1] for k in (37, 40, 50)
    )
    low, high = year.elevation < 150, year.elevation > 450
    assert during[low].min() > 0.8
    assert during[high].max() < 0.05
    assert max(before.max(), after.max()) < 0.05


def test_the_snow_went_early_in_2020(landscape, year):
    later = [
        season.draw_season(landscape, 2020, seed=seed).snow_free.mean()
        - season.draw_season(landscape, 2016, seed=seed).snow_free.mean()
        for seed in range(9)
    ]
    assert np.mean(later) < -4


def test_years_differ_and_a_year_is_the_same_each_time(landscape, year):
    assert np.array_equal(season.draw_season(landscape, 2016, seed=8).onset, year.onset)
    assert abs((season.draw_season(landscape, 2020, seed=8).onset - year.onset).mean()) > 0.2
