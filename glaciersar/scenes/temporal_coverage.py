"""How well the dates of a series cover its year."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.scenes.reader import Series
from glaciersar.scenes.scene import POLARISATIONS, Scene
from glaciersar.scenes.selection import passes_by_year, series_period, target_days

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class TemporalCoverage:
    """How well some dates cover a year, or the period between the first and the last of them."""

    near: float
    """Fraction of the target dates, 0 to 1, with a pass within a quarter of their spacing: 6 days for 24."""
    gap: tuple[datetime, datetime]
    """The longest time without a pass; it may begin or end with the year."""
    empty_months: tuple[str, ...]
    """Months without a pass, such as "2020-05"."""
    target_dates: tuple[datetime, ...]
    """Evenly spaced dates, near which passes are chosen."""

    @property
    def gap_days(self) -> float:
        """Length of the longest gap."""
        return (self.gap[1] - self.gap[0]) / timedelta(days=1)


def measure_coverage(times: Sequence[datetime], *, count: int = 15, spacing_days: float = 24.0) -> TemporalCoverage:
    """Measure how well dates cover their year; `choose_dates` has the same target dates.

    Args:
        times: Dates of the passes, increasing, at least one.
        count: How many dates stand for the year.
        spacing_days: Distance of the target dates.
    """
    if not times:
        raise InputError("no date found, at least one expected to cover a year")
    first, last = series_period(times)
    targets = target_days(times, count=count, spacing_days=spacing_days)
    days = np.array([time.timestamp() / 86_400 for time in times])
    distance = np.abs(days[:, None] - targets[None, :]).min(0)  # (T, count) -> (count,)
    months = pd.period_range(f"{first:%Y-%m}", f"{last - timedelta(microseconds=1):%Y-%m}", freq="M")
    seen = {f"{time:%Y-%m}" for time in times}
    return TemporalCoverage(
        near=float((distance <= spacing_days / 4).mean()),
        gap=max(pairwise([first, *times, last]), key=lambda pair: pair[1] - pair[0]),
        empty_months=tuple(str(month) for month in months if str(month) not in seen),
        target_dates=tuple(datetime.fromtimestamp(day * 86_400, UTC) for day in targets),
    )


def coverage_by_year(scenes: Iterable[Scene], *, count: int = 15) -> pd.DataFrame:
    """Count the passes of each year and relative orbit, and measure how well they cover the year."""
    rows = []
    for (year, orbit), passes in passes_by_year(scenes).items():
        found = measure_coverage([scene.time for scene in passes], count=count)
        rows.append(
            {
                "year": year,
                "relative orbit": orbit,
                "passes": len(passes),
                "near target": found.near,
                "largest gap, days": found.gap_days,
                "from": f"{found.gap[0]:%Y-%m-%d}",
                "to": f"{found.gap[1]:%Y-%m-%d}",
                "months without": ", ".join(MONTHS[int(month[-2:]) - 1] for month in found.empty_months) or "none",
            }
        )
    return pd.DataFrame(rows)


def count_scenes(scenes: Sequence[Scene]) -> pd.DataFrame:
    """Count scenes by year and relative orbit, with the first and last date and the polarisations."""
    rows = [
        {
            "year": scene.time.year,
            "relative orbit": scene.relative_orbit,
            "time": scene.time,
            "polarisations": ", ".join(sorted(kind for kind in scene.hrefs if kind in POLARISATIONS)),
        }
        for scene in scenes
    ]
    grouped = pd.DataFrame(rows).groupby(["year", "relative orbit", "polarisations"], dropna=False)["time"]
    found = grouped.agg(scenes="size", first="min", last="max").reset_index()
    for column in ("first", "last"):
        found[column] = found[column].dt.strftime("%Y-%m-%d")
    return found


def data_source(scenes: Sequence[Scene]) -> str:
    """Name the data for titles and captions, so that no simulated result passes for a real one."""
    simulated = [scene.platform == "simulated" for scene in scenes] or [False]  # coherence alone is never simulated
    return "simulated radar" if all(simulated) else "partly simulated radar" if any(simulated) else "Sentinel-1"


def incomplete_dates(series: Series, *, least: float = 0.01) -> dict[str, float]:
    """Return the fraction of the pixels seen by any date that a date misses, by day, if it is `least` or more."""
    seen = np.isfinite(series.power)  # (T, H, W)
    missing = 1 - seen.sum((1, 2)) / max(int(seen.any(0).sum()), 1)
    shares = zip(series.times, missing, strict=True)
    return {f"{time:%Y-%m-%d}": float(share) for time, share in shares if share >= least}
