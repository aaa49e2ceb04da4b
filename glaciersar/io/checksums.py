"""Checksums within files: of JSON that we write, and of the tensors of weight files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glaciersar.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

KEY = "sha256"
"""Name of the entry, beside the content that it is of."""
_told: set[str] = set()


def json_checksum(content: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of the values of a JSON object but its checksum, whatever its spaces and order."""
    rest = {name: value for name, value in content.items() if name != KEY}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def with_checksum(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add its checksum to a JSON object."""
    return dict(content) | {KEY: json_checksum(content)}


def verify_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Compare a JSON object that was read from a file with its checksum.

    Raises:
        InputError: They differ; the message says how an intended change is kept.
    """
    verify(content.get(KEY), json_checksum(content), path, remedy=f'; where the change is meant, remove "{KEY}"')


def tensors_checksum(tensors: "Mapping[str, Tensor]", about: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of tensors, by name, type, shape and bytes, and of what a header says about them."""
    import torch

    digest = hashlib.sha256(json_checksum(about).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def verify(noted: Any, found: str, path: str | Path, *, remedy: str = "") -> None:
    """Compare a checksum with the one noted in a file; where none is, as in older files, say so once and go on.

    Raises:
        InputError: They differ.
    """
    if noted is None:
        if str(path) not in _told:
            _told.add(str(path))
            print(f"{path}: no checksum in it, as in files of older versions; taken as it is")
    elif noted != found:
        raise InputError(
            f"{path}: content with checksum {found[:12]}… found, {str(noted)[:12]}… expected as noted in it; "
            f"it was changed after it was written{remedy}"
        )
