"""Run cases, each in a forked process, and name what came of it."""

import contextlib
import faulthandler
import gc
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glaciersar.errors import InputError
from tools.fuzz.formats import FORMATS, Format, digest
from tools.fuzz.spoil import spoil

SAME, SENTENCE, DIFFERENT = "same result", "sentence", "silently different"
TRACEBACK, CRASH, HANG = "traceback", "crash", "hang"
OUTCOMES = (SAME, SENTENCE, DIFFERENT, TRACEBACK, CRASH, HANG)
"""All that can come of a case; the last three are faults."""
SECONDS = 60
"""After which a case counts as hanging; one takes a tenth of a second."""
MEMORY = 2**31
"""Bytes that a case may take beyond what the process has when it begins."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a case."""

    format: str
    case: int
    outcome: str
    said: str = ""
    """The sentence, or the end of the traceback."""


def run_part(name: str, cases: range, seed: int) -> list[Result]:
    """Run some cases of a format in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return list(run_cases(name, cases, Path(folder), seed=seed))


def run_cases(name: str, cases: Iterator[int] | range, folder: Path, *, seed: int) -> Iterator[Result]:
    """Spoil a valid file of a format and read it, once for each number.

    Args:
        name: Of the format.
        cases: Numbers; number and seed determine the bytes.
        folder: Where the file is written.
        seed: Of all cases.

    Raises:
        RuntimeError: The file as it was written is not read alike twice.
    """
    form = FORMATS[name]
    path = folder / form.file
    form.write(path, np.random.default_rng(seed))
    content = path.read_bytes()
    expected = digest(form.read(path))  # and imports here what every process would import for itself
    gc.freeze()  # a collection in a forked process would copy all that it looks at
    again = read_apart(form, path)
    if again != (SAME, expected):
        raise RuntimeError(f"{name}: {again} found where the file is whole, {expected} expected")
    number = list(FORMATS).index(name)
    for case in cases:
        _clear(folder)
        path.write_bytes(spoil(content, np.random.default_rng([seed, number, case])))
        outcome, said = read_apart(form, path)
        if outcome == SAME and said != expected:
            outcome = DIFFERENT
        yield Result(format=name, case=case, outcome=outcome, said="" if outcome in (SAME, DIFFERENT) else said)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def read_apart(form: Format, path: Path) -> tuple[str, str]:
    """Read a file in a forked process; returns `SAME` with the hash of what was read, or a fault and its words."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, where libraries have started threads
        child = os.fork()
    if not child:
        os.close(reading)
        _read(form, path, writing)
    os.close(writing)
    try:
        said, late = _listen(reading, time.monotonic() + SECONDS)
    finally:
        os.close(reading)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late:
        return HANG, f"no end after {SECONDS} s"
    if os.WIFSIGNALED(status):
        return CRASH, signal.Signals(os.WTERMSIG(status)).name
    outcome, _, words = said.decode(errors="replace").partition("\n")
    return (outcome, words) if outcome in OUTCOMES else (CRASH, f"exit status {os.WEXITSTATUS(status)}")


def _listen(pipe: int, end: float) -> tuple[bytes, bool]:
    """Read a pipe to its end; returns what came, and whether it came to no end in time."""
    said = b""
    while select.select([pipe], [], [], max(end - time.monotonic(), 0))[0]:
        part = os.read(pipe, 65536)
        if not part:
            return said, False
        said += part
    return said, True


def _read(form: Format, path: Path, pipe: int) -> None:
    """Read in the forked process, tell the pipe what came of it, and end."""
    try:
        outcome = _attempt(form, path)
        with contextlib.suppress(OSError):
            os.write(pipe, "\n".join(outcome).encode(errors="replace")[:60_000])
    finally:
        os._exit(0)


def _attempt(form: Format, path: Path) -> tuple[str, str]:
    faulthandler.disable()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return SAME, digest(form.read(path))
    except InputError as error:
        sentence = str(error)
        return (TRACEBACK, "several lines: " + sentence) if "\n" in sentence else (SENTENCE, sentence)
    except BaseException:
        return TRACEBACK, traceback.format_exc()
