"""glaciersar.plots.pixel_course"""

import numpy as np
import pytest

from glaciersar.dataset.summary import TileSeries
from glaciersar.models.pixel_course import LevelCourse
from glaciersar.plots.pixel_course import draw_course
from tests.support.legends import stand_clear

PIXELS = {"glacier": (2, 3), "rock": (5, 7), "water": (9, 1)}


def some_course(level, dates):
    middles = np.linspace(0, 14, dates)
    made = np.add.outer(np.arange(3), middles).astype(float)
    return LevelCourse(level=level, dates=middles, activations=made, reduced=made.max(axis=1))


@pytest.fixture
def figure(rng):
    mask = np.ones((12, 12), bool)
    backscatter = rng.normal(-10, 3, (15, 12, 12))
    tile = TileSeries(name="SVAL-1-1_2020_ro14", backscatter=backscatter, times=(), glacier=mask, valid=mask)
    courses = {
        "unet3d": [some_course(level, dates) for level, dates in enumerate((15, 8, 4, 2))],
        "ulstm": [some_course(level, 15) for level in range(3)],
    }
    figure = draw_course(tile, PIXELS, courses, pixel=20.0)
    return figure, tile


def test_there_is_a_picture_a_series_and_a_panel_for_each_level(figure):
    drawn, tile = figure
    levels = [f"unet3d, level {k}" for k in range(4)] + [f"ulstm, level {k}" for k in range(3)]
    assert [axis.get_title() for axis in drawn.axes] == [tile.name, "backscatter (dB)", *levels]


def test_the_picture_says_how_wide_it_is(figure):
    drawn, _ = figure
    assert drawn.axes[0].get_xlabel() == "0.24 km across"  # 12 pixels of 20 m


def test_lines_are_the_values_of_their_pixel(figure):
    drawn, tile = figure
    series, first = drawn.axes[1], drawn.axes[2]
    for k, (name, (row, column)) in enumerate(PIXELS.items()):
        line = next(line for line in series.lines if line.get_label() == name)
        np.testing.assert_array_equal(line.get_ydata(), tile.backscatter[:, row, column])
        level = next(line for line in first.lines if line.get_label() == name)
        np.testing.assert_array_equal(level.get_ydata(), np.linspace(0, 14, 15) + k)
        assert level.get_color() == line.get_color()


def test_classes_differ_by_colour_line_and_marker_and_the_legend_stands_clear(figure, tmp_path):
    drawn, _ = figure
    styles = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in drawn.axes[1].lines]
    assert all(len({*kind}) == 3 for kind in zip(*styles, strict=True))
    stand_clear(drawn, tmp_path)
