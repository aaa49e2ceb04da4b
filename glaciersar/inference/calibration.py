"""Calibrated confidence: how often a map is right where it says so, fitted on validation tiles.

Every calibration is fitted on a `ProbabilityHistogram`, which adds up over tiles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import expit

from glaciersar.errors import InputError
from glaciersar.inference.histogram import Array, ProbabilityHistogram, clipped_logit
from glaciersar.io.atomic import write_json
from glaciersar.io.checksums import verify_json, with_checksum
from glaciersar.io.limits import read_json


def entropy_confidence(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Measure how far a two-class probability is from a coin toss: 1 − its Shannon entropy in bits; not calibrated."""
    p = np.clip(probability, 1e-7, 1 - 1e-7)
    confidence: NDArray[np.floating] = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
    return confidence


class Calibration(Protocol):
    """A rule from the probability that a model gives to the share of such pixels that are glacier."""

    method: ClassVar[str]
    """Its name in files, messages and `METHODS`; "none" for no calibration."""

    def __call__(self, probability: ArrayLike) -> Array:
        """Compute the calibrated probability of glacier, same shape; NaN stays NaN."""

    def confidence(self, probability: ArrayLike) -> Array:
        """Compute the probability that the call, glacier above 0.5, is right; same shape, NaN stays NaN."""
        calibrated = self(probability)
        return np.where(np.asarray(probability) > 0.5, calibrated, 1 - calibrated)

    def record(self) -> dict[str, Any]:
        """List method and parameters, as files keep them: all four keys, whatever the method."""
        return {"method": self.method, "temperature": 1.0, "at": (), "value": ()} | vars(self)


@dataclass(frozen=True)
class Uncalibrated(Calibration):
    """The probability as the model gives it."""

    method: ClassVar[str] = "none"

    def __call__(self, probability: ArrayLike) -> Array:
        return np.asarray(probability, float)


@dataclass(frozen=True, kw_only=True)
class TemperatureCalibration(Calibration):
    """Divide the logit by one number."""

    temperature: float
    """Above 1 where the model is too sure."""
    method: ClassVar[str] = "temperature"

    def __call__(self, probability: ArrayLike) -> Array:
        p = np.asarray(probability, float)
        return p if self.temperature == 1 else expit(clipped_logit(p) / self.temperature)


@dataclass(frozen=True, kw_only=True)
class IsotonicCalibration(Calibration):
    """Interpolate the share of glacier between knots of the logit."""

    at: tuple[float, ...]
    """Logits, ascending."""
    value: tuple[float, ...]
    """Share of glacier at each."""
    method: ClassVar[str] = "isotonic"

    def __call__(self, probability: ArrayLike) -> Array:
        return np.interp(clipped_logit(probability), self.at, self.value)


@dataclass(frozen=True, kw_only=True)
class KernelRidgeCalibration(Calibration):
    """Interpolate the share of right calls between knots of the Shannon confidence."""

    at: tuple[float, ...]
    """Shannon confidences, ascending."""
    value: tuple[float, ...]
    """Share of right calls at each."""
    method: ClassVar[str] = "shannon"

    def __call__(self, probability: ArrayLike) -> Array:
        p = np.asarray(probability, float)
        right = np.interp(entropy_confidence(p), self.at, self.value)
        calibrated: Array = np.where(p > 0.5, right, 1 - right)
        return calibrated


UNCALIBRATED = Uncalibrated()


def fit_isotonic(histogram: ProbabilityHistogram) -> IsotonicCalibration:
    """Fit the share of glacier as a rising step function of the probability, by pooling adjacent violators.

    After Zadrozny and Elkan 2002 (KDD).
    """
    p, pixels, glacier = histogram.filled()
    fit = isotonic_regression(glacier / pixels, weights=pixels)
    first, last = fit.blocks[:-1], fit.blocks[1:] - 1
    knots = np.unique(np.concatenate((first, last)))  # both ends of each step
    return IsotonicCalibration(at=_floats(clipped_logit(p[knots])), value=_floats(fit.x[knots]))


def fit_temperature(histogram: ProbabilityHistogram) -> TemperatureCalibration:
    """Fit the one number that the logit is divided by, by the least log-loss (Guo and others 2017, ICML)."""
    p, pixels, glacier = histogram.filled()
    z = clipped_logit(p)

    def loss(sharpness: float) -> float:
        scaled = sharpness * z
        return float((glacier * np.logaddexp(0, -scaled) + (pixels - glacier) * np.logaddexp(0, scaled)).sum())

    best = minimize_scalar(loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-6})  # convex in 1/T
    return TemperatureCalibration(temperature=1 / float(best.x))


def fit_kernel_ridge(
    histogram: ProbabilityHistogram, *, bins: int = 100, width: float = 1.0, ridge: float = 0.01
) -> KernelRidgeCalibration:
    """Fit the share of right calls by Shannon confidence, by kernel ridge regression (Laplacian): the authors' way.

    Each bin of confidence that holds pixels is one point, all of the same weight. The authors do not publish their
    `width` and `ridge`.

    Args:
        histogram: Of the validation tiles.
        bins: Equal bins of confidence from 0 to 1.
        width: Distance over which the kernel exp(−|a − b| / width) falls to 1/e.
        ridge: Added to the diagonal of the kernel matrix.
    """
    table = reliability_table(histogram, UNCALIBRATED, bins=bins, measure=entropy_confidence)
    at, share = table["confidence"].to_numpy(), table["accuracy"].to_numpy()

    def kernel(a: Array, b: Array) -> Array:
        return np.exp(-np.abs(a[:, None] - b[None, :]) / width)

    weights = np.linalg.solve(kernel(at, at) + ridge * np.eye(len(at)), share)
    knots = np.unique(np.concatenate((np.linspace(0, 1, 257), at)))  # between them the curve is straight to 1e-5
    return KernelRidgeCalibration(at=_floats(knots), value=_floats(np.clip(kernel(knots, at) @ weights, 0, 1)))


