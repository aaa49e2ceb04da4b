"""glaciersar.scenes.selection"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.selection import choose_dates, choose_dates_by_year, choose_series, filter_scenes
from tests.support.archives import year_of_dates


def scenes_of(times, orbit=14, polarisation="HH"):
    return [
        Scene(id=f"{t:%Y%m%d}", time=t, relative_orbit=orbit, orbit_state="ascending", hrefs={polarisation: ("a.tif",)})
        for t in times
    ]


def test_a_full_year_of_twelve_day_repeats_gives_every_second_date():
    chosen = choose_dates(year_of_dates(30))
    assert len(chosen) == 15
    assert (np.diff(chosen) == 2).all()


@given(st.lists(st.integers(0, 11), min_size=30, max_size=30))
def test_chosen_dates_increase_and_lie_near_their_targets(jitter):
    times = [datetime(2021, 1, 1, 6, tzinfo=UTC) + timedelta(days=12 * k + day) for k, day in enumerate(jitter)]
    targets = [datetime(2021, 7, 2, 12, tzinfo=UTC) + timedelta(days=24 * (k - 7)) for k in range(15)]
    chosen = choose_dates(times)
    assert (np.diff(chosen) > 0).all()
    assert all(abs(times[i] - target) <= timedelta(days=12) for i, target in zip(chosen, targets, strict=True))


@given(st.sets(st.integers(0, 364), min_size=5, max_size=8).map(sorted))
def test_no_other_increasing_choice_lies_nearer_to_the_targets(days):
    times = [datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days]
    middle = datetime(2021, 7, 2, 12, tzinfo=UTC)
    targets = [middle + timedelta(days=60 * (k - 1.5)) for k in range(4)]

    def distance(choice):
        return sum(abs((times[i] - target).total_seconds()) for i, target in zip(choice, targets, strict=True))

    chosen = choose_dates(times, count=4, spacing_days=60, tolerance_days=400)
    assert distance(chosen) == pytest.approx(min(map(distance, combinations(range(len(times)), 4))))


def test_a_series_over_two_winters_is_centred_in_its_own_period():
    times = [datetime(2021, 10, 1, tzinfo=UTC) + timedelta(days=24 * k) for k in range(15)]
    assert list(choose_dates(times)) == list(range(15))


def test_one_missing_date_is_made_up_by_a_neighbour():
    times = year_of_dates()
    del times[9]
    assert len(choose_dates(times)) == 15


def test_a_long_gap_is_named_with_what_was_expected():
    times = [time for time in year_of_dates() if time.month not in (5, 6) or time.day == 30]
    with pytest.raises(
        InputError, match="no scene between 2020-04-19 and 2020-06-30, one within 24 days of 2020-05-15"
    ):
        choose_dates(times)


def test_a_gap_at_either_end_of_the_year_is_named():
    with pytest.raises(InputError, match="between the start and 2020-03-26"):
        choose_dates(year_of_dates()[7:])
    with pytest.raises(InputError, match="between 2020-10-16 and the end"):
        choose_dates(year_of_dates()[:-6])


def test_too_few_dates_are_refused():
    with pytest.raises(InputError, match="14 dates found from 2020-01-02 to 2020-06-06, at least 15 expected"):
        choose_dates(year_of_dates(14))
    with pytest.raises(InputError, match="0 dates found, at least 15"):
        choose_dates([])


def test_a_date_given_twice_is_refused():
    times = year_of_dates()
    with pytest.raises(InputError, match="out of order or twice"):
        choose_dates([*times, times[-1]])


def test_scenes_are_selected_by_time_orbit_and_polarisation():
    times = [*year_of_dates(3, year=2019), *year_of_dates(3)]
    scenes = scenes_of(times) + scenes_of(times, orbit=174) + scenes_of(times, polarisation="VV")
    found = filter_scenes(scenes, year=2020, relative_orbit=14, polarisation="HH")
    assert found == scenes_of(times[3:])
    assert filter_scenes(scenes, start=datetime(2020, 1, 14)) == filter_scenes(
        scenes, start=datetime(2020, 1, 14, tzinfo=UTC)
    )
    assert {s.time for s in filter_scenes(scenes, start=times[4], end=times[5])} == {times[4]}
    assert [s.time for s in filter_scenes(reversed(scenes))] == sorted(s.time for s in scenes)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"polarisation": "HH"}, "no scene with polarisation HH; found 3 scenes of VH, VV"),
        ({"year": 2016}, "no scene with year 2016; .* years 2020"),
        ({"relative_orbit": 174}, "no scene with relative orbit 174; .* relative orbits 14"),
        ({"start": datetime(2021, 1, 1)}, "no scene with start 2021-01-01"),
    ],
)
def test_an_empty_selection_tells_what_there_is(asked, sentence):
    hrefs = {"VV": ("a",), "VH": ("b",), "incidence": ("c",)}
    scenes = [replace(scene, hrefs=hrefs) for scene in scenes_of(year_of_dates(3))]
    with pytest.raises(InputError, match=sentence):
        filter_scenes(scenes, **asked)


def test_a_series_to_map_has_one_orbit_one_polarisation_and_the_last_year():
    years = [time for year in (2019, 2020) for time in year_of_dates(30, year=year)]
    scenes = scenes_of(years) + scenes_of(years, orbit=174) + scenes_of(years, polarisation="HV")
    series = choose_series(scenes, polarisation="HH")
    assert [scene.time for scene in series] == [years[30 + k] for k in choose_dates(years[30:])]
    assert {scene.relative_orbit for scene in series} == {14}
    assert {s.relative_orbit for s in choose_series(scenes, polarisation="HH", relative_orbit=174)} == {174}


def test_a_period_takes_the_place_of_the_year_and_no_number_of_dates_keeps_all():
    scenes = scenes_of([time for year in (2019, 2020) for time in year_of_dates(30, year=year)])
    winter = choose_series(scenes, polarisation="HH", start="2019-10-01", end="2020-04-01", dates=0)
    assert winter == filter_scenes(scenes, start=datetime(2019, 10, 1), end=datetime(2020, 4, 1))
    with pytest.raises(InputError, match="'October' found, a day such as 2022-01-01 expected"):
        choose_series(scenes, polarisation="HH", start="October")


def test_strips_of_one_pass_are_one_date_of_a_series():
    scenes = scenes_of(year_of_dates(30)) + scenes_of([time + timedelta(seconds=25) for time in year_of_dates(30)])
    assert len(choose_series(scenes, polarisation="HH", dates=0)) == 30


def test_each_year_and_orbit_has_its_own_dates():
    times = year_of_dates(30)
    found = choose_dates_by_year(scenes_of(times) + scenes_of(year_of_dates(20, year=2016, step_days=18), orbit=174))
    assert set(found) == {(2020, 14), (2016, 174)}
    assert found[2020, 14] == [times[k] for k in choose_dates(times)]


def test_a_series_of_two_polarisations_has_scenes_with_both_and_refuses_those_with_one():
    co, other = scenes_of(year_of_dates(30)), scenes_of(year_of_dates(30), polarisation="VV")
    both = [replace(scene, hrefs={"HH": ("a.tif",), "HV": ("b.tif",)}) for scene in co]
    assert choose_series(both + other, polarisation="HH+HV") == choose_series(both, polarisation="HH")
    with pytest.raises(InputError, match=r"20200126: no HV found, both of polarisation='HH\+HV' expected"):
        choose_series([*both[:2], co[2], *both[3:]], polarisation="HH+HV")
    with pytest.raises(InputError, match=r"no scene with polarisation HH\+HV; found 30 scenes of VV"):
        choose_series(other, polarisation="HH+HV")
    late = replace(co[2], time=co[2].time.replace(year=2021))
    assert (
        len(choose_series([*both, late], polarisation="HH+HV", end="2021-01-01", dates=0)) == 30
    )  # it is not asked for
