"""glaciersar.plots.errors_map"""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from glaciersar.plots import errors_map, printing
from glaciersar.plots.results import Example
from tests.support.legends import stand_clear


def examples(count, side=40):
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:side, :side]
    return [
        Example(
            name=f"SVAL-{k}-1_2020_ro174",
            backscatter=rng.normal(-10, 3, (side, side)),
            reference=columns < side / 2,
            probability=1 / (1 + np.exp(columns - side / 2 - rows / 5)),
        )
        for k in range(count)
    ]


def test_errors_have_the_colour_of_their_kind():
    reference = np.array([[True, True], [False, False]])
    found = np.array([[True, False], [True, False]])
    _, axis = plt.subplots()
    errors_map.draw_errors_map(axis, reference, found)
    image = axis.images[0]
    shown = image.cmap(image.norm(image.get_array()))[..., :3]
    quarter = len(shown) // 4
    names = [["glacier", "missed"], ["false", "land or sea"]]
    colours = [[to_rgb(errors_map.ERROR_COLOURS[n]) for n in row] for row in names]
    np.testing.assert_allclose(shown[quarter :: 2 * quarter, quarter :: 2 * quarter], colours)
    assert image.get_extent() == [-0.5, 1.5, 1.5, -0.5]


def test_a_sharpened_mask_keeps_its_area_and_its_pixels(rng):
    mask = rng.random((30, 30)) > 0.4
    finer = errors_map.sharpen(mask)
    times = len(finer) // 30
    assert len(finer) >= errors_map.PANEL
    assert (finer > 0.5).mean() == pytest.approx(mask.mean(), abs=0.03)
    np.testing.assert_array_equal(finer[times // 2 :: times, times // 2 :: times] > 0.5, mask)


def test_the_edge_of_a_sharpened_mask_lies_between_its_pixels():
    mask = np.arange(10) < 5
    finer = errors_map.sharpen(np.broadcast_to(mask, (10, 10)))
    assert (finer[0] > 0.5).sum() == len(finer) / 2


def test_missing_probability_is_no_glacier():
    _, axis = plt.subplots()
    errors_map.draw_errors_map(axis, np.ones((4, 4), bool), np.full((4, 4), np.nan))
    assert set(np.unique(axis.images[0].get_array())) == {2}  # missed


def test_both_outlines_are_lines_over_the_radar_and_what_lies_between_is_filled():
    (example,) = examples(1)
    figure = errors_map.errors_strip([example])
    axis = figure.axes[1]
    radar, fills = axis.images
    assert radar.get_array().shape == (40, 40)
    reference, mapped = axis.collections
    (line,) = reference.get_paths()
    np.testing.assert_allclose(line.vertices[:, 0], 19.5)  # between its pixels 19 and 20
    (line,) = mapped.get_paths()
    x, y = line.vertices.T
    np.testing.assert_allclose(x, 20 + y / 5, atol=0.05)
    kinds = np.asarray(fills.get_array())
    assert set(np.unique(kinds)) == {0, 1, 3}  # the map has all that the reference has, and more
    false = (kinds == 3).mean() * 40 * 40
    assert false == pytest.approx(40 * (0.5 + 39 / 10), rel=0.03)  # a trapezium


def test_a_tile_without_an_outline_has_no_line():
    bare = Example(
        name="SVAL-1-1_2020_ro14",
        backscatter=np.zeros((8, 8)),
        reference=np.zeros((8, 8), bool),
        probability=np.full((8, 8), 0.2),
    )
    figure = errors_map.errors_strip([bare])
    assert not figure.axes[1].collections


def test_radar_has_one_scale_with_its_unit():
    figure = errors_map.errors_strip(examples(3))
    assert len({axis.images[0].get_clim() for axis in figure.axes[:3]}) == 1
    assert "backscatter (dB)" in [axis.get_ylabel() for axis in figure.axes]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_it_is_fit_for_print(count, tmp_path):
    figure = errors_map.errors_strip(examples(count))
    found = printing.measure(figure)
    assert found.smallest >= 8
    assert found.width <= 174
    assert found.covered == ""
    stand_clear(figure, tmp_path)
