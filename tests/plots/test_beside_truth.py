"""glaciersar.plots.beside_truth"""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from odc.geo.geobox import GeoBox

from glaciersar.plots.beside_truth import map_beside_truth
from glaciersar.plots.errors_map import ERROR_COLOURS
from tests.support.legends import stand_clear

GRID = GeoBox.from_bbox((500_000, 8_700_000, 500_800, 8_700_400), "EPSG:32633", resolution=100, tight=True)  # 4 × 8


@pytest.fixture
def drawn(rng):
    truth = np.zeros(GRID.shape, bool)
    truth[:2] = True
    probability = np.full(GRID.shape, 0.1, np.float32)
    probability[1:3] = 0.9
    return map_beside_truth(rng.normal(-10, 3, (2, 4)), truth, probability, GRID)


def colours_of(axis):
    """Return the colours in the middle of the four rows of the grid."""
    image = axis.images[0]
    shown = image.cmap(image.norm(image.get_array()))[:, 0, :3]
    times = len(shown) // 4
    return shown[times // 2 :: times]


def test_truth_and_errors_have_their_colours_row_by_row(drawn):
    names = ["missed", "glacier", "false", "land or sea"]
    np.testing.assert_allclose(colours_of(drawn.axes[2]), [to_rgb(ERROR_COLOURS[name]) for name in names])
    names = ["glacier", "glacier", "land or sea", "land or sea"]
    np.testing.assert_allclose(colours_of(drawn.axes[1]), [to_rgb(ERROR_COLOURS[name]) for name in names])


def test_a_coarse_radar_image_lies_where_the_map_lies(drawn):
    for axis in drawn.axes:
        assert axis.images[0].get_extent() == [500_000, 500_800, 8_700_000, 8_700_400]
        assert axis.get_xlim() == (500_000, 500_800)


def test_its_legend_stands_clear_of_the_panels(drawn, tmp_path):
    stand_clear(drawn, tmp_path)


def test_without_a_truth_the_probability_stands_beside_the_radar(rng):
    probability = rng.random(GRID.shape, dtype=np.float32)
    figure = map_beside_truth(rng.normal(-10, 3, GRID.shape), None, probability, GRID)
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images and axis.get_xlabel()]
    assert len(shown) == 2
    np.testing.assert_array_equal(shown[1], probability)
