"""glaciersar.plots.live_map"""

from itertools import pairwise

import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.plots import live_map
from glaciersar.plots.live import LivePicture
from glaciersar.plots.live_map import FillingMap, watch_map
from tests.support.notebook_display import stand_in
from tests.support.streams import GRID, Source, contents, give_up, run, values

LARGE = GeoBox((1003, 1717), GRID.affine, GRID.crs)


def test_the_picture_is_the_finished_map_thinned(tmp_path, monkeypatch):
    shown = stand_in(monkeypatch)
    with watch_map(GRID) as filling:
        run(tmp_path / "probability.tif", on_block=filling)
    np.testing.assert_array_equal(filling.probability, values(tmp_path / "probability.tif"))
    assert filling.mapped.all()
    assert shown.outputs == 1
    assert len(shown.pictures) >= 2


@pytest.mark.parametrize("side", [1, 7, 30, 64])
def test_any_blocks_fill_every_cell_with_a_pixel_of_its_place(side):
    filling = FillingMap(GRID, LivePicture(), side=side)
    whole = np.arange(100 * 130, dtype=np.float32).reshape(100, 130)
    tops, lefts = [0, 1, 33, 60, 100], [0, 50, 51, 129, 130]
    for top, bottom in pairwise(tops):
        for left, right in pairwise(lefts):
            place = slice(top, bottom), slice(left, right)
            filling(place, whole[place], resumed=False)
    assert filling.mapped.all()
    assert max(filling.probability.shape) <= side
    np.testing.assert_array_equal(filling.probability, whole[:: filling.step, :: filling.step])


def test_the_picture_of_a_large_map_stays_small():
    filling = FillingMap(LARGE, LivePicture())
    assert max(filling.probability.shape) <= live_map.SIDE
    assert filling.mapped.shape == filling.probability.shape


def test_a_map_is_the_same_to_the_byte_with_and_without_pictures(tmp_path, monkeypatch):
    run(tmp_path / "without" / "probability.tif")
    stand_in(monkeypatch)
    with watch_map(GRID) as filling:
        run(tmp_path / "with" / "probability.tif", on_block=filling)
    assert contents(tmp_path / "with") == contents(tmp_path / "without")


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_resumed_map_shows_what_an_earlier_run_has_mapped(tmp_path, dtype):
    path = tmp_path / "probability.tif"
    with pytest.raises(InputError):
        run(path, source=Source(fail_at=12, fail=give_up), dtype=dtype)
    filling = FillingMap(GRID, LivePicture())
    run(path, on_block=filling, dtype=dtype)
    assert filling.mapped.all()
    found = values(path) if dtype == "float32" else np.where(values(path) == 255, np.nan, values(path) / 254)
    np.testing.assert_allclose(filling.probability, found, atol=1 / 254)


def test_the_time_left_counts_only_what_this_run_has_mapped(monkeypatch):
    now = [50.0]
    monkeypatch.setattr(live_map.time, "monotonic", lambda: now[0])
    filling = FillingMap(GRID, LivePicture())
    half, quarter = (slice(0, 50), slice(0, 130)), (slice(50, 75), slice(0, 130))
    filling(half, np.zeros((50, 130), np.float32), resumed=True)
    now[0] += 60
    filling(quarter, np.zeros((25, 130), np.float32), resumed=False)
    assert filling.seconds_left == pytest.approx(60)


@pytest.mark.parametrize("shown", [True, False])
def test_without_a_notebook_or_unwanted_nothing_is_watched(shown, monkeypatch):
    if not shown:
        stand_in(monkeypatch)
    with watch_map(GRID, shown=shown) as filling:
        assert filling is None
