"""tools.numbers.blocks"""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from glaciersar.errors import InputError
from tools.numbers import blocks

ROOT = Path(__file__).resolve().parents[3]


def test_a_block_is_replaced_and_the_rest_stays():
    page = "before\n<!-- scores: made by x -->\nold\n<!-- end of scores -->\nafter\n"
    text = blocks.put_block(page, "scores", "| new |\n", source="y")
    assert text == "before\n<!-- scores: made by y -->\n| new |\n<!-- end of scores -->\nafter\n"
    with pytest.raises(InputError, match=r"README\.md: no block"):
        blocks.put_block("text", "scores", "table", source="x")


def test_a_block_that_no_code_makes_is_refused():
    with pytest.raises(InputError, match=r"page\.md: block 'other' found, one of scores, "):
        blocks.fill("<!-- other: made by x -->\n<!-- end of other -->", ROOT, where="page.md")


def test_the_sentence_below_the_seeds_is_about_the_table_above_it(tmp_path):
    (tmp_path / "figures/benchmarks").mkdir(parents=True)
    shutil.copy2(ROOT / "figures/benchmarks/settling.csv", tmp_path / "figures/benchmarks")
    page = blocks.fill("<!-- settling: made by x -->\n<!-- end of settling -->", tmp_path, where="page.md")
    rows = [[float(text) for text in re.findall(r"\d\.\d{3}", line)] for line in page.splitlines() if "| `u" in line]
    processors, seeds = (float(text) for text in re.findall(r"by (?:up to )?(\d\.\d{3})", page))
    assert max(abs(row[3] - row[0]) for row in rows) == pytest.approx(processors, abs=0.0011)
    assert max(max(row[:3]) - min(row[:3]) for row in rows) == pytest.approx(seeds, abs=0.0011)


def test_every_package_whose_version_is_shown_is_pinned():
    shown = blocks.BLOCKS["versions"].make(ROOT)
    files = (ROOT / "requirements.lock", ROOT / "requirements-torch.txt")
    words = {word for file in files for word in file.read_text().split()}
    assert {text.replace(" ", "==") for text in shown.split(", ")} <= words


def test_minutes_are_seconds_over_60():
    table = pd.read_csv(ROOT / "figures/simulated/seconds.csv")
    shown = re.findall(r"^\| (\S.*?) +\| (\d+\.\d) ", blocks.BLOCKS["seconds"].make(ROOT), re.MULTILINE)
    assert [name for name, _ in shown] == list(table["step"])
    assert [float(text) for _, text in shown] == pytest.approx(list(table["seconds"] / 60), abs=0.051)


def test_the_table_of_the_experiment_has_every_arm_with_an_interval_and_the_papers_number_apart():
    shown = blocks.BLOCKS["evidence"].make(ROOT)
    scores = pd.read_csv(ROOT / "figures/evidence/main/scores.csv").set_index("arm")
    assert shown.startswith("*Simulated* radar")
    rows = [line for line in shown.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(scores.index)
    assert f"{scores.loc['unet3d', 'iou']:.3f} (" in rows[list(scores.index).index("unet3d")]
    assert all(("0.964" in row) == (row.split("`")[1] in ("unet3d", "ulstm")) for row in rows)
