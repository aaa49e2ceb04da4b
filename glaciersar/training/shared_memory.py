"""Refuse a training whose loading processes would find too little shared memory, before its work starts.

Batches go from loading processes to the training through /dev/shm, of which a Docker container has 64 MB unless it is
started with --shm-size. Where that is full, a process dies by a bus error that says nothing.
"""

import shutil
from pathlib import Path

from glaciersar.errors import InputError

PLACE = Path("/dev/shm")
FETCHED = 2  # batches that torch lets each loading process prepare ahead
IN_USE = 2  # batches that the training holds: one that it computes, one on its way to a GPU
FLOAT = 4  # bytes of a float32


def batch_bytes(*, patches: int, features: int, dates: int, side: int) -> int:
    """Count the bytes of a batch: series (B, F, T, P, P) and labels (B, 2, P, P), both float32."""
    return FLOAT * patches * (features * dates + 2) * side**2


def check_shared_memory(batch: int, *, workers: int, processes: int = 1, place: Path = PLACE) -> None:
    """Refuse loading processes for which shared memory is too small.

    Args:
        batch: Bytes of a batch.
        workers: Loading processes of each training process; none need no shared memory.
        processes: Training processes of this machine.
        place: Where shared memory is mounted; what is no folder is not checked.

    Raises:
        InputError: Fewer bytes are free than they will need at once.
    """
    if not workers or not place.is_dir():
        return
    needed = processes * (FETCHED * workers + IN_USE) * batch
    free = shutil.disk_usage(place).free
    if free < needed:
        raise InputError(
            f"{place}: {free / 2**20:.0f} MiB of shared memory free, {needed / 2**20:.0f} MiB expected for "
            f"workers={workers}; `docker run --shm-size={-(-needed // 2**30) + 1}g`, or workers=0"
        )
