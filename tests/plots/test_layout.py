"""glaciersar.plots.layout"""

import pytest
from matplotlib import pyplot as plt

from glaciersar.plots import layout


@pytest.fixture
def figure():
    figure, _ = plt.subplots(1, 2, layout="constrained")
    return figure


def test_a_label_of_several_panels_appears_once_in_the_legend(figure):
    for axis in figure.axes:
        axis.plot([0, 1], label="glacier")
    figure.axes[1].plot([1, 0], label="land")
    layout.outside_legend(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["glacier", "land"]


def test_a_legend_wider_than_the_figure_takes_more_rows(figure):
    names = [f"a rather long label of a line, number {k}" for k in range(6)]
    layout.outside_legend(figure, layout.legend_patches(dict.fromkeys(names, "black")))
    (legend,) = figure.legends
    assert legend.get_window_extent().width < figure.bbox.width


def test_metres_are_labelled_as_kilometres(figure):
    axis = figure.axes[0]
    axis.set(xticks=[512_500, 513_000], yticks=[8_700_000])
    layout.label_kilometres(axis)
    figure.draw_without_rendering()
    assert [label.get_text() for label in axis.get_xticklabels()] == ["512.5", "513"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["8700"]


def test_a_style_stays_within_the_function_and_leaves_drawing_on_as_it_is():
    before = dict(plt.rcParams)
    with plt.ion():
        figure = layout.in_print(lambda: plt.subplots()[0])()
        assert plt.isinteractive()
    assert dict(plt.rcParams) == before
    assert figure.axes[0].xaxis.label.get_fontsize() == layout.SMALL
    assert figure.axes[0].get_xticklabels()[0].get_fontsize() == layout.SMALL
