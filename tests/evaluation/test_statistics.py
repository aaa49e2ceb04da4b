"""glaciersar.evaluation.statistics"""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.evaluation import statistics
from glaciersar.evaluation.bootstrap import bootstrap_ratios
from glaciersar.evaluation.metrics import Confusion

COUNTS = ["tp", "fp", "fn", "tn"]


@pytest.fixture
def table(rng):
    """Two networks with 4 seeds and a threshold on 9 landscapes, each of two tiles."""
    rows = []
    for landscape in range(9):
        glacier = int(rng.integers(2000, 6000))
        for arm, level in (("unet3d", 0.9), ("ulstm", 0.88), ("threshold", 0.6)):
            for seed in range(4 if arm != "threshold" else 1):
                for tile in range(2):
                    tp = round(glacier * (level + 0.02 * rng.standard_normal()) * (0.8 + 0.02 * landscape))
                    counts = (tp, int(rng.integers(200)), glacier - tp, 9000 - glacier)
                    rows.append((arm, seed, f"landscape-{landscape}", tile, *counts))
    return pd.DataFrame(rows, columns=["arm", "seed", "landscape", "tile", *COUNTS])


def test_the_scores_of_an_arm_are_those_of_its_summed_counts(table):
    scores = statistics.score_arms(table, seedless=["threshold"]).set_index(["arm", "statistic"])
    rows = table[table["arm"] == "unet3d"]
    total = Confusion(*(int(rows[name].sum()) for name in COUNTS))
    assert scores.loc[("unet3d", "pooled"), "iou"] == pytest.approx(total.iou)
    cells = rows.groupby(["seed", "landscape"])[COUNTS].sum()
    mean = np.mean([Confusion(*map(int, row)).iou for row in cells.itertuples(index=False)])
    assert scores.loc[("unet3d", "mean"), "iou"] == pytest.approx(mean)
    assert (scores["low"] < scores["iou"]).all()
    assert (scores["iou"] < scores["high"]).all()
    assert set(scores["landscapes"]) == {9}


def test_rows_in_another_order_give_the_same_table(table):
    pd.testing.assert_frame_equal(
        statistics.score_arms(table, seedless=["threshold"]),
        statistics.score_arms(table.sample(frac=1, random_state=1), seedless=["threshold"]),
    )


def test_arms_are_compared_on_the_same_draws_with_a_corrected_p(table):
    pairs = [("unet3d", "ulstm"), ("unet3d", "threshold")]
    compared = statistics.compare_arms(table, pairs, seedless=["threshold"]).set_index("other")
    scores = statistics.score_arms(table, seedless=["threshold"]).set_index(["arm", "statistic"])["iou"]
    apart = scores["unet3d"] - scores["ulstm"]
    assert compared.loc["ulstm", "difference"] == pytest.approx(apart["mean"])
    assert compared.loc["ulstm", "pooled_difference"] == pytest.approx(apart["pooled"])
    assert compared.loc["ulstm", "low"] < apart["mean"] < compared.loc["ulstm", "high"]
    assert list(compared["p_holm"]) == list(statistics.holm(compared["p"].to_numpy()))
    assert compared.loc["threshold", "low"] > 0
    assert compared.loc["threshold", "p"] == 2 / 2**9  # better on each of the nine landscapes
    assert not compared.loc["threshold", "equivalent"]


def test_an_arm_is_equivalent_to_itself(table):
    compared = statistics.compare_arms(table, [("unet3d", "unet3d")], seedless=["threshold"]).iloc[0]
    assert compared["difference"] == compared["low"] == compared["high"] == 0
    assert compared["p"] == 1
    assert compared["equivalent"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="fn"), "lacks the columns fn"),
        (
            lambda table: table.query("arm != 'ulstm' or seed != 2"),
            "arm ulstm lacks seed 2 on landscape landscape-0 and 8 others",
        ),
        (
            lambda table: table.query("seed != 2 or landscape != 'landscape-3'"),
            "lacks seed 2 on landscape landscape-3 and 0 others",
        ),
        (lambda table: table.replace({"arm": "threshold"}, "other"), "seedless arm threshold is not in the table"),
        (lambda table: table.assign(**dict.fromkeys(["tp", "fp", "fn"], 0)), "no glacier in reference and map"),
    ],
)
def test_a_table_with_something_missing_is_refused(table, spoil, message):
    with pytest.raises(InputError, match=message):
        statistics.arrange_counts(spoil(table), seedless=["threshold"])


