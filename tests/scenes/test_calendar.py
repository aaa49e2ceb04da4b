"""glaciersar.scenes.calendar"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from archives import year_of_dates
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.scenes import Scene, choose_dates, choose_years, cover, coverage, dates_of_years

YEAR = datetime(2021, 1, 1, tzinfo=UTC)


def on(*days):
    """Times on days of 2021, from 0."""
    return [YEAR + timedelta(days=day) for day in days]


def scenes_of(times, orbit=14, state="ascending"):
    return [
        Scene(id=f"{t:%Y%m%d}", time=t, relative_orbit=orbit, orbit_state=state, hrefs={"HH": ("a.tif",)})
        for t in times
    ]


def test_a_full_year_is_covered():
    found = cover(year_of_dates())
    assert found.near == 1
    assert found.gap_days == 12
    assert found.empty_months == ()


def test_wishes_are_those_from_which_dates_are_chosen():
    wishes = cover(on(*range(0, 360, 12))).wishes
    assert len(wishes) == 15
    assert set(np.diff(wishes)) == {timedelta(days=24)}
    assert wishes[7] == datetime(2021, 7, 2, 12, tzinfo=UTC)  # the middle of the year
    times = [wish + timedelta(days=day) for wish in wishes for day in (-2, 7)]
    assert list(choose_dates(times)) == list(range(0, 30, 2))


def test_a_gap_is_found_with_its_length_and_its_months():
    found = cover([time for time in year_of_dates() if time.month not in (5, 6)])
    assert [f"{time:%Y-%m-%d}" for time in found.gap] == ["2020-04-19", "2020-07-12"]
    assert found.gap_days == 84
    assert found.empty_months == ("2020-05", "2020-06")
    assert found.near == pytest.approx(12 / 15)


def test_a_gap_may_begin_or_end_with_the_year():
    assert cover(on(100, 112, 364)).gap == (*on(112), *on(364))
    assert cover(on(200, 212)).gap == (YEAR, *on(200))
    assert cover(on(10)).gap == (*on(10), datetime(2022, 1, 1, tzinfo=UTC))
    assert len(cover(on(10)).empty_months) == 11


def test_a_series_over_two_years_is_measured_between_its_ends():
    times = [datetime(2021, 10, 1, tzinfo=UTC) + timedelta(days=24 * k) for k in range(15)]
    found = cover(times)
    assert (found.near, found.gap_days, found.empty_months) == (1, 24, ())


@given(st.sets(st.integers(0, 364), min_size=1, max_size=40).map(sorted))
def test_a_further_date_never_makes_the_coverage_worse(days):
    with_one_more = sorted({*days, 180})
    before, after = cover(on(*days)), cover(on(*with_one_more))
    assert after.near >= before.near
    assert after.gap_days <= before.gap_days
    assert set(after.empty_months) <= set(before.empty_months)


@given(st.sets(st.integers(0, 364), min_size=1, max_size=60).map(sorted))
def test_every_wish_near_a_pass_means_that_dates_can_be_chosen(days):
    times = on(*days)
    if cover(times).near == 1:
        wishes = cover(times).wishes
        chosen = [times[k] for k in choose_dates(times)]
        assert all(abs(time - wish) <= timedelta(days=6) for time, wish in zip(chosen, wishes, strict=True))


def test_no_date_covers_nothing():
    with pytest.raises(InputError, match="no date found"):
        cover([])


def test_the_table_has_a_row_for_each_year_and_orbit():
    full, torn = year_of_dates(30), [time for time in year_of_dates(30, year=2016) if time.month != 3]
    table = coverage(scenes_of(full) + scenes_of(torn, orbit=174)).set_index(["year", "relative orbit"])
    assert dict(table["passes"]) == {(2016, 174): len(torn), (2020, 14): 30}
    assert dict(table["months without"]) == {(2016, 174): "Mar", (2020, 14): "none"}


def test_a_year_that_cannot_be_chosen_is_left_out_with_its_reason():
    full, torn = scenes_of(year_of_dates(30)), scenes_of(year_of_dates(9, year=2016), orbit=174)
    chosen, refused = choose_years(full + torn)
    assert chosen == dates_of_years(full)
    assert refused.keys() == {(2016, 174)}
    assert refused[2016, 174].startswith("9 dates found from 2016-01-02")
    with pytest.raises(InputError, match="9 dates found"):
        dates_of_years(full + torn)


def test_ascending_and_descending_passes_of_one_orbit_are_no_year():
    times = year_of_dates(30)
    mixed = scenes_of(times[::2]) + scenes_of([time + timedelta(hours=11) for time in times[1::2]], state="descending")
    _, refused = choose_years(mixed)
    assert refused == {(2020, 14): "ascending and descending passes found, one viewing direction expected"}
