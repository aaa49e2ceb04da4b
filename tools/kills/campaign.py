"""Kill a run at one moment after another, start it again each time, and compare what it ends with."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from glaciersar.errors import InputError
from glaciersar.io.atomic import write_json
from tools.kills.compare import differences
from tools.kills.moments import Moment
from tools.kills.processes import kill_all, start
from tools.kills.tasks import Task

LOOK = 0.02
"""Seconds between two looks at a run."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill of everything."""

    run: int
    """Counts the runs; a run is killed several times before it ends."""
    finished: int
    """Steps that were finished."""
    seconds: float
    """Since the last of them was, or since the work was begun again."""
    processes: int
    """How many were killed."""
    ran: str
    """What was at work."""
    left: str
    """What lay there afterwards."""


@dataclass(kw_only=True)
class Campaign:
    """Kills of one kind, and what became of the runs."""

    kind: str
    steps: int
    """How many a run has."""
    whole_seconds: float
    """Of the run that was never killed, from the beginning of its work."""
    files: int = 0
    """How many are compared."""
    kills: list[Kill] = field(default_factory=list)
    missed: int = 0
    """Moments that came when the run had ended already, which are not counted."""
    different: dict[int, list[str]] = field(default_factory=dict)
    """Runs that have ended, and what differs."""

    def save(self, path: Path) -> None:
        """Write it as JSON, as far as it has come."""
        write_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> "Campaign":
        """Read it again."""
        told = json.loads(path.read_text())
        told["kills"] = [Kill(**kill) for kill in told["kills"]]
        told["different"] = {int(run): said for run, said in told["different"].items()}
        return Campaign(**told)


def attempt(task: Task, moment: Moment | None) -> tuple[Kill | None, list[float]]:
    """Start a run, and kill it when a moment has come.

    Returns:
        The kill, its run number 0, or None if the work ended before; and the seconds from the beginning of the work at
        which each step was finished.

    Raises:
        InputError: The run failed by itself.
    """
    process = start(task.command, cwd=task.cwd, log=task.log, env=task.env)
    began, since, ends, finished = 0.0, 0.0, [], task.count_finished()
    while process.poll() is None:
        time.sleep(LOOK)
        if not began:
            if task.is_working(process.pid):
                began = since = time.monotonic()
            continue
        now, found = time.monotonic(), task.count_finished()
        if found != finished:
            ends += [now - began] * (found - finished)
            since, finished = now, found
        if moment and moment.has_come(finished, now - since):
            commands = kill_all(process)
            if process.returncode != -signal.SIGKILL or task.has_ended():
                return None, ends  # it ended as it was killed
            ran, left = task.name_work(commands), task.tell_left()
            kill = Kill(run=0, finished=finished, seconds=now - since, processes=len(commands), ran=ran, left=left)
            return kill, ends
    if process.returncode:
        last = task.log.read_text(errors="replace").strip().splitlines()[-20:]
        raise InputError(f"{task.kind}: exit status {process.returncode} found, 0 expected:\n" + "\n".join(last))
    return None, [*ends, time.monotonic() - began]


def run_whole(task: Task) -> tuple[dict[str, str], list[float]]:
    """Run without a kill; gives the files, hashed, and the seconds at which each step ended."""
    task.clear()
    _, ends = attempt(task, None)
    return task.contents(), ends


def run_campaign(
    task: Task,
    campaign: Campaign,
    moments: Iterator[Moment],
    expected: dict[str, str],
    *,
    count: int,
    after_each: Callable[[Campaign], None],
) -> None:
    """Kill until there were so many kills, or no moment is left, and each run has ended and was compared.

    Args:
        task: What is run.
        campaign: Filled as it goes; one that was stopped goes on with the run that had not ended.
        moments: To kill at; one for each start.
        expected: Files of a run that was never killed, hashed.
        count: Kills.
        after_each: Called after each kill and each end.
    """
    run = max(campaign.different, default=0) + 1
    if not any(kill.run == run for kill in campaign.kills):
        task.clear()
    while True:
        moment = next(moments, None) if len(campaign.kills) < count else None
        kill, _ = attempt(task, moment)
        if kill:
            campaign.kills.append(replace(kill, run=run))
        else:
            campaign.missed += moment is not None
            campaign.different[run] = differences(task.contents(), expected)
            run += 1
        after_each(campaign)
        if not kill:
            if moment is None or len(campaign.kills) >= count:
                return
            task.clear()
