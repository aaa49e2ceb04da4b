"""glaciersar.simulate.landscape"""

import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar.errors import InputError
from glaciersar.simulate.landscape import draw_landscape
from glaciersar.simulate.zones import Zone


@pytest.mark.slow
def test_the_same_seed_gives_the_same_landscape_and_another_seed_another(box, landscape):
    again = draw_landscape("here", box, years=(2016, 2020), seed=8)
    assert np.array_equal(again.surface, landscape.surface)
    assert all(np.array_equal(again.zones[year], landscape.zones[year]) for year in (2016, 2020))
    other = draw_landscape("here", box, years=(2016,), seed=9)
    assert np.corrcoef(other.surface.ravel(), landscape.surface.ravel())[0, 1] < 0.8
    assert other.ela != landscape.ela


def test_glaciers_obey_the_terrain(landscape):
    glacier, land = landscape.glacier[2016], landscape.surface > 0
    assert np.median(landscape.surface[glacier]) > np.median(landscape.surface[land & ~glacier])
    assert landscape.surface[glacier].min() > 0
    slope = np.hypot(*np.gradient(landscape.surface, landscape.pixel))
    assert np.median(slope[glacier]) < np.median(slope[land & ~glacier])


def test_glaciers_shrink_a_little_in_four_years(landscape):
    before, after = (landscape.glacier[year].sum() for year in (2016, 2020))
    assert 0.90 * before < after < before
    assert (landscape.glacier[2020] & ~landscape.glacier[2016]).sum() < 0.01 * before


def test_a_year_does_not_depend_on_the_other_years_asked_for(box, landscape):
    alone = draw_landscape("here", box, years=(2020,), seed=8)
    assert set(alone.glacier) == {2020}
    assert np.array_equal(alone.zones[2020], landscape.zones[2020])
    assert np.array_equal(alone.surface, landscape.surface)


@pytest.mark.slow
def test_landscapes_differ_in_their_fraction_of_ice():
    box = GeoBox.from_bbox((600_000, 8_700_000, 606_000, 8_706_000), "EPSG:32633", resolution=100)
    fractions = [draw_landscape("x", box, years=(2016,), seed=seed).glacier[2016].mean() for seed in range(6)]
    assert 0.15 < np.mean(fractions) < 0.75
    assert np.std(fractions) > 0.05


def test_a_surge_moves_a_front_and_leaves_what_was_before_as_it_is(box, landscape):
    surged = draw_landscape("here", box, years=(2016, 2020), seed=8, surge=2017)
    assert np.array_equal(surged.glacier[2016], landscape.glacier[2016])
    assert np.array_equal(surged.zones[2016], landscape.zones[2016])
    largest = []
    for state in (surged, landscape):
        label, _ = ndimage.label(state.glacier[2020] & ~state.glacier[2016])
        largest.append(np.bincount(label.ravel())[1:].max())
    assert largest[0] > 5 * largest[1]
    crevassed = [(zones == Zone.CREVASSED).sum() for zones in (surged.zones[2020], landscape.zones[2020])]
    assert crevassed[0] > 1.2 * crevassed[1]


def test_a_surge_before_the_satellite_is_refused(box):
    with pytest.raises(InputError, match="surge=2010 found"):
        draw_landscape("x", box, years=(2016,), seed=1, surge=2010)


@pytest.mark.parametrize("years", [(), (2013,), (2016, 1999)])
def test_years_before_the_satellite_are_refused(box, years):
    with pytest.raises(InputError, match=r"years=.*2014"):
        draw_landscape("x", box, years=years, seed=1)
