"""Select scenes, and choose the dates that stand for a year."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.scenes.scene import POLARISATIONS, Scene, as_utc, check_one_orbit, holds, merge_passes


def filter_scenes(
    scenes: Iterable[Scene],
    *,
    year: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    relative_orbit: int | None = None,
    orbit_state: str | None = None,
    polarisation: str | None = None,
) -> list[Scene]:
    """Keep the scenes of a year or period, an orbit, a polarisation; in time order.

    Args:
        scenes: From `find_scenes` or `read_manifest`.
        year: Calendar year, UTC.
        start: First time kept, inclusive; without a time zone it is taken as UTC.
        end: Last time kept, exclusive.
        relative_orbit: 1 to 175.
        orbit_state: "ascending" or "descending".
        polarisation: "HH", "HV", "VV" or "VH"; "HH+HV" or "VV+VH" keeps the scenes that hold both.

    Raises:
        InputError: A scene lacks one of a pair; or nothing is left, and the message says what there was.
    """
    scenes = sorted(scenes, key=lambda scene: (scene.time, scene.id))
    start, end = start and as_utc(start), end and as_utc(end)
    left = [
        scene
        for scene in scenes
        if (year is None or scene.time.year == year)
        and (start is None or scene.time >= start)
        and (end is None or scene.time < end)
        and (relative_orbit is None or scene.relative_orbit == relative_orbit)
        and (orbit_state is None or scene.orbit_state == orbit_state)
        and (polarisation is None or holds(scene, polarisation))
    ]
    if not left:
        asked = {
            "polarisation": polarisation,
            "year": year,
            "relative orbit": relative_orbit,
            "orbit state": orbit_state,
            "start": start and f"{start:%Y-%m-%d}",
            "end": end and f"{end:%Y-%m-%d}",
        }
        raise InputError(f"no scene with {describe_criteria(asked)}; found {describe_scenes(scenes)}")
    unknown = sum(scene.relative_orbit is None for scene in scenes) if relative_orbit is not None else 0
    if unknown:
        print(f"{unknown} scenes of unknown relative orbit left out, {relative_orbit} was asked for")
    return left


def describe_criteria(criteria: Mapping[str, object]) -> str:
    """Say what scenes were searched for, for messages; criteria that are None are left out."""
    return ", ".join(f"{name} {value}" for name, value in criteria.items() if value is not None) or "anything"


def describe_scenes(scenes: Sequence[Scene]) -> str:
    """Summarise scenes in a few words, for messages."""
    if not scenes:
        return "no scene at all"
    kinds = sorted({kind for scene in scenes for kind in scene.hrefs if kind in POLARISATIONS})
    years = sorted({scene.time.year for scene in scenes})
    orbits = sorted({scene.relative_orbit for scene in scenes if scene.relative_orbit is not None})
    parts = [f"{len(scenes)} scenes of {', '.join(kinds)}", f"years {', '.join(map(str, years))}"]
    parts.append(f"relative orbits {', '.join(map(str, orbits))}" if orbits else "relative orbit unknown")
    parts += sorted({scene.orbit_state for scene in scenes if scene.orbit_state})
    return "; ".join(parts)


def choose_series(
    scenes: Iterable[Scene],
    *,
    polarisation: str,
    start: str = "",
    end: str = "",
    relative_orbit: int = 0,
    orbit_state: str = "",
    dates: int = 15,
) -> list[Scene]:
    """Choose the passes to map: one polarisation or pair, one orbit, one period, and the dates that stand for it.

    What another orbit, direction or year leaves out is printed.

    Args:
        scenes: From `find_scenes` or `read_manifest`.
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH".
        start: First day, such as 2022-01-01; empty takes all.
        end: The day after the last one; empty takes all. With neither, the last year with scenes is taken.
        relative_orbit: 1 to 175; 0 takes the lowest that is known.
        orbit_state: "ascending" or "descending"; empty takes the one with more scenes, should one orbit have both, as
            unknown orbits may.
        dates: How many dates stand for the period (`choose_dates`); 0 keeps every date.
    """
    left = filter_scenes(
        scenes,
        polarisation=polarisation,
        start=parse_day(start),
        end=parse_day(end),
        relative_orbit=relative_orbit or None,
        orbit_state=orbit_state or None,
    )
    left = _of_one_direction(_of_lowest_orbit(left))
    if not (start or end):
        left = _of_last_year(left)
    passes = merge_passes(left)
    if not dates:
        return passes
    return [passes[index] for index in choose_dates([scene.time for scene in passes], count=dates)]


def _of_lowest_orbit(scenes: Sequence[Scene]) -> list[Scene]:
    """Keep the scenes of the lowest orbit that is known, and print which others there are."""
    lowest = min((scene.relative_orbit for scene in scenes if scene.relative_orbit is not None), default=None)
    kept = [scene for scene in scenes if scene.relative_orbit == lowest]
    others = Counter(str(s.relative_orbit or "unknown") for s in scenes if s.relative_orbit != lowest)
    if others:
        listed = ", ".join(f"{count} of {orbit}" for orbit, count in others.items())
        print(f"relative orbit {lowest} taken, {len(kept)} scenes; left out by their relative orbit: {listed}")
    return kept


def _of_last_year(scenes: Sequence[Scene]) -> list[Scene]:
    """Keep the scenes of the last year, and print which others there are."""
    years = Counter(scene.time.year for scene in scenes)
    last = max(years)
    if said := describe_other_years(years, last):
        print(f"year {last} taken, {years[last]} scenes; {said}")
    return filter_scenes(scenes, year=last)


def describe_other_years(counts: Mapping[int, int], taken: int) -> str:
    """Say how many scenes or pairs of other years are left out, and how to choose them; empty where there are none."""
    others = ", ".join(f"{count} of {year}" for year, count in sorted(counts.items()) if year != taken)
    return f"left out by their year: {others}, which start and end choose" if others else ""


def _of_one_direction(scenes: Sequence[Scene]) -> list[Scene]:
    """Keep the direction that most scenes have, at a tie the ascending one, and print what is left out.

    Scenes of unknown direction belong to it where their orbit is known: over a place it has one direction.
    """
    states = Counter(scene.orbit_state for scene in scenes if scene.orbit_state)
    if len(states) < 2 and (len(states) == 0 or all(s.orbit_state or s.relative_orbit for s in scenes)):
        return list(scenes)
    first = max(sorted(states), key=lambda state: states[state])
    kept = [s for s in scenes if s.orbit_state == first or not (s.orbit_state or s.relative_orbit is None)]
    print(
        f"{first} passes taken, {len(kept)} scenes; {len(scenes) - len(kept)} left out, which are of another or an "
        f"unknown direction"
    )
    return kept


def choose_dates_by_year(scenes: Iterable[Scene], *, count: int = 15) -> dict[tuple[int, int | None], list[datetime]]:
    """Choose the dates that stand for each year and relative orbit among some scenes.

    Raises:
        InputError: A year and orbit without enough dates.
    """
    chosen, refused = choose_years(scenes, count=count)
    if refused:
        raise InputError(next(iter(refused.values())))
    return chosen


def choose_years(
    scenes: Iterable[Scene], *, count: int = 15
) -> tuple[dict[tuple[int, int | None], list[datetime]], dict[tuple[int, int | None], str]]:
    """Choose the dates that stand for each year and relative orbit; give the reason where that is not possible.

    Returns:
        The dates of each year and orbit that has enough, and for each other one the reason.
    """
    chosen, refused = {}, {}
    for key, passes in passes_by_year(scenes).items():
        times = [scene.time for scene in passes]
        try:
            check_one_orbit(passes)
            chosen[key] = [times[i] for i in choose_dates(times, count=count)]
        except InputError as error:
            refused[key] = str(error)
    return chosen, refused


def passes_by_year(scenes: Iterable[Scene]) -> dict[tuple[int, int | None], list[Scene]]:
    """Group the passes by year and relative orbit, each in time order."""
    passes: dict[tuple[int, int | None], list[Scene]] = {}
    for scene in sorted(
        merge_passes(scenes), key=lambda scene: (scene.time.year, scene.relative_orbit or 0, scene.time)
    ):
        passes.setdefault((scene.time.year, scene.relative_orbit), []).append(scene)
    return passes


def parse_day(day: str) -> datetime | None:
    """Read a day such as 2022-01-01; None of an empty text."""
    try:
        return datetime.fromisoformat(day) if day else None
    except ValueError as error:
        raise InputError(f"{day!r} found, a day such as 2022-01-01 expected") from error


def choose_dates(
    times: Sequence[datetime], *, count: int = 15, spacing_days: float = 24.0, tolerance_days: float | None = None
) -> NDArray[np.intp]:
    """Choose the dates that stand for a year, spread evenly as in the published dataset (15, about 24 days apart).

    The targets lie `spacing_days` apart, centred in the calendar year (or, for a series over several years, in the
    middle between its first and last date). Of all increasing choices, the one with the least total distance in
    days from the targets is taken, so no date is chosen twice.

    Args:
        times: Dates of the series, increasing.
        count: How many to choose.
        spacing_days: Distance of the targets.
        tolerance_days: Furthest that a chosen date may lie from its target; `spacing_days` if not given.

    Returns:
        (count,) indices into `times`, increasing.

    Raises:
        InputError: Too few dates, or a gap in the series that leaves a target without a date.
    """
    tolerance = spacing_days if tolerance_days is None else tolerance_days
    if len(times) < count:
        raise InputError(f"{len(times)} dates found{_span(times)}, at least {count} expected")
    days = np.array([time.timestamp() / 86_400 for time in times])
    if (np.diff(days) <= 0).any():
        raise InputError("dates out of order or twice found, increasing dates expected")
    targets = target_days(times, count=count, spacing_days=spacing_days)
    chosen = _nearest_increasing(days, targets)
    distance = np.abs(days[chosen] - targets)
    if distance.max() > tolerance:
        target = targets[distance.argmax()]
        before, after = days[days <= target], days[days > target]
        gap_from = _day(before[-1]) if before.size else "the start"
        gap_to = _day(after[0]) if after.size else "the end"
        raise InputError(
            f"a date is missing: no scene between {gap_from} and {gap_to}, "
            f"one within {tolerance:g} days of {_day(target)} expected"
        )
    return chosen


def target_days(times: Sequence[datetime], *, count: int = 15, spacing_days: float = 24.0) -> NDArray[np.floating]:
    """Return the target dates (count,), in days since 1970: evenly spaced around the middle of the period."""
    first, last = series_period(times)
    middle = (first.timestamp() + last.timestamp()) / 2 / 86_400
    return middle + spacing_days * (np.arange(count) - (count - 1) / 2)


def series_period(times: Sequence[datetime]) -> tuple[datetime, datetime]:
    """Return the calendar year that holds all dates, its end exclusive, or else the first and the last date."""
    first, last = times[0], times[-1]
    if first.year != last.year:
        return first, last
    return datetime(first.year, 1, 1, tzinfo=UTC), datetime(first.year + 1, 1, 1, tzinfo=UTC)


def _nearest_increasing(days: NDArray[np.floating], targets: NDArray[np.floating]) -> NDArray[np.intp]:
    """Assign to each target a day, increasing, with the least total distance (dynamic programming)."""
    cost = np.abs(targets[:, None] - days[None, :])  # (count, T)
    best = np.full(cost.shape, np.inf)  # least cost of targets 0..k when target k takes day t
    came = np.zeros(cost.shape, np.intp)
    best[0] = cost[0]
    for k in range(1, len(targets)):
        for t in range(k, len(days)):
            came[k, t] = best[k - 1, :t].argmin()
            best[k, t] = cost[k, t] + best[k - 1, came[k, t]]
    chosen = [int(best[-1].argmin())]
    for k in range(len(targets) - 1, 0, -1):
        chosen.append(int(came[k, chosen[-1]]))
    return np.array(chosen[::-1], dtype=np.intp)


def _span(times: Sequence[datetime]) -> str:
    return f" from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}" if times else ""


def _day(days: float) -> str:
    return f"{datetime.fromtimestamp(days * 86_400, UTC):%Y-%m-%d}"
