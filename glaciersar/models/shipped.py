"""Weights that ship with the package: small networks trained on *simulated* radar.

Each lies in `WEIGHTS` as NAME.safetensors beside NAME.json, its record as a STAC item with the fields of the extension
for machine-learning models (MLM). `python -m tools.ship_weights` makes both from a run of `make evidence`.
"""

import hashlib
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.io.limits import read_json

WEIGHTS = Path(__file__).with_name("weights")
SHIPPED = ("unet3d-simulated", "ulstm-simulated")
ASSET = "weights"
"""The asset of a record that is the weight file."""
SHA256 = "1220"
"""What a multihash of the STAC extension `file` begins with: the code of SHA-256, and its length of 32 bytes."""


def shipped_file(name: str) -> Path:
    """Find shipped weights and check them against the checksum in their record.

    Args:
        name: One of `SHIPPED`.

    Raises:
        InputError: This installation has no such weights, or they are not those of their record.
    """
    path = WEIGHTS / f"{name}.safetensors"
    record = path.with_suffix(".json")
    if not (path.is_file() and record.is_file()):
        missing = path if record.is_file() else record
        raise InputError(
            f"{name}: {missing} is not there, weights of `make evidence` expected, "
            f"which `python -m tools.ship_weights runs/evidence` puts there"
        )
    expected, found = read_checksum(record), multihash(path)
    if found != expected:
        raise InputError(f"{path}: checksum {found} found, {expected} of {record.name} expected")
    return path


def multihash(path: str | Path) -> str:
    """Compute the checksum of a file as the STAC extension `file` writes it, in hexadecimal digits."""
    return SHA256 + hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_checksum(record: str | Path) -> str:
    """Read the checksum of the weights from their record.

    Raises:
        InputError: The record is no STAC item of weights.
    """
    try:
        item: dict[str, Any] = read_json(record)
        return str(item["assets"][ASSET]["file:checksum"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record}: no file:checksum of an asset {ASSET!r} found, a STAC item expected") from error
