"""Maps without a network: a threshold of winter backscatter, and gradient boosting of each pixel's year.

Both learn from the training tiles of a dataset and give a `metrics.TileResult` for each tile of another file. The
booster is not stored: fitting it again with the same seed on the same file gives the same one.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar import radiometry
from glaciersar.dataset.hdf5 import check_no_leakage
from glaciersar.dataset.patches import WholeTiles
from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import TileResult, score_tiles
from glaciersar.io.extras import require_extra

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]

SEASONS = {"winter": slice(0, 5), "early_summer": slice(5, 8), "late_summer": slice(8, 11), "autumn": slice(11, 15)}
"""Which of the 15 dates of a year, 24 days apart from mid-January on: to April, mid-May to July, August to
mid-September, October to December."""
QUARTILES = (25, 50, 75)
LEVELS = np.arange(-45, 15, 0.05)  # thresholds to choose from, dB
SMOOTHED = (1, 3, 5)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Glacier by the mean of a pixel's winter backscatter."""

    level: float
    """dB."""
    above: bool
    """Whether glacier is above the level; else below."""

    def __call__(self, winter: Field) -> Mask:
        """Map the means of winter backscatter, dB, any shape; a pixel at the level is above it."""
        bright: Mask = winter >= self.level
        return bright if self.above else ~bright


@dataclass(frozen=True, kw_only=True)
class PixelBooster:
    """Gradient boosting that knows one pixel's year and, if smoothed, the mean of its surroundings."""

    classifier: "HistGradientBoostingClassifier"
    """Fitted, glacier is class True."""
    features: tuple[str, ...]
    """Of the dataset."""
    smooth: int
    """Side of the window of the means, pixels; 1 is without."""


def winter_backscatter(series: Field) -> Field:
    """Average the winter dates of the first feature of a series (F, T, H, W), scaled grd; gives dB, (H, W)."""
    scaled: Field = series[0, SEASONS["winter"]].mean(axis=0)
    return radiometry.unscale(scaled).astype(np.float32)


def fit_threshold(path: str | Path) -> Threshold:
    """Choose the threshold of winter backscatter (`grd`), and its side, with the highest pooled IoU of a dataset file.

    Args:
        path: The dataset file, train.h5.

    Returns:
        The best of thresholds 0.05 dB apart; of equal ones the lowest, with glacier above it.
    """
    counts = np.zeros((2, len(LEVELS) + 1), np.int64)  # land and glacier, by interval between levels
    for series, truth, valid, _ in _iter_tiles(path, ("grd",)):
        interval = np.searchsorted(LEVELS, winter_backscatter(series), side="right")
        for row, mask in zip(counts, (~truth & valid, truth & valid), strict=True):
            row += np.bincount(interval[mask], minlength=len(row))
    if not counts[1].any():
        raise InputError(f"{path}: no pixel of glacier found, some expected to choose a threshold")
    below = counts.cumsum(axis=1)[:, :-1]  # (2, levels) pixels below each level
    total = counts.sum(axis=1)
    iou = [found[1] / (total[1] + found[0]) for found in (total[:, None] - below, below)]  # above, below
    side, index = divmod(int(np.argmax(np.concatenate(iou))), len(LEVELS))
    return Threshold(level=round(float(LEVELS[index]), 2), above=side == 0)


def map_by_threshold(threshold: Threshold, path: str | Path) -> Iterator[TileResult]:
    """Map every tile of a dataset file by a threshold, one at a time, beside its reference."""
    for series, truth, valid, name in _iter_tiles(path, ("grd",)):
        yield TileResult(name=name, truth=truth, found=threshold(winter_backscatter(series)), valid=valid)


def pixel_statistics(series: Field, valid: Mask, *, smooth: int = 5) -> Field:
    """Compute what a pixel-wise learner sees of a year.

    Args:
        series: (F, 15, H, W) scaled.
        valid: (H, W) pixels that radar sees; no other enters a mean of surroundings.
        smooth: Side of the window of these means, pixels: 1 (none), 3 or 5.

    Returns:
        (H, W, S): of each feature minimum, maximum, mean, standard deviation, quartiles, the means of the seasons and
        their differences (17), and the same averaged over the window.
    """
    if smooth not in SMOOTHED:
        raise InputError(f"smooth={smooth} found, one of {', '.join(map(str, SMOOTHED))} expected")
    if series.shape[1] != SEASONS["autumn"].stop:
        raise InputError(f"{series.shape[1]} dates found, {SEASONS['autumn'].stop} expected for the seasons")
    seasons = [series[:, dates].mean(axis=1) for dates in SEASONS.values()]  # each (F, H, W)
    parts = [series.min(axis=1), series.max(axis=1), series.mean(axis=1), series.std(axis=1)]
    parts += [*np.percentile(series, QUARTILES, axis=1), *seasons]
    parts += [later - earlier for earlier, later in combinations(seasons, 2)]
    fields = np.concatenate(parts).astype(np.float32)  # (S, H, W)
    if smooth > 1:
        share = ndimage.uniform_filter(valid.astype(np.float32), smooth, mode="constant")
        means = ndimage.uniform_filter(fields * valid, (1, smooth, smooth), mode="constant")
        fields = np.concatenate((fields, means / np.maximum(share, 0.5 / smooth**2)))
    return np.moveaxis(fields, 0, -1)


