"""Check that changed code still gives the committed tables: train one arm anew, compare, renew the stamps."""

import shutil
from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from tools.evidence import stamp
from tools.evidence.plan import MAIN, Plan
from tools.evidence.score import score_arm

ARM, SEED = "unet3d", 1
TOLERANCE = 0.01  # of the pooled IoU: what the last digits of another processor may grow to


def check_tables(plan: Plan, work: Path, figures: Path) -> None:
    """Train one arm with one seed anew and renew the hash of the code in all stamps if its IoU is that committed.

    It says nothing about a changed plan, nor about code that other arms alone run.

    Raises:
        InputError: It is not; the sentence says which command makes the tables anew.
    """
    folder = work / "check"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("archives", "datasets"):
        (folder / name).symlink_to((work / name).resolve())
    score_arm(plan, plan.arm(ARM), SEED, folder)
    anew = pd.read_csv(folder / "scores" / ARM / str(SEED) / "counts.csv")
    committed = pd.read_csv(figures / MAIN / "counts.csv")
    committed = committed[(committed["arm"] == ARM) & (committed["seed"] == SEED)]
    now, before = _iou(anew), _iou(committed)
    same = anew.reset_index(drop=True).equals(committed[list(anew)].reset_index(drop=True))
    said = f"{ARM}, seed {SEED}: simulated IoU {now:.4f} now, {before:.4f} in the table; "
    said += "all counts are equal" if same else "some counts differ, as on another processor"
    if abs(now - before) > TOLERANCE:
        raise InputError(f"{figures}: {said}, expected within {TOLERANCE}; make them anew by make evidence PART=…")
    print(said)
    for path in sorted(figures.glob("*/seed-*/stamp.json")):
        old = stamp.read_stamp(path)
        seconds = float(old["seconds"])
        stamp.write_stamp(path, command=old["command"], plan=old["plan"], seconds=seconds, note=f"checked: {said}")


def _iou(counts: pd.DataFrame) -> float:
    """Pool the counts against the reference."""
    own = counts[counts["against"] == "reference"]
    return Confusion(*(int(own[name].sum()) for name in ("tp", "fp", "fn", "tn"))).iou
