"""glaciersar.plots.side_by_side"""

from datetime import UTC, datetime

import numpy as np
import pytest

from glaciersar.dataset.summary import TileSeries
from glaciersar.plots.side_by_side import models_on_tile
from tests.support.legends import stand_clear


@pytest.fixture
def tile(rng):
    glacier = np.zeros((12, 12), bool)
    glacier[:, :6] = True
    times = tuple(datetime(2020, month, 1, tzinfo=UTC) for month in range(1, 4))
    valid = np.ones_like(glacier)
    valid[6:] = False
    backscatter = rng.normal(-10, 3, (3, 12, 12))
    return TileSeries(name="SVAL-1-1_2020_ro14", backscatter=backscatter, times=times, glacier=glacier, valid=valid)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_model_has_its_picture_with_the_iou_of_the_pixels_that_radar_sees(tile, tmp_path, count):
    half = np.where(np.arange(12) < 3, 0.9, 0.1)[None, :].repeat(12, 0)  # half of the glacier
    half[6:] = 0.9  # where no radar sees
    figure = models_on_tile(tile, {f"model {k}": half for k in range(count)})
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert len(shown) == 2 + count
    assert all(axis.get_title() == f"model {k}\nIoU 0.500" for k, axis in enumerate(shown[2:]))
    kinds = shown[2].images[0].get_array()  # many points a pixel
    middles = kinds[0, len(kinds) // 24 :: len(kinds) // 12]
    np.testing.assert_array_equal(middles, [1] * 3 + [2] * 3 + [0] * 6)  # found, missed, land
    stand_clear(figure, tmp_path)


def test_a_pixel_that_a_recipe_does_not_map_is_background(tile):
    figure = models_on_tile(tile, {"as released": np.full((12, 12), np.nan)})
    assert figure.axes[2].get_title().endswith("IoU 0.000")
