"""Compare the files of two runs, byte by byte."""

import hashlib
from collections.abc import Callable
from pathlib import Path

Leave = Callable[[Path], bool]


def contents(folder: Path, left_out: Leave = lambda _: False) -> dict[str, str]:
    """Hash each file of a folder by its path in it; `left_out` is asked with that path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not left_out(path.relative_to(folder)))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Say which files differ, are missing, or are left over."""
    said = [f"{name} differs" for name in sorted(found.keys() & expected.keys()) if found[name] != expected[name]]
    said += [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    return said + [f"{name} is left over" for name in sorted(found.keys() - expected.keys())]
