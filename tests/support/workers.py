"""What worker processes do in tests; imports little, as each worker imports it anew."""

import os
import signal
import sys
import time
from pathlib import Path

from glaciersar.errors import InputError


def double(number: int) -> int:
    return 2 * number


def whoami(_: int) -> tuple[int, bool]:
    """Give the number of the process, and whether it has torch."""
    return os.getpid(), "torch" in sys.modules


def refuse(number: int) -> int:
    raise InputError(f"{number}: no such number")


def die(number: int, fatal: int) -> int:
    """Kill the process at one number."""
    if number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def mark(folder: Path, number: int, seconds: float) -> int:
    """Take some seconds, then leave a file; the first number fails at once."""
    if not number:
        raise InputError("the first")
    time.sleep(seconds)
    (folder / str(number)).touch()
    return number


def large(size: int) -> bytes:
    return bytes(size)


def unwieldy(_: int) -> object:
    """Give what cannot be pickled."""
    return lambda: None
