"""glaciersar.plots.offsets"""

import numpy as np
import pandas as pd
import pytest

from glaciersar.plots.offsets import date_offsets


def table(east):
    east = np.array(east, float)
    days = pd.date_range("2020-01-04", periods=len(east), freq="24D")
    return pd.DataFrame(
        {"date": days.strftime("%Y-%m-%d"), "east, pixels": east, "north, pixels": -east / 2, "peak": 8.0}
    )


@pytest.mark.parametrize(("allowed", "bands"), [(0.75, 1), (np.inf, 0)])
def test_every_date_is_shown_with_its_offsets_or_as_unknown(allowed, bands):
    figure = date_offsets(table([0, 2, np.nan, 0.1]), max_offset=allowed)
    (axis,) = figure.axes
    east, north, unknown = axis.lines
    np.testing.assert_array_equal(east.get_ydata(), [0, 2, np.nan, 0.1])
    np.testing.assert_array_equal(north.get_ydata(), [0, -1, np.nan, -0.05])
    assert len(unknown.get_xdata()) == 1
    assert unknown.get_label() == "not measured on 1\nof 4 dates"
    assert len(axis.patches) == bands
    low, high = axis.get_ylim()
    assert low < -1
    assert high > 2


def test_a_series_of_which_nothing_is_known_is_drawn_too():
    assert len(date_offsets(table([np.nan] * 3), max_offset=0.75).axes[0].lines) == 3
