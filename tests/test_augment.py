import numpy as np
import pytest
import skimage.transform
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glaciersar import augment
from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED

SIDE = 20


@pytest.fixture
def sample(rng):
    """A series of 2 features and 5 dates, labels with a corner that radar never sees."""
    series = torch.from_numpy(rng.random((2, 5, SIDE, SIDE), np.float32))
    glacier = torch.from_numpy(rng.random((SIDE, SIDE)) > 0.5)
    labels = torch.stack((~glacier, glacier)).float()
    labels[:, :6, :6] = 0
    return series, labels


def test_jitter_moves_a_quarter_of_the_dates_by_one_either_way_and_stays_on_file(rng):
    base = np.tile(np.arange(0, 30, 2), (2000, 1))
    moved = augment.jitter_dates(base, rng, dates=29) - base
    assert set(np.unique(moved)) == {-1, 0, 1}
    inner = moved[:, 1:-1]
    assert (inner != 0).mean() == pytest.approx(0.25, abs=0.01)
    assert inner.mean() == pytest.approx(0, abs=0.01)
    assert moved[:, 0].min() == 0
    assert moved[:, -1].max() == 0


def test_flips_undo_themselves_and_turn_the_axis_they_name(sample):
    series, _ = sample
    for flip in (augment.flip_vertically, augment.flip_horizontally):
        assert torch.equal(flip(flip(series)), series)
    assert torch.equal(augment.flip_vertically(series)[:, :, 0], series[:, :, -1])
    assert torch.equal(augment.flip_horizontally(series)[..., 0], series[..., -1])


def test_four_quarter_turns_bring_a_sample_back_and_one_is_clockwise(sample):
    series, _ = sample
    x = series
    for _ in range(4):
        x = augment.turn(x, 1)
    assert torch.equal(x, series)
    assert torch.equal(augment.turn(series, 3), augment.turn(augment.turn(series, 1), 2))
    assert torch.equal(augment.turn(series, 1)[..., 0, :], series[..., :, 0].flip(-1))  # the left edge rises to the top


def test_crop_and_scale_resizes_like_scikit_image(sample):
    series, labels = sample
    cropped, soft = augment.crop_and_scale(series, labels, size=16, top=3, left=1)
    expected = skimage.transform.resize(series[1, 2, 3:19, 1:17].numpy(), (SIDE, SIDE), order=1, mode="edge")
    np.testing.assert_allclose(cropped[1, 2], expected, atol=1e-5)
    assert set(soft.sum(0).round(decimals=5).unique().tolist()) == {0.0, 1.0}


def test_resized_labels_stay_unseen_where_most_of_a_pixel_is(sample):
    series, labels = sample
    _, soft = augment.crop_and_scale(series, labels, size=16, top=0, left=0)
    unseen = soft.sum(0) == 0
    assert unseen[:7, :7].all()  # 6 of 16 pixels become 7.5 of 20
    assert not unseen[8:].any()


def test_the_released_crop_scrambles_features_but_not_labels(sample):
    series, labels = sample
    right, labels_right = augment.crop_and_scale(series, labels, size=16, top=3, left=1)
    wrong, labels_wrong = augment.crop_and_scale_scrambled(series, labels, size=16, top=3, left=1)
    assert wrong.shape == right.shape
    assert (wrong - right).abs().mean() > 0.05
    assert torch.equal(labels_wrong, labels_right)


def test_the_scrambled_crop_is_right_for_one_date_and_feature(sample):
    series, labels = sample
    one = series[:1, :1]
    right, wrong = (
        crop(one, labels, size=17, top=0, left=2)[0]
        for crop in (augment.crop_and_scale, augment.crop_and_scale_scrambled)
    )
    torch.testing.assert_close(wrong, right)


def test_gamma_and_shift_act_on_each_feature_alike_at_all_dates(sample):
    series, _ = sample
    torch.testing.assert_close(augment.gamma(series, (2, 1))[0], series[0] ** 2)
    torch.testing.assert_close(augment.gamma(series, (2, 1))[1], series[1])
    torch.testing.assert_close(augment.shift(series, (0, -0.5))[1], series[1] - 0.5)


