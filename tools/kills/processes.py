"""Start a command and kill everything that came from it, Jupyter kernels in sessions of their own included."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tools.image.memory import PROC, family


def start(
    command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own; what it says is appended to a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill_all(process: "subprocess.Popen[bytes]", *, seconds: float = 60) -> list[str]:
    """Kill a process and all that come from it, none of them by name.

    All are stopped first, again and again until no new one is found: a child whose parent is killed alone is adopted
    by another process, and what it starts could no longer be traced.

    Returns:
        The command line of each, as far as it could be read.

    Raises:
        RuntimeError: One still runs after some seconds.
    """
    stopped: set[int] = set()
    while new := family(process.pid) - stopped:
        for pid in new:
            _send(pid, signal.SIGSTOP)
        stopped |= new
    commands = [command_line(pid) for pid in sorted(stopped)]
    for pid in stopped:
        _send(pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + seconds
    while running := [pid for pid in stopped if _runs(pid)]:
        if time.monotonic() > end:
            raise RuntimeError(f"processes {running} still run {seconds:g} s after they were killed")
        time.sleep(0.01)
    return [command for command in commands if command]


def command_line(pid: int) -> str:
    """Give the words of a process; empty where it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
