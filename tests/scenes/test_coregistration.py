"""glaciersar.scenes.coregistration"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.ndimage import shift as shift_image
from skimage.registration import phase_cross_correlation

from glaciersar.errors import InputError
from glaciersar.scenes import coregistration
from glaciersar.scenes.coregistration import (
    MAX_OFFSET,
    check_aligned,
    check_series,
    describe_offsets,
    largest_offset,
    measure_offsets,
    offsets_of,
)
from glaciersar.scenes.reader import Series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import GRID, backscatter, write_raster, year_of_dates

LARGE = GRID.pad(20)


def ground(rng, shape):
    """Linear power of a landscape: patches of several decibels, without speckle."""
    return 10 ** (gaussian_filter(rng.normal(size=shape), 3) * 3 - 1)


def series(rng, shifts, *, shape=(140, 140)):
    """One landscape under fresh speckle on each date, displaced by rows and columns."""
    terrain = 10 * np.log10(ground(rng, shape))
    dates = [10 ** (shift_image(terrain, by, order=3, mode="nearest") / 10) for by in shifts]
    power = np.stack([date * rng.gamma(4, 1 / 4, shape) for date in dates]).astype(np.float32)
    return Series(power=power, times=tuple(year_of_dates(len(shifts))), geobox=LARGE)


def test_half_of_a_series_that_was_moved_by_two_pixels_is_found_and_refused(rng):
    table = offsets_of([series(rng, [(0, 0)] * 4 + [(2, 0)] * 4)])
    assert largest_offset(table) == pytest.approx(2, abs=0.3)
    north = table["north, pixels"].to_numpy()
    np.testing.assert_allclose(north[:4].mean() - north[4:].mean(), 2, atol=0.3)  # rows count southwards
    with pytest.raises(
        InputError, match=r"dates up to \d\.\d\d pixels apart found, such as 2020-.*at most 0\.75 expected"
    ):
        check_aligned(table)
    check_aligned(table, max_offset=3)


def test_parts_of_a_pixel_are_found(rng):
    given = np.array([(0, 0), (0.3, -0.6), (-1.25, 0.4), (0, 0), (0, 0), (0, 0)])
    table = offsets_of([series(rng, given)])
    np.testing.assert_allclose(table["east, pixels"], given[:, 1] - np.median(given[:, 1]), atol=0.25)
    np.testing.assert_allclose(table["north, pixels"], -(given[:, 0] - np.median(given[:, 0])), atol=0.25)


def test_offsets_agree_with_those_of_scikit_image_where_there_is_little_speckle(rng):
    given = [(0, 0), (0, 0), (1.4, -2.2), (0, 0)]
    terrain = ground(rng, (140, 140))
    images = [shift_image(10 * np.log10(terrain), by, order=3, mode="nearest") for by in given]
    found, _, _ = phase_cross_correlation(images[2], images[0], upsample_factor=20, normalization=None)
    power = (10 ** (np.stack(images) / 10)).astype(np.float32)
    table = offsets_of([Series(power=power, times=tuple(year_of_dates(4)), geobox=LARGE)])
    measured = -table["north, pixels"][2], table["east, pixels"][2]
    np.testing.assert_allclose(measured, found, atol=0.3)
    np.testing.assert_allclose(measured, given[2], atol=0.15)


def test_an_aligned_series_with_a_changing_part_is_not_refused(rng):
    whole = series(rng, [(0, 0)] * 6)
    for k in range(6):  # a wet glacier, darker and with another edge on each date
        whole.power[k, 30 + 5 * k : 100, 40:90] /= 4
    table = offsets_of([whole])
    check_aligned(table)
    assert largest_offset(table) < MAX_OFFSET / 2


@pytest.mark.parametrize("axis", [0, 1])
def test_sea_ice_that_drifts_beside_the_land_is_no_shift_of_a_date(rng, axis):
    shape = (100, 104)
    whole = series(rng, [(0, 0)] * 15, shape=shape)
    sea = ground(rng, shape) ** 2  # more contrast than land has
    for k in range(15):
        moved = np.roll(sea, 2 if k == 7 else 0, axis=1) * rng.gamma(4, 1 / 4, shape)
        whole.power[k] = np.where(np.indices(shape)[axis] < 52, whole.power[k], moved)
    check_aligned(offsets_of([whole]))
    check_series(whole)


def test_without_ground_in_common_nothing_is_measured_and_nothing_refused(rng):
    power = np.stack([backscatter(rng, (140, 140)) for _ in range(6)])
    table = offsets_of([Series(power=power, times=tuple(year_of_dates(6)), geobox=LARGE)])
    assert table["east, pixels"].isna().sum() >= 5, "the date that the others are first compared with may stay"
    assert np.isnan(largest_offset(table))
    check_aligned(table)


def test_speckle_in_which_two_dates_agree_by_chance_is_not_refused(rng):
    for _ in range(30):
        power = np.stack([backscatter(rng, (100, 100)) for _ in range(15)])
        speckle = Series(power=power, times=tuple(year_of_dates(15)), geobox=LARGE)
        assert np.isnan(largest_offset(offsets_of([speckle])))


def test_missing_parts_and_windows_without_radar_are_left_out(rng):
    whole = series(rng, [(0, 0)] * 3 + [(0, 1)] * 3)
    whole.power[2, :40] = np.nan
    empty = replace(whole, power=np.full_like(whole.power, np.nan))
    table = offsets_of([empty, whole])
    assert largest_offset(table) == pytest.approx(1, abs=0.3)
    assert offsets_of([empty])["east, pixels"].isna().all()


def test_scenes_are_compared_on_their_grid(tmp_path, rng):
    moved = series(rng, [(0, 0), (0, 0), (0, 3), (0, 0)])
    for time, power in zip(moved.times, moved.power, strict=True):
        write_raster(tmp_path / f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_HH.tif", power, LARGE)
    table = measure_offsets(find_scenes(tmp_path), LARGE, "HH")
    assert table["east, pixels"].tolist() == pytest.approx([0, 0, 3, 0], abs=0.3)
    assert list(table["date"]) == [f"{time:%Y-%m-%d}" for time in moved.times]


@pytest.mark.parametrize(
    ("shift", "grid"), [((2, 0), LARGE[:64, :64]), ((0, 25), LARGE)], ids=["too small to measure", "beyond the reach"]
)
def test_an_offset_that_cannot_be_measured_is_not_told_as_zero(tmp_path, rng, shift, grid, capsys):
    moved = series(rng, [(0, 0)] * 4 + [shift] * 4)
    for time, power in zip(moved.times, moved.power, strict=True):
        write_raster(tmp_path / f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_HH.tif", power, LARGE)
    table = measure_offsets(find_scenes(tmp_path), grid, "HH")
    unknown = table[["east, pixels", "north, pixels"]].isna().all(axis=1)
    assert unknown.sum() >= 4
    said = f"not measured on {unknown.sum()} of 8 dates"
    assert f"offsets between the dates {said}" in capsys.readouterr().out
    assert said in describe_offsets(table)


def test_a_series_without_any_measured_offset_lies_at_no_known_distance(rng):
    whole = series(rng, [(0, 0)] * 3, shape=(64, 64))
    table = offsets_of([whole])
    check_aligned(table)
    assert np.isnan(largest_offset(table))
    assert describe_offsets(table) == "how far the dates lie from one another is not measured on 3 of 3 dates"


def test_a_date_beyond_the_reach_is_counted_and_the_others_are_told(rng):
    table = offsets_of([series(rng, [(0, 0)] * 5 + [(0, 25)] + [(0, 0)] * 2)])
    assert table["east, pixels"].isna().tolist() == [False] * 5 + [True] + [False] * 2
    said = describe_offsets(table)
    assert said.startswith("dates lie up to 0.")
    assert said.endswith(" pixels from one another, 0.75 are allowed; not measured on 1 of 8 dates")
    assert describe_offsets(offsets_of([])) == "no date of backscatter to compare"
    assert "not measured" not in describe_offsets(offsets_of([series(rng, [(0, 0)] * 4)]))


@pytest.mark.parametrize(
    "shifts",
    [
        [(0, 0)] * 4 + [(2, 0)] * 4,
        [(0, 0)] * 3 + [(0, 1)] * 4,
        [(0, 0)] * 6 + [(-3, 2)],
        [(0, 0)] * 5 + [(1, 1), (4, 0)],
    ],
)
def test_a_series_in_memory_with_displaced_dates_is_refused(rng, shifts):
    moved = series(rng, shifts)
    with pytest.raises(InputError, match=r"dates up to \d\.\d\d pixels apart found, .*at most 0\.75 expected"):
        check_series(moved)
    check_series(moved, max_offset=6)
    check_series(moved, max_offset=np.inf)


def test_displaced_dates_of_a_large_series_are_found_in_windows_of_it(rng):
    moved = series(rng, [(0, 0)] * 3 + [(0, 2)] * 2, shape=(560, 530))
    moved.power[:, :250] = np.nan
    with pytest.raises(InputError, match="pixels apart found"):
        check_series(moved)


def test_an_aligned_series_in_memory_is_accepted_by_a_quick_look(rng, monkeypatch):
    monkeypatch.setattr(coregistration, "offsets_of", lambda _: pytest.fail("measured, where a look is enough"))
    check_series(series(rng, [(0, 0)] * 6))
    check_series(series(rng, [(0, 0)], shape=(40, 40)))
    check_series(series(rng, [(0, 0)] * 3, shape=(20, 20)))  # too small to compare
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"at most 0\.2 expected"):  # below the allowance a look does not tell
        check_series(series(rng, [(0, 0)] * 4 + [(0, 0.4)] * 4), max_offset=0.2)
