"""glaciersar.dataset.augmentation"""

import numpy as np
import pytest
import skimage.transform
from hypothesis import given, settings
from hypothesis import strategies as st

from glaciersar.dataset import augmentation
from glaciersar.dataset.augmentation import Augmentation, apply_as_released
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED

SIDE = 20
APPLY = {CORRECTED: Augmentation.apply, AS_RELEASED: apply_as_released}


@pytest.fixture
def sample(rng):
    """A series of 2 features and 5 dates, labels with a corner that radar never sees."""
    series = rng.random((2, 5, SIDE, SIDE), np.float32)
    glacier = rng.random((SIDE, SIDE)) > 0.5
    labels = np.stack((~glacier, glacier)).astype(np.float32)
    labels[:, :6, :6] = 0
    return series, labels


def test_jitter_moves_a_quarter_of_the_dates_by_one_either_way_and_stays_on_file(rng):
    base = np.tile(np.arange(0, 30, 2), (2000, 1))
    moved = augmentation.jitter_dates(base, rng, dates=29) - base
    assert set(np.unique(moved)) == {-1, 0, 1}
    inner = moved[:, 1:-1]
    assert (inner != 0).mean() == pytest.approx(0.25, abs=0.01)
    assert inner.mean() == pytest.approx(0, abs=0.01)
    assert moved[:, 0].min() == 0
    assert moved[:, -1].max() == 0


turned = pytest.mark.parametrize(
    "turn",
    [
        {"flipped_vertically": vertically, "flipped_horizontally": horizontally, "quarters": quarters}
        for vertically in (False, True)
        for horizontally in (False, True)
        for quarters in range(4)
    ],
    ids=lambda turn: "-".join(str(int(part)) for part in turn.values()),
)


@turned
def test_a_sample_is_flipped_and_then_turned_clockwise(sample, turn):
    for found, expected in zip(Augmentation(**turn).apply(*sample), sample, strict=True):
        expected = expected[..., ::-1, :] if turn["flipped_vertically"] else expected
        expected = expected[..., ::-1] if turn["flipped_horizontally"] else expected
        np.testing.assert_array_equal(found, np.rot90(expected, -turn["quarters"], axes=(-2, -1)))


def test_crop_and_scale_resizes_like_scikit_image(sample):
    cropped, soft = Augmentation(crop=(16, 3, 1)).apply(*sample)
    expected = skimage.transform.resize(sample[0][1, 2, 3:19, 1:17], (SIDE, SIDE), order=1, mode="edge")
    np.testing.assert_allclose(cropped[1, 2], expected, atol=1e-5)
    assert set(np.unique(soft.sum(0).round(5)).tolist()) == {0.0, 1.0}
    assert ((soft > 0) & (soft < 1)).any()


@turned
def test_a_crop_lies_in_the_flipped_and_turned_sample(sample, turn):
    at_once = Augmentation(**turn, crop=(16, 3, 0)).apply(*sample)
    in_steps = Augmentation(crop=(16, 3, 0)).apply(*Augmentation(**turn).apply(*sample))
    for one, other in zip(at_once, in_steps, strict=True):
        np.testing.assert_array_equal(one, other)


def test_resized_labels_stay_unseen_where_most_of_a_pixel_is(sample):
    _, soft = Augmentation(crop=(16, 0, 0)).apply(*sample)
    unseen = soft.sum(0) == 0
    assert unseen[:7, :7].all()  # 6 of 16 pixels become 7.5 of 20
    assert not unseen[8:].any()


def test_the_released_crop_scrambles_features_but_not_labels(sample):
    right, labels_right = Augmentation(crop=(16, 3, 1)).apply(*sample)
    wrong, labels_wrong = apply_as_released(Augmentation(crop=(16, 3, 1)), *sample)
    assert wrong.shape == right.shape
    assert np.abs(wrong - right).mean() > 0.05
    np.testing.assert_array_equal(labels_wrong, labels_right)


def test_the_released_crop_is_the_reshape_that_scrambles(sample):
    series, labels = sample
    cut = series[..., 3:19, 1:17].transpose(1, 2, 3, 0)  # (T, h, w, F)
    posing = cut.reshape(16, 16, 10)  # as (h, w, T·F), with no axis moved
    expected = skimage.transform.resize(posing, (SIDE, SIDE), order=1, mode="edge").reshape(5, SIDE, SIDE, 2)
    found, _ = apply_as_released(Augmentation(crop=(16, 3, 1)), series, labels)
    np.testing.assert_allclose(found.transpose(1, 2, 3, 0), expected, atol=1e-5)


