"""glaciersar.dataset.patches"""

import pickle
import re

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from glaciersar.dataset import lazy_file, patches
from glaciersar.dataset.augmentation import Augmentation, apply_as_released, draw_augmentation
from glaciersar.dataset.buffer_pool import BufferPool
from glaciersar.dataset.patches import AdjacentPatches, RandomPatches, WholeTiles, load_batches
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED
from tests.support.archives import place, write_dataset

NAMES = ["SVAL-10-38_2020_ro14", "SVAL-11-38_2020_ro14", "SVAL-9-30_2016_ro174"]


@pytest.fixture
def path(tmp_path, rng):
    return write_dataset(tmp_path / "train.h5", NAMES, rng, features=("grd", "insar"))


@pytest.fixture
def plain(monkeypatch):
    """Switch the augmentations off, so that values show date and place."""
    monkeypatch.setattr(patches, "draw_augmentation", lambda rng, **_: Augmentation())


def training_patches(path, **changes):
    return RandomPatches(path, **({"patch": 16, "samples": 40, "seed": 3} | changes))


def test_samples_have_the_shapes_that_models_take(path):
    series, labels = training_patches(path, features=("grd", "insar"))[0]
    assert series.shape == (2, 15, 16, 16)
    assert labels.shape == (2, 16, 16)
    assert series.dtype == labels.dtype == torch.float32
    assert series.is_contiguous()
    assert labels.is_contiguous()


@pytest.mark.usefixtures("plain")
def test_a_sample_is_a_window_of_a_tile_at_jittered_dates(path):
    with h5py.File(path) as file:
        tiles = {name: (file[name]["grd"][..., 0], file[name]["outlines"][()]) for name in file}
    starts = set()
    for series, labels in (training_patches(path, patch=36, samples=100)[k] for k in range(100)):
        dates, row, column = place(series[0])
        window = np.s_[row : row + 36, column : column + 36]
        assert all(0 <= date - (k + 2) + 1 <= 2 for k, date in enumerate(dates))  # one up or down at most
        grd, _ = tiles[NAMES[0]]
        np.testing.assert_array_equal(series[0].numpy(), grd[dates][:, *window])
        fits = [np.array_equal(labels.numpy(), np.moveaxis(outlines[window], -1, 0)) for _, outlines in tiles.values()]
        assert sum(fits) == 1
        starts.add((row, column, fits.index(True)))
    rows, columns, groups = (set(kind) for kind in zip(*starts, strict=True))
    assert groups == {0, 1, 2}
    assert (min(rows), max(rows)) == (0, 40 - 36)
    assert (min(columns), max(columns)) == (0, 48 - 36)


