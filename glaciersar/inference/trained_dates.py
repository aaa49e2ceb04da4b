"""Show a network the dates that it was trained on: as many, evenly spread over a series, as its weight file says.

One that was trained on a random number of dates always sees as many: the nearest stand for those that are missing.
"""

from collections.abc import Sequence
from typing import TypeVar

from glaciersar.dataset.date_sampling import DATES, check_shown, nearest_dates, spread_dates
from glaciersar.errors import InputError
from glaciersar.models import Network

T = TypeVar("T")


def trained_dates(model: Network, *, of: int) -> tuple[int, ...]:
    """Choose the dates of a series that a network is shown.

    Args:
        model: From `pretrained.load`. Without a number of dates in its metadata it was trained on all of a year, and is
            shown all of the series; with one, that many by `spread_dates`, or all where the series has no more.
        of: Dates of the series.

    Returns:
        Indices, 0 … of − 1, in order.

    Raises:
        InputError: It was trained on single dates, and the series has several; its number of dates is none; or it
            does not take as many dates as it would be shown.
    """
    if model.metadata.get("date_sampling") == "one" and of != 1:
        raise InputError(
            f"{model.name}: trained on single dates, a series of {of} found, one named date of it expected"
        )
    text = model.metadata.get("dates", str(DATES if trained_on_subsets(model) else of))
    if not (text.isdecimal() and int(text)):
        raise InputError(f"{model.name}: dates={text!r} found in the metadata of its weights, a number expected")
    dates = spread_dates(min(int(text), of), of=of)
    model.check_dates(len(dates))
    return dates


def named_dates(model: Network, named: Sequence[int]) -> tuple[int, ...]:
    """Choose what a network is shown of the dates that were named of the 15 of a dataset.

    Args:
        model: From `pretrained.load`.
        named: Some of 0 … 14.

    Returns:
        The dates as they were named. For a network that was trained on a random number of dates, as many as then: the
        nearest of them for each.

    Raises:
        InputError: A date does not exist, or it does not take as many.
    """
    dates = check_shown(named)
    if trained_on_subsets(model):
        dates = tuple(map(int, nearest_dates(named, trained_dates(model, of=DATES))))
    model.check_dates(len(dates))
    return dates


def stand_in_dates(model: Network, *, of: int) -> tuple[int, ...]:
    """Choose what stands for the dates that a short series lacks, for a network of a random number of dates.

    Args:
        model: From `pretrained.load`.
        of: Dates of the series, as many as `trained_dates` gives, or fewer.

    Returns:
        Indices, 0 … of − 1, in order, as many as the network was trained on: evenly spread, some of them repeated.
    """
    count = len(trained_dates(model, of=DATES))
    return tuple((2 * k + 1) * of // (2 * count) for k in range(count))


def trained_on_subsets(model: Network) -> bool:
    """Tell whether a network was trained on a random number of dates."""
    return model.metadata.get("date_sampling") == "subset"


def keep_trained(model: Network, series: Sequence[T]) -> list[T]:
    """Keep those dates of a series that a network is shown; an empty one is left to who reads it.

    Raises:
        InputError: As for `trained_dates`.
    """
    return [series[date] for date in trained_dates(model, of=len(series))] if series else []