def test_the_scrambled_crop_is_right_for_one_date_and_feature(sample):
    series, labels = sample
    right, wrong = (apply(Augmentation(crop=(17, 0, 2)), series[:1, :1], labels)[0] for apply in APPLY.values())
    np.testing.assert_allclose(wrong, right, rtol=1e-6)


def test_gamma_and_shift_act_on_each_feature_alike_at_all_dates(sample):
    series, labels = sample
    powered, same = Augmentation(exponents=(2, 1)).apply(*sample)
    np.testing.assert_allclose(powered[0], series[0] ** 2, rtol=1e-6)
    np.testing.assert_allclose(powered[1], series[1], rtol=1e-6)
    np.testing.assert_array_equal(same, labels)
    shifted, _ = Augmentation(exponents=(2, 1), offsets=(0, -0.5)).apply(*sample)
    np.testing.assert_array_equal(shifted[0], powered[0])
    np.testing.assert_array_equal(shifted[1], powered[1] - 0.5)


@pytest.mark.parametrize("recipe", [CORRECTED, AS_RELEASED])
def test_gamma_and_shift_follow_the_crop_once(sample, recipe):
    tone, crop = {"exponents": (0.5, 2), "offsets": (0.1, -0.2)}, (16, 3, 1)
    apply = APPLY[recipe]
    at_once = apply(Augmentation(crop=crop, quarters=1, **tone), *sample)
    in_steps = apply(Augmentation(**tone), *apply(Augmentation(crop=crop, quarters=1), *sample))
    for one, other in zip(at_once, in_steps, strict=True):
        np.testing.assert_array_equal(one, other)


def test_gamma_makes_values_below_zero_zero(sample):
    series = np.full((1, 1, 2, 2), [[-0.1, 0], [0.25, 1]], np.float32)
    powered, _ = Augmentation(exponents=(0.5,)).apply(series, np.ones((2, 2, 2), np.float32))
    assert powered.ravel().tolist() == [0, 0, 0.5, 1]


@given(seed=st.integers(0, 2**32), recipe=st.sampled_from([CORRECTED, AS_RELEASED]))
@settings(max_examples=60)
def test_any_draw_gives_a_finite_sample_of_the_same_shape_with_labels_that_sum_to_one_or_zero(seed, recipe):
    rng = np.random.default_rng(seed)
    series = rng.random((2, 3, SIDE, SIDE), np.float32)
    glacier = rng.random((SIDE, SIDE)) > 0.5
    labels = (np.stack((~glacier, glacier)) & (rng.random((SIDE, SIDE)) > 0.2)).astype(np.float32)
    before = series.copy()
    drawn = augmentation.draw_augmentation(rng, side=SIDE, features=2, recipe=recipe)
    new, soft = APPLY[recipe](drawn, series, labels)
    assert new.shape == series.shape
    assert np.isfinite(new).all()
    assert set(np.unique(soft.sum(0).round(5)).tolist()) <= {0.0, 1.0}
    assert soft.min() >= 0
    np.testing.assert_array_equal(series, before)


def test_augmentations_are_drawn_as_often_as_the_authors_do(rng):
    drawn = [augmentation.draw_augmentation(rng, side=384, features=2) for _ in range(4000)]
    shares = {
        "flipped_vertically": 0.5,
        "flipped_horizontally": 0.5,
        "quarters": 0.75,
        "crop": 0.25,
        "exponents": 0.25,
        "offsets": 0.25,
    }
    for step, share in shares.items():
        assert np.mean([bool(getattr(found, step)) for found in drawn]) == pytest.approx(share, abs=0.03)
    assert np.bincount([found.quarters for found in drawn]) / 4000 == pytest.approx([0.25] * 4, abs=0.03)


def test_the_same_seed_gives_the_same_augmentation():
    one, other = (augmentation.draw_augmentation(np.random.default_rng(7), side=SIDE, features=2) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("recipe", "last"), [(CORRECTED, True), (AS_RELEASED, False)])
def test_only_the_corrected_crop_reaches_the_last_offset(rng, recipe, last):
    drawn = [augmentation.draw_augmentation(rng, side=SIDE, features=1, recipe=recipe).crop for _ in range(400)]
    crops = [crop for crop in drawn if crop]
    assert all(0.8 * SIDE <= size < SIDE for size, _, _ in crops)
    assert any(max(top, left) == SIDE - size for size, top, left in crops) == last
    assert any(min(top, left) == 0 for _, top, left in crops)


def test_a_sample_that_is_not_square_is_refused():
    with pytest.raises(InputError, match="4 × 6 pixels found, a square expected"):
        Augmentation().apply(np.zeros((1, 1, 4, 6), np.float32), np.zeros((2, 4, 6), np.float32))
