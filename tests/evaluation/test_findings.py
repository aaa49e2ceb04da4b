"""glaciersar.evaluation.findings"""

import re

import numpy as np
import pandas as pd
import pytest

from glaciersar.evaluation import findings
from glaciersar.evaluation.metrics import TileResult, score_tiles


def test_each_equation_gives_the_score_that_the_table_has(rng):
    truth, found = rng.random((2, 30, 30)) > 0.6
    row = score_tiles([TileResult(name="a", truth=truth, found=found)], pixel=40).loc["a"]
    lines = findings.spell_out_scores(row).splitlines()
    assert len(lines) == 4
    for line, column in zip(lines, ("iou", "precision", "recall", "f1"), strict=True):
        above, below = re.findall(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", line)[-1]
        factor = 2 if "cdot" in above else 1
        numerator = factor * int(re.search(r"\d+$", above)[0])
        assert numerator / sum(map(int, below.split(" + "))) == pytest.approx(row[column])
        assert line.endswith(f"{row[column]:.3f}$")


def differences():
    rows = {
        "a": (0.03, 0.01, 0.05, 0.01, False),
        "b": (-0.03, -0.05, -0.01, 0.01, False),
        "c": (0.001, -0.004, 0.005, 0.8, True),
        "d": (0.005, 0.002, 0.008, 0.01, True),
        "e": (0.02, -0.02, 0.06, 0.5, False),
        "f": (0.02, -0.01, 0.05, 0.01, False),  # more than chance over landscapes, not over seeds
    }
    columns = ["difference", "low", "high", "p_holm", "equivalent"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("arm").reset_index()
    return table.assign(other="unet3d", p=0.5)


def test_a_difference_is_better_worse_equal_or_open():
    judged = findings.judge_differences(differences()).set_index("arm")
    assert judged["verdict"].to_dict() == {
        "a": "better", "b": "worse", "c": "as good as equal", "d": "better, by less than 0.01",
        "e": "open", "f": "open",
    }  # fmt: skip
    np.testing.assert_allclose(judged["difference"], differences()["difference"])


def test_the_sentences_hold_signs_intervals_and_verdicts():
    lines = findings.tell_differences(differences()).splitlines()
    assert lines[1] == "- `b` − `unet3d`: -0.030 [-0.050, -0.010], worse"
    assert len(lines) == len(differences())


def seasons(found):
    """Counts of 100 pixels of glacier on 12 landscapes, by the tp of a choice of dates; seeds differ by nothing."""
    rows = [
        {
            "choice": choice,
            "seed": seed,
            "landscape": f"l{k}",
            "tp": tp + k % 3,
            "fp": 0,
            "fn": 100 - tp - k % 3,
            "tn": 9,
        }
        for choice, tp in found.items()
        for seed in (1, 2, 3)
        for k in range(12)
    ]
    return pd.DataFrame(rows)


@pytest.mark.filterwarnings("ignore:Precision loss")  # the made differences are the same on every landscape
def test_the_earliest_sufficient_date_is_the_first_after_which_no_more_dates_are_needed():
    found = {"whole year": 90, "first 10": 90, "first 2": 90, "first 1": 60, "first 3": 80, "first 4": 90, "only 3": 95}
    table = findings.earliest_sufficient(seasons(found), draws=200)
    assert list(table["dates"]) == [1, 2, 3, 4, 10]
    assert list(table["sufficient"]) == [False, False, False, True, True]  # after 2 dates a third does harm
    assert table["difference"].tolist() == pytest.approx([-0.3, 0, -0.1, 0, 0])


def test_a_date_whose_loss_is_not_shown_to_be_small_does_not_suffice():
    table = seasons({"whole year": 90, "first 5": 90})
    table.loc[(table["choice"] == "first 5") & (table["landscape"] == "l0"), ["tp", "fn"]] = 60, 40
    assert not findings.earliest_sufficient(table, draws=200)["sufficient"].any()
