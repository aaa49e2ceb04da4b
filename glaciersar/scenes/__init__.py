"""Search for Sentinel-1 scenes, choose their dates, freeze the list, read a series onto a grid."""

from glaciersar.scenes.calendar import Coverage, cover, coverage
from glaciersar.scenes.choosing import (
    choose_dates,
    choose_series,
    choose_years,
    dates_of_years,
    passes_by_year,
    select,
)
from glaciersar.scenes.describing import gaps, kind, table
from glaciersar.scenes.finding import find
from glaciersar.scenes.freezing import freeze, thaw
from glaciersar.scenes.marking import changes, mark
from glaciersar.scenes.places import place_of
from glaciersar.scenes.reading import Series, covering, footprint, look, read_series
from glaciersar.scenes.records import Mark, Scene, merge_passes
from glaciersar.scenes.searching import search

__all__ = [
    "Coverage",
    "Mark",
    "Scene",
    "Series",
    "changes",
    "choose_dates",
    "choose_series",
    "choose_years",
    "cover",
    "coverage",
    "covering",
    "dates_of_years",
    "find",
    "footprint",
    "freeze",
    "gaps",
    "kind",
    "look",
    "mark",
    "merge_passes",
    "passes_by_year",
    "place_of",
    "read_series",
    "search",
    "select",
    "table",
    "thaw",
]
