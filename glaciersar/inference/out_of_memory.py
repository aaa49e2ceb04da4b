"""Map in smaller windows where the memory of a GPU runs out."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import torch

from glaciersar.errors import InputError

if TYPE_CHECKING:
    from glaciersar.inference.sliding_window import Tiling

LEAST = 32  # pixels of a window, less than which no network maps well

Result = TypeVar("Result")


def smaller_tilings(tiling: "Tiling", shape: tuple[int, int]) -> "list[Tiling]":
    """List the tilings to go on with when memory runs out: each has windows of half the side.

    They overlap by as many pixels as before, as seams would show otherwise, but by no more than half a window where the
    given windows do not.

    Args:
        tiling: The given one.
        shape: Of the raster, pixels; a window that holds all of it is no larger.
    """
    common, most = tiling.window * tiling.overlap, max(tiling.overlap, 0.5)
    window, found = min(tiling.window, max(shape)) // 2, []
    while window >= LEAST:
        found.append(replace(tiling, window=window, overlap=min(common / window, most)))
        window //= 2
    return found


def map_within_memory(run: "Callable[[Tiling], Result]", tilings: "Sequence[Tiling]") -> Result:
    """Map by the first of some tilings that memory is enough for; says so where it is not the first.

    Each try begins anew, so that the map is the one that its tiling would have given from the start.

    Args:
        run: Maps the whole raster by a tiling.
        tilings: The given one, and those of `smaller_tilings`.

    Raises:
        InputError: Memory is not enough for the last one.
    """
    for tiling, smaller in zip(tilings, [*tilings[1:], None], strict=True):
        try:
            return run(tiling)
        except torch.OutOfMemoryError:
            found = f"windows of {tiling.window} pixels need more memory than the GPU has"
        gc.collect()  # the error held what was computed
        torch.cuda.empty_cache()
        if smaller is None:
            raise InputError(f"{found}; expected a GPU that no one else uses, or device='cpu'")
        print(f"{found}: started anew with windows of {smaller.window}")
    raise AssertionError("a tiling is given")
