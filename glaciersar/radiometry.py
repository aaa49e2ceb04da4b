"""Backscatter as the models see it: linear power to decibels, units checked, scaled, gaps filled.

This is the one preprocessing; training and mapping both come through `prepare`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError

Array = NDArray[np.floating]

PUBLISHED_RANGES = {
    "grd": (-146.01214599609375, 43.54314041137695),  # dB
    "rtc": (-121.29015350341797, 44.299530029296875),  # dB
    "insar": (0.0, 0.9979742169380188),  # coherence
}
"""Smallest and largest value of each feature in the published dataset; the published weights expect this scaling."""

CROSS = "_cross"
"""Ends the name of a cross-polarised feature, which stands beside the co-polarised one of the same scenes."""

RANGES = PUBLISHED_RANGES | {f"{feature}{CROSS}": PUBLISHED_RANGES[feature] for feature in ("grd", "rtc")}
"""Values of each feature that are scaled to 0 and 1; a cross-polarised one is scaled as its co-polarised one."""

OF_POWER = tuple(feature for feature in RANGES if feature != "insar")
"""The features that are backscatter."""

NOISE_FLOOR = 1e-4
"""−40 dB, well below the noise of any Sentinel-1 mode (NESZ −22 dB or better). Lower values, among them
all that noise subtraction made negative, are no measurement; at −100 dB, single pixels would outweigh a glacier."""

UNITS = ("linear", "db")


def to_decibel(power: Array, *, floor: float = 1e-10) -> Array:
    """Convert linear backscatter power to decibels.

    Args:
        power: Backscatter (sigma or gamma nought), linear, any shape. Non-positive values occur where the noise
            subtraction overshot; they are clipped to `floor`.
        floor: Smallest power kept; 1e-10 is -100 dB.

    Returns:
        Backscatter in dB, same shape; NaN stays NaN.
    """
    return 10 * np.log10(np.maximum(power, floor))


def to_power(decibel: Array) -> Array:
    """Convert decibels to linear backscatter power, any shape; NaN stays NaN."""
    return 10 ** (decibel / 10)


def scale(values: Array, *, feature: str = "grd") -> NDArray[np.float32]:
    """Map a feature's range in the published dataset to 0 … 1, any shape; NaN stays NaN."""
    low, high = _range(feature)
    return ((values - low) / (high - low)).astype(np.float32, copy=False)


def unscale(scaled: Array, *, feature: str = "grd") -> Array:
    """Undo `scale`: back to dB, or to coherence."""
    low, high = _range(feature)
    return scaled * (high - low) + low


def _range(feature: str) -> tuple[float, float]:
    if feature not in RANGES:
        raise InputError(f"feature {feature!r} is unknown; expected one of {', '.join(RANGES)}")
    return RANGES[feature]


def check_backscatter(feature: str) -> None:
    """Refuse a feature that is not made of backscatter power, such as coherence."""
    if feature not in OF_POWER:
        raise InputError(f"feature {feature!r} found, one made of backscatter power ({', '.join(OF_POWER)}) expected")


