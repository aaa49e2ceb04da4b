"""Choose the pairs of coherence to map: on one grid, of one orbit and period, and the dates that stand for it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.scenes.coherence import CoherencePair, shortest_baselines
from glaciersar.scenes.footprint import describe_geobox, overlaps, raster_footprints
from glaciersar.scenes.scene import Scene, as_utc
from glaciersar.scenes.selection import choose_dates, describe_criteria, describe_other_years, parse_day


def pairs_covering(pairs: Iterable[CoherencePair], geobox: GeoBox) -> list[CoherencePair]:
    """Keep the pairs whose rasters touch a grid; of several with the same middle that of the shortest baseline.

    Raises:
        InputError: No pair touches the grid.
    """
    pairs = list(pairs)
    kept = [pair for pair in pairs if overlaps(geobox, raster_footprints(pair.hrefs, str(geobox.crs)))]
    if not kept:
        raise InputError(
            f"no pair of coherence touches the grid {describe_geobox(geobox)}; found {describe_pairs(pairs)}"
        )
    return shortest_baselines(kept)


def choose_pairs(
    pairs: Sequence[CoherencePair],
    *,
    beside: Sequence[Scene] = (),
    start: str = "",
    end: str = "",
    relative_orbit: int = 0,
    dates: int = 15,
) -> list[CoherencePair]:
    """Choose the pairs to map, as `selection.choose_series` chooses scenes; a pair lies where its middle lies.

    What another orbit or year leaves out is printed.

    Args:
        pairs: From `coherence.find_pairs`.
        beside: The scenes that are mapped with them, of one orbit: the pairs are of it and, without start and end, of
            the year of the last scene; without scenes, the lowest orbit and the last year are taken.
        start, end, relative_orbit: As for `selection.choose_series`.
        dates: How many pairs stand for the period (`selection.choose_dates`); 0 keeps every one.

    Raises:
        InputError: No such pair, or too few.
    """
    wanted = relative_orbit or next((s.relative_orbit for s in beside if s.relative_orbit), None)
    orbit = wanted or min((pair.relative_orbit for pair in pairs), default=None)
    if not relative_orbit:
        _tell_other_orbits(pairs, orbit)
    first, last = (day and as_utc(day) for day in (parse_day(start), parse_day(end)))
    left = [
        pair
        for pair in pairs
        if pair.relative_orbit == orbit and (first is None or pair.time >= first) and (last is None or pair.time < last)
    ]
    year = None
    if not (start or end) and (beside or left):
        year = (beside or left)[-1].time.year
        counts = Counter(pair.time.year for pair in left)
        left = [pair for pair in left if pair.time.year == year]
        if left and (said := describe_other_years(counts, year)):
            print(f"year {year} taken of the coherence, {len(left)} pairs; {said}")
    if not left:
        asked = {"year": year, "relative orbit": orbit, "start": start or None, "end": end or None}
        raise InputError(f"no pair of coherence with {describe_criteria(asked)}; found {describe_pairs(pairs)}")
    if not dates:
        return left
    try:
        return [left[k] for k in choose_dates([pair.time for pair in left], count=dates)]
    except InputError as error:
        raise InputError(f"coherence: {error}") from error


def _tell_other_orbits(pairs: Sequence[CoherencePair], taken: int | None) -> None:
    """Print how many pairs of other orbits are left out."""
    counts = Counter(pair.relative_orbit for pair in pairs)
    if len(counts) > 1 and taken in counts:
        listed = ", ".join(f"{count} of {orbit}" for orbit, count in sorted(counts.items()) if orbit != taken)
        print(f"relative orbit {taken} taken of the coherence; left out by their relative orbit: {listed}")


def describe_pairs(pairs: Sequence[CoherencePair]) -> str:
    """Summarise pairs in a few words, for messages."""
    if not pairs:
        return "no pair at all"
    years, orbits = (sorted(found) for found in ({p.time.year for p in pairs}, {p.relative_orbit for p in pairs}))
    return f"{len(pairs)} pairs; years {', '.join(map(str, years))}; relative orbits {', '.join(map(str, orbits))}"


def describe_series(pairs: Sequence[CoherencePair]) -> str:
    """Say how many pairs a series has, of which baselines, and from when to when their middles are."""
    apart = " or ".join(map(str, sorted({pair.baseline_days for pair in pairs})))
    return f"{len(pairs)} pairs of coherence {apart} days apart, {pairs[0].time:%Y-%m-%d} to {pairs[-1].time:%Y-%m-%d}"
