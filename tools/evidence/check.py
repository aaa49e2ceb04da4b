"""Check that changed code still gives the committed scores: train one arm anew, compare, renew the stamps.

The same training ends with other counts on another processor: last digits differ and grow. So where the counts are not
those of the table, the code that made them trains the arm, too, on the same processor, and both must agree exactly.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from tools.evidence import stamp
from tools.evidence.plan import MAIN, WORK, Plan
from tools.evidence.score import score_arm

ARM, SEED = "unet3d", 1
COUNTS = Path("scores", ARM, str(SEED), "counts.csv")


def check_tables(plan: Plan, work: Path, figures: Path) -> None:
    """Train one arm with one seed anew and renew the hash of the code in all stamps if nothing in its counts changed.

    It says nothing about a changed plan, nor about code that other arms alone run.

    Raises:
        InputError: Something has changed; the sentence says which command makes the tables anew.
    """
    folder = work / "check"
    shutil.rmtree(folder, ignore_errors=True)
    _lend_data(work, folder)
    score_arm(plan, plan.arm(ARM), SEED, folder)
    now = pd.read_csv(folder / COUNTS)
    table = pd.read_csv(figures / MAIN / "counts.csv")
    table = table[(table["arm"] == ARM) & (table["seed"] == SEED)][list(now)].reset_index(drop=True)
    said = f"{ARM}, seed {SEED}: simulated IoU {_iou(now):.4f} now, {_iou(table):.4f} in the table; "
    if now.equals(table):
        said += "all counts are equal"
    else:
        said += f"on this processor, {stamp.processor()}, "
        before = score_by_earlier_code(commit_of(figures), work)
        if not now.equals(before):
            raise InputError(
                f"{figures}: {said}the code that made the table gives {_iou(before):.4f}, the same counts as now "
                f"expected; make them anew by make evidence PART=…"
            )
        said += "the code that made the table gives the same counts as now"
    print(said)
    for path in sorted(figures.glob("*/seed-*/stamp.json")):
        old = stamp.read_stamp(path)
        seconds = float(old["seconds"])
        stamp.write_stamp(path, command=old["command"], plan=old["plan"], seconds=seconds, note=f"checked: {said}")


def commit_of(figures: Path) -> str:
    """Find the commit that last wrote the stamp of the checked seed, by code of the hash that it holds."""
    path = figures / MAIN / f"seed-{SEED}" / "stamp.json"
    return _git(path.resolve().parent, "log", "-1", "--format=%H", "--", path.name)


def score_by_earlier_code(commit: str, work: Path) -> pd.DataFrame:
    """Train and score the arm by the code of a commit, on the data that are there; gives its counts."""
    tree = (work / "check" / "before").resolve()
    _git(Path.cwd(), "worktree", "add", "--detach", "--force", str(tree), commit)
    try:
        _lend_data(work, tree / WORK)
        environment = os.environ | {"PYTHONPATH": str(tree)}
        command = [sys.executable, "-m", "tools.evidence", "score", ARM, str(SEED)]
        subprocess.run(command, cwd=tree, env=environment, check=True)
        return pd.read_csv(tree / WORK / COUNTS)
    finally:
        _git(Path.cwd(), "worktree", "remove", "--force", str(tree))


def _lend_data(work: Path, folder: Path) -> None:
    """Show the archives and datasets of an experiment in another folder."""
    folder.mkdir(parents=True)
    for name in ("archives", "datasets"):
        (folder / name).symlink_to((work / name).resolve())


def _git(folder: Path, *words: str) -> str:
    run = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
    if run.returncode or (words[0] == "log" and not run.stdout.strip()):
        raise InputError(f"{folder}: git {' '.join(words)}: {run.stderr.strip() or 'nothing found, a commit expected'}")
    return run.stdout.strip()


def _iou(counts: pd.DataFrame) -> float:
    """Pool the counts against the reference."""
    own = counts[counts["against"] == "reference"]
    return Confusion(*(int(own[name].sum()) for name in ("tp", "fp", "fn", "tn"))).iou
