"""Glacier change: areas by year, changes with intervals, what change can be detected, areas of advance and retreat."""

from collections.abc import Mapping
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2
from glaciersar.inventory.area import parts_of
from glaciersar.inventory.block_sums import mapped_area
from glaciersar.inventory.error_model import ErrorModel, draw_errors

POWER = 0.8  # with which a change of the smallest size that counts as detectable is found


def areas_by_year(outlines: gpd.GeoDataFrame, *, glacier: str = "name", year: str = "year") -> pd.DataFrame:
    """Measure the area of each glacier in each year.

    Args:
        outlines: Polygons of several years, in any coordinate system.
        glacier: Column that names the glacier.
        year: Column of years.

    Returns:
        km² on the ground, a row each glacier and "total", a column each year; 0 where a glacier has no outline.

    Raises:
        InputError: A column is missing, or the outlines have no coordinate system.
    """
    if missing := {glacier, year} - set(outlines):
        raise InputError(
            f"columns {', '.join(map(str, outlines.columns))} found, {', '.join(sorted(missing))} expected"
        )
    columns = [outlines[glacier], outlines[year].astype(int)]
    table = areas_km2(outlines).groupby(columns).sum().unstack(fill_value=0)
    table.loc["total"] = table.sum()
    named: pd.DataFrame = table.rename_axis(index="glacier", columns="year")
    return named


def change_rates(areas: pd.DataFrame) -> pd.DataFrame:
    """Compute changes of area from each year to the next and, of three or more years, from the first to the last.

    Args:
        areas: From `areas_by_year`.

    Returns:
        A row each glacier and period (index glacier, start, end): change (km²), rate (km² a year), relative (% of the
        area at the start, a year).

    Raises:
        InputError: There are less than two years.
    """
    rows = {}
    for glacier, row in areas.iterrows():
        for start, end in _periods(areas.columns):
            change, span = row[end] - row[start], end - start
            relative = 100 * change / span / row[start] if row[start] else np.nan
            rows[glacier, start, end] = {"change": change, "rate": change / span, "relative": relative}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["glacier", "start", "end"]))


def _periods(years: pd.Index | list[int]) -> list[tuple[int, int]]:
    """List the first and last year of each period."""
    ordered = sorted(int(year) for year in years)
    if len(ordered) < 2:
        raise InputError(f"years {ordered} found, at least two expected")
    return [*pairwise(ordered), *([(ordered[0], ordered[-1])] if len(ordered) > 2 else [])]


def change_intervals(
    blocks: Mapping[int, pd.DataFrame], model: ErrorModel, *, draws: int = 10_000, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Give the change from the first to the last map of one region, with its interval and what could be detected.

    What the errors of two maps of one place and orbit have in common cancels, as far as the validation tiles show it;
    where they show nothing, `paired` is False and the interval too wide. Maps between the first and the last are not
    used: three or four are no trend.

    The smallest detectable change is the true change that is told from none, at `level` and by a test of both sides,
    with a power of 80 % (Bloom 1995, Evaluation Review 19): 2.8 standard deviations of the drawn errors if they are
    normal. A rate is told only for a change of that size.

    Args:
        blocks: Year to the frame of `block_sums.sum_map`, of the same grid and the same glaciers.
        model: From `error_model.fit_errors`.
        draws: Draws of the errors.
        seed: The same seed gives the same intervals.
        level: Fraction of the draws within an interval.

    Returns:
        A row each glacier by its number, and "total" (index glacier, start, end): change, low, high and detectable
        (km²), rate (km² a year, NaN where less than detectable), paired (whether what is common cancels). A glacier
        loses at most its mapped area at the start, and gains at most that at the end.

    Raises:
        InputError: There are less than two years, or the maps do not cover the same area.
    """
    (start, end), rng = _ends(blocks), np.random.default_rng(seed)
    maps = {year: dict(parts_of(blocks[year])) for year in (start, end)}
    most = {year: mapped_area(blocks[year]) for year in (start, end)}
    rows = {}
    for glacier in sorted(
        maps[start].keys() | maps[end].keys(), key=lambda key: -1 if key == "total" else int(str(key))
    ):
        both = [maps[year].get(glacier, blocks[year].iloc[:0]) for year in (start, end)]
        errors = draw_errors(model, both, draws=draws, rng=rng)
        areas = np.array([part["expected"].sum() for part in both])
        drawn = np.clip(areas + errors, 0, [most[year].get(glacier, 0.0) for year in (start, end)])
        low, high = np.quantile(drawn[:, 1] - drawn[:, 0], ((1 - level) / 2, (1 + level) / 2))
        apart = np.abs(errors[:, 1] - errors[:, 0])
        detectable = np.quantile(apart, level) + np.quantile(apart, 2 * POWER - 1)  # of the absolute error: one side
        change = areas[1] - areas[0]
        rate = change / (end - start) if abs(change) >= detectable else np.nan
        row = {"change": change, "low": low, "high": high, "detectable": detectable, "rate": rate}
        rows[glacier, start, end] = row | {"paired": model.paired}
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["glacier", "start", "end"]))


def _ends(blocks: Mapping[int, pd.DataFrame]) -> tuple[int, int]:
    """Check that maps cover the same pixels; gives their first and last year."""
    *_, ends = _periods(list(blocks))
    places = {year: blocks[year].groupby(["row", "column"])["mapped"].sum() for year in sorted(blocks)}
    mapped = pd.concat(places, axis=1).fillna(0.0)  # km², a row each block
    apart = mapped.max(axis=1) - mapped.min(axis=1)
    if apart.sum() > 1e-3 * mapped.max(axis=1).sum():
        found = ", ".join(f"{area:.1f} km² in {year}" for year, area in mapped.sum().items())
        raise InputError(
            f"{found} mapped found, apart in {(apart > 0).sum()} blocks, the same pixels in every year expected"
        )
    return ends


def gained_and_lost(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Outline the areas of advance and of retreat between two years.

    Args:
        before: Outlines of the first year.
        after: Outlines of the second year, in any CRS.

    Returns:
        Polygons in the CRS of `before` with columns change ("gained" by advance, "lost" by retreat) and area_km2.
    """
    after = after.to_crs(before.crs)
    ice = [gpd.GeoDataFrame(geometry=part.geometry.array, crs=before.crs) for part in (before, after)]
    parts = {
        "gained": gpd.overlay(ice[1], ice[0], how="difference", keep_geom_type=not ice[1].empty),
        "lost": gpd.overlay(ice[0], ice[1], how="difference", keep_geom_type=not ice[0].empty),
    }
    both = pd.concat([part.explode(ignore_index=True).assign(change=kind) for kind, part in parts.items()])
    frame = gpd.GeoDataFrame(both, crs=before.crs).reset_index(drop=True)
    return frame.assign(area_km2=areas_km2(frame))
