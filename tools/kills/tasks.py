"""What is run and killed: the whole way by Snakemake, and a dataset build, a training and a map by themselves."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tools.image.memory import family
from tools.kills.compare import contents
from tools.kills.processes import command_line

BEGUN = "begun"
"""What the work of one kind says when all is imported."""
ENDED = "ended"
"""What it says when all is written."""
TIMES = ("events.out.tfevents", "seconds.")
"""Files that hold nothing but times: TensorBoard's events and the table of seconds."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A command, its folder, and how to look at it."""

    kind: str
    command: Sequence[str]
    cwd: Path
    folder: Path
    """What it writes."""
    log: Path
    """What it says."""
    env: Mapping[str, str] = field(default_factory=dict)

    def clear(self) -> None:
        """Remove what earlier runs have left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def contents(self) -> dict[str, str]:
        """Hash the files that two runs must have in common."""
        return contents(self.folder, self.is_left_out)

    def is_left_out(self, path: Path) -> bool:
        """Tell whether a file differs between two runs that were never killed."""
        return path.name.startswith(TIMES)

    def count_finished(self) -> int:
        """Count the steps that are finished; none where the work is one step."""
        return 0

    def is_working(self, pid: int) -> bool:
        """Tell whether the work has begun, imports and plans being over."""
        words = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"{BEGUN} {pid}" in words

    def has_ended(self) -> bool:
        """Tell whether the work is done and the process about to end: what is killed then is not counted."""
        return bool(self.log.exists() and self.log.read_text(errors="replace").endswith(f"{ENDED}\n"))

    def name_work(self, commands: Sequence[str]) -> str:
        """Say what was at work."""
        return self.kind

    def tell_left(self) -> str:
        """Say what lies there after a kill."""
        raise NotImplementedError


class Reproduce(Task):
    """`make reproduce PROFILE=mini`: each step is a notebook, whose executed copy appears when it has ended."""

    def count_finished(self) -> int:
        return len([path for path in self.folder.glob("notebooks/**/*.ipynb") if not path.name.startswith(".")])

    def is_working(self, pid: int) -> bool:
        return bool(self._notebooks(map(command_line, family(pid))))

    def is_left_out(self, path: Path) -> bool:
        return path.parts[0] == "notebooks" or super().is_left_out(path)  # executed copies hold the time of each cell

    def name_work(self, commands: Sequence[str]) -> str:
        return ", ".join(self._notebooks(commands)) or "Snakemake"

    def tell_left(self) -> str:
        hidden = [path for path in self.folder.rglob(".*") if path.name != ".lock"]
        return f"{self.count_finished()} notebooks finished, {len(hidden)} files half-written"

    @staticmethod
    def _notebooks(commands: "Sequence[str] | map[str]") -> list[str]:
        words = {word for command in commands if "glaciersar" in command for word in command.split()}
        return sorted(Path(word).stem for word in words if word.endswith(".ipynb"))


class Dataset(Task):
    """Six tiles of two workers, joined to three files."""

    def tell_left(self) -> str:
        tiles = list(self.folder.glob(".unfinished/SVAL*.h5"))
        hidden = list(self.folder.glob(".unfinished/.*"))
        whole = list(self.folder.glob("*.h5"))
        return f"{len(tiles)} of 6 tiles, {len(hidden)} half-written, {len(whole)} of 3 files"


class Training(Task):
    """Some epochs of a small network."""

    def tell_left(self) -> str:
        logs = [path.read_text() for path in self.folder.rglob("log.csv")]
        half = [path.name for path in self.folder.rglob(".*-*")]
        epochs = logs[0].count("\n") - 1 if logs else 0
        return f"{epochs} epochs in the log" + (f", {len(half)} half-written" if half else "")


class Map(Task):
    """A region in windows."""

    def tell_left(self) -> str:
        states = list(self.folder.rglob("state.npz"))
        if states:
            with np.load(states[0]) as state:
                return f"{int(state['rows'])} rows of windows"
        return "a finished map" if (self.folder / "probability.tif").exists() else "no row of windows"


SMALL = {"dataset": Dataset, "training": Training, "map": Map}
"""Kinds whose work `tools.kills.build` and `tools.kills.work` do."""


def small_task(kind: str, place: Path, root: Path) -> Task:
    """Plan one of the three small kinds in a folder, its log beside it."""
    module = ["tools.kills.build"] if kind == "dataset" else ["tools.kills.work", kind]
    command = [sys.executable, "-m", *module, str(place)]
    return SMALL[kind](kind=kind, command=command, cwd=root, folder=place / kind, log=place / f"{kind}.log")


def reproduce_task(place: Path, root: Path) -> Task:
    """Plan the whole way in a checkout whose environment is made."""
    command = ["make", "--old-file", ".venv/made", "reproduce", "PROFILE=mini"]
    return Reproduce(
        kind="reproduce",
        command=command,
        cwd=root,
        folder=root / "runs/mini",
        log=place / "reproduce.log",
        env={"PYTHONPATH": str(root)},  # the package of that checkout, whatever is installed
    )
