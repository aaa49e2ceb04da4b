"""tools.publish"""

import pytest

from glaciersar.errors import InputError
from tools.publish import publish, put_block


def test_publishing_fills_the_readme_from_the_run(tmp_path):
    run = tmp_path / "runs" / "simulated"
    (run / "tables").mkdir(parents=True)
    (run / "figures").mkdir()
    (run / "tables" / "scores.md").write_text("| iou |\n| 0.5 |\n")
    (run / "figures" / "errors.png").write_bytes(b"png")
    (tmp_path / "README.md").write_text("before\n<!-- scores: made by x -->\nold\n<!-- end of scores -->\nafter\n")
    publish("simulated", root=tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "| 0.5 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert (tmp_path / "figures/simulated/errors.png").read_bytes() == b"png"


def test_publishing_before_the_run_or_without_a_place_for_the_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"04-evaluate\.ipynb makes it"):
        publish("simulated", root=tmp_path)
    with pytest.raises(InputError, match="no block"):
        put_block("text", "scores", "table", source="x")