def check_units(values: Array, *, units: str, name: str) -> None:
    """Refuse values that cannot be in the declared units.

    Linear power of land, ice and sea lies above zero but for a little noise, and is rarely above 10 (+10 dB);
    decibels of the same scene are mostly negative, and its darkest pixels lie below -1 dB.

    Args:
        values: Backscatter of one scene, any shape, NaN where there is none.
        units: What the user or the archive declares: "linear" or "db".
        name: The file, for the message.

    Raises:
        InputError: The units are unknown, or the values contradict them.
    """
    if units not in UNITS:
        raise InputError(f"{name}: units={units!r} found, 'linear' or 'db' expected")
    seen = values[np.isfinite(values)]
    seen = seen[
        :: max(seen.size // 100_000, 1)
    ]  # enough for percentiles; of all pixels they would take longer than reading
    if seen.size == 0:
        raise InputError(f"{name}: no pixel holds a value (all nodata), expected backscatter")
    low, middle, high = np.percentile(seen, (2, 50, 98))
    found = f"values from {low:.3g} to {high:.3g} (2nd to 98th percentile)"
    if units == "linear" and low < -1:
        raise InputError(
            f"{name}: {found} look like decibels, but units='linear' was given; pass units='db' if they are"
        )
    if units == "linear" and middle > 10:
        raise InputError(
            f"{name}: {found} look like uncalibrated digital numbers, not linear power as units='linear' says"
        )
    if units == "db" and low > -1:
        raise InputError(
            f"{name}: {found} look like linear power or digital numbers, but units='db' was given; "
            f"pass units='linear' if they are power"
        )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A series ready for a model."""

    series: NDArray[np.float32]
    """(T, H, W) scaled to the published range, finite everywhere; (F, T, H, W) of several features."""
    valid: NDArray[np.bool_]
    """(H, W) False where no date has a value: no radar, so neither glacier nor background."""
    filled: NDArray[np.intp]
    """(H, W) how many of a pixel's dates were missing and filled from those before and after, of several features the
    most; 0 where not valid."""

    @property
    def filled_fraction(self) -> float:
        """Share of the values, among valid pixels, that were missing and filled; 0 to 1."""
        dates: int = self.series.shape[-3]
        return int(self.filled.sum()) / max(int(self.valid.sum()) * dates, 1)


def prepare(power: Array, *, feature: str = "grd") -> Prepared:
    """Turn a series of linear power into the scaled series that models are trained on and applied to.

    Args:
        power: (T, H, W) backscatter, linear power, NaN where a date has no value.
        feature: Whose scaling to use, one of `OF_POWER`.

    Returns:
        The scaled series. Power below `NOISE_FLOOR` is raised to it. A missing value takes the mean in dB of the
        pixel's nearest dates before and after that have one, or of the one that there is; a pixel without any date is 0
        and not valid.
    """
    check_backscatter(feature)
    return _prepared(scale(to_decibel(power, floor=NOISE_FLOOR), feature=feature), np.isfinite(power))


def prepare_coherence(coherence: Array) -> Prepared:
    """Turn a series of coherence (T, H, W), 0 to 1, NaN where there is none, into the result of `prepare`."""
    return _prepared(scale(coherence, feature="insar"), np.isfinite(coherence))


def stack_features(parts: Sequence[Prepared]) -> Prepared:
    """Put features of the same dates and pixels, each (T, H, W), into one series (F, T, H, W).

    A pixel is valid where every feature has a value.
    """
    valid = np.logical_and.reduce([part.valid for part in parts])
    filled = np.where(valid, np.maximum.reduce([part.filled for part in parts]), 0)
    # a single one is not copied: it may be large
    series = np.stack([part.series for part in parts]) if len(parts) > 1 else parts[0].series[None]
    return Prepared(series=series, valid=valid, filled=filled)


def _prepared(series: NDArray[np.float32], seen: NDArray[np.bool_]) -> Prepared:
    count = seen.sum(axis=0)  # (H, W)
    if not seen.all():
        _fill(series, seen)
    filled = np.where(count > 0, len(series) - count, 0)
    return Prepared(series=series, valid=count > 0, filled=filled)


def _fill(series: NDArray[np.float32], seen: NDArray[np.bool_]) -> None:
    """Fill what is missing in a series (T, H, W) from the nearest dates before and after; without any with 0."""
    after = np.full_like(series, np.nan)
    nearest = after[-1].copy()  # (H, W)
    for k in reversed(range(len(series))):
        np.copyto(nearest, series[k], where=seen[k])
        after[k] = nearest
    nearest[:] = np.nan
    for k in range(len(series)):
        np.copyto(nearest, series[k], where=seen[k])
        both = (nearest + after[k]) / 2  # NaN where one of them is
        either = np.where(np.isnan(nearest), after[k], nearest)
        value = np.where(np.isnan(both), either, both)
        np.copyto(series[k], np.nan_to_num(value, nan=0), where=~seen[k])
