"""Check that changed code still gives the committed scores: train one arm anew, compare, renew the stamps.

The same training ends with other counts on another processor: last digits differ and grow. So where the counts are not
those of the table, the code that made them trains the arm, too, on the same processor, and both must agree exactly.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
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

    It says nothing about a changed plan, nor about code that other arms alone run. Archives and datasets are taken as
    they are: where code that makes them has changed, make them anew first; only the table shows that.

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
        commit, code = commit_of(figures)
        before = score_by_earlier_code(commit, code, work)
        if not now.equals(before):
            raise InputError(
                f"{figures}: {said}the code that made the table gives {_iou(before):.4f}, the same counts as now "
                f"expected; make them anew by make evidence PART=…"
            )
        said += "the code that made the table gives the same counts as now"
    print(said)
    for path in sorted(figures.glob("*/seed-*/stamp.json")):
        stamp.renew_stamp(path, note=f"checked: {said}")


def commit_of(figures: Path) -> tuple[str, str]:
    """Find the commit that wrote the hash of the code into the stamp of the checked seed, and that hash."""
    path = figures / MAIN / f"seed-{SEED}" / "stamp.json"
    code = str(stamp.read_stamp(path)["code"])
    commit = _run(["git", "log", "-1", "--format=%H", f"-S{code}", "--", path.name], path.resolve().parent)
    if not commit:
        raise InputError(f"{path}: no commit that wrote its code {code} found, one expected; commit it first")
    return commit, code


def score_by_earlier_code(commit: str, code: str, work: Path) -> pd.DataFrame:
    """Train and score the arm by the code of a commit, on the data that are there.

    Args:
        commit: Checked out into a folder of its own, which is removed afterwards.
        code: Hash that its code must have, else it is not what made the table, as in a clone without history.
        work: Of the experiment.

    Returns:
        Its counts.
    """
    tree = (work / "check" / "before").resolve()
    environment = os.environ | {"PYTHONPATH": str(tree)}
    _run(["git", "worktree", "add", "--detach", "--force", str(tree), commit])
    try:
        hashed = "from tools.evidence.stamp import code_hash; print(code_hash())"
        if (found := _run([sys.executable, "-c", hashed], tree, environment)) != code:
            raise InputError(f"{commit}: code of the hash {found} found, {code} expected, as the stamp says")
        _lend_data(work, tree / WORK)
        _run([sys.executable, "-m", "tools.evidence", "score", ARM, str(SEED)], tree, environment)
        return pd.read_csv(tree / WORK / COUNTS)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=False)


def _lend_data(work: Path, folder: Path) -> None:
    """Show the archives and datasets of an experiment in another folder."""
    folder.mkdir(parents=True)
    for name in ("archives", "datasets"):
        (folder / name).symlink_to((work / name).resolve())


def _run(words: Sequence[str], folder: Path = Path(), environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it prints."""
    run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise InputError(f"{' '.join(words)}: {run.stderr.strip()}")
    return run.stdout.strip()


def _iou(counts: pd.DataFrame) -> float:
    """Pool the counts against the reference."""
    own = counts[counts["against"] == "reference"]
    return Confusion(*(int(own[name].sum()) for name in ("tp", "fp", "fn", "tn"))).iou