METHODS: dict[str, Callable[[ProbabilityHistogram], Calibration]] = {
    "isotonic": fit_isotonic,
    "temperature": fit_temperature,
    "shannon": fit_kernel_ridge,
}


_INTERPOLATING: dict[object, type[IsotonicCalibration] | type[KernelRidgeCalibration]] = {
    rule.method: rule for rule in (IsotonicCalibration, KernelRidgeCalibration)
}


def fit_calibration(histogram: ProbabilityHistogram, method: str) -> Calibration:
    """Fit a calibration by its name."""
    if method not in METHODS:
        raise InputError(f"calibration method {method!r} found, one of {', '.join(METHODS)} expected")
    return METHODS[method](histogram)


def reliability_table(
    histogram: ProbabilityHistogram,
    calibration: Calibration = UNCALIBRATED,
    *,
    bins: int = 10,
    measure: Callable[[NDArray[np.floating]], NDArray[np.floating]] | None = None,
) -> pd.DataFrame:
    """Compare confidence with the share of right calls, in equal bins of confidence from 0 to 1.

    Args:
        histogram: Of the tiles to judge on.
        calibration: The rule to judge.
        bins: How many.
        measure: Another confidence of a probability, such as `entropy_confidence`, instead of the calibrated one.

    Returns:
        A row a bin that holds pixels: pixels, confidence (mean), accuracy (share of right calls).
    """
    p, pixels, glacier = histogram.filled()
    stated = calibration.confidence(p) if measure is None else measure(p)
    right = np.where(p > 0.5, glacier, pixels - glacier)
    place = np.minimum((stated * bins).astype(int), bins - 1)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (pixels, pixels * stated, right)]
    count, confidence, accuracy = (values[sums[0] > 0] for values in sums)
    return pd.DataFrame({"pixels": count.astype(int), "confidence": confidence / count, "accuracy": accuracy / count})


def calibration_error(table: pd.DataFrame) -> float:
    """Average the gap between confidence and accuracy over the pixels: the expected calibration error (ECE)."""
    gap = (table["confidence"] - table["accuracy"]).abs()
    return float((gap * table["pixels"]).sum() / table["pixels"].sum())


def compare_calibrations(fitted_on: ProbabilityHistogram, judged_on: ProbabilityHistogram) -> pd.DataFrame:
    """Fit every method on one histogram and judge it on another.

    Returns:
        A row a method, first those before calibration: "none" is the probability of the called class, "none, Shannon"
        the authors' confidence. Columns: ECE of 10 and of 100 bins, log_loss and area (expected over true glacier; NaN
        for what is no probability).
    """
    rows = {
        "none, Shannon": _judge(judged_on, UNCALIBRATED, entropy_confidence),
        "none": _judge(judged_on, UNCALIBRATED),
    }
    rows |= {name: _judge(judged_on, fit_calibration(fitted_on, name)) for name in METHODS}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("calibration")


def _judge(
    histogram: ProbabilityHistogram,
    calibration: Calibration,
    measure: Callable[[NDArray[np.floating]], NDArray[np.floating]] | None = None,
) -> dict[str, float]:
    errors = {
        f"ece_{bins}": calibration_error(reliability_table(histogram, calibration, bins=bins, measure=measure))
        for bins in (10, 100)
    }
    if measure is not None:
        return errors | {"log_loss": np.nan, "area": np.nan}
    p, pixels, glacier = histogram.filled()
    q = np.clip(calibration(p), 1e-7, 1 - 1e-7)
    loss = -(glacier * np.log(q) + (pixels - glacier) * np.log(1 - q)).sum() / pixels.sum()
    return errors | {"log_loss": float(loss), "area": float((q * pixels).sum() / max(glacier.sum(), 1))}


def write_calibration(path: str | Path, calibration: Calibration, **about: object) -> None:
    """Write a calibration as JSON, with what it was fitted on and a checksum."""
    write_json(path, with_checksum(calibration.record() | {"about": about}))


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration that `write_calibration` wrote.

    Raises:
        InputError: The file is missing, is no calibration, or was changed after it was written.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a calibration (JSON)")
    try:
        content = read_json(path)
        method, temperature = str(content["method"]), float(content["temperature"])
        at, value = _floats(content["at"]), _floats(content["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: no calibration found ({found}), expected as 07-confidence writes it") from error
    verify_json(content, path)
    rising = len(at) == len(value) and (np.diff(at) > 0).all()
    if method in _INTERPOLATING and at and rising and temperature > 0:
        return _INTERPOLATING[method](at=at, value=value)
    if method == TemperatureCalibration.method and not at and not value and temperature > 0:
        return TemperatureCalibration(temperature=temperature)
    if method == Uncalibrated.method and not at and not value and temperature == 1:
        return UNCALIBRATED
    raise InputError(f"{path}: method {method!r} with {len(at)} knots found, a calibration expected")


def _floats(values: ArrayLike) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, float).ravel())
