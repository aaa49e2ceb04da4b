"""Show a network the dates that it was trained on: as many, evenly spread over a series, as its weight file says.

In a shorter series the nearest dates stand for those that are missing. Shown fewer, a network of 15 dates fails: what
it has learned of a year, and of sums over it, no longer holds.
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
    subset = model.metadata.get("date_sampling") == "subset"
    count = dates_in_training(model) if subset or "dates" in model.metadata else None
    dates = spread_dates(min(count or of, of), of=of)
    model.check_dates(len(dates))
    return dates


def named_dates(model: Network, named: Sequence[int]) -> tuple[int, ...]:
    """Choose what a network is shown of the dates that were named of the 15 of a dataset.

    Args:
        model: From `pretrained.load`.
        named: Some of 0 … 14.

    Returns:
        For a network of which it is known how many dates it was trained on, as many: the nearest of those named for
        each. Else, and for one of single dates, those named.

    Raises:
        InputError: A date does not exist, or it does not take as many.
    """
    dates = check_shown(named)
    if dates_in_training(model):
        dates = tuple(map(int, nearest_dates(named, trained_dates(model, of=DATES))))
    model.check_dates(len(dates))
    return dates


def stand_in_dates(model: Network, *, of: int) -> tuple[int, ...]:
    """Choose what stands for the dates that a series lacks, if it is shorter than those a network was trained on.

    Args:
        model: From `pretrained.load`.
        of: Dates of the series.

    Returns:
        Indices, 0 … of − 1, in order: all; in a shorter series as many as in training, evenly spread, some repeated.
    """
    count = max(dates_in_training(model) or 0, of)
    return tuple((2 * k + 1) * of // (2 * count) for k in range(count))


def describe_stand_ins(model: Network, *, of: int) -> str:
    """Say in a sentence that dates of a series stand for others; empty where none does."""
    count = len(stand_in_dates(model, of=of))
    return f"{model.name}: {of} dates found, trained on {count}: the nearest stand for the others" if count > of else ""


def dates_in_training(model: Network) -> int | None:
    """Tell how many dates of a year a network saw in training; None of single dates, or where its weights don't say."""
    sampling = model.metadata.get("date_sampling", "")
    if sampling == "one" or not {"dates", "date_sampling", "trained_on"} & model.metadata.keys():
        return None
    text = model.metadata.get("dates", str(DATES))
    if not (text.isdecimal() and int(text)):
        raise InputError(f"{model.name}: dates={text!r} found in the metadata of its weights, a number expected")
    return int(text)


def keep_trained(model: Network, series: Sequence[T]) -> list[T]:
    """Keep those dates of a series that a network is shown; an empty one is left to who reads it.

    Raises:
        InputError: As for `trained_dates`.
    """
    return [series[date] for date in trained_dates(model, of=len(series))] if series else []
