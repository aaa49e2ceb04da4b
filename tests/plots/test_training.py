"""glaciersar.plots.training"""

import numpy as np
import pytest

from glaciersar import radiometry
from glaciersar.dataset.augmentation import SHIFT
from glaciersar.dataset.summary import TileSeries
from glaciersar.plots.training import draw_augmentations, draw_schedule
from glaciersar.training.config import TrainConfig
from glaciersar.training.schedule import learning_rate
from tests.support.legends import stand_clear


def test_the_rate_is_that_of_every_step_and_stands_beside_the_authors():
    config = TrainConfig(epochs=4, learning_rate=0.01, restarts=[1.5, 4.0], warmup=3)
    this, theirs = draw_schedule(config, 10).axes
    x, y = this.lines[0].get_data()
    np.testing.assert_allclose(x, np.arange(40) / 10)
    expected = [learning_rate(k, steps_per_epoch=10, start=0.01, restarts=[1.5, 4.0], warmup=3) for k in range(40)]
    np.testing.assert_allclose(y, expected)
    assert [line.get_xdata()[0] for line in this.lines[1:]] == [1.5]
    assert [line.get_xdata()[0] for line in theirs.lines[1:]] == [10, 30, 70]
    assert max(theirs.lines[0].get_ydata()) == 5e-4


@pytest.fixture
def tile(rng):
    glacier = np.add.outer(np.arange(20), np.arange(26)) > 26
    backscatter = rng.normal(-12, 3, (15, 20, 26))
    valid = np.ones_like(glacier)
    return TileSeries(name="SVAL-1-1_2020_ro14", backscatter=backscatter, times=(), glacier=glacier, valid=valid)


def test_each_augmentation_is_what_its_name_says_on_the_middle_square_of_the_tile(tile):
    figure = draw_augmentations(tile, date=4)
    shown = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes if axis.images}
    plain = tile.backscatter[4, :, 3:23]
    near = {"atol": 1e-3, "rtol": 0}
    np.testing.assert_allclose(shown["as it is"], plain, **near)
    np.testing.assert_allclose(shown["flip, vertical"], plain[::-1], **near)
    np.testing.assert_allclose(shown["flip, horizontal"], plain[:, ::-1], **near)
    np.testing.assert_allclose(shown["turn, a quarter"], np.rot90(plain, -1), **near)
    low, high = radiometry.RANGES["grd"]
    np.testing.assert_allclose(shown["shift, +4.7 dB"] - plain, SHIFT * (high - low), **near)
    brighter, darker = shown["gamma, 0.8"] - plain, shown["gamma, 1.2"] - plain
    assert (brighter > 0).all()
    assert (darker < 0).all()
    assert abs(shown["crop as released"] - shown["crop of 0.8, scaled"]).max() > 1


def test_the_outlines_move_with_the_picture_and_the_legend_stands_clear(tile, tmp_path):
    figure = draw_augmentations(tile)
    assert all(axis.collections for axis in figure.axes)
    assert len(figure.axes) == 10
    stand_clear(figure, tmp_path)
