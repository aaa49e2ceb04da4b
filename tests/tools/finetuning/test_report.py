"""tools.finetuning.report"""

from pathlib import Path

import pandas as pd
import pytest

from tools.finetuning import report
from tools.finetuning.plan import AS_SHIPPED, DECODER_FIRST, FULL_RATE, PLAN, SCRATCH, TENTH_RATE, TUNED

ROOT = Path(__file__).resolve().parents[3]


def made_up(scratch, tuned, *, shipped=0.5, seeds=(1, 2), rates=()):
    """Scores whose seeds differ by 0.02 about the given means, by number of tiles 1, 2, …"""
    rows = [(0, AS_SHIPPED, 0, shipped)]
    for seed in seeds:
        off = 0.02 * (seed - 1.5)
        for arm, means in ((SCRATCH, scratch), (TUNED, tuned)):
            rows += [(count, arm, seed, mean + off) for count, mean in zip(PLAN.counts, means, strict=False)]
        rows += [(PLAN.rates_at, arm, seed, mean) for arm, mean in rates]
    table = pd.DataFrame(rows, columns=["tiles", "arm", "seed", "iou"])
    return table.assign(tp=1, fp=0, fn=0, tn=0)


def test_the_table_has_mean_and_every_seed():
    table = report.summarize(made_up([0.4], [0.6]))
    assert table.loc[1, SCRATCH] == "0.400 (0.390, 0.410)"
    assert table.loc[1, TUNED] == "0.600 (0.590, 0.610)"


@pytest.mark.parametrize(
    ("scratch", "tuned", "found"),
    [
        ([0.3, 0.7], [0.6, 0.75], "+0.300 on 1 tile, +0.050 on 2 tiles. From scratch it took 2 tiles to score as"),
        ([0.3, 0.4], [0.6, 0.75], "From scratch 1, 2 tiles did not do to score as fine-tuned on 1 tile."),
        ([0.7, 0.8], [0.6, 0.75], "-0.100 on 1 tile, -0.050 on 2 tiles. From scratch it took 1 tile to score as"),
        ([0.3, 0.4], [0.4, 0.75], "as they ship: on 2 tiles; not above: on 1 tile."),
        ([0.3, 0.4], [0.4, 0.45], "as they ship: on none; not above: on 1, 2 tiles."),
    ],
)
def test_the_page_says_what_the_scores_say(scratch, tuned, found):
    assert found in report.findings(made_up(scratch, tuned))
    assert found in report.text(PLAN, made_up(scratch, tuned))


def test_rates_are_compared_by_the_seeds_that_have_all_of_them():
    rates = [(FULL_RATE, 0.61), (TENTH_RATE, 0.55), (DECODER_FIRST, 0.9)]
    text = report.compare_rates(PLAN, made_up([0.3, 0.3], [0.6, 0.6], rates=rates))
    assert "The best of the three rates here: the full rate." in text
    assert report.compare_rates(PLAN, made_up([0.3, 0.3], [0.6, 0.6], rates=rates[:2])) == ""


def test_files_are_written_and_the_figure_shows_both_ways(tmp_path, monkeypatch):
    scores = made_up([0.3, 0.4, 0.5, 0.6], [0.6, 0.7, 0.7, 0.75])
    monkeypatch.setattr(report.measure, "read", lambda work: scores)
    report.write(PLAN, tmp_path, tmp_path / "page.md", tmp_path / "figures")
    assert (tmp_path / "figures/curve.png").stat().st_size < 300_000
    assert len(pd.read_csv(tmp_path / "figures/scores.csv")) == len(scores)
    figure = report.draw(scores)
    assert {line.get_label() for line in figure.axes[0].lines} >= {SCRATCH, TUNED, AS_SHIPPED}


def test_the_committed_page_is_made_from_the_committed_scores():
    scores = pd.read_csv(ROOT / "figures/fine-tuning/scores.csv")
    assert (ROOT / "docs/fine-tuning.md").read_text(encoding="utf-8") == report.text(PLAN, scores)
