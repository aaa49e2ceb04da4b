"""glaciersar.inference.trained_dates"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference.trained_dates import (
    dates_in_training,
    keep_trained,
    named_dates,
    stand_in_dates,
    trained_dates,
)


def trained(name="unet3d", **metadata):
    model = models.build(name, width=2)
    model.metadata = metadata
    return model


def test_weights_without_a_number_of_dates_see_every_series_whole():
    assert trained_dates(trained(), of=15) == tuple(range(15))
    assert trained_dates(trained(), of=23) == tuple(range(23))


def test_weights_with_a_number_see_as_many_dates_evenly_spread_or_all_of_a_shorter_series():
    assert trained_dates(trained(dates="5"), of=15) == (1, 4, 7, 10, 13)
    assert trained_dates(trained(dates="5", date_sampling="shuffled"), of=15) == (1, 4, 7, 10, 13)
    assert trained_dates(trained(dates="5"), of=3) == (0, 1, 2)


def test_weights_of_a_random_number_of_dates_always_see_as_many():
    assert trained_dates(trained(date_sampling="subset"), of=15) == tuple(range(15))
    assert trained_dates(trained(date_sampling="subset"), of=60) == tuple(range(2, 60, 4))
    assert trained_dates(trained(date_sampling="subset"), of=3) == (0, 1, 2)
    assert stand_in_dates(trained(date_sampling="subset"), of=3) == (0,) * 5 + (1,) * 5 + (2,) * 5
    assert trained_dates(trained(date_sampling="subset", dates="5"), of=15) == (1, 4, 7, 10, 13)
    assert stand_in_dates(trained(date_sampling="subset"), of=2) == (0,) * 7 + (1,) * 8
    assert stand_in_dates(trained(date_sampling="subset", dates="5"), of=3) == (0, 0, 1, 2, 2)
    assert keep_trained(trained(date_sampling="subset", dates="5"), "abc") == list("abc")


def test_of_named_dates_the_nearest_stand_for_the_others():
    assert named_dates(trained(), [9, 2]) == (9, 2)
    assert named_dates(trained(trained_on="radar"), [9, 2]) == (2,) * 6 + (9,) * 9
    assert named_dates(trained(dates="5"), [2, 9]) == (2, 2, 9, 9, 9)
    assert named_dates(trained(date_sampling="one"), [9]) == (9,)
    assert named_dates(trained(date_sampling="subset"), [9]) == (9,) * 15
    assert named_dates(trained(date_sampling="subset", dates="5"), [2, 9]) == (2, 2, 9, 9, 9)
    for named in ([], [3, 40], [-90, 3]):
        with pytest.raises(InputError, match="some of 0 to 14 expected"):
            named_dates(trained(date_sampling="subset"), named)
    with pytest.raises(InputError, match="unet2d_channels: a series of 2 dates found, 15 expected"):
        named_dates(trained("unet2d_channels"), [2, 9])
    assert len(named_dates(trained("unet2d_channels", date_sampling="subset"), [2, 9])) == 15


def test_weights_of_single_dates_see_one_that_was_named():
    assert trained_dates(trained(date_sampling="one"), of=1) == (0,)
    with pytest.raises(InputError, match="unet3d: trained on single dates, a series of 15 found, one named date"):
        trained_dates(trained(date_sampling="one"), of=15)


def test_a_number_of_dates_that_a_network_does_not_take_is_refused():
    with pytest.raises(InputError, match="unet2d_channels: a series of 12 dates found, 15 expected"):
        trained_dates(trained("unet2d_channels"), of=12)


@pytest.mark.parametrize("text", ["0", "", "all", "-3"])
def test_metadata_that_hold_no_number_of_dates_are_refused(text):
    with pytest.raises(InputError, match=f"unet3d: dates='{text}' found in the metadata"):
        trained_dates(trained(dates=text), of=15)


def test_what_is_kept_of_a_series_are_those_dates():
    assert keep_trained(trained(dates="2"), "abcd") == ["b", "d"]
    assert keep_trained(trained(), "abcd") == list("abcd")
    assert keep_trained(trained(dates="2"), "") == []


@given(of=st.integers(1, 15))
def test_dates_that_stand_in_are_evenly_repeated_and_a_whole_series_stays(of):
    dates = stand_in_dates(trained(trained_on="radar"), of=of)
    times = np.bincount(dates, minlength=of)
    assert (len(times), times.sum()) == (of, 15)
    assert times.max() - times.min() <= 1
    assert list(dates) == sorted(dates)


@pytest.mark.parametrize(
    ("metadata", "count"),
    [
        ({}, None), ({"date_sampling": "one", "dates": "5"}, None), ({"dates": "5"}, 5),
        ({"date_sampling": "subset"}, 15), ({"trained_on": "radar"}, 15), ({"trained_on": "radar", "dates": "8"}, 8),
    ],
)  # fmt: skip
def test_weights_tell_how_many_dates_they_were_trained_on_or_nothing_is_repeated(metadata, count):
    assert dates_in_training(trained(**metadata)) == count
    assert len(stand_in_dates(trained(**metadata), of=3)) == (count or 3)
    assert stand_in_dates(trained(**metadata), of=20) == tuple(range(20))
