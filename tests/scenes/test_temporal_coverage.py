"""glaciersar.scenes.temporal_coverage"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_dates, choose_dates_by_year, choose_years
from glaciersar.scenes.temporal_coverage import (
    count_scenes,
    coverage_by_year,
    data_source,
    incomplete_dates,
    measure_coverage,
)
from tests.support.archives import TILE, write_folder, write_raster, year_of_dates

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
    found = measure_coverage(year_of_dates())
    assert found.near == 1
    assert found.gap_days == 12
    assert found.empty_months == ()


def test_target_dates_are_those_from_which_dates_are_chosen():
    targets = measure_coverage(on(*range(0, 360, 12))).target_dates
    assert len(targets) == 15
    assert set(np.diff(targets)) == {timedelta(days=24)}
    assert targets[7] == datetime(2021, 7, 2, 12, tzinfo=UTC)  # the middle of the year
    times = [target + timedelta(days=day) for target in targets for day in (-2, 7)]
    assert list(choose_dates(times)) == list(range(0, 30, 2))


def test_a_gap_is_found_with_its_length_and_its_months():
    found = measure_coverage([time for time in year_of_dates() if time.month not in (5, 6)])
    assert [f"{time:%Y-%m-%d}" for time in found.gap] == ["2020-04-19", "2020-07-12"]
    assert found.gap_days == 84
    assert found.empty_months == ("2020-05", "2020-06")
    assert found.near == pytest.approx(12 / 15)


def test_a_gap_may_begin_or_end_with_the_year():
    assert measure_coverage(on(100, 112, 364)).gap == (*on(112), *on(364))
    assert measure_coverage(on(200, 212)).gap == (YEAR, *on(200))
    assert measure_coverage(on(10)).gap == (*on(10), datetime(2022, 1, 1, tzinfo=UTC))
    assert len(measure_coverage(on(10)).empty_months) == 11


def test_a_series_over_two_years_is_measured_between_its_ends():
    times = [datetime(2021, 10, 1, tzinfo=UTC) + timedelta(days=24 * k) for k in range(15)]
    found = measure_coverage(times)
    assert (found.near, found.gap_days, found.empty_months) == (1, 24, ())


@given(st.sets(st.integers(0, 364), min_size=1, max_size=40).map(sorted))
def test_a_further_date_never_makes_the_coverage_worse(days):
    with_one_more = sorted({*days, 180})
    before, after = measure_coverage(on(*days)), measure_coverage(on(*with_one_more))
    assert after.near >= before.near
    assert after.gap_days <= before.gap_days
    assert set(after.empty_months) <= set(before.empty_months)


@given(st.sets(st.integers(0, 364), min_size=1, max_size=60).map(sorted))
def test_every_target_date_near_a_pass_means_that_dates_can_be_chosen(days):
    times = on(*days)
    if measure_coverage(times).near == 1:
        targets = measure_coverage(times).target_dates
        chosen = [times[k] for k in choose_dates(times)]
        assert all(abs(time - target) <= timedelta(days=6) for time, target in zip(chosen, targets, strict=True))


def test_no_date_covers_nothing():
    with pytest.raises(InputError, match="no date found"):
        measure_coverage([])


def test_the_table_has_a_row_for_each_year_and_orbit():
    full, torn = year_of_dates(30), [time for time in year_of_dates(30, year=2016) if time.month != 3]
    table = coverage_by_year(scenes_of(full) + scenes_of(torn, orbit=174)).set_index(["year", "relative orbit"])
    assert dict(table["passes"]) == {(2016, 174): len(torn), (2020, 14): 30}
    assert dict(table["months without"]) == {(2016, 174): "Mar", (2020, 14): "none"}


def test_a_year_that_cannot_be_chosen_is_left_out_with_its_reason():
    full, torn = scenes_of(year_of_dates(30)), scenes_of(year_of_dates(9, year=2016), orbit=174)
    chosen, refused = choose_years(full + torn)
    assert chosen == choose_dates_by_year(full)
    assert refused.keys() == {(2016, 174)}
    assert refused[2016, 174].startswith("9 dates found from 2016-01-02")
    with pytest.raises(InputError, match="9 dates found"):
        choose_dates_by_year(full + torn)


def test_ascending_and_descending_passes_of_one_orbit_are_no_year():
    times = year_of_dates(30)
    mixed = scenes_of(times[::2]) + scenes_of([time + timedelta(hours=11) for time in times[1::2]], state="descending")
    _, refused = choose_years(mixed)
    assert refused == {(2020, 14): "ascending and descending passes found, one viewing direction expected"}


def test_scenes_are_counted_by_year_and_orbit(tmp_path, rng):
    grid = TILE.geobox(pixel=2000)
    write_folder(tmp_path, grid, [*year_of_dates(3), *year_of_dates(2, year=2016)], rng, polarisations=("HH", "HV"))
    write_folder(tmp_path, grid, year_of_dates(4), rng, relative_orbit=174)
    assert count_scenes(find_scenes(tmp_path)).values.tolist() == [
        [2016, 14, "HH, HV", 2, "2016-01-02", "2016-01-14"],
        [2020, 14, "HH, HV", 3, "2020-01-02", "2020-01-26"],
        [2020, 174, "HH", 4, "2020-01-02", "2020-02-07"],
    ]


def test_simulated_scenes_never_pass_for_real_ones(tmp_path, rng):
    real = find_scenes(write_folder(tmp_path, TILE.geobox(pixel=2000), year_of_dates(2), rng))
    simulated = [replace(scene, platform="simulated") for scene in real]
    assert data_source(real) == "Sentinel-1"
    assert data_source(simulated) == "simulated radar"
    assert data_source([*real, *simulated]) == "partly simulated radar"


def test_a_date_that_misses_a_part_of_what_the_others_see_is_named_with_its_share(tmp_path, rng):
    grid = TILE.geobox(pixel=500)  # 20 × 20
    scenes = find_scenes(write_folder(tmp_path, grid, year_of_dates(3), rng))
    for k, first_row in [(0, 10), (1, 12)]:  # no date sees the first ten rows
        power = np.full(grid.shape, 0.1, np.float32)
        power[:first_row] = np.nan
        write_raster(Path(scenes[k].hrefs["HH"][0]), power, grid)
    power = np.where(np.arange(20)[:, None] < 10, np.nan, np.full(grid.shape, 0.1)).astype(np.float32)
    write_raster(Path(scenes[2].hrefs["HH"][0]), power, grid)
    assert incomplete_dates(read_series(scenes, grid, "HH")) == {"2020-01-14": pytest.approx(0.2)}
