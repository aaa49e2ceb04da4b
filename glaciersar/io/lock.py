"""One process at a time in a folder, or on a file."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from glaciersar.errors import InputError
from glaciersar.io.atomic import wrap_write_errors

LOCK = ".lock"
"""In a folder that a process writes to; alone it says nothing, as a process that was killed leaves it too."""


@contextmanager
def exclusive_lock(folder: Path, *, file_name: str = "") -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be, or of one file there, so that no second process writes it.

    The system takes the lock from a process that ends, however it ends, so none outlasts a kill.

    Raises:
        InputError: Another process holds it, or the folder may not be written.
    """
    place, lock = folder / file_name, folder / (f".{file_name}{LOCK}" if file_name else LOCK)
    with wrap_write_errors(place):
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked(lock)
    if file is None:
        raise InputError(f"{place}: another process writes there, one at a time expected; wait for it to end")
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()
        with suppress(OSError):
            if new:
                folder.rmdir()  # only if nothing was written


def _locked(path: Path) -> IO[str] | None:
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:
            return file  # some network disks lock nothing
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()  # the process before has ended meanwhile, and took its file away
