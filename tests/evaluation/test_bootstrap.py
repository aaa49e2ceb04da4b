"""glaciersar.evaluation.bootstrap"""

import numpy as np
import pytest
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.evaluation.bootstrap import bootstrap_ratios


def draw_experiment(rng, *, seeds, landscapes, of_seed, of_landscape, of_both):
    """Draw part and whole (1, S, L) of an arm whose ratio is 0.8 over all seeds and landscapes there are."""
    whole = np.repeat(rng.uniform(0.5, 1.5, (1, 1, landscapes)), seeds, axis=1)
    ratio = 0.8 + of_seed * rng.standard_normal((1, seeds, 1)) + of_landscape * rng.standard_normal((1, 1, landscapes))
    ratio = ratio + of_both * rng.standard_normal((1, seeds, landscapes))
    return ratio * whole, whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "landscapes", "of_seed", "of_landscape", "of_both"),
    [
        (5, 20, 0.01, 0.05, 0.01),  # landscapes differ more than seeds
        (3, 40, 0.03, 0.03, 0.01),  # few seeds that differ: draws alone hold the truth in 79 % of the cases
        (5, 12, 0.03, 0.01, 0.01),  # seeds differ more than landscapes
        (5, 40, 0.0, 0.0, 0.02),  # nothing but the interaction, as between equal arms: draws alone hold it in 99.6 %
        (1, 12, 0.0, 0.05, 0.0),  # one seed
    ],
)
def test_intervals_of_95_percent_hold_the_truth_in_93_to_98_percent_of_the_experiments(
    seeds, landscapes, of_seed, of_landscape, of_both
):
    rng, held, repeats = np.random.default_rng(1), 0, 500
    for _ in range(repeats):
        part, whole = draw_experiment(
            rng, seeds=seeds, landscapes=landscapes, of_seed=of_seed, of_landscape=of_landscape, of_both=of_both
        )
        low, high = bootstrap_ratios(part, whole, draws=1000, seed=2)[0].interval()
        held += low <= 0.8 <= high
    assert 0.93 <= held / repeats <= 0.98


def test_draws_of_landscapes_scatter_as_those_of_scipy(rng):
    values = rng.normal(0.8, 0.05, 15)
    sampled = bootstrap_ratios(values[None, None], np.ones((1, 1, 15)), draws=10_000, seed=3)[0]
    expected = stats.bootstrap((values,), np.mean, n_resamples=10_000, rng=np.random.default_rng(4))
    assert sampled.draws.std() == pytest.approx(expected.standard_error, rel=0.05)


def test_with_one_seed_the_error_is_that_of_the_mean_of_landscapes(rng):
    values = rng.normal(0.8, 0.05, 15)
    sampled = bootstrap_ratios(values[None, None], np.ones((1, 1, 15)))[0]
    variance, freedom = sampled.variance()
    assert np.sqrt(variance) == pytest.approx(stats.sem(values))
    assert freedom == pytest.approx(14)
    low, high = stats.t.interval(0.95, 14, values.mean(), stats.sem(values))
    assert sampled.interval() == pytest.approx((low, high), abs=0.15 * (high - low))  # of a skewed sample, not quite


def test_the_pooled_ratio_weighs_landscapes_by_their_size():
    part, whole = np.array([[[9.0, 10.0]]]), np.array([[[10.0, 90.0]]])
    assert bootstrap_ratios(part, whole)[0].estimate == 0.19
    assert bootstrap_ratios(part / whole, np.ones_like(whole))[0].estimate == pytest.approx((0.9 + 1 / 9) / 2)


def test_arms_that_differ_by_a_constant_have_a_difference_without_scatter(rng):
    first = rng.normal(0.8, 0.1, (5, 20))
    better, worse = bootstrap_ratios(np.stack((first + 0.02, first)), np.ones((2, 5, 20)))
    assert (better - worse).interval() == pytest.approx((0.02, 0.02))
    low, high = better.interval()
    assert high - low > 0.02


def test_the_same_seed_gives_the_same_draws_and_another_others(rng):
    part, whole = draw_experiment(rng, seeds=3, landscapes=8, of_seed=0.01, of_landscape=0.05, of_both=0.01)
    first, again, other = (bootstrap_ratios(part, whole, seed=seed)[0].draws for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_landscape_and_an_empty_whole_are_refused():
    with pytest.raises(InputError, match="1 landscape found, at least 2 expected"):
        bootstrap_ratios(np.ones((1, 3, 1)), np.ones((1, 3, 1)))
    with pytest.raises(InputError, match="a whole of 0 found, positive ones expected"):
        bootstrap_ratios(np.zeros((1, 3, 2)), np.zeros((1, 3, 2)))
