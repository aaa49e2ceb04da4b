"""Which dates of a year a sample shows: all that are used, one, a shuffled order, or a random part of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError

DATES = 15
"""Dates that stand for a year in the published layout."""
DATE_SAMPLINGS = ("all", "one", "shuffled", "subset")
"""All dates; one at random; all in a random order; a random number of them, at least one, in order, with the nearest
of them in place of each that is left out."""


def spread_dates(count: int, *, of: int = DATES) -> tuple[int, ...]:
    """Choose dates evenly spread over a series: the middle ones of `count` equal parts of it.

    Date k is round((k + 0.5) · of / count − 0.5), halves rounded up: of 15 dates 1 is number 7, 3 are 2, 7 and 12, and
    5 are 1, 4, 7, 10 and 13.

    Args:
        count: How many.
        of: Dates of the series.

    Returns:
        Indices, 0 … of − 1, in order.

    Raises:
        InputError: No date, or more than there are.
    """
    if not 1 <= count <= of:
        raise InputError(f"dates={count} found, 1 to {of} expected")
    return tuple((2 * k + 1) * of // (2 * count) for k in range(count))


def nearest_dates(kept: Sequence[int], series: Sequence[int]) -> NDArray[np.integer]:
    """Put the nearest date that is kept in place of each date of a series; of two as near, the earlier.

    So a series keeps its length when dates are left out, and batch normalisation the statistics that it has learned.

    Args:
        kept: Dates that are known, at least one.
        series: Dates that a network expects, in order.

    Returns:
        (T,) dates of `kept`, for the T dates of the series.
    """
    known = np.sort(np.array(kept))
    found: NDArray[np.integer] = known[np.abs(known - np.array(series)[:, None]).argmin(axis=1)]  # (T, K) apart
    return found


def check_shown(shown: Sequence[int], *, of: int = DATES) -> tuple[int, ...]:
    """Refuse a list of dates that is empty or names one that a series of `of` dates does not have."""
    if not shown or not all(0 <= date < of for date in shown):
        raise InputError(f"dates={list(shown)} found, some of 0 to {of - 1} expected")
    return tuple(shown)


def check_sampling(name: str) -> None:
    """Refuse a name that is not in `DATE_SAMPLINGS`."""
    if name not in DATE_SAMPLINGS:
        raise InputError(f"date_sampling={name!r} found, one of {', '.join(DATE_SAMPLINGS)} expected")


def draw_dates(rng: np.random.Generator, sampling: str, used: Sequence[int]) -> NDArray[np.integer]:
    """Draw the dates that a sample shows.

    Args:
        rng: Random numbers; none is taken for "all".
        sampling: One of `DATE_SAMPLINGS`.
        used: Dates to draw from, in order.

    Returns:
        (T,) dates of `used`, `count_shown` of them; in order unless shuffled.
    """
    dates = np.array(used)
    if sampling == "all":
        return dates
    if sampling == "subset":
        kept = rng.permutation(dates)[: rng.integers(1, len(dates) + 1)]
        return nearest_dates(kept.tolist(), used)
    drawn: NDArray[np.integer] = rng.permutation(dates)[: count_shown(sampling, used=len(used))]
    return drawn


def count_shown(sampling: str, *, used: int) -> int:
    """Count the dates that a sample shows, of those that are used."""
    return 1 if sampling == "one" else used
