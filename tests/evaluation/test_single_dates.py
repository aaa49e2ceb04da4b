"""glaciersar.evaluation.single_dates, and scores on chosen dates"""

import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.evaluation import mapped_tiles, scoring
from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.single_dates import best_date, count_by_date
from glaciersar.grid import Tile
from glaciersar.inference import sliding_window
from glaciersar.inference.sliding_window import Tiling
from glaciersar.models import pretrained
from tests.support.tiles import write_tiles

NAMES = ("SVAL-6-6_2020_ro14", "SVAL-7-6_2020_ro14")


@pytest.fixture
def path(tmp_path):
    """Tiles that darken by 0.2 dB a date."""
    write_tiles(tmp_path / "test.h5", {Tile(column=6, row=6): 0.5, Tile(column=7, row=6): 0.25})
    return tmp_path / "test.h5"


def network(name="unet3d", **metadata):
    torch.manual_seed(1)
    model = models.build(name, width=4).eval()
    model.metadata = metadata
    return model


def maps(model, path, **options):
    found = mapped_tiles.iter_tile_maps(model, path, window=64, progress=False, **options)
    return {name: probability for name, probability, _ in found}


def mapped_by_hand(model, path, dates):
    tiling = Tiling(window=64)
    return {
        name: sliding_window.map_array(model, series[:, dates], tiling=tiling) for series, _, name in WholeTiles(path)
    }


def same(found, expected):
    assert found.keys() == expected.keys()
    return all(np.array_equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("sampling", ["all", "shuffled", "subset"])
def test_a_network_is_scored_on_the_dates_it_was_trained_on_in_order(path, sampling):
    model = network(dates="5", date_sampling=sampling)
    assert same(maps(model, path), mapped_by_hand(model, path, [1, 4, 7, 10, 13]))


@pytest.mark.parametrize(
    ("metadata", "without_summer", "only_9"),
    [
        ({}, [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14], [9]),  # nothing is known of its training
        ({"date_sampling": "one"}, [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14], [9]),
        ({"dates": "5"}, [1, 4, 9, 10, 13], [9] * 5),
        ({"trained_on": "radar"}, [0, 1, 2, 3, 4, 4, 4, 9, 9, 9, 10, 11, 12, 13, 14], [9] * 15),
        ({"date_sampling": "subset"}, [0, 1, 2, 3, 4, 4, 4, 9, 9, 9, 10, 11, 12, 13, 14], [9] * 15),
    ],
)
def test_where_a_season_is_left_out_the_nearest_dates_stand_for_it(path, metadata, without_summer, only_9):
    winter = [date for date in range(15) if date not in (5, 6, 7, 8)]
    model = network(**metadata)
    assert same(maps(model, path, dates=winter), mapped_by_hand(network(), path, without_summer))
    assert same(maps(model, path, dates=[9]), mapped_by_hand(network(), path, only_9))


def test_a_network_trained_on_single_dates_is_not_scored_on_all_of_them(path, tmp_path):
    with pytest.raises(InputError, match="unet3d: trained on single dates, a series of 15 found"):
        maps(network(date_sampling="one"), path)
    (tmp_path / "unet3d").mkdir()
    pretrained.save(network(), tmp_path / "unet3d/weights.safetensors", date_sampling="one")
    scores = scoring.score_models(tmp_path, ["unet3d"], path, window=64, dates=[3])
    counts = count_by_date(network(), path, window=64)
    expected = sum((of_tile[3] for of_tile in counts.values()), Confusion())
    assert scores.loc[("unet3d", "pooled"), ["tp", "fp", "fn", "tn"]].tolist() == list(vars(expected).values())


@pytest.mark.parametrize(("dates", "message"), [([15], "some of 0 to 14 expected"), ([], "some of 0 to 14 expected")])
def test_dates_that_there_are_not_are_refused(path, dates, message):
    with pytest.raises(InputError, match=message):
        maps(network(), path, dates=dates)


def test_every_date_of_every_tile_is_counted_by_itself(path):
    model = network("unet2d_mean")
    counts = count_by_date(model, path, window=64)
    assert tuple(counts) == NAMES
    for series, labels, name in WholeTiles(path):
        for date in range(15):
            found = model(series[None, :, [date]]).softmax(1)[0, 1] > 0.5
            expected = Confusion.of(labels[1].numpy() > 0.5, found.numpy(), labels.sum(0).numpy() > 0)
            assert counts[name][date] == expected
    assert len({of_date for of_tile in counts.values() for of_date in of_tile}) > 1


def test_a_network_that_takes_no_single_date_is_not_counted_by_date(path):
    with pytest.raises(InputError, match="unet2d_channels: a series of 1 dates found, 15 expected"):
        count_by_date(network("unet2d_channels"), path, window=64)


def test_the_best_date_has_the_highest_pooled_iou_and_is_the_first_of_equal_ones():
    nothing, poor, good = Confusion(tn=4), Confusion(tp=1, fp=3), Confusion(tp=3, fp=1)
    assert best_date({"a": (nothing, poor, good, good)}) == 2
    large = Confusion(tp=100, fp=900)
    assert best_date({"a": (good, poor), "b": (large, Confusion(tp=900, fp=100))}) == 1  # pooled, not a mean of tiles
    assert best_date({"a": (nothing, nothing)}) == 0