@pytest.mark.parametrize("recipe", [CORRECTED, AS_RELEASED])
def test_a_sample_is_augmented_as_was_drawn(path, monkeypatch, recipe):
    augmentation = Augmentation(quarters=1, crop=(14, 0, 2), exponents=(0.9, 1.1), offsets=(-2, 3))
    samples = []
    for drawn in (Augmentation(), augmentation):
        monkeypatch.setattr(patches, "draw_augmentation", lambda rng, drawn=drawn, **_: drawn)
        samples.append(training_patches(path, features=("grd", "insar"), recipe=recipe)[0])
    (series, labels), augmented = samples
    apply = {CORRECTED: Augmentation.apply, AS_RELEASED: apply_as_released}[recipe]
    for found, expected in zip(augmented, apply(augmentation, series.numpy(), labels.numpy()), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("plain")
def test_the_last_offset_is_drawn_unless_as_released(path):
    last = {CORRECTED: 0, AS_RELEASED: 0}
    for recipe in last:
        data = training_patches(path, patch=39, samples=100, recipe=recipe)  # two rows to choose from, 0 and 1
        last[recipe] = sum(place(data[k][0][0])[1] for k in range(100))
    assert last[AS_RELEASED] == 0
    assert 25 < last[CORRECTED] < 75


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("recipe", [CORRECTED, AS_RELEASED])
def test_a_patch_may_be_as_large_as_the_tile(path, recipe):
    series, _ = training_patches(path, patch=40, recipe=recipe)[0]
    assert place(series[0])[1] == 0


@pytest.mark.usefixtures("plain")
def test_each_feature_is_jittered_on_its_own(path):
    data = training_patches(path, features=("grd", "insar"))
    pairs = [(place(series[0])[0], place(series[1] - 2**19)[0]) for series, _ in (data[k] for k in range(20))]
    assert all(a != b for a, b in pairs[:3])
    steps = np.array([np.subtract(dates, np.arange(15) + 2) for pair in pairs for dates in pair])
    assert set(steps.ravel()) == {-1, 0, 1}
    assert (steps == 0).mean() == pytest.approx(0.75, abs=0.06)


@pytest.mark.usefixtures("plain")
def test_dates_may_repeat_and_swap_places(path, monkeypatch):
    drawn = [9, 3, 3, 4, 12, 11, 10, 10, 0, 19, 1, 2, 5, 5, 6]
    monkeypatch.setattr(patches, "jitter_dates", lambda base, rng, dates: np.array(drawn))
    assert place(training_patches(path)[0][0][0])[0] == drawn


@pytest.mark.usefixtures("plain")
def test_jitter_never_leaves_the_dates_on_file(tmp_path, rng):
    path = write_dataset(tmp_path / "train.h5", NAMES[:1], rng, dates=17)
    with h5py.File(path, "a") as file:
        file[NAMES[0]].attrs["grd_base_time_idx"] = [0] * 7 + [16] * 8
    data = training_patches(path)
    dates = np.array([place(data[k][0][0])[0] for k in range(40)])
    assert set(dates[:, :7].ravel()) == {0, 1}
    assert set(dates[:, 7:].ravel()) == {15, 16}


def test_a_sample_depends_on_seed_epoch_and_index_alone(path):
    def first(data, epoch, index):
        data.set_epoch(epoch)
        return data[index][0]

    reference = first(training_patches(path), 2, 7)
    walked = training_patches(path)
    for k in range(5):
        walked[k]
    assert torch.equal(first(walked, 2, 7), reference)
    others = [
        first(training_patches(path), 2, 8),
        first(training_patches(path), 1, 7),
        first(training_patches(path, seed=4), 2, 7),
    ]
    assert not any(torch.equal(other, reference) for other in others)


@pytest.mark.parametrize("persistent", [False, True])
def test_the_number_of_workers_changes_nothing(path, persistent):
    alone, shared = training_patches(path, samples=12), training_patches(path, samples=12)
    shared[0]  # opened before the workers are forked
    loader = DataLoader(shared, batch_size=4, num_workers=2, persistent_workers=persistent)
    for epoch in range(2):
        alone.set_epoch(epoch)
        shared.set_epoch(epoch)
        expected = list(DataLoader(alone, batch_size=4))
        for (series, labels), (found, found_labels) in zip(expected, loader, strict=True):
            assert torch.equal(series, found)
            assert torch.equal(labels, found_labels)


def test_a_dataset_travels_to_another_process_without_its_open_file(path):
    data = training_patches(path)
    expected = data[5][0]
    assert torch.equal(pickle.loads(pickle.dumps(data))[5][0], expected)


def test_a_batch_is_its_samples_stacked(path):
    data = training_patches(path, features=("grd", "insar"))
    series, labels = data.batch([4, 0, 7])
    singles = [data[k] for k in (4, 0, 7)]
    assert torch.equal(series, torch.stack([x for x, _ in singles]))
    assert torch.equal(labels, torch.stack([y for _, y in singles]))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_hold_every_sample_once_in_order_whatever_loads_them(path, workers):
    data = training_patches(path, samples=10)
    for epoch in range(2):
        data.set_epoch(epoch)
        expected = list(DataLoader(data, batch_size=4))
        found = list(load_batches(data, 4, workers=workers))  # all kept at once: none may take the memory of another
        assert [len(series) for series, _ in found] == [4, 4, 2]
        for pair, expected_pair in zip(found, expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(pair, expected_pair, strict=True))


def test_threads_change_nothing(path):
    data, threads = training_patches(path), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = data.batch(list(range(8)))
        torch.set_num_threads(4)
        four = data.batch(list(range(8)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(one, four, strict=True))


def test_memory_is_used_again_only_when_no_tensor_uses_it(path):
    data = training_patches(path)
    series, labels = data.batch([0, 1])
    place, part, copy = series.data_ptr(), series[1, 0, 3], series.clone()
    del series, labels
    kept = [data.batch([k, k + 1]) for k in range(2, 6)]  # while a part of the first batch is still in use
    assert all(other.data_ptr() != place for other, _ in kept)
    assert torch.equal(part, copy[1, 0, 3])
    del part
    assert data.batch([6, 7])[0].data_ptr() == place


class Counting:
    """Loads a batch, and says how many buffers its pool has so far."""

    def __init__(self, load):
        self.load, self.pool = load, load.keywords["pool"]

    def __call__(self, indices):
        return self.load(indices), len(self.pool._buffers)


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_load_epoch_after_epoch_into_buffers_that_were_released(path, context):
    data = training_patches(path, samples=24)
    loader = load_batches(data, 4, workers=1)
    loader.collate_fn, loader.multiprocessing_context = Counting(loader.collate_fn), context
    for epoch in range(5):
        data.set_epoch(epoch)
        expected = [data.batch(range(k, k + 4)) for k in range(0, 24, 4)]
        for (found, taken), pair in zip(loader, expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(found, pair, strict=True))
            assert taken <= 5  # of 30: two that wait, one on its way, one in use, and the next
        next(iter(loader))  # an epoch that ends early


@pytest.mark.slow
def test_a_batch_that_fails_releases_its_buffer(path):
    with h5py.File(path, "a") as file:
        for group in file.values():
            group["grd"][...] = np.nan
    data, pool = training_patches(path), BufferPool(shared=False)
    first = pool.acquire((2, 1, 15, 16, 16), (2, 2, 16, 16))
    first.release()
    with pytest.raises(InputError, match="NaN"):
        data.load([0, 1], pool)
    assert pool.acquire(*first.shapes) is first


def test_whole_tiles_come_once_in_order_and_unchanged(path):
    tiles = WholeTiles(path, features=("insar", "grd"))
    assert [name for _, _, name in tiles] == NAMES
    series, labels, _ = tiles[1]
    with h5py.File(path) as file:
        group = file[NAMES[1]]
        np.testing.assert_array_equal(series[1], group["grd"][2:17, ..., 0])
        np.testing.assert_array_equal(series[0], group["insar"][2:17, ..., 0])
        np.testing.assert_array_equal(labels, np.moveaxis(group["outlines"][()], -1, 0))


@pytest.mark.usefixtures("plain")
def test_padding_is_never_scored_and_never_trained_on(tmp_path, rng):
    path = write_dataset(tmp_path / "val.h5", NAMES[:1], rng, padding=(4, 6))
    (series, labels, _), *_ = WholeTiles(path)
    assert series.shape == (1, 15, 32, 36)
    assert (labels.sum(0) == 1).all()
    assert place(series[0])[1:] == (4, 6)
    series, labels = training_patches(path, patch=40)[0]
    _, row, column = place(series[0])
    inside = np.zeros((40, 48))
    inside[4:36, 6:42] = 1
    np.testing.assert_array_equal(labels.sum(0), inside[row : row + 40, column : column + 40])


@pytest.mark.usefixtures("plain")
def test_nodata_counts_in_no_class_but_as_background_as_released(path):
    with h5py.File(path, "a") as file:
        for name in NAMES:
            file[name]["outlines"][:, :30] = 0
    _, corrected = training_patches(path, patch=40)[0]
    _, released = training_patches(path, patch=40, recipe=AS_RELEASED)[0]
    assert (corrected.sum(0) == 0).any()
    assert (released.sum(0) == 1).all()
    assert (WholeTiles(path)[0][1][:, :, :30] == 0).all()


@pytest.mark.usefixtures("plain")
def test_released_validation_sees_only_the_patches_that_fit(path):
    data = AdjacentPatches(path, patch=16, batch=4)  # 2 × 3 patches in each of 3 tiles are 18: 4 batches of 4
    assert len(data) == 16
    starts = [place(data[k][0][0])[1:] for k in range(6)]
    assert starts == [(0, 0), (0, 16), (0, 32), (16, 0), (16, 16), (16, 32)]
    assert place(data[0][0][0])[0] == list(range(2, 17))


def test_a_patch_larger_than_a_tile_is_refused(path):
    for cut in (lambda: training_patches(path, patch=41), lambda: AdjacentPatches(path, patch=41, batch=1)):
        with pytest.raises(InputError, match=rf"{NAMES[0]} of 40 × 48 pixels found, at least patch=41 expected"):
            cut()


@pytest.mark.parametrize(("dataset", "value"), [("grd", np.nan), ("grd", np.inf), ("outlines", np.nan)])
def test_nan_is_refused_where_it_is_met(path, dataset, value):
    with h5py.File(path, "a") as file:
        for name in NAMES:
            file[name][dataset][...] = np.full(file[name][dataset].shape, value)
    for read in (lambda: training_patches(path)[0], lambda: WholeTiles(path)[0]):
        with pytest.raises(InputError, match=rf"train\.h5.*{dataset}: NaN or infinite values found"):
            read()


@pytest.mark.parametrize("dataset", ["grd", "outlines"])
def test_nan_is_refused_even_where_a_sample_does_not_reach(tmp_path, rng, dataset):
    path = write_dataset(tmp_path / "train.h5", NAMES[:1], rng, padding=(4, 6))
    with h5py.File(path, "a") as file:
        file[NAMES[0]][dataset][..., -1, -1, :] = np.nan  # in the padding
    for read in (lambda: training_patches(path)[0], lambda: WholeTiles(path)[0]):
        with pytest.raises(InputError, match=rf"{dataset}: NaN or infinite values found"):
            read()


def test_nan_of_a_single_date_is_found(path):
    with h5py.File(path, "a") as file:
        file[NAMES[1]]["grd"][9, 20, 20] = np.nan
    with pytest.raises(InputError, match=rf"{NAMES[1]}/grd: NaN or infinite values found"):
        list(training_patches(path, samples=100))


def test_a_plane_is_looked_at_for_nan_only_once(path, monkeypatch):
    looked_at = []
    monkeypatch.setattr(lazy_file, "check_finite", lambda values, where: looked_at.append(values.shape))
    list(training_patches(path, samples=200))
    reached = 17  # dates: 15 in a row, and by jitter one before and one after them
    assert sorted(looked_at) == sorted(len(NAMES) * ([(40, 48, 1)] * reached + [(40, 48, 2)]))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_reports_bad_input_in_one_sentence_too(path, workers):
    with h5py.File(path, "a") as file:
        for group in file.values():
            group["grd"][...] = np.nan
    with pytest.raises(InputError) as caught:
        list(DataLoader(training_patches(path), num_workers=workers))
    assert re.fullmatch(r".*train\.h5: dataset \S+: NaN or infinite values found, .* expected", str(caught.value))


@pytest.mark.slow
def test_an_index_outside_the_epoch_ends_iteration(path):
    data = training_patches(path, samples=4)
    assert len(list(data)) == 4
    with pytest.raises(IndexError):
        data.batch([3, 4])


def test_tiles_come_without_their_padding_unless_asked_for_with_it(tmp_path, rng):
    path = write_dataset(tmp_path / "test.h5", NAMES[:1], rng, padding=(3, 5))
    inner, whole = WholeTiles(path)[0], WholeTiles(path, padded=True)[0]
    assert inner[0].shape == (1, 15, 34, 38)
    assert whole[0].shape == (1, 15, 40, 48)
    assert torch.equal(whole[0][..., 3:37, 5:43], inner[0])
    assert torch.equal(whole[1][..., 3:37, 5:43], inner[1])
    assert whole[1].sum() == inner[1].sum()  # padding has no label


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("features", [("grd", "grd_cross", "insar"), ("grd_cross", "insar", "grd")])
def test_two_polarisations_are_jittered_to_the_same_acquisitions(tmp_path, rng, features):
    data = training_patches(write_dataset(tmp_path / "both.h5", NAMES, rng, features=features), features=features)
    co, cross, other = (features.index(name) for name in ("grd", "grd_cross", "insar"))
    drawn = [
        [place(part - 2**19 * k)[0] for k, part in enumerate(series)] for series, _ in (data[k] for k in range(20))
    ]
    assert all(dates[co] == dates[cross] for dates in drawn)
    assert any(dates[co] != dates[other] for dates in drawn)
    assert any(dates[co] != list(range(2, 17)) for dates in drawn)


@pytest.mark.usefixtures("plain")
def test_one_feature_is_jittered_alike_alone_and_before_its_cross_polarised(tmp_path, rng):
    both = write_dataset(tmp_path / "both.h5", NAMES, rng, features=("grd", "grd_cross"))
    data = training_patches(both, features=("grd",)), training_patches(both, features=("grd", "grd_cross"))
    for k in range(5):
        assert torch.equal(data[0][k][0][0], data[1][k][0][0])


def test_gamma_and_shift_are_drawn_for_each_polarisation(tmp_path, rng, monkeypatch):
    both = write_dataset(tmp_path / "both.h5", NAMES, rng, features=("grd", "grd_cross"))
    drawn = []

    def draw(rng, **settings):
        drawn.append(draw_augmentation(rng, **settings))
        return drawn[-1]

    monkeypatch.setattr(patches, "draw_augmentation", draw)
    data = training_patches(both, features=("grd", "grd_cross"))
    for k in range(40):
        data[k]
    for name in ("exponents", "offsets"):
        found = [getattr(one, name) for one in drawn if getattr(one, name)]
        assert found
        assert all(len(two) == 2 and two[0] != two[1] for two in found)
