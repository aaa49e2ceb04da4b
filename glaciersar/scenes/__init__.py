"""Find Sentinel-1 scenes, choose their dates, freeze the list, read a series onto a grid."""

from glaciersar.scenes.choosing import choose_dates, choose_series, dates_of_years, select
from glaciersar.scenes.describing import gaps, kind, table
from glaciersar.scenes.finding import find
from glaciersar.scenes.reading import Series, covering, footprint, look, read_series
from glaciersar.scenes.records import Scene, freeze, merge_passes, thaw

__all__ = [
    "Scene",
    "Series",
    "choose_dates",
    "choose_series",
    "covering",
    "dates_of_years",
    "find",
    "footprint",
    "freeze",
    "gaps",
    "kind",
    "look",
    "merge_passes",
    "read_series",
    "select",
    "table",
    "thaw",
]
