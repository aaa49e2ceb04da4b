"""Glacier change: areas by year, rates of change with intervals, areas of advance and retreat."""

from collections.abc import Hashable, Iterable, Mapping
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.inventory.area import draw_errors, resample
from glaciersar.inventory.block_sums import NO_GLACIER, mapped_area

Array = NDArray[np.float64]
KEYS = ["glacier", "row", "column"]


def areas_by_year(outlines: gpd.GeoDataFrame, *, glacier: str = "name", year: str = "year") -> pd.DataFrame:
    """Measure the area of each glacier in each year.

    Args:
        outlines: Polygons of several years, in a projected system of metres.
        glacier: Column that names the glacier.
        year: Column of years.

    Returns:
        km², a row each glacier and "total", a column each year; 0 where a glacier has no outline in a year.

    Raises:
        InputError: A column is missing, or the outlines are not in a projected system.
    """
    if missing := {glacier, year} - set(outlines):
        raise InputError(
            f"columns {', '.join(map(str, outlines.columns))} found, {', '.join(sorted(missing))} expected"
        )
    if outlines.crs is None or not outlines.crs.is_projected:
        raise InputError(f"outlines in {outlines.crs} found, in a projected system of metres expected")
    table = (outlines.area / 1e6).groupby([outlines[glacier], outlines[year].astype(int)]).sum().unstack(fill_value=0.0)
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


def rates_by_blocks(
    blocks: Mapping[int, pd.DataFrame], *, draws: int = 10_000, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Give the rates of change between maps of one region, with intervals from blocks drawn with replacement.

    A block is drawn with all its years. The interval is the variation of the change over the region; for the errors of
    the maps see `rates_by_residuals`.

    Args:
        blocks: Year to the frame of `block_sums.sum_map`, of the same grid and the same glaciers.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.
        level: Fraction of the samples within an interval.

    Returns:
        A row each glacier by its number, and "total", and each period (index glacier, start, end): change (km²), rate,
        low and high (km² a year).

    Raises:
        InputError: There are less than two years, or the maps do not cover the same area.
    """
    expected = _expected_areas(blocks)
    return _rate_intervals(blocks, expected, _draw_blocks(expected, draws, np.random.default_rng(seed)), level)


def rates_by_residuals(
    blocks: Mapping[int, pd.DataFrame],
    known: pd.DataFrame,
    *,
    draws: int = 10_000,
    seed: int,
    level: float = 0.95,
) -> pd.DataFrame:
    """Give the rates of change between maps of one region, with intervals from the residuals of validation tiles.

    The maps of different years err independently of each other.

    Args:
        blocks: Year to the frame of `block_sums.sum_map`, of the same grid and the same glaciers.
        known: From `area.residuals`.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.
        level: Fraction of the samples within an interval.

    Returns:
        The frame of `rates_by_blocks`.

    Raises:
        InputError: There are less than two years, or the maps do not cover the same area.
    """
    expected = _expected_areas(blocks)
    drawn = _draw_errors(blocks, expected, known, draws, np.random.default_rng(seed))
    return _rate_intervals(blocks, expected, drawn, level)


def _expected_areas(blocks: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Put the expected areas of all years side by side, km²: a row each glacier and block, a column each year."""
    years = sorted(blocks)
    _periods(years)
    places = {year: blocks[year].groupby(["row", "column"])["mapped"].sum() for year in years}
    mapped = pd.concat(places, axis=1).fillna(0.0)  # km², a row each block
    apart = mapped.max(axis=1) - mapped.min(axis=1)
    if apart.sum() > 1e-3 * mapped.max(axis=1).sum():
        found = ", ".join(f"{area:.1f} km² in {year}" for year, area in mapped.sum().items())
        raise InputError(
            f"{found} mapped found, apart in {(apart > 0).sum()} blocks, the same pixels in every year expected"
        )
    return pd.concat({year: blocks[year].set_index(KEYS)["expected"] for year in years}, axis=1).fillna(0.0)


def _rate_intervals(
    blocks: Mapping[int, pd.DataFrame], expected: pd.DataFrame, drawn: Mapping[Hashable, Array], level: float
) -> pd.DataFrame:
    """Turn (draws, years) areas by glacier and in total into rates with their intervals."""
    years = sorted(blocks)
    most = {year: mapped_area(blocks[year]) for year in years}
    rows = {}
    for glacier, samples in drawn.items():
        part = expected if glacier == "total" else expected.loc[[glacier]]
        for start, end in _periods(years):
            i, j, span = years.index(start), years.index(end), end - start
            low, high = np.quantile((samples[:, j] - samples[:, i]) / span, ((1 - level) / 2, (1 + level) / 2))
            # a glacier loses at most its mapped area at the start, and gains at most that at the end
            largest_loss, largest_gain = (most[year].get(glacier, 0.0) / span for year in (start, end))
            low, high = max(low, -largest_loss), min(high, largest_gain)
            change = float((part[end] - part[start]).sum())
            rows[glacier, start, end] = {"change": change, "rate": change / span, "low": low, "high": high}
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["glacier", "start", "end"]))


def _draw_blocks(expected: pd.DataFrame, draws: int, rng: np.random.Generator) -> dict[Hashable, Array]:
    """Draw blocks, each with all its years: (draws, years) areas by glacier and in total."""
    whole = expected.groupby(level=["row", "column"]).sum()
    found: dict[Hashable, Array] = {"total": resample(whole.to_numpy(), draws=draws, rng=rng)}
    parts: Iterable[tuple[Hashable, pd.DataFrame]] = expected.groupby(level="glacier")  # the stubs expect levels
    for glacier, part in parts:
        if glacier != NO_GLACIER:
            found[glacier] = resample(part.to_numpy(), draws=draws, rng=rng)
    return found


def _draw_errors(
    blocks: Mapping[int, pd.DataFrame],
    expected: pd.DataFrame,
    known: pd.DataFrame,
    draws: int,
    rng: np.random.Generator,
) -> dict[Hashable, Array]:
    """Draw the error of each year independently: (draws, years) areas by glacier and in total."""
    errors = [draw_errors(blocks[year], known, draws=draws, rng=rng) for year in sorted(blocks)]
    none = np.zeros(draws)
    areas = expected.groupby(level="glacier").sum()
    found: dict[Hashable, Array] = {"total": np.empty(0)}  # comes first
    for glacier, row in areas.iterrows():
        found[glacier] = row.to_numpy() + np.stack([error.get(int(str(glacier)), none) for error in errors], axis=1)
    found["total"] = np.sum([found[glacier] for glacier in areas.index], axis=0)
    found.pop(NO_GLACIER, None)
    return found


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
    return frame.assign(area_km2=frame.area / 1e6)
