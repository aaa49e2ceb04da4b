"""What identifies a training run, so that a killed one resumes, and another one does not take its checkpoint."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import h5py
import platformdirs

from glaciersar.dependencies import files_behind
from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write

TRAINING = "glaciersar.training.loop"
"""The module whose code, with all that it imports, decides the result of a run."""

LEFT_OUT = ("accumulate", "device", "precision", "workers")
"""Of a configuration: what `how` tells as it came out, and what does not matter."""

WORTH_NOTING = 2**28
"""Bytes from which on a file's hash is noted, as it takes more than a moment."""

CODE = "the code of the package"


def run_identity(config: Mapping[str, Any], data: Path, how: Mapping[str, Any]) -> dict[str, Any]:
    """Identify all that decides the result of a run.

    Args:
        config: Its configuration. How many processes load the data does not matter.
        data: Folder of train.h5 and val.h5, which are known by their content: a copy is the same.
        how: What it computes by, such as the kind of device.

    Returns:
        Values of JSON by name.
    """
    identity: dict[str, Any] = {name: value for name, value in config.items() if name not in LEFT_OUT}
    identity |= how
    identity |= {name: content_of(data / name) for name in ("train.h5", "val.h5")}
    code = b"".join(path.read_bytes() for path in files_behind(TRAINING))
    identity[CODE] = hashlib.sha256(code).hexdigest()
    read_back: dict[str, Any] = json.loads(json.dumps(identity))  # a tuple becomes a list, as in a checkpoint
    return read_back


def content_of(path: Path, *, worth_noting: int = WORTH_NOTING) -> str:
    """Give the attribute `content` of a dataset file, or the SHA-256 of a published one, which has none.

    The hash of a large file is noted in the user's cache folder, by the file's path, size and time.
    """
    with h5py.File(path) as file:
        if "content" in file.attrs:
            return str(file.attrs["content"])
    status = path.stat()
    if status.st_size < worth_noting:
        return _hash(path)
    state = [str(path.resolve()), status.st_size, status.st_mtime_ns]
    cache = platformdirs.user_cache_path("glaciersar", appauthor=False, opinion=False) / "contents"
    note = cache / hashlib.sha256(json.dumps(state).encode()).hexdigest()
    try:
        return note.read_text(encoding="ascii")
    except OSError:
        digest = _hash(path)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with atomic_write(note) as temporary:
            temporary.write_text(digest, encoding="ascii")
    except (OSError, InputError):
        pass  # it is computed again
    return digest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Name what differs between the identities of a checkpoint and of a run."""
    return [name for name in dict(expected) | dict(found) if found.get(name) != expected.get(name)]


def list_differences(found: Mapping[str, Any], expected: Mapping[str, Any], names: Collection[str]) -> str:
    """Tell what differs: values of the checkpoint, then those of the run; hashes by their name alone."""
    words = []
    for name in names:
        if name.endswith(".h5") or name == CODE:
            words.append(name)
        else:
            words.append(f"{name} ({found.get(name, 'not told')} there, {expected.get(name, 'not told')} now)")
    return ", ".join(words)
