"""glaciersar.training.validation"""

import threading

import numpy as np
import pytest
import torch

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from glaciersar.training import losses
from glaciersar.training.validation import count_pixels, iou, read_ahead, score_tiles
from tests.support.networks import PixelModel

OFF = torch.autocast("cpu", enabled=False)


def random_tile(rng, *, glacier=0.4):
    truth = torch.from_numpy(rng.random((9, 11)) < glacier)
    labels = torch.stack((~truth, truth)).float()
    labels[:, :2] = 0  # where no radar sees
    return torch.from_numpy(rng.normal(0, 1, (1, 3, 9, 11)).astype(np.float32)), labels, "name"


def test_counts_are_those_of_the_metrics(rng):
    series, labels, _ = random_tile(rng)
    logits = PixelModel()(series[None])
    found, wrong = count_pixels(logits, labels[None])
    counts = Confusion.of((labels[1] > labels[0]).numpy(), (logits[0, 1] > logits[0, 0]).detach().numpy(),
                          (labels.sum(0) > 0).numpy())  # fmt: skip
    assert (int(found), int(wrong)) == (counts.tp, counts.fp + counts.fn)
    assert float(iou(found, wrong)) == counts.iou


def test_a_tile_without_glacier_in_which_none_is_found_is_right():
    assert float(iou(torch.tensor(0), torch.tensor(0))) == 1
    assert float(iou(torch.tensor(0), torch.tensor(3))) == 0


@torch.inference_mode()
def test_sums_are_over_the_chosen_tiles(rng):
    tiles = [random_tile(rng) for _ in range(4)]
    sums = score_tiles(PixelModel(), tiles, [1, 3], device=torch.device("cpu"), autocast=OFF)
    chosen = [(PixelModel()(series[None]), labels[None]) for series, labels, _ in (tiles[1], tiles[3])]
    counts = [count_pixels(*pair) for pair in chosen]
    assert sums[0] == sum(found for found, _ in counts)
    assert sums[1] == sum(wrong for _, wrong in counts)
    assert float(sums[2]) == pytest.approx(sum(float(losses.focal_loss(*pair)) for pair in chosen))
    assert float(sums[3]) == pytest.approx(sum(float(iou(*pair)) for pair in counts))
    assert sums.dtype == torch.float64


@torch.inference_mode()
def test_a_process_without_tiles_adds_nothing():
    assert score_tiles(PixelModel(), [], [], device=torch.device("cpu"), autocast=OFF).tolist() == [0] * 4


def test_the_next_item_is_read_while_one_is_used():
    started = {k: threading.Event() for k in range(3)}

    def read(key):
        started[key].set()
        return key * 10

    items = read_ahead(read, range(3))
    assert next(items) == 0
    assert started[1].wait(timeout=60)
    assert list(items) == [10, 20]


def test_an_error_of_reading_comes_through():
    def read(key):
        raise InputError(f"tile {key} cannot be read")

    with pytest.raises(InputError, match="tile 0 cannot be read"):
        list(read_ahead(read, range(3)))
