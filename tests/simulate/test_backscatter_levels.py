"""The relations between the assumed levels that have a source; the levels themselves have none."""

import numpy as np
import pytest
import yaml

from glaciersar.errors import InputError
from glaciersar.simulate import backscatter_levels
from glaciersar.simulate.zones import GLACIER, TEMPERATE, Zone

DRY, WET, BARE = range(3)


@pytest.fixture(scope="module")
def assumed():
    return backscatter_levels.read_levels()


def test_in_winter_firn_is_brighter_than_superimposed_ice_and_that_than_glacier_ice(assumed):
    for polarisation in (0, 1):
        firn, superimposed, ice = (
            assumed.level[z, DRY, polarisation] for z in (Zone.FIRN, Zone.SUPERIMPOSED, Zone.ICE)
        )
        assert firn > superimposed + 2 > ice + 4


def test_the_firn_line_shows_no_less_in_hv_than_in_hh(assumed):
    hh, hv = assumed.level[Zone.FIRN, DRY] - assumed.level[Zone.ICE, DRY]
    assert hv >= hh


def test_wet_snow_lowers_every_zone_on_open_land_by_two_decibels_or_more(assumed):
    land = [zone for zone in Zone if zone not in (Zone.WATER, Zone.FOREST, Zone.TOWN)]  # what stands above the snow
    fall = assumed.level[land, DRY] - assumed.level[land, WET]
    assert fall.min() >= 1.999


def test_wet_snow_hides_what_lies_below(assumed):
    under = [zone for zone in Zone if zone not in (Zone.WATER, Zone.CREVASSED, *TEMPERATE)]
    assert np.ptp(assumed.level[under, WET, 0]) <= 2 < np.ptp(assumed.level[under, DRY, 0])


def test_thawed_ground_is_three_to_five_decibels_brighter_than_frozen(assumed):
    for zone in (Zone.ROCK, Zone.TUNDRA):
        assert 3 <= assumed.level[zone, BARE, 0] - assumed.level[zone, DRY, 0] <= 5


def test_hv_lies_nearer_the_noise_than_hh(assumed):
    above = assumed.level[1:] - np.array(assumed.noise)
    assert (above[..., 0] > above[..., 1]).all()


def test_fast_ice_falls_with_incidence_as_measured(assumed):
    assert -0.25 <= assumed.slope[Zone.WATER, DRY] <= -0.22


def test_all_slopes_fall_with_incidence(assumed):
    assert (assumed.slope[1:] < 0).all()


def test_every_level_is_either_assumed_or_has_a_source_that_is_given():
    content = yaml.safe_load(backscatter_levels.DEFAULT.read_text())
    known = {"assumed", *content["sources"]}
    for fields in content["zones"].values():
        assert len(fields["sources"]) == len(backscatter_levels.STATES)
        assert set(fields["sources"]) <= known
    assert all(relation["claim"] and relation["source"] for relation in content["relations"])


def test_levels_of_firn_and_bare_ice_are_those_of_ers_over_austfonna_at_another_angle(assumed):
    """Rees and others 1995: sigma nought in VV at 23 degrees, winter about -3, bare margin in August about -5 dB."""
    for zone, state, sigma in ((Zone.FIRN, 0, -3), (Zone.ICE, 2, -5)):
        gamma = sigma - 10 * np.log10(np.cos(np.radians(23)))
        at_38 = gamma + assumed.slope[zone, state] * (assumed.reference_incidence - 23)
        assert assumed.level[zone, state, 0] == pytest.approx(at_38, abs=0.05)


def test_in_summer_firn_is_five_to_ten_decibels_lower_than_in_winter_at_23_degrees(assumed):
    """Rees and others 1995."""
    at_23 = assumed.level[Zone.FIRN, :, 0] + assumed.slope[Zone.FIRN] * (23 - assumed.reference_incidence)
    assert all(5 <= at_23[0] - at_23[state] <= 10 for state in (1, 2))


def test_a_shift_moves_glaciers_against_land(assumed):
    shifted = backscatter_levels.read_levels(shift_db=3)
    change = shifted.level - assumed.level
    assert change[list(GLACIER)] == pytest.approx(3)
    assert change[[zone for zone in Zone if zone not in GLACIER]] == pytest.approx(0)
    assert np.array_equal(shifted.texture, assumed.texture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["zones"].pop("FIRN"), "zones .* found, .*FIRN.* expected"),
        (lambda c: c["zones"]["ICE"].pop("wet"), "fields .* of ICE found"),
        (lambda c: c["zones"]["ICE"].update(wet="low"), "ValueError"),
        (lambda c: c.pop("sensor"), "KeyError 'sensor' found"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, change, message):
    content = yaml.safe_load(backscatter_levels.DEFAULT.read_text())
    change(content)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=rf"mine\.yaml: {message}"):
        backscatter_levels.read_levels(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        backscatter_levels.read_levels(tmp_path / "none.yaml")


def test_only_land_of_controls_but_no_town_differs_between_dates_by_its_weather(assumed):
    assert not assumed.between_dates[[*GLACIER, Zone.ROCK, Zone.TUNDRA, Zone.WATER, Zone.TOWN]].any()
    assert 0 < assumed.between_dates[Zone.FOREST] < assumed.between_dates[Zone.FIELDS]


def test_land_of_controls_differs_more_between_places_than_that_of_svalbard(assumed):
    land, controls = ([int(zone) for zone in zones] for zones in ((Zone.ROCK, Zone.TUNDRA), TEMPERATE))
    assert assumed.between_landscapes[land].max() < assumed.between_landscapes[controls].min()
