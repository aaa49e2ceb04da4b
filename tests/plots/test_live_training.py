"""glaciersar.plots.live_training"""

import dataclasses
import threading

import numpy as np
import pandas as pd
import pytest

from glaciersar.dataset.summary import dataset_source
from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.plots import live, live_training
from glaciersar.plots.live_training import draw_training, read_square, watch_training
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tests.support.notebook_display import stand_in
from tests.training.test_loop import write_data

CONFIG = TrainConfig(
    width=4, patch=16, batch=2, epochs=3, steps_per_epoch=4, learning_rate=5e-3, restarts=[3], threads=1, seed=7
)


@pytest.fixture
def data(tmp_path, rng):
    return write_data(tmp_path / "data", rng)


@pytest.fixture
def eager(monkeypatch):
    """Draw as often as there is something new, and look all the time."""
    monkeypatch.setattr(live_training, "POLL", 0.001)
    monkeypatch.setattr(live_training, "LivePicture", lambda: live.LivePicture(seconds=0))
    monkeypatch.setattr(live, "SHARE", 1e9)


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.0, 0.8])
def test_a_run_with_pictures_ends_with_the_same_bytes_as_one_without(data, tmp_path, monkeypatch, eager, decay):
    config = dataclasses.replace(CONFIG, ema_decay=decay, dropout=0.2)
    log = train(config, data, tmp_path / "without", progress=False)
    shown = stand_in(monkeypatch)
    with watch_training(config, data, tmp_path / "with"):
        assert train(config, data, tmp_path / "with", progress=False).equals(log)
    assert shown.outputs == 1
    assert 1 <= len(shown.pictures) <= CONFIG.epochs
    for name in ("weights.safetensors", "checkpoint.safetensors", "log.csv"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_where_nothing_can_be_shown_or_should_be_no_thread_is_started(data, tmp_path, monkeypatch):
    before = threading.active_count()
    with watch_training(CONFIG, data, tmp_path):
        assert threading.active_count() == before
    stand_in(monkeypatch)
    with watch_training(CONFIG, data, tmp_path, shown=False):
        assert threading.active_count() == before


def test_an_error_of_the_training_comes_through_and_the_thread_ends(data, tmp_path, monkeypatch, eager):
    stand_in(monkeypatch)
    before = threading.active_count()
    with pytest.raises(InputError, match="the loss became"), watch_training(CONFIG, data, tmp_path):
        raise InputError("the loss became nan")
    assert threading.active_count() == before


def test_a_picture_that_fails_is_told_and_stops_nothing(data, tmp_path, monkeypatch, eager):
    stand_in(monkeypatch)
    with (
        pytest.warns(UserWarning, match=r"no picture of the training: .*weights\.safetensors"),
        watch_training(CONFIG, data, tmp_path),
        atomic_write(tmp_path / "log.csv") as temporary,
    ):  # as the training writes it; weights are missing
        pd.DataFrame([row(1)]).to_csv(temporary, index=False)


def row(epoch):
    return {"epoch": epoch, "loss": 0.3 / epoch, "val_loss": 0.2 / epoch, "val_iou": 0.3 * epoch}


def test_the_square_is_the_middle_of_the_tile_with_the_dates_that_the_network_is_shown(data, monkeypatch):
    whole = read_square(CONFIG, data / "val.h5")
    assert whole.series.shape == (1, 15, 24, 24)
    monkeypatch.setattr(live_training, "SIDE", 10)
    square = read_square(dataclasses.replace(CONFIG, dates=5), data / "val.h5")
    assert square.series.shape == (1, 5, 10, 10)
    np.testing.assert_array_equal(square.glacier, whole.glacier[7:17, 7:17])
    np.testing.assert_array_equal(square.backscatter, whole.backscatter[7:17, 7:17])
    single = read_square(dataclasses.replace(CONFIG, date_sampling="one"), data / "val.h5")
    np.testing.assert_array_equal(single.series[0, 0], whole.series[0, 8, 7:17, 7:17])


def test_the_picture_says_how_far_it_is_and_how_long_it_takes(data):
    square = read_square(CONFIG, data / "val.h5")
    log = pd.DataFrame([row(1), row(2)])
    figure = draw_training(log, 3, square, square.glacier.astype(float), left=240)
    assert figure.get_suptitle() == f"epoch 2 of 3, about 4 min left ({dataset_source(data / 'val.h5')})"
    losses, ious, _, mapped, _ = figure.axes
    assert [line.get_label() for line in losses.lines] == ["training loss", "validation loss"]
    np.testing.assert_allclose(ious.lines[0].get_ydata(), log["val_iou"])
    np.testing.assert_array_equal(mapped.images[0].get_array(), square.glacier)


def test_the_time_left_is_that_of_the_epochs_of_this_run(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live_training.time, "monotonic", lambda: now[0])
    watcher = live_training._Watcher(None, tmp_path, 20, None)
    left = []
    for done in (11, 12, 14):  # resumed after the tenth
        now[0] += 10 * (2 if done == 14 else 1)
        left.append(watcher._time_left(done))
    assert left == [90, 80, 60]
