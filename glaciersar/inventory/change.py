"""How glaciers change from year to year: areas, rates with intervals, ground gained and lost."""

from collections.abc import Hashable, Mapping
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.inventory.area import NO_GLACIER, draw_errors, mapped_area, resample

Array = NDArray[np.float64]
KEYS = ["glacier", "row", "column"]


def areas_by_year(outlines: gpd.GeoDataFrame, *, glacier: str = "name", year: str = "year") -> pd.DataFrame:
    """Measure each glacier in each year.

    Args:
        outlines: Polygons of several years, in a projected system of metres.
        glacier: Column that names the glacier.
        year: Column of years.

    Returns:
        km², a row each glacier and "total", a column each year; 0 where a glacier has no outline in a year.
    """
    if missing := {glacier, year} - set(outlines):
        raise InputError(
            f"columns {', '.join(map(str, outlines.columns))} found, {', '.join(sorted(missing))} expected"
        )
    if outlines.crs is None or not outlines.crs.is_projected:
        raise InputError(f"outlines in {outlines.crs} found, in a projected system of metres expected")
    table = (outlines.area / 1e6).groupby([outlines[glacier], outlines[year].astype(int)]).sum().unstack(fill_value=0.0)
    table.loc["total"] = table.sum()
    return table.rename_axis(index="glacier", columns="year")


def change_rates(areas: pd.DataFrame) -> pd.DataFrame:
    """Turn areas by year into changes, from each year to the next and, of three or more, from the first to the last.

    Args:
        areas: From `areas_by_year`.

    Returns:
        A row each glacier and period (index glacier, start, end): change (km²), rate (km² a year), relative (% of the
        area at the start, a year).
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
    ordered = sorted(int(year) for year in years)
    if len(ordered) < 2:
        raise InputError(f"years {ordered} found, at least two expected")
    return [*pairwise(ordered), *([(ordered[0], ordered[-1])] if len(ordered) > 2 else [])]


def rates_of_maps(
    blocks: Mapping[int, pd.DataFrame],
    known: pd.DataFrame | None = None,
    *,
    draws: int = 10_000,
    seed: int,
    level: float = 0.95,
) -> pd.DataFrame:
    """Give the rates of change between maps of one region, with their intervals.

    Args:
        blocks: Year to the frame of `area.sum_map`, of the same grid and the same glaciers.
        known: Residuals of validation tiles, from `area.residuals`: the maps then err each on its own. Without them
            blocks are drawn with replacement, each with all its years: how much the change varies over the region.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.
        level: Share of the samples within an interval.

    Returns:
        A row each glacier by its number, and "total", and each period (index glacier, start, end): change (km²), rate,
        low and high (km² a year).

    Raises:
        InputError: The maps do not cover the same area.
    """
    years = sorted(blocks)
    periods = _periods(years)
    places = {year: blocks[year].groupby(["row", "column"])["mapped"].sum() for year in years}
    mapped = pd.concat(places, axis=1).fillna(0.0)  # km², a row each block
    apart = mapped.max(axis=1) - mapped.min(axis=1)
    if apart.sum() > 1e-3 * mapped.max(axis=1).sum():
        found = ", ".join(f"{area:.1f} km² in {year}" for year, area in mapped.sum().items())
        raise InputError(
            f"{found} mapped found, apart in {(apart > 0).sum()} blocks, the same pixels in every year expected"
        )
    table = pd.concat({year: blocks[year].set_index(KEYS)["expected"] for year in years}, axis=1).fillna(0.0)
    most = {year: mapped_area(blocks[year]) for year in years}
    rng = np.random.default_rng(seed)
    drawn = _draw_blocks(table, draws, rng) if known is None else _draw_errors(blocks, table, known, draws, rng)
    rows = {}
    for glacier, samples in drawn.items():
        part = table if glacier == "total" else table.loc[[glacier]]
        for start, end in periods:
            i, j, span = years.index(start), years.index(end), end - start
            low, high = np.quantile((samples[:, j] - samples[:, i]) / span, ((1 - level) / 2, (1 + level) / 2))
            lost, gained = (most[year].get(glacier, 0.0) / span for year in (start, end))
            low, high = max(low, -lost), min(high, gained)  # no more ice than is mapped goes or comes
            change = float((part[end] - part[start]).sum())
            rows[glacier, start, end] = {"change": change, "rate": change / span, "low": low, "high": high}
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["glacier", "start", "end"]))


def _draw_blocks(table: pd.DataFrame, draws: int, rng: np.random.Generator) -> dict[Hashable, Array]:
    """Draw blocks, each with all its years: (draws, years) areas by glacier and in total."""
    whole = table.groupby(level=["row", "column"]).sum()
    found: dict[Hashable, Array] = {"total": resample(whole.to_numpy(), draws=draws, rng=rng)}
    for glacier, part in table.groupby(level="glacier"):
        if glacier != NO_GLACIER:
            found[glacier] = resample(part.to_numpy(), draws=draws, rng=rng)
    return found


def _draw_errors(
    blocks: Mapping[int, pd.DataFrame], table: pd.DataFrame, known: pd.DataFrame, draws: int, rng: np.random.Generator
) -> dict[Hashable, Array]:
    """Draw the error of each year on its own: (draws, years) areas by glacier and in total."""
    errors = [draw_errors(blocks[year], known, draws=draws, rng=rng) for year in sorted(blocks)]
    none = np.zeros(draws)
    areas = table.groupby(level="glacier").sum()
    found: dict[Hashable, Array] = {"total": np.empty(0)}  # comes first
    for glacier, row in areas.iterrows():
        found[glacier] = row.to_numpy() + np.stack([error.get(int(str(glacier)), none) for error in errors], axis=1)
    found["total"] = np.sum([found[glacier] for glacier in areas.index], axis=0)
    found.pop(NO_GLACIER, None)
    return found


def gained_and_lost(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Find where ice came and where it went.

    Returns:
        Polygons with columns change ("gained" or "lost") and area_km2; what stayed is in neither.
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
