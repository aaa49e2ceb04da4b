"""tools.publish"""

import numpy as np
import pytest
from PIL import Image

from glaciersar.errors import InputError
from tools.publish import LARGEST_PICTURE, copy_picture, publish


def test_publishing_fills_the_readme_and_the_pages_from_the_run(tmp_path):
    run = tmp_path / "runs" / "simulated"
    (run / "tables").mkdir(parents=True)
    (run / "figures").mkdir()
    (run / "tables" / "scores.md").write_text("| iou |\n| 0.5 |\n")
    (run / "figures" / "errors.png").write_bytes(b"png")
    (tmp_path / "README.md").write_text("before\n<!-- scores: made by x -->\nold\n<!-- end of scores -->\nafter\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text("so <!-- n: figures/simulated/s.csv show=a as=.1f -->?<!-- /n -->\n")
    (run / "tables" / "s.csv").write_text("a\n0.25\n")
    publish("simulated", root=tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "| 0.5 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "-->0.2<!-- /n -->" in (tmp_path / "docs/page.md").read_text()
    assert (tmp_path / "figures/simulated/errors.png").read_bytes() == b"png"


def test_publishing_before_the_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"05-evaluate\.ipynb makes it"):
        publish("simulated", root=tmp_path)


def test_a_large_picture_becomes_small_and_looks_the_same(tmp_path, rng):
    rows, columns = np.mgrid[:700, :900] / 900
    grain = rng.random((700, 900)) / 20
    values = np.stack([rows, columns, rows * columns], axis=2) * 0.9 + grain[..., None]
    Image.fromarray((values * 255).astype(np.uint8)).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 2 * LARGEST_PICTURE
    copy_picture(tmp_path / "large.png", tmp_path / "copy.png")
    assert (tmp_path / "copy.png").stat().st_size <= LARGEST_PICTURE
    with Image.open(tmp_path / "large.png") as large, Image.open(tmp_path / "copy.png") as copy:
        assert copy.width / copy.height == pytest.approx(9 / 7, rel=0.01)
        apart = np.abs(np.asarray(large.resize(copy.size), float) - np.asarray(copy.convert("RGB"), float))
    assert np.mean(apart) < 8  # of 255


def test_a_small_picture_is_copied_as_it_is(tmp_path):
    (tmp_path / "small.png").write_bytes(b"small")
    copy_picture(tmp_path / "small.png", tmp_path / "copy.png")
    assert (tmp_path / "copy.png").read_bytes() == b"small"
