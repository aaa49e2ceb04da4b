"""Choose in how many parts a device computes its patches of a step, so that they fit into its memory."""

from collections.abc import Callable

from glaciersar.errors import InputError

MemoryEstimate = Callable[[int], int]
"""Bytes that a training step needs on a device, for a number of patches at once."""


def choose_accumulation(free_bytes: int, bytes_needed_at: MemoryEstimate, *, patches: int) -> int:
    """Choose the fewest equal parts of a device's patches of which one fits into free memory.

    Args:
        free_bytes: Free memory of the device.
        bytes_needed_at: What a step needs for a number of patches at once.
        patches: The device's patches of a step.

    Returns:
        A divisor of `patches`; 1 computes all at once.

    Raises:
        InputError: Not even one patch fits.
    """
    for parts in range(1, patches + 1):
        if patches % parts == 0 and bytes_needed_at(patches // parts) <= free_bytes:
            return parts
    raise InputError(
        f"{free_bytes / 2**30:.1f} GiB of free memory found, {bytes_needed_at(1) / 2**30:.1f} GiB expected for one "
        f"patch at a time; a smaller width or patch"
    )
