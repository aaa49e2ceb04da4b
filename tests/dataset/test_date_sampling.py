"""glaciersar.dataset.date_sampling"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.dataset import date_sampling
from glaciersar.dataset.date_sampling import count_shown, draw_dates, nearest_dates, spread_dates
from glaciersar.errors import InputError


@given(of=st.integers(1, 60), data=st.data())
def test_spread_dates_are_in_order_symmetric_and_one_in_each_equal_part(of, data):
    count = data.draw(st.integers(1, of))
    dates = spread_dates(count, of=of)
    assert all(k * of <= count * date + count - 1 and count * date < (k + 1) * of for k, date in enumerate(dates))
    if of % 2:  # an even number has two dates in the middle, of which the later is taken
        assert tuple(of - 1 - date for date in reversed(dates)) == dates


def test_all_dates_are_themselves_and_one_is_the_middle_of_the_year():
    assert spread_dates(15) == tuple(range(15))
    assert spread_dates(1) == (7,)
    assert spread_dates(5) == (1, 4, 7, 10, 13)
    assert spread_dates(3) == (2, 7, 12)


@pytest.mark.parametrize("count", [0, 16])
def test_a_number_of_dates_that_there_is_not_is_refused(count):
    with pytest.raises(InputError, match=f"dates={count} found, 1 to 15 expected"):
        spread_dates(count)


@pytest.mark.parametrize("shown", [[], [15], [3, -1]])
def test_dates_that_there_are_not_are_refused(shown):
    with pytest.raises(InputError, match="some of 0 to 14 expected"):
        date_sampling.check_shown(shown)


@given(kept=st.lists(st.integers(0, 14), min_size=1, unique=True), series=st.sampled_from([range(15), (1, 4, 7)]))
def test_the_nearest_date_that_is_kept_stands_for_each_that_is_left_out(kept, series):
    found = nearest_dates(kept, series)
    assert len(found) == len(series)
    for date, shown in zip(series, found, strict=True):
        assert min((abs(date - one), one) for one in kept) == (abs(date - shown), shown)  # of two as near, the earlier
    assert set(found) == set(kept) or tuple(series) != tuple(range(15))


def test_all_dates_take_no_random_number(rng):
    state = rng.bit_generator.state
    assert draw_dates(rng, "all", (1, 4, 7)).tolist() == [1, 4, 7]
    assert rng.bit_generator.state == state


def test_every_date_is_drawn_as_often_as_any_other_and_none_twice(rng):
    used = (1, 4, 7, 10, 13)
    for sampling, length in (("one", 1), ("shuffled", 5)):
        drawn = np.array([draw_dates(rng, sampling, used) for _ in range(3000)])
        assert all(len(set(dates)) == length == count_shown(sampling, used=5) for dates in drawn)
        shares = [(drawn == date).any(axis=1).mean() for date in used]
        assert shares == pytest.approx([length / 5] * 5, abs=0.03)
        in_order = (np.diff(drawn, axis=1) > 0).all(axis=1)
        assert in_order.mean() < 0.05 or sampling == "one"  # one of 120 orders


def test_a_subset_keeps_the_length_of_the_series_and_every_number_of_its_dates_as_often_as_any_other(rng):
    used = (1, 4, 7, 10, 13)
    drawn = [draw_dates(rng, "subset", used) for _ in range(6000)]
    assert all(np.array_equal(shown, nearest_dates(sorted(set(shown)), used)) for shown in drawn)
    assert np.bincount([len(set(shown)) for shown in drawn])[1:] / 6000 == pytest.approx([0.2] * 5, abs=0.03)
    shares = [np.mean([date in shown for shown in drawn]) for date in used]
    assert shares == pytest.approx([0.6] * 5, abs=0.03)  # 3 of 5 on average
    assert count_shown("subset", used=5) == 5