def test_an_arm_with_one_seed_is_refused_unless_it_is_said_to_have_none(table):
    with pytest.raises(InputError, match="arm threshold lacks seed 1"):
        statistics.arrange_counts(table)
    with pytest.raises(InputError, match="seedless arm ulstm with 4 seeds found, 1 expected"):
        statistics.arrange_counts(table, seedless=["threshold", "ulstm"])


def test_an_arm_that_is_not_there_is_told(table):
    with pytest.raises(InputError, match="arm unet is not in the table, one of threshold, ulstm, unet3d expected"):
        statistics.compare_arms(table, [("unet3d", "unet")], seedless=["threshold"])


def every_flip(differences):
    """Return the fraction of all signs that give a sum at least as far from 0."""
    found = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=len(differences))]
    return np.mean(np.array(found) >= abs(differences.sum()) - 1e-12)


def test_the_sign_flip_test_tries_every_sign_of_few_differences(rng):
    for size in (5, 9):
        differences = rng.normal(0.005, 0.01, size)
        assert statistics.sign_flip_test(differences) == pytest.approx(every_flip(differences))
    assert statistics.sign_flip_test(np.array([0.1, 0.1, -0.1, 0.3])) == every_flip(np.array([1, 1, -1, 3]))  # ties


def test_the_sign_flip_test_of_many_differences_is_near_the_test_of_all_signs(rng):
    differences = rng.normal(0.005, 0.01, 15)
    assert statistics.sign_flip_test(differences, flips=10_000) == pytest.approx(every_flip(differences), abs=0.015)
    assert statistics.sign_flip_test(np.full(40, 0.01), flips=999) == pytest.approx(2 / 1000)  # one is added, each side


def test_equivalence_by_t_is_that_the_interval_of_90_percent_lies_within_the_margins(rng):
    decided = set()
    for mean in np.linspace(-0.012, 0.012, 25):
        differences = rng.normal(mean, 0.01, 20)
        low, high = stats.t.interval(0.9, 19, differences.mean(), stats.sem(differences))
        within = bool(low > -0.01 and high < 0.01)
        assert (statistics.equivalence_by_t(differences) < 0.05) == within
        decided.add(within)
    assert decided == {True, False}


def test_equivalence_by_bootstrap_is_that_the_interval_of_90_percent_lies_within_the_margins(rng):
    decided = set()
    for mean in np.linspace(-0.012, 0.012, 25):
        values = rng.normal(mean, 0.01, (1, 4, 20))
        difference = bootstrap_ratios(values, np.ones_like(values))[0]
        low, high = difference.interval(0.9)
        within = low > -0.01 and high < 0.01
        assert (statistics.equivalence_by_bootstrap(difference) < 0.05) == within
        decided.add(within)
    assert decided == {True, False}


@pytest.mark.slow
def test_arms_that_differ_by_the_margin_are_found_equivalent_in_about_5_percent_of_the_experiments():
    rng, wrong, repeats = np.random.default_rng(1), np.zeros(2), 400
    for _ in range(repeats):
        values = 0.01 + 0.006 * rng.standard_normal((1, 5, 1)) + 0.01 * rng.standard_normal((1, 1, 40))
        values = values + 0.01 * rng.standard_normal((1, 5, 40))
        difference = bootstrap_ratios(values, np.ones_like(values), draws=1000)[0]
        wrong[0] += statistics.equivalence_by_bootstrap(difference) < 0.05
        wrong[1] += statistics.equivalence_by_t(values[0].mean(0)) < 0.05
    by_bootstrap, by_t = wrong / repeats
    assert 0.03 < by_bootstrap < 0.08
    assert by_t > 0.12  # it doesn't know the seeds


def test_holm_agrees_with_bonferroni_over_every_set_of_hypotheses(rng):
    for size in (1, 2, 5):
        p = rng.random(size) ** 3
        expected = [
            max(
                min(1, len(chosen) * min(p[list(chosen)]))
                for count in range(1, size + 1)
                for chosen in itertools.combinations(range(size), count)
                if index in chosen
            )
            for index in range(size)
        ]
        assert statistics.holm(p) == pytest.approx(expected)
