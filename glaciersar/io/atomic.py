"""Write files so that a killed run leaves either the old file or the new one, never half of one."""

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
def wrap_write_errors(path: Path) -> Iterator[None]:
    """Turn a place that may not be written, and a full disk, into an InputError."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE + FULL:
            raise
        expected = "space for it" if error.errno in FULL else "a folder that can be written to"
        raise InputError(f"{path}: cannot be written ({error.strerror}), {expected} expected") from error


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
