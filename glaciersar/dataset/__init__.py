"""Build tiles from scenes and outlines, in the published layout; open and sample them."""

from glaciersar.dataset.building import build, tiles_of
from glaciersar.dataset.opening import Entry, check_no_leakage, list_groups, split_of

__all__ = ["Entry", "build", "check_no_leakage", "list_groups", "split_of", "tiles_of"]
