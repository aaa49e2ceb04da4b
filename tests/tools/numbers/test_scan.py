"""tools.numbers.scan: numbers that look like a result are found, and nothing else is."""

from pathlib import Path

import nbformat
import pytest
import yaml

from tools.numbers.scan import GIVEN, hand_typed, results, without_code

ROOT = Path(__file__).resolve().parents[3]


def found(text):
    return [match for match, _ in results(without_code(text))]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("an IoU of 0.880.", ["0.880"]),
        ("grew by 12 % and 3.5%", ["12 %", "3.5%"]),
        ("from 93 to 97 % of them", ["93 to 97 %"]),
        ("lost −2.3 km² a year, +1.5 dB", ["−2.3 km²", "+1.5 dB"]),
        ("within 5e-6", ["5e-6"]),
        ("takes 10 minutes, half an hour, 9 min 41 s", ["10 minutes", "half an hour", "9 min", "41 s"]),
        ("512 MiB, 3.4 times, 178 m", ["512 MiB", "3.4 times", "178 m"]),
        ("| `unet3d` | 0.911 |", ["0.911"]),
        ("```sh\nmake test   # about 10 minutes\n```", ["10 minutes"]),
        ("a `b` c\n\n```python\nx = 0.5\n```\n\nthen 0.7 and `0.8`", ["0.7"]),
    ],
)
def test_a_number_that_looks_like_a_result_is_found(text, numbers):
    assert found(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "the paper's 0.964, doi 10.11582/2026.3zay2ryx, [10.1109/IGARSS53475.2024.10640676](https://doi.org/10.1109/IG.2)",
        "Python 3.11, GPL-2.0, CC BY 4.0, stac-model 0.7.0",
        "a 95 % interval of 15 dates in 2020, tiles of 2 × 2, 448 for training",
        'an IoU of <!-- n: t.csv show="IoU" -->0.880<!-- /n -->',
        "<!-- scores: made by x -->\n| 0.5 |\n<!-- end of scores -->",
        "$y = 0.9 x$ and `0.3` [text](page.md#0.5) <!-- 0.1 -->",
        "---\nvalue: 0.5\n---\ntext",
        "```\n0.5 km²\n```",
    ],
)
def test_what_is_no_result_is_not_found(text):
    assert found(text) == []


def test_a_given_number_is_allowed_on_its_page_only_and_must_be_there(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / GIVEN).parent.mkdir(parents=True)
    (tmp_path / "docs/a.md").write_text("pixels of\n40 m, 140 m")
    (tmp_path / "docs/b.md").write_text("pixels of 40 m")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("0.5"), nbformat.v4.new_code_cell("0.7")])
    nbformat.write(book, tmp_path / "notebooks/c.ipynb")
    given = {"docs/a.md": {"of 40 m": "a setting", "0.9": "gone"}}
    (tmp_path / GIVEN).write_text(yaml.safe_dump(given))
    said = [line.split(" in “")[0] for line in hand_typed(tmp_path)]
    assert said == [
        "docs/a.md: 140 m typed by hand",
        "docs/b.md: 40 m typed by hand",
        "notebooks/c.ipynb: 0.5 typed by hand",
        f"{GIVEN}: '0.9' of docs/a.md is in no text any more",
    ]


def test_no_number_in_readme_docs_and_notebooks_is_typed_by_hand():
    assert hand_typed(ROOT) == []  # see "Numbers" in CONTRIBUTING.md
