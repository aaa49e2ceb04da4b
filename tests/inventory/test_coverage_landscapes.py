"""glaciersar.inventory.coverage_landscapes"""

import numpy as np
import pytest
import torch
from odc.geo.geobox import GeoBox

from glaciersar import models
from glaciersar.inventory import coverage_landscapes
from glaciersar.inventory.coverage_landscapes import MappedLandscape, YearMap

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return models.build("unet2d", width=4)


def mapped(model, numbers, *, years=(2020,), **how):
    settings = {"pixel": 200, "years": years, "relative_orbits": [14, 174], "dates": 2, "seed": 1} | how
    return list(coverage_landscapes.map_landscapes(model, landscapes=numbers, **settings))


@slow
def test_landscapes_are_the_same_whatever_others_are_drawn_and_lie_in_different_places(model):
    first, second = mapped(model, [0, 1])
    (alone,) = mapped(model, [1])
    assert np.array_equal(second.years[2020].probability, alone.years[2020].probability)
    for name in ("truth", "reference", "sea"):
        assert np.array_equal(getattr(second.years[2020], name), getattr(alone.years[2020], name))
    assert not np.array_equal(first.years[2020].probability, second.years[2020].probability)
    assert first.geobox.boundingbox != second.geobox.boundingbox
    assert (first.orbit, second.orbit) == (14, 174)
    (other,) = mapped(model, [1], seed=2)
    assert not np.array_equal(other.years[2020].truth, alone.years[2020].truth)


@slow
def test_a_landscape_seen_in_two_years_is_the_one_seen_in_one_of_them(model):
    (alone,), (both,) = mapped(model, [0]), mapped(model, [0], years=(2016, 2020))
    assert sorted(both.years) == [2016, 2020]
    assert np.array_equal(both.years[2020].probability, alone.years[2020].probability)
    assert both.years[2020].truth.sum() < both.years[2016].truth.sum()  # glaciers retreat


@slow
def test_shifted_levels_change_the_radar_and_not_the_glaciers_and_more_tiles_make_a_larger_landscape(model):
    (usual,), (shifted,) = mapped(model, [0]), mapped(model, [0], shift_db=3.0)
    assert np.array_equal(usual.years[2020].truth, shifted.years[2020].truth)
    assert not np.array_equal(usual.years[2020].probability, shifted.years[2020].probability)
    (large,) = mapped(model, [0], tiles_per_side=2)
    assert large.years[2020].truth.shape == (100, 100)
    assert coverage_landscapes.sum_landscape(large).tiles == 4


ON_THE_GROUND = 1e-3  # by how much an area in EPSG:32633 differs


def known_landscape(years):
    """A square of ice by the sea in the west and one inland, 10 km of 200 m pixels."""
    box = GeoBox.from_bbox((500_000, 8_700_000, 510_000, 8_710_000), "EPSG:32633", resolution=200, tight=True)
    maps = {}
    for year, height in years.items():
        truth = np.zeros((50, 50), bool)
        truth[10 : 10 + height, 10:20] = truth[5:10, 40:50] = True
        probability = np.where(truth, 0.75, 0.25).astype(np.float32)
        sea = np.zeros((50, 50), bool)
        sea[:, :10] = True
        maps[year] = YearMap(probability=probability, truth=truth, reference=probability > 0, sea=sea)
    return MappedLandscape(name="here", orbit=14, incidence=38.0, geobox=box, years=maps)


def test_maps_are_summed_as_they_are_by_glacier_of_the_first_year():
    sums = coverage_landscapes.sum_landscape(known_landscape({2016: 20, 2020: 10}))
    assert sums.tiles == 1
    assert sums.reference == pytest.approx({2016: 100, 2020: 100}, rel=ON_THE_GROUND)
    true = {year: blocks.groupby("glacier")["true"].sum() for year, blocks in sums.blocks.items()}
    assert true[2016].to_dict() == {
        -1: 0,
        0: pytest.approx(2, rel=ON_THE_GROUND),
        1: pytest.approx(8, rel=ON_THE_GROUND),
    }
    assert true[2020].to_dict() == {
        -1: 0,
        0: pytest.approx(2, rel=ON_THE_GROUND),
        1: pytest.approx(4, rel=ON_THE_GROUND),
    }
    expected = sums.blocks[2016]["expected"].sum()
    assert expected == pytest.approx(10 * 0.75 + 90 * 0.25, rel=ON_THE_GROUND)
    assert sums.at_sea == frozenset({1})
    assert sums.perimeter[2016] == pytest.approx(2 * (2 + 4) + 2 * 2 + 1, abs=0.02)  # the square ends at the map's edge
    mapped = [blocks.groupby("glacier")["mapped"].sum() for blocks in sums.blocks.values()]
    assert mapped[0].equals(mapped[1])


def test_a_landscape_without_ice_has_no_glacier():
    empty = known_landscape({2016: 20})
    year = empty.years[2016]
    bare = YearMap(
        probability=year.probability * 0 + 0.01, truth=year.truth & False, reference=year.truth & False, sea=year.sea
    )
    sums = coverage_landscapes.sum_landscape(
        MappedLandscape(name="n", orbit=14, incidence=38.0, geobox=empty.geobox, years={2016: bare})
    )
    assert set(sums.blocks[2016]["glacier"]) == {-1}
    assert sums.at_sea == frozenset()
    assert sums.perimeter[2016] == 0


def test_residuals_of_landscapes_name_landscape_year_and_orbit():
    sums = coverage_landscapes.sum_landscape(known_landscape({2016: 20, 2020: 10}))
    known = coverage_landscapes.landscape_residuals([sums])
    assert set(known["landscape"]) == {"here"}
    assert set(known["orbit"]) == {14}
    for year, blocks in sums.blocks.items():
        error = known.loc[known["year"] == year, "error"].sum()
        assert error == pytest.approx((blocks["true"] - blocks["expected"]).sum())


@slow
def test_a_network_of_two_polarisations_is_shown_both():
    both, reverse = (models.build("unet2d", width=4, features=2) for _ in range(2))
    both.metadata = {"feature_names": "grd,grd_cross"}
    reverse.load_state_dict(both.state_dict())
    reverse.metadata = {"feature_names": "grd_cross,grd"}
    (one,), (other,) = (mapped(network, [0]) for network in (both, reverse))
    assert not np.array_equal(one.years[2020].probability, other.years[2020].probability)
