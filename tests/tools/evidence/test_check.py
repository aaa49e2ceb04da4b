"""tools.evidence.check: the code of an earlier commit on the same processor"""

import json
import subprocess
from pathlib import Path

import pytest

from glaciersar.errors import InputError
from tools.evidence import check

SCORE = """
import os, sys
from pathlib import Path
assert (Path("runs/evidence/archives/told.txt").read_text(), Path.cwd()) == ("data", Path(__file__).parents[2])
assert str(Path.cwd()) == os.environ["PYTHONPATH"]
out = Path("runs/evidence/scores", *sys.argv[2:], "counts.csv")
out.parent.mkdir(parents=True)
out.write_text("against,tp,fp,fn,tn\\nreference,{tp},1,1,1\\n")
"""


def git(*words):
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits of code that scores 5 and then 6; the stamp is of the first, and has a note of the second."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    for tp in (5, 6):
        Path("tools/evidence").mkdir(parents=True, exist_ok=True)
        Path("tools/evidence/__main__.py").write_text(SCORE.format(tp=tp))
        Path("tools/evidence/stamp.py").write_text(f"def code_hash():\n    return 'of {tp}'\n")
        stamp = Path("figures/main/seed-1/stamp.json")
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps({"code": "of 5"} | ({"note": "later"} if tp == 6 else {})))
        git("add", ".")
        git("commit", "--quiet", "--message", f"scores {tp}")
    for name in ("archives", "datasets"):
        (tmp_path / "runs/evidence" / name).mkdir(parents=True)
    (tmp_path / "runs/evidence/archives/told.txt").write_text("data")
    return tmp_path


def test_the_code_that_made_a_table_scores_in_a_checkout_of_its_own_which_is_removed(repository):
    (repository / "runs/evidence/check").mkdir()
    commit, code = check.commit_of(Path("figures"))
    assert (commit, code) == (git("rev-parse", "HEAD~1"), "of 5")
    assert check.score_by_earlier_code(commit, code, Path("runs/evidence"))["tp"].tolist() == [5]
    assert check.score_by_earlier_code("HEAD", "of 6", Path("runs/evidence"))["tp"].tolist() == [6]
    assert not list((repository / "runs/evidence/check").iterdir())
    assert len(git("worktree", "list").splitlines()) == 1


def test_a_stamp_that_was_never_committed_is_refused(repository):
    Path("drafts/main/seed-1").mkdir(parents=True)
    Path("drafts/main/seed-1/stamp.json").write_text(json.dumps({"code": "of 7"}))
    with pytest.raises(InputError, match="no commit that wrote its code of 7 found, one expected"):
        check.commit_of(Path("drafts"))
    with pytest.raises(InputError, match="git worktree add"):
        check.score_by_earlier_code("no-such-commit", "of 5", Path("runs/evidence"))


def test_a_commit_whose_code_did_not_make_the_table_is_refused_and_its_checkout_removed(repository):
    with pytest.raises(InputError, match="code of the hash of 6 found, of 5 expected"):
        check.score_by_earlier_code("HEAD", "of 5", Path("runs/evidence"))
    assert len(git("worktree", "list").splitlines()) == 1


def test_why_the_earlier_code_failed_is_told(repository):
    Path("tools/evidence/__main__.py").write_text("raise SystemExit('no memory left')")
    git("commit", "--quiet", "--all", "--message", "fails")
    with pytest.raises(InputError, match=r"tools\.evidence score unet3d 1: no memory left"):
        check.score_by_earlier_code("HEAD", "of 6", Path("runs/evidence"))
