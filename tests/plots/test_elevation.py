"""glaciersar.plots.elevation"""

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from glaciersar.plots.area import CHANGE_COLOURS
from glaciersar.plots.elevation import band_change


def test_each_band_has_a_bar_at_its_elevation_in_the_colour_of_its_change():
    low = np.array([100.0, 200.0, 300.0, np.nan])
    bands = pd.DataFrame({"from_m": low, "to_m": low + 100, "before_km2": [2, 3, 1, 9], "after_km2": [1.0, 3.2, 1, 9]})
    bands["change_km2"] = bands["after_km2"] - bands["before_km2"]
    figure = band_change(bands, before="2016", after="2024")
    bars = figure.axes[1].patches
    assert [bar.get_y() + bar.get_height() / 2 for bar in bars] == [150, 250, 350]  # what has no elevation has no bar
    np.testing.assert_allclose([bar.get_width() for bar in bars], [-1, 0.2, 0])
    colours = [to_hex(bar.get_facecolor()) for bar in bars]
    assert colours[:2] == [CHANGE_COLOURS["lost"], CHANGE_COLOURS["gained"]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["2016", "2024"]
