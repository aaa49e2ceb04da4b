"""Write files so that a killed run leaves either the old file or the new one, never half of one."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NUMBER = re.compile(r"\b(?:errno =|os error) (\d+)")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, remove it otherwise.

    Raises:
        InputError: The place may not be written, or the disk is full; nothing new is left there.
    """
    path = Path(path)
    with wrap_write_errors(path), _temporary(path) as temporary:
        yield temporary


@contextmanager
def wrap_write_errors(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn a place that may not be written, and a full disk, into an InputError.

    Args:
        path: The file that is written.
        others: Errors of a library that writes it, such as `rasters.WRITE_ERRORS`; they and every other error of the
            system become an InputError too.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        number = _error_number(error)
        if number in FULL:
            expected = "space for it"
        elif number in UNWRITABLE:
            expected = "a folder that can be written to"
        elif others and isinstance(error, (OSError, *others)):
            expected = "a folder with permission and room"
        else:
            raise
        reason = os.strerror(number) if number else str(error.__cause__ or error)
        found = " ".join(reason.split()).rstrip(".")
        raise InputError(f"{path}: cannot be written ({found}), {expected} expected") from error


def _error_number(error: Exception) -> int | None:
    """Give the number of an error of the system; HDF5 and safetensors have it in their text alone."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    told = _NUMBER.search(str(error))
    return int(told[1]) if told else None


def visible(paths: Iterable[Path]) -> list[Path]:
    """Sort paths and leave out hidden files: half-written ones, where a process was killed, or another writes now."""
    return sorted(path for path in paths if not path.name.startswith("."))


def check_free_space(folder: Path, needed: int, purpose: str) -> None:
    """Refuse to begin where the disk has no room.

    Args:
        folder: Where files will be written; it need not exist yet.
        needed: Bytes.
        purpose: What they are for, as the message names it.

    Raises:
        InputError: Less is free.
    """
    free = shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free
    if free < needed:
        raise InputError(f"{folder}: {free / 1e9:.3g} GB free found, {needed / 1e9:.3g} GB expected for {purpose}")


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    prefix = f".{path.stem}-{_process_space()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files beside `path` whose process was killed; another machine's are left."""
    start = f".{path.stem}-{_process_space()}-"
    with os.scandir(path.parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(start) and entry.name.endswith(path.suffix)]
    for name in names:
        number = name.removeprefix(start).partition("-")[0]
        if number.isdecimal() and not _is_running(int(number)):
            with suppress(OSError):
                (path.parent / name).unlink()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user
        return True
    return True


@cache
def _process_space() -> str:
    """Name what numbers processes: this start of this machine, and the container; one disk may serve many of them."""
    try:
        told = Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")
    except OSError:  # no Linux
        told = str(uuid.getnode())
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def require_file(path: str | Path, *, made_by: str) -> Path:
    """Return `path` if it exists.

    Raises:
        InputError: It does not; the message names the notebook that makes it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: not there yet; notebooks/{made_by}.ipynb makes it, run that one first")
    return path
