"""One process at a time in a folder, or on a file."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from glaciersar.errors import InputError
from glaciersar.io.atomic import wrap_write_errors

LOCK = ".lock"
"""Name of the lock file in a folder. A killed process leaves the file, but not the lock on it."""
RETRY_SECONDS = 0.1
"""How long to try: a lock file that its holder removes while it is opened here must be opened again."""
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
"""Errors of file systems without locks, such as some network disks; work goes on there without one."""


@contextmanager
def exclusive_lock(folder: Path, *, file_name: str = "") -> Iterator[None]:
    """Lock a folder, or one file in it, so that no second process writes it. The folder is made if it is missing.

    The operating system frees the lock when the process ends, also when it is killed.

    Raises:
        InputError: Another process holds the lock, or the folder may not be written.
    """
    place, path = folder / file_name, folder / (f".{file_name}{LOCK}" if file_name else LOCK)
    # fallback_to_soft would put a plain file in place of a lock, which a killed process leaves behind
    lock = FileLock(path, timeout=RETRY_SECONDS, poll_interval=0.01, fallback_to_soft=False)
    with wrap_write_errors(place):
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"{place}: another process writes there, one at a time expected; wait for it to end"
            ) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is locked: a process that opens it meanwhile sees that it is gone
        lock.release()
        with suppress(OSError):
            if new:
                folder.rmdir()  # only if nothing was written
