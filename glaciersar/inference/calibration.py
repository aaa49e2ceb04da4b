"""Calibrated confidence: how often a map is right where it says so, learnt on validation tiles.

Pixels are counted in fine bins of the logit of their probability, split by truth. Such tallies add up over tiles, are
all that the calibrations need, and take the same memory whatever the number of pixels.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import expit, logit

from glaciersar.errors import InputError
from glaciersar.io.atomic import write_json

Array = NDArray[np.float64]

LIMIT = 16.0  # of the logit: float32 cannot tell a probability further up from 1
BINS = 4096  # so a bin is at most 0.002 of probability wide


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbabilityHistogram:
    """Pixels counted by probability and truth; tallies of several maps add up."""

    counts: NDArray[np.int64]
    """(2, BINS): pixels without glacier, with glacier."""
    total: Array
    """(BINS,): sum of their probabilities."""

    @classmethod
    def empty(cls) -> "ProbabilityHistogram":
        return cls(counts=np.zeros((2, BINS), np.int64), total=np.zeros(BINS))

    @classmethod
    def of(
        cls, probability: NDArray[np.floating], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
    ) -> "ProbabilityHistogram":
        """Count the pixels of a map, any shape; only those that are `valid`, if given."""
        inside = slice(None) if valid is None else valid
        p, glacier = probability[inside].ravel().astype(float), truth[inside].ravel()
        if not ((p >= 0) & (p <= 1)).all():  # NaN fails both
            raise InputError("a probability that is NaN or not within 0 and 1 found, one in every valid pixel expected")
        index = _bin(p)
        counts = np.bincount(index + BINS * glacier, minlength=2 * BINS).reshape(2, BINS)
        return cls(counts=counts, total=np.bincount(index, p, BINS).astype(float))

    def __add__(self, other: "ProbabilityHistogram") -> "ProbabilityHistogram":
        return ProbabilityHistogram(counts=self.counts + other.counts, total=self.total + other.total)

    def filled(self) -> tuple[Array, Array, Array]:
        """Give the bins that hold pixels: mean probability, pixels, and pixels with glacier; each (n,)."""
        pixels = self.counts.sum(0)
        held = pixels > 0
        if not held.any():
            raise InputError("no valid pixel to calibrate on found, at least one expected")
        return self.total[held] / pixels[held], pixels[held].astype(float), self.counts[1, held].astype(float)


def _bin(probability: Array) -> NDArray[np.intp]:
    """Find the bin of each probability; 0.5 falls into the last one that is not called glacier."""
    place = (_logit(probability) + LIMIT) * (BINS / (2 * LIMIT))
    return np.clip(np.ceil(place).astype(np.intp) - 1, 0, BINS - 1)


def _logit(probability: ArrayLike) -> Array:
    return np.clip(logit(np.asarray(probability, float)), -LIMIT, LIMIT)


def entropy_confidence(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Tell how far a two-class probability is from a coin toss: 1 − its Shannon entropy in bits; not calibrated."""
    p = np.clip(probability, 1e-7, 1 - 1e-7)
    return 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A rule from the probability that a model gives to the share of such pixels that are glacier."""

    method: str
    """One of `METHODS`, or "none"."""
    temperature: float = 1.0
    """What the logit is divided by; of "none" and "temperature"."""
    at: tuple[float, ...] = ()
    """Knots: logits ("isotonic") or Shannon confidences ("shannon"), ascending."""
    value: tuple[float, ...] = ()
    """At each knot the share of glacier, or of right calls; straight lines between."""

    def __call__(self, probability: ArrayLike) -> Array:
        """Give the calibrated probability of glacier, same shape; NaN stays NaN."""
        p = np.asarray(probability, float)
        if self.method == "isotonic":
            return np.interp(_logit(p), self.at, self.value)
        if self.method == "shannon":
            right = np.interp(entropy_confidence(p), self.at, self.value)
            return np.where(p > 0.5, right, 1 - right)
        return p if self.temperature == 1 else expit(_logit(p) / self.temperature)

    def confidence(self, probability: ArrayLike) -> Array:
        """Give the calibrated probability that the call, glacier above 0.5, is right; same shape, NaN stays NaN."""
        calibrated = self(probability)
        return np.where(np.asarray(probability) > 0.5, calibrated, 1 - calibrated)


UNCALIBRATED = Calibration(method="none")


def fit_isotonic(tally: ProbabilityHistogram) -> Calibration:
    """Fit the share of glacier as a rising step function of the probability, by pooling adjacent violators.

    After Zadrozny and Elkan 2002 (KDD).
    """
    p, pixels, glacier = tally.filled()
    fit = isotonic_regression(glacier / pixels, weights=pixels)
    first, last = fit.blocks[:-1], fit.blocks[1:] - 1
    knots = np.unique(np.concatenate((first, last)))  # both ends of each step
    return Calibration(method="isotonic", at=_floats(_logit(p[knots])), value=_floats(fit.x[knots]))


def fit_temperature(tally: ProbabilityHistogram) -> Calibration:
    """Fit the one number that the logit is divided by, by the least log-loss (Guo and others 2017, ICML)."""
    p, pixels, glacier = tally.filled()
    z = _logit(p)

    def loss(sharpness: float) -> float:
        turned = sharpness * z
        return float((glacier * np.logaddexp(0, -turned) + (pixels - glacier) * np.logaddexp(0, turned)).sum())

    best = minimize_scalar(loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-6})  # convex in 1/T
    return Calibration(method="temperature", temperature=1 / float(best.x))


def fit_kernel_ridge(
    tally: ProbabilityHistogram, *, bins: int = 100, width: float = 1.0, ridge: float = 0.01
) -> Calibration:
    """Fit the share of right calls by Shannon confidence, by kernel ridge regression (Laplacian): the authors' way.

    One point for each bin of confidence that holds pixels, all of the same weight. Their `width` and `ridge` are not
    known here.

    Args:
        tally: Of the validation tiles.
        bins: Equal bins of confidence from 0 to 1.
        width: Distance over which the kernel exp(−|a − b| / width) falls to 1/e.
        ridge: Added to the diagonal of the kernel matrix.
    """
    table = reliability_table(tally, UNCALIBRATED, bins=bins, measure=entropy_confidence)
    at, share = table["confidence"].to_numpy(), table["accuracy"].to_numpy()

    def kernel(a: Array, b: Array) -> Array:
        return np.exp(-np.abs(a[:, None] - b[None, :]) / width)

    weights = np.linalg.solve(kernel(at, at) + ridge * np.eye(len(at)), share)
    knots = np.unique(np.concatenate((np.linspace(0, 1, 257), at)))  # between them the curve is straight to 1e-5
    return Calibration(method="shannon", at=_floats(knots), value=_floats(np.clip(kernel(knots, at) @ weights, 0, 1)))


METHODS: dict[str, Callable[[ProbabilityHistogram], Calibration]] = {
    "isotonic": fit_isotonic,
    "temperature": fit_temperature,
    "shannon": fit_kernel_ridge,
}


def fit_calibration(tally: ProbabilityHistogram, method: str) -> Calibration:
    """Fit a calibration by its name."""
    if method not in METHODS:
        raise InputError(f"calibration method {method!r} found, one of {', '.join(METHODS)} expected")
    return METHODS[method](tally)


def reliability_table(
    tally: ProbabilityHistogram,
    calibration: Calibration = UNCALIBRATED,
    *,
    bins: int = 10,
    measure: Callable[[NDArray[np.floating]], NDArray[np.floating]] | None = None,
) -> pd.DataFrame:
    """Compare confidence with the share of right calls, in equal bins of confidence from 0 to 1.

    Args:
        tally: Of the tiles to judge on.
        calibration: The rule to judge.
        bins: How many.
        measure: Another confidence of a probability, such as `shannon`, instead of the calibrated one.

    Returns:
        A row a bin that holds pixels: pixels, confidence (mean), accuracy (share of right calls).
    """
    p, pixels, glacier = tally.filled()
    said = calibration.confidence(p) if measure is None else measure(p)
    right = np.where(p > 0.5, glacier, pixels - glacier)
    place = np.minimum((said * bins).astype(int), bins - 1)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (pixels, pixels * said, right)]
    count, confidence, accuracy = (values[sums[0] > 0] for values in sums)
    return pd.DataFrame({"pixels": count.astype(int), "confidence": confidence / count, "accuracy": accuracy / count})


def calibration_error(table: pd.DataFrame) -> float:
    """Average the gap between confidence and accuracy over the pixels: the expected calibration error (ECE)."""
    gap = (table["confidence"] - table["accuracy"]).abs()
    return float((gap * table["pixels"]).sum() / table["pixels"].sum())


def compare_calibrations(fitted_on: ProbabilityHistogram, judged_on: ProbabilityHistogram) -> pd.DataFrame:
    """Fit every method on one tally and judge it on another.

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
    tally: ProbabilityHistogram, calibration: Calibration, measure: Callable[[NDArray], NDArray] | None = None
) -> dict[str, float]:
    errors = {
        f"ece_{bins}": calibration_error(reliability_table(tally, calibration, bins=bins, measure=measure))
        for bins in (10, 100)
    }
    if measure is not None:
        return errors | {"log_loss": np.nan, "area": np.nan}
    p, pixels, glacier = tally.filled()
    q = np.clip(calibration(p), 1e-7, 1 - 1e-7)
    loss = -(glacier * np.log(q) + (pixels - glacier) * np.log(1 - q)).sum() / pixels.sum()
    return errors | {"log_loss": float(loss), "area": float((q * pixels).sum() / max(glacier.sum(), 1))}


def write_calibration(path: str | Path, calibration: Calibration, **about: object) -> None:
    """Write a calibration as JSON, with what it was fitted on."""
    write_json(path, asdict(calibration) | {"about": about})


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration that `write` wrote.

    Raises:
        InputError: The file is missing or is no calibration.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a calibration (JSON)")
    try:
        content = json.loads(path.read_text())
        read = Calibration(
            method=content["method"],
            temperature=float(content["temperature"]),
            at=_floats(content["at"]),
            value=_floats(content["value"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: no calibration found ({found}), expected as 07-confidence writes it") from error
    curved = read.method in ("isotonic", "shannon")
    rising = len(read.at) == len(read.value) and (np.diff(read.at) > 0).all()
    if read.method not in ("none", *METHODS) or not rising or curved != bool(read.at) or not read.temperature > 0:
        raise InputError(f"{path}: method {read.method!r} with {len(read.at)} knots found, a calibration expected")
    return read


def _floats(values: ArrayLike) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, float).ravel())
