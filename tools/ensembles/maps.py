"""The maps of tiles by each member of an ensemble, kept on disk: a killed run goes on, and counting takes no time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.io.atomic import atomic_write
from glaciersar.models import Network

SUBSETS = ("val", "test")
STRIDE = 5  # so that some of the tiles, as a run that is not finished has them, lie all over the region


@dataclass(frozen=True, kw_only=True)
class MemberMaps:
    """A tile of a dataset file as each member maps it."""

    probability: NDArray[np.float32]
    """(K, H, W) of glacier; NaN without radar."""
    reference: NDArray[np.bool_]
    """(H, W) glacier in the labels."""


def map_members(members: Sequence[Network], data: Path, out: Path) -> None:
    """Map the validation and test tiles of a dataset by each of some networks; what is mapped already stays.

    Args:
        members: The networks.
        data: Folder with val.h5 and test.h5.
        out: Folder for a file each subset, tile and member.
    """
    for subset in SUBSETS:
        path = data / f"{subset}.h5"
        for name in _tiles(path):
            for member in members:
                if (kept := _file(out, subset, name, member)).exists():
                    continue
                ((_, probability, labels),) = iter_tile_maps(member, path, window=384, progress=False, names=[name])
                seen = np.where(labels.sum(0) > 0, probability, np.nan).astype(np.float32)
                kept.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(kept) as temporary, temporary.open("wb") as file:
                    np.savez_compressed(file, probability=seen, reference=labels[1] > 0.5)


def _tiles(path: Path) -> list[str]:
    """List the tiles of a dataset file, every fifth first."""
    with h5py.File(path) as file:
        names = sorted(file)
    return [name for first in range(STRIDE) for name in names[first::STRIDE]]


def _file(out: Path, subset: str, name: str, member: Network) -> Path:
    return out / subset / f"{name}-{member.checksum()[:16]}.npz"


def read_maps(members: Sequence[Network], data: Path, out: Path, subset: str) -> Mapping[str, MemberMaps]:
    """Read the maps of the tiles of a subset that all members have mapped, by the name of the tile.

    Raises:
        InputError: There is none.
    """
    found = {}
    for name in _tiles(data / f"{subset}.h5"):
        paths = [_file(out, subset, name, member) for member in members]
        if all(path.exists() for path in paths):
            kept = [np.load(path) for path in paths]
            maps = np.stack([one["probability"] for one in kept])
            found[name] = MemberMaps(probability=maps, reference=kept[0]["reference"])
    if not found:
        raise InputError(f"{out / subset}: no tile found that all {len(members)} members have mapped, some expected")
    return found
