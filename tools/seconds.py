"""Read from the executed notebooks of a run how long each step took, and write its table tables/seconds.csv.

`make reproduce` runs it at its end; by hand, on the machine that made the run:

    python -m tools.seconds simulated [--note "with other work beside it"]
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import nbformat
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.models.precision import multiplies_bf16
from tools.evidence.stamp import processor


def read_steps(notebooks: Path) -> pd.DataFrame:
    """Read start and end of every executed notebook of a run, as papermill wrote them into it.

    Args:
        notebooks: Folder of the executed notebooks; those in a folder of their own are named with it, "04-train ulstm".

    Returns:
        A row a step, in order of the names: step, start, end.

    Raises:
        InputError: No executed notebook.
    """
    rows = []
    for path in sorted(notebooks.rglob("*.ipynb")):
        times = nbformat.read(path, as_version=4).metadata.get("papermill", {})
        if times.get("end_time") and not path.stem.endswith(".failed"):
            name = " ".join([path.stem, *path.parent.relative_to(notebooks).parts])
            rows.append((name, *(datetime.fromisoformat(times[key]) for key in ("start_time", "end_time"))))
    if not rows:
        raise InputError(f"{notebooks}: no executed notebook found, those of `make reproduce` expected")
    return pd.DataFrame(sorted(rows), columns=["step", "start", "end"])


def covered_seconds(steps: pd.DataFrame) -> float:
    """Measure how long at least one step was running: steps run side by side, and pauses between them don't count."""
    total, until = 0.0, None
    for start, end in sorted(zip(steps["start"], steps["end"], strict=True)):
        begin = start if until is None else max(start, until)
        total += max((end - begin).total_seconds(), 0.0)
        until = end if until is None else max(until, end)
    return total


def machine() -> str:
    """Name the processor, its cores, and whether it multiplies bf16, in which networks train faster."""
    return f"{os.cpu_count()} cores of {processor()} {'with' if multiplies_bf16('cpu') else 'without'} bf16"


def write_seconds(run: Path, *, note: str = "") -> Path:
    """Write the seconds of every step of a run, and of all together, with the machine."""
    steps = read_steps(run / "notebooks")
    took = (steps["end"] - steps["start"]).dt.total_seconds()
    table = pd.DataFrame({"step": [*steps["step"], "all"], "seconds": [*took, covered_seconds(steps)]})
    table["machine"] = machine() + (f", {note}" if note else "")
    path = run / "tables" / "seconds.csv"
    with atomic_write(path) as temporary:
        table.round({"seconds": 1}).to_csv(temporary, index=False)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table of a profile's run, and say how long it took."""
    parser = argparse.ArgumentParser(prog="tools.seconds", description="How long each step of a run took.")
    parser.add_argument("profile")
    parser.add_argument("--note", default="", help='what else matters, such as "with other work beside it"')
    given = parser.parse_args(arguments)
    try:
        path = write_seconds(Path("runs") / given.profile, note=given.note)
    except InputError as error:
        sys.exit(f"tools.seconds: {error}")
    print(f"{path}: {pd.read_csv(path)['seconds'].iloc[-1] / 60:.0f} minutes of steps")


if __name__ == "__main__":
    main()