def test_gamma_makes_values_below_zero_zero():
    series = torch.tensor([-0.1, 0.0, 0.25]).view(1, 1, 1, 3)
    assert augment.gamma(series, (0.5,)).flatten().tolist() == [0.0, 0.0, 0.5]


@given(seed=st.integers(0, 2**32), recipe=st.sampled_from([CORRECTED, AS_RELEASED]))
@settings(deadline=None, max_examples=60)
def test_any_draw_gives_a_finite_sample_of_the_same_shape_with_labels_that_sum_to_one_or_zero(seed, recipe):
    rng = np.random.default_rng(seed)
    series = torch.from_numpy(rng.random((2, 3, SIDE, SIDE), np.float32))
    glacier = torch.from_numpy(rng.random((SIDE, SIDE), np.float32) > 0.5).float()
    labels = torch.stack((1 - glacier, glacier)) * torch.from_numpy(rng.random((SIDE, SIDE), np.float32) > 0.2)
    before = series.clone()
    new, soft = augment.augment(series, labels, rng, recipe)
    assert new.shape == series.shape
    assert new.isfinite().all()
    assert set(soft.sum(0).round(decimals=5).unique().tolist()) <= {0.0, 1.0}
    assert soft.min() >= 0
    assert torch.equal(series, before)


def test_a_variation_is_its_steps_in_the_authors_order(sample):
    series, labels = sample
    variation = augment.Variation(
        flipped_vertically=True, quarters=1, crop=(16, 2, 3), exponents=(0.9, 1.1), offsets=(0.1, -0.2)
    )
    found = variation.change(*(torch.from_numpy(variation.place(x.numpy()).copy()) for x in sample))
    series, labels = (augment.turn(augment.flip_vertically(x), 1) for x in sample)
    series, labels = augment.crop_and_scale(series, labels, size=16, top=2, left=3)
    series = augment.shift(augment.gamma(series, (0.9, 1.1)), (0.1, -0.2))
    assert torch.equal(found[0], series)
    assert torch.equal(found[1], labels)


def test_variations_are_drawn_as_often_as_the_authors_do(rng):
    drawn = [augment.draw(rng, side=384, features=2) for _ in range(4000)]
    shares = {
        "flipped_vertically": 0.5,
        "flipped_horizontally": 0.5,
        "quarters": 0.75,
        "crop": 0.25,
        "exponents": 0.25,
        "offsets": 0.25,
    }
    for step, share in shares.items():
        assert np.mean([bool(getattr(variation, step)) for variation in drawn]) == pytest.approx(share, abs=0.03)
    assert np.bincount([variation.quarters for variation in drawn]) / 4000 == pytest.approx([0.25] * 4, abs=0.03)


def test_the_same_seed_gives_the_same_sample(sample):
    one, other = (augment.augment(*sample, np.random.default_rng(7)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("recipe", "last"), [(CORRECTED, True), (AS_RELEASED, False)])
def test_only_the_corrected_crop_reaches_the_last_offset(sample, monkeypatch, recipe, last):
    series, labels = sample
    seen = []

    def remember(series, labels, *, size, top, left):
        seen.append((size, top, left))
        return series, labels

    monkeypatch.setattr(augment, "crop_and_scale", remember)
    monkeypatch.setattr(augment, "crop_and_scale_scrambled", remember)
    for seed in range(400):
        augment.augment(series, labels, np.random.default_rng(seed), recipe)
    assert all(0.8 * SIDE <= size < SIDE for size, _, _ in seen)
    assert any(max(top, left) == SIDE - size for size, top, left in seen) == last
    assert any(min(top, left) == 0 for _, top, left in seen)
    assert len(seen) / 400 == pytest.approx(0.25, abs=0.07)


def test_a_sample_that_is_not_square_is_refused():
    with pytest.raises(InputError, match="4 × 6 pixels found, a square expected"):
        augment.augment(torch.zeros(1, 1, 4, 6), torch.zeros(2, 4, 6), np.random.default_rng(0))
