from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from glaciersar.simulate import radar
from glaciersar.simulate.backscatter_levels import read_levels
from glaciersar.simulate.reference_outlines import annotate
from glaciersar.simulate.season import draw_season, surface_states
from glaciersar.simulate.temperate import CLIMATES, draw_control
from glaciersar.simulate.zones import TEMPERATE, Zone
from tests.support.landscapes import BOX


@pytest.fixture(scope="module", params=CLIMATES)
def control(request):
    return draw_control("here", BOX, years=(2016,), climate=request.param, seed=3)


def test_it_holds_land_that_svalbard_lacks_and_no_glacier(control):
    zones = set(np.unique(control.zones[2016]))
    assert zones <= {*TEMPERATE, Zone.WATER}
    assert (Zone.FOREST if control.climate == "boreal" else Zone.DRY_HILLS) in zones
    assert not control.glacier[2016].any()
    assert annotate(control, 2016, annotator="reference", seed=3).empty


def test_snow_lies_in_a_boreal_winter_only(control):
    season = draw_season(control, 2016, seed=3)
    winter, summer = (surface_states(season, date(2016, month, 15)) for month in (2, 7))
    assert summer[2].mean() > 0.95  # bare
    assert (winter[0].mean() > 0.95) == (control.climate == "boreal")
    assert (winter[2].mean() > 0.95) == (control.climate == "dry")


def test_its_images_are_finite_and_brighter_over_towns_than_over_water(control):
    series = radar.prepare_series(control, 2016, 14, levels=read_levels(), looks=10.7, seed=3)
    image = radar.observe(series, date(2016, 7, 15), key=1)["HH"]
    assert np.isfinite(image).all()
    land, water = (image[(control.zones[2016] == Zone.WATER) == wet].mean() for wet in (False, True))
    assert land > 3 * water


def test_one_control_stands_for_many_places(control):
    levels = replace(read_levels(), texture=np.zeros(len(Zone) + 1, np.float32), calibration=0.0)
    usual = Zone.FOREST if control.climate == "boreal" else Zone.DRY_HILLS
    series = radar.prepare_series(control, 2016, 14, levels=levels, looks=10.7, seed=3)
    flat = control.zones[2016] == usual
    local = series.without_speckle[0] - levels.level[usual, :, 0][:, None, None]  # with the gain of slopes
    winter, summer = local[0][flat], local[2][flat]
    assert np.std(winter - summer) == pytest.approx(0.6 * np.sqrt(2) * levels.between_landscapes[usual], rel=0.4)


def test_weather_changes_its_land_from_date_to_date_in_any_season(control):
    levels = replace(read_levels(), texture=np.zeros(len(Zone) + 1, np.float32), calibration=0.0, snow_pack=0.0)
    usual = Zone.FOREST if control.climate == "boreal" else Zone.DRY_HILLS
    series = radar.prepare_series(control, 2016, 14, levels=levels, looks=1e4, seed=3)
    land = control.zones[2016] == usual
    for month in (2, 7):
        images = [radar.observe(series, date(2016, month, day), key=day)["HH"][land] for day in range(5, 25)]
        deviation = (10 * np.log10(images)).std(axis=0).mean()
        assert deviation == pytest.approx(levels.between_dates[usual], rel=0.4)
