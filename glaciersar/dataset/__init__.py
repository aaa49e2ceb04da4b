"""Build tiles from scenes and outlines, in the published layout; open and sample them."""

from glaciersar.dataset.building import build, tiles_of
from glaciersar.dataset.opening import Entry, check_no_leakage, list_groups, split_of
from glaciersar.dataset.sampling import FittingPatches, RandomPatches, Tiles

__all__ = [
    "Entry",
    "FittingPatches",
    "RandomPatches",
    "Tiles",
    "build",
    "check_no_leakage",
    "list_groups",
    "split_of",
    "tiles_of",
]
