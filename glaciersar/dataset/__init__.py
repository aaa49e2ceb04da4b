"""Build tiles from scenes and outlines, in the published layout; open and sample them."""

from glaciersar.dataset.building import build, tiles_of
from glaciersar.dataset.describing import TileSeries, area_of, busiest, card, kind, pixel_of, read_tile, year_by_class
from glaciersar.dataset.opening import Entry, check_no_leakage, check_published, list_groups, split_of
from glaciersar.dataset.sampling import FittingPatches, RandomPatches, Tiles, batches

__all__ = [
    "Entry",
    "FittingPatches",
    "RandomPatches",
    "TileSeries",
    "Tiles",
    "area_of",
    "batches",
    "build",
    "busiest",
    "card",
    "check_no_leakage",
    "check_published",
    "kind",
    "list_groups",
    "pixel_of",
    "read_tile",
    "split_of",
    "tiles_of",
    "year_by_class",
]
