"""glaciersar.dataset.patches: which dates a sample shows, and which augmentations it has"""

from dataclasses import replace

import pytest
import torch

from glaciersar.dataset import patches
from glaciersar.dataset.augmentation import AUGMENTATIONS, Augmentation
from glaciersar.dataset.patches import RandomPatches, WholeTiles, load_batches
from glaciersar.errors import InputError
from tests.support.archives import place, write_dataset

NAMES = ["SVAL-10-38_2020_ro14", "SVAL-11-38_2020_ro14", "SVAL-9-30_2016_ro174"]
PLAIN = {"augmentations": ("jitter",)}
"""Values then show date and place."""


@pytest.fixture
def path(tmp_path, rng):
    return write_dataset(tmp_path / "train.h5", NAMES, rng, features=("grd", "insar"))


def training_patches(path, **changes):
    return RandomPatches(path, **({"patch": 16, "samples": 40, "seed": 3} | changes))


def test_only_the_dates_that_are_used_are_shown_each_with_its_jitter(path):
    used = (1, 4, 7, 10, 13)
    whole, part = training_patches(path, **PLAIN), training_patches(path, shown=used, **PLAIN)
    for index in range(10):
        (series, labels), (found, found_labels) = whole[index], part[index]
        assert torch.equal(found, series[:, list(used)])
        assert torch.equal(found_labels, labels)


@pytest.mark.parametrize("sampling", ["one", "shuffled", "subset"])
def test_whichever_dates_are_drawn_they_are_of_the_same_window_in_all_features(path, sampling):
    options = {"features": ("grd", "insar"), "augmentations": ("flip",)}  # no jitter
    whole = training_patches(path, **options)
    part = training_patches(path, date_sampling=sampling, **options)
    orders = set()
    for index in range(20):
        (series, labels), (found, found_labels) = whole[index], part[index]
        dates = [date - 2 for date in place(found[0])[0]]
        assert torch.equal(found, series[:, dates])
        assert torch.equal(found_labels, labels)
        orders.add(tuple(dates))
    assert len(orders) > 8
    assert {len(dates) for dates in orders} == {1 if sampling == "one" else 15}
    assert all(len(set(dates)) == len(dates) for dates in orders) == (sampling != "subset")


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_of_a_subset_have_as_many_dates_each_a_number_of_its_own(path, workers):
    data = training_patches(path, samples=40, date_sampling="subset", augmentations=())
    numbers = []
    for series, _ in load_batches(data, 4, workers=workers):
        dates = [place(sample[0])[0] for sample in series]
        assert all(sorted(found) == found and len(found) == 15 for found in dates)
        numbers += [tuple(len(set(found)) for found in dates)]
    assert len(set(numbers)) == 10
    assert all(len(set(of_batch)) > 1 for of_batch in numbers)
    again = [series.clone() for series, _ in load_batches(data, 4)]
    assert all(torch.equal(one, data.batch(range(4 * k, 4 * k + 4))[0]) for k, one in enumerate(again))


def test_another_epoch_and_another_seed_draw_other_dates(path):
    def dates(epoch, **changes):
        data = training_patches(path, date_sampling="shuffled", augmentations=(), **changes)
        data.set_epoch(epoch)
        return place(data[5][0][0])[0]

    assert dates(1) == dates(1)
    assert dates(1) != dates(2)
    assert dates(1) != dates(1, seed=4)


@pytest.mark.parametrize("left_out", AUGMENTATIONS[1:])
def test_leaving_one_augmentation_out_changes_nothing_else(path, monkeypatch, left_out):
    drawn = Augmentation(
        flipped_vertically=True,
        flipped_horizontally=True,
        quarters=1,
        crop=(14, 0, 2),
        exponents=(0.9,),
        offsets=(-2.0,),
    )
    fields = {"flip": {"flipped_vertically": False, "flipped_horizontally": False}, "turn": {"quarters": 0}}
    fields |= {"crop": {"crop": None}, "gamma": {"exponents": None}, "shift": {"offsets": None}}
    found = training_patches(path, augmentations=[name for name in AUGMENTATIONS if name != left_out])
    monkeypatch.setattr(patches, "draw_augmentation", lambda rng, **_: drawn)
    samples = [found[index][0] for index in range(5)]
    monkeypatch.setattr(patches, "draw_augmentation", lambda rng, **_: replace(drawn, **fields[left_out]))
    expected = training_patches(path)
    assert all(torch.equal(sample, expected[index][0]) for index, sample in enumerate(samples))


def test_without_jitter_windows_stay_those_with_it(path):
    with_jitter, without = training_patches(path, **PLAIN), training_patches(path, augmentations=())
    for index in range(10):
        dates, *window = place(without[index][0][0])
        assert dates == list(range(2, 17))
        assert window == list(place(with_jitter[index][0][0])[1:])


def test_what_there_is_not_is_refused(path):
    for changes, message in (
        ({"shown": [15]}, r"dates=\[15\] found, some of 0 to 14 expected"),
        ({"date_sampling": "some"}, "date_sampling='some' found, one of all, one, shuffled, subset expected"),
        ({"augmentations": ["noise"]}, "augmentation 'noise' found, some of jitter, flip, turn, crop, gamma, shift"),
    ):
        with pytest.raises(InputError, match=message):
            training_patches(path, **changes)


def test_whole_tiles_show_chosen_dates_in_their_order(path):
    series, labels, _ = WholeTiles(path)[0]
    found, found_labels, _ = WholeTiles(path, shown=[9, 2])[0]
    assert torch.equal(found, series[:, [9, 2]])
    assert torch.equal(found_labels, labels)
