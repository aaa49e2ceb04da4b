"""How well the dates of a series cover its year."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.scenes.choosing import passes_by_year, period, wished_days
from glaciersar.scenes.records import Scene

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How well some dates cover a year, or the period between the first and the last of them."""

    near: float
    """Share of the wished dates, 0 to 1, with a pass within a quarter of their spacing: 6 days for 24."""
    gap: tuple[datetime, datetime]
    """The longest time without a pass; it may begin or end with the year."""
    empty_months: tuple[str, ...]
    """Months without a pass, such as "2020-05"."""
    wishes: tuple[datetime, ...]
    """The dates that are wished."""

    @property
    def gap_days(self) -> float:
        """Length of the longest gap."""
        return (self.gap[1] - self.gap[0]) / timedelta(days=1)


def cover(times: Sequence[datetime], *, count: int = 15, spacing_days: float = 24.0) -> Coverage:
    """Measure how well dates cover their year; `choose_dates` takes its dates from the same wishes.

    Args:
        times: Dates of the passes, increasing, at least one.
        count: How many dates stand for the year.
        spacing_days: Distance of the wished dates.
    """
    if not times:
        raise InputError("no date found, at least one expected to cover a year")
    first, last = period(times)
    wishes = wished_days(times, count=count, spacing_days=spacing_days)
    days = np.array([time.timestamp() / 86_400 for time in times])
    distance = np.abs(days[:, None] - wishes[None, :]).min(0)  # (T, count) -> (count,)
    months = pd.period_range(f"{first:%Y-%m}", f"{last - timedelta(microseconds=1):%Y-%m}", freq="M")
    seen = {f"{time:%Y-%m}" for time in times}
    return Coverage(
        near=float((distance <= spacing_days / 4).mean()),
        gap=max(pairwise([first, *times, last]), key=lambda pair: pair[1] - pair[0]),
        empty_months=tuple(str(month) for month in months if str(month) not in seen),
        wishes=tuple(datetime.fromtimestamp(day * 86_400, UTC) for day in wishes),
    )


def coverage(scenes: Iterable[Scene], *, count: int = 15) -> pd.DataFrame:
    """Tell for each year and relative orbit how many passes there are and how well they cover the year."""
    rows = []
    for (year, orbit), passes in passes_by_year(scenes).items():
        found = cover([scene.time for scene in passes], count=count)
        rows.append(
            {
                "year": year,
                "relative orbit": orbit,
                "passes": len(passes),
                "near their wish": found.near,
                "largest gap, days": found.gap_days,
                "from": f"{found.gap[0]:%Y-%m-%d}",
                "to": f"{found.gap[1]:%Y-%m-%d}",
                "months without": ", ".join(MONTHS[int(month[-2:]) - 1] for month in found.empty_months) or "none",
            }
        )
    return pd.DataFrame(rows)
