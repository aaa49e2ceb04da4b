"""Read which version of each package the lock files pin, and by which hashes."""

import re
from dataclasses import dataclass
from pathlib import Path

from glaciersar.errors import InputError

ALL, IMAGE, TORCH = "requirements.lock", "requirements-image.lock", "requirements-torch.txt"
"""Everything but torch; what the image takes of it; torch."""
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+))?")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One package of a lock file."""

    version: str
    hashes: frozenset[str]
    """Of every file that the version has on the index, "sha256:…"; empty for torch."""
    marker: str
    """Where the package is needed, such as "sys_platform == 'darwin'"; empty for everywhere."""


def read_lock(path: Path) -> dict[str, Pin]:
    """Read a lock file, by the normalised names of its packages.

    Raises:
        InputError: A line that pins nothing, or a package that is there twice.
    """
    pins: dict[str, Pin] = {}
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin, *_ = line.partition("--hash=")
        found = _PIN.fullmatch(pin.strip())
        if not found:
            raise InputError(f"{path.name}: '{pin.strip()}' found, NAME==VERSION expected")
        name = re.sub(r"[-_.]+", "-", found["name"]).lower()
        if name in pins:
            raise InputError(f"{path.name}: {name} is pinned twice")
        pins[name] = Pin(version=found["version"], hashes=frozenset(_HASH.findall(line)), marker=found["marker"] or "")
    return pins


def read_versions(root: Path) -> dict[str, str]:
    """Give the version of every package of a checkout's locks, torch among them."""
    return {name: pin.version for file in (ALL, TORCH) for name, pin in read_lock(root / file).items()}
