"""Measure how much memory a program takes together with those it starts, from Linux's /proc."""

import re
import threading
from pathlib import Path

PROC = Path("/proc")
KIB, MB = 1024, 1e6


class PeakMemory:
    """While it is entered, follow a process and all that come from it.

    `together` is the most that they held at one time, pages that several share divided among them, looked at every
    `interval` seconds, in bytes. `apart` adds up what each held at its own largest, pages that several share counted
    for each: a bound that no short peak escapes.
    """

    def __init__(self, pid: int, *, interval: float = 0.1) -> None:
        self._pid, self._interval = pid, interval
        self._largest: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.together = 0

    @property
    def apart(self) -> int:
        """Sum of each process's largest resident memory, bytes."""
        return sum(self._largest.values())

    def __enter__(self) -> "PeakMemory":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(self._interval):
            self._look()

    def _look(self) -> None:
        pids = family(self._pid)
        self.together = max(self.together, sum(_kib(pid, "smaps_rollup", "Pss") for pid in pids) * KIB)
        for pid in pids:
            self._largest[pid] = max(self._largest.get(pid, 0), _kib(pid, "status", "VmHWM") * KIB)


def family(pid: int) -> set[int]:
    """List a process and all that come from it and still run."""
    parents = {int(path.name): _parent(path) for path in PROC.glob("[0-9]*")}
    found, waiting = {pid}, [pid]
    while waiting:
        parent = waiting.pop()
        children = {child for child, its in parents.items() if its == parent} - found
        found |= children
        waiting += children
    return found


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):  # it has ended meanwhile
        return 0


def _kib(pid: int, file: str, field: str) -> int:
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", (PROC / str(pid) / file).read_text(), re.MULTILINE)
    except OSError:  # it has ended meanwhile
        return 0
    return int(found[1]) if found else 0
