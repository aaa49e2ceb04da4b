"""Run processes side by side; measure their time and memory, and hash what they write."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools.image.memory import PeakMemory
from tools.kills.compare import contents
from tools.kills.processes import start


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What some processes took, and what they wrote."""

    seconds: float
    """From the start of the first to the end of the last."""
    bytes: int
    """The most that they held at a time, added up where there are several processes."""
    statuses: tuple[int, ...]
    files: dict[str, str]
    """Hashes by path."""
    said: str


def measure(commands: Sequence[Sequence[str]], out: Path, *, log: Path) -> Measured:
    """Start modules of Python with arguments beside each other, and wait for all."""
    log.unlink(missing_ok=True)
    began = time.monotonic()
    processes = [start([sys.executable, "-m", *command], cwd=Path.cwd(), log=log) for command in commands]
    with ExitStack() as stack:
        memories = [stack.enter_context(PeakMemory(process.pid)) for process in processes]
        statuses = tuple(process.wait() for process in processes)
    return Measured(
        seconds=time.monotonic() - began,
        bytes=sum(memory.together for memory in memories),
        statuses=statuses,
        files=contents(out),
        said=log.read_text(errors="replace"),
    )
