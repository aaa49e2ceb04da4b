"""glaciersar.simulate.climates: landscapes of one seed in two climates"""

from datetime import date

import numpy as np
import pytest

from glaciersar.errors import InputError
from glaciersar.simulate import season
from glaciersar.simulate.climates import GLACIAL, find_climate
from glaciersar.simulate.landscape import draw_landscape
from glaciersar.simulate.zones import Zone

YEAR = 2016


@pytest.fixture(scope="module")
def mild(box):
    return draw_landscape("here", box, years=(YEAR,), seed=8, climate="maritime")


def test_bed_and_glaciers_are_those_of_the_arctic_and_the_firn_is_less(landscape, mild):
    assert np.array_equal(mild.surface, landscape.surface)
    assert np.array_equal(mild.glacier[YEAR], landscape.glacier[YEAR])
    assert mild.ela == landscape.ela + GLACIAL["maritime"].firn_line
    arctic, maritime = ((one.zones[YEAR] == Zone.FIRN).sum() for one in (landscape, mild))
    assert 0 < maritime < arctic


def test_melt_begins_earlier_and_ends_later_by_the_days_that_are_given(landscape, mild):
    one, two = (season.draw_season(where, YEAR, seed=8) for where in (landscape, mild))
    days, ice = GLACIAL["maritime"].melt_days, landscape.zones[YEAR] == Zone.ICE
    assert one.onset - two.onset == pytest.approx(np.full_like(one.onset, days), abs=0.01)
    both = ice & (mild.zones[YEAR] == Zone.ICE)
    assert (two.freeze - one.freeze)[both] == pytest.approx(days, abs=0.01)
    assert (one.sea_ice, two.sea_ice) == (True, False)
    may = date(YEAR, 5, 15)
    wet_or_bare = [1 - season.surface_states(year, may)[0][both].mean() for year in (one, two)]
    assert wet_or_bare[1] > 0.5 > wet_or_bare[0]


def test_svalbard_differs_in_nothing_and_another_name_is_refused():
    assert find_climate("arctic") == GLACIAL["arctic"] == type(GLACIAL["arctic"])()
    with pytest.raises(InputError, match="climate='tropical' found, one of arctic, maritime expected"):
        find_climate("tropical")
