"""Time several ways of doing one thing side by side: each in a process of its own, in turn, round after round.

Turns make slow minutes of the machine hit all ways alike, so that ratios hold where seconds do not. A process of its
own tells each way's peak memory.
"""

import gc
import multiprocessing
import subprocess
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

import numpy as np
import pandas as pd

Way = Callable[[], Callable[[], object]]
"""Prepares (builds, loads, warms up) and returns what is timed; of a module's top level, as it crosses a process."""


def take_turns(ways: Mapping[str, Way], *, rounds: int = 7, warm: bool = True) -> pd.DataFrame:
    """Time each way `rounds` times, in turn; the first is the base that the others are held against.

    Args:
        ways: By name.
        rounds: How often each is timed.
        warm: Run each once before; what takes a minute need not be.

    Returns:
        A row a way: median, fastest and slowest seconds, how many times as fast as the base (median of the rounds'
        ratios), peak memory of its process in MiB (prepared, warmed up and run), and what the last call returned.
    """
    context = multiprocessing.get_context("spawn")
    lines: dict[str, Connection] = {}
    processes = []
    for name, way in ways.items():
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(way, there, warm), daemon=True)
        process.start()
        there.close()
        _hear(here, name)  # ready; the next way prepares only now, as two at once would not fit or disturb each other
        lines[name] = here
        processes.append(process)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, line in lines.items():
            line.send("run")
            seconds[name].append(_hear(line, name))
    base = np.array(seconds[next(iter(ways))])
    rows = {}
    for name, line in lines.items():
        line.send("stop")
        peak, result = _hear(line, name)
        own = np.array(seconds[name])
        rows[name] = {
            "median s": np.median(own),
            "min s": own.min(),
            "max s": own.max(),
            "× base": np.median(base / own),
            "peak MiB": peak,
            "result": result,
        }
    for process in processes:
        process.join()
    return pd.DataFrame.from_dict(rows, orient="index")


def _serve(way: Way, line: Connection, warm: bool) -> None:
    """Run a way at each request and report its seconds; each way has a process that does only this."""
    multiprocessing.current_process().daemon = False  # so that it may start workers of its own
    try:
        run = way()
        if warm:
            run()
        line.send("ready")
        result = None
        while line.recv() == "run":
            del result
            gc.collect()
            start = time.perf_counter()
            result = run()
            line.send(time.perf_counter() - start)
        peak = run.end() if isinstance(run, Program) else peak_mib()
        line.send((peak, result))
    except Exception as error:
        line.send(error)


def _hear(line: Connection, name: str):
    try:
        word = line.recv()
    except EOFError:
        raise RuntimeError(f"{name}: its process ended without a word; it may have run out of memory") from None
    if isinstance(word, Exception):
        raise RuntimeError(f"{name}: {word}") from word
    return word


class Program:
    """A way served by a program of its own, for example one of another Python: `partial(Program, *command)`.

    When warm it writes a line. For each line "run" on its standard input it then runs once and writes the result, a
    number, as a line. It ends with its input.
    """

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._hear()

    def __call__(self) -> float:
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self._hear())

    def end(self) -> float:
        """End the program, which gives its memory back, and tell its peak memory, MiB."""
        peak = peak_mib(self.process.pid)
        self.process.stdin.close()
        self.process.wait()
        return peak

    def _hear(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise RuntimeError(f"{' '.join(self.process.args)}: ended with code {code} before it answered")
        return line


def peak_mib(pid: int | str = "self") -> float:
    """Tell the most memory a process has held so far, MiB (Linux)."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