def fit_booster(
    path: str | Path,
    *,
    pixels: int = 200_000,
    smooth: int = 5,
    features: Sequence[str] = ("grd",),
    seed: int = 0,
    iterations: int = 200,
) -> PixelBooster:
    """Fit gradient boosting to random pixels of a dataset file, the same number from each tile that has as many.

    Args:
        path: The dataset file, train.h5.
        pixels: At most so many in all.
        smooth: As in `pixel_statistics`.
        features: Of the dataset.
        seed: Of the choice of pixels and of the classifier.
        iterations: Trees.

    Raises:
        InputError: scikit-learn is not installed, or all pixels are of one class.
    """
    ensemble = require_extra("sklearn.ensemble")
    each = pixels // len(WholeTiles(path, features=features))
    values, classes = [], []
    for index, (series, truth, valid, _) in enumerate(_iter_tiles(path, features)):
        seen = np.flatnonzero(valid)
        chosen = np.random.default_rng([seed, index]).permutation(seen)[:each]
        statistics = pixel_statistics(series, valid, smooth=smooth)
        values.append(statistics.reshape(-1, statistics.shape[-1])[chosen])
        classes.append(truth.ravel()[chosen])
    target = np.concatenate(classes)
    if target.all() or not target.any():
        raise InputError(f"{path}: {target.size} pixels of one class found, glacier and land expected")
    classifier = ensemble.HistGradientBoostingClassifier(max_iter=iterations, early_stopping=False, random_state=seed)
    with _one_thread():
        classifier.fit(np.concatenate(values), target)
    return PixelBooster(classifier=classifier, features=tuple(features), smooth=smooth)


def map_by_booster(booster: PixelBooster, path: str | Path) -> Iterator[TileResult]:
    """Map every tile of a dataset file by gradient boosting, one at a time, beside its reference."""
    for series, truth, valid, name in _iter_tiles(path, booster.features):
        statistics = pixel_statistics(series, valid, smooth=booster.smooth)
        with _one_thread():
            found = booster.classifier.predict_proba(statistics.reshape(-1, statistics.shape[-1]))[:, 1] > 0.5
        yield TileResult(name=name, truth=truth, found=found.reshape(truth.shape), valid=valid)


def score_baselines(folder: str | Path, *, smooth: int = 5, pixels: int = 200_000, seed: int = 0) -> pd.DataFrame:
    """Fit both baselines to train.h5 of a dataset folder and score them on test.h5.

    Returns:
        The frames of `metrics.score_tiles`, indexed by model ("threshold", "boosting") and tile, as those of
        `scoring.score_models`.
    """
    train, test = Path(folder) / "train.h5", Path(folder) / "test.h5"
    check_no_leakage(folder, ("train", "test"))
    booster = fit_booster(train, pixels=pixels, smooth=smooth, seed=seed)
    results = {
        "threshold": map_by_threshold(fit_threshold(train), test),
        "boosting": map_by_booster(booster, test),
    }
    frames = {name: score_tiles(maps, pixel=pixel_size(test)) for name, maps in results.items()}
    return pd.concat(frames, names=["model"])


def _iter_tiles(path: str | Path, features: Sequence[str]) -> Iterator[tuple[Field, Mask, Mask, str]]:
    """Read tile by tile: series (F, T, H, W), glacier and seen by radar (H, W), name."""
    tiles = WholeTiles(path, features=features)
    for index in range(len(tiles)):
        series, labels, name = tiles[index]
        glacier = labels.numpy()  # (2, H, W)
        yield series.numpy(), glacier[1] > 0.5, glacier.sum(0) > 0, name


def _one_thread() -> AbstractContextManager[object]:
    """Return a context in which OpenMP has one thread, so that sums are added in one order."""
    limits: AbstractContextManager[object] = require_extra("threadpoolctl").threadpool_limits(1)
    return limits
