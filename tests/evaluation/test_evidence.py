"""glaciersar.evaluation.evidence"""

import pandas as pd
import pytest

from glaciersar.errors import InputError
from glaciersar.evaluation import evidence
from tools.evidence.plan import read_plan


def test_the_parts_are_those_of_the_plan():
    assert set(evidence.PARTS) == set(read_plan().parts)


def test_a_part_is_read_table_by_table(tmp_path):
    (tmp_path / "dates").mkdir()
    scores = pd.DataFrame({"arm": ["unet3d_1"], "iou": [0.5]})
    scores.to_csv(tmp_path / "dates" / "scores.csv", index=False)
    (tmp_path / "dates" / "scores.md").write_text("no table to read")
    found = evidence.read_part(tmp_path, "dates")
    assert list(found) == ["scores"]
    pd.testing.assert_frame_equal(found["scores"], scores)


def test_a_part_that_was_not_run_has_no_tables_and_its_command_is_said(tmp_path):
    assert evidence.read_part(tmp_path, "dates") == {}
    assert "`make evidence PART=dates`" in evidence.how_to_make("dates")


def test_a_part_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="part 'date' of the experiment found, one of main, "):
        evidence.read_part(tmp_path, "date")


def test_counts_are_summed_before_the_ratio_and_only_those_against_the_reference():
    counts = pd.DataFrame(
        {
            "arm": ["b", "b", "a", "b"],
            "against": ["reference", "reference", "reference", "truth"],
            "tp": [90, 1, 30, 0], "fp": [5, 1, 10, 7], "fn": [5, 8, 60, 7], "tn": 0,
        }
    )  # fmt: skip
    assert evidence.pooled_iou(counts, ["arm"]).to_dict("list") == {"arm": ["b", "a"], "iou": [91 / 110, 0.3]}
    assert evidence.pooled_iou(counts.drop(columns="against"), ["arm"])["iou"][0] == 91 / 124
