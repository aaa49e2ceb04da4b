"""The rasters of a map: probability, glacier mask and confidence, what their numbers mean, and a report of a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.inference.calibration import Calibration

DTYPES = ("float32", "uint8")
STEPS = 254
"""A share is kept in 8 bits as one of 0 to 254, which are 0 to 1."""
NO_DATA = 255
"""In 8 bits."""
MORE = ("confidence", "spread")
"""Rasters that not every map has; one that an earlier map left there is removed."""
VALID, WRITTEN, FILLED, CALLED, DATES = range(COUNTS := 5)
"""Places of the counts of a map in an array; `MapReport` says what each counts."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """A raster of one band."""

    path: Path
    """The file to write."""
    description: str
    """Meaning of its values."""
    dtype: str
    """ "float32", with NaN where there is no data, or "uint8"."""
    scale: float = 1.0
    """A value is the number in the file times this."""
    overviews: str = "AVERAGE"
    """How GDAL makes its coarser copies."""
    tags: Mapping[str, str]
    """Metadata."""


@dataclass(frozen=True, kw_only=True)
class MapReport:
    """What was mapped, and into which files."""

    probability: Path
    """Probability of glacier."""
    glacier: Path
    """0 no glacier, 1 glacier (probability above 0.5), 255 no data."""
    confidence: Path | None
    """Calibrated probability that the call is right, if a calibration was given."""
    spread: Path | None = None
    """Standard deviation of the probability between the networks, if several mapped."""
    pixels: int
    """Of the raster."""
    valid: int
    """Pixels that radar sees."""
    written: int
    """Pixels with a probability: all that radar sees."""
    filled: int
    """Values of these that were missing and filled from the pixel's other dates."""
    called: int
    """Pixels called glacier."""
    dates: int
    """Of the series."""
    predictor: str
    """What mapped: backend, precision, device."""

    @classmethod
    def of_counts(
        cls, bands: Sequence[Band], shape: tuple[int, int], counts: NDArray[np.int64], predictor: str
    ) -> "MapReport":
        """Make the report from the counts of a finished run, (COUNTS,), by their names above."""
        valid, written, filled, called, dates = counts.tolist()
        probability, glacier, *more = (band.path for band in bands)
        confidence, spread = (next((p for p in more if p == sibling_path(probability, kind)), None) for kind in MORE)
        return cls(
            probability=probability,
            glacier=glacier,
            confidence=confidence,
            spread=spread,
            pixels=shape[0] * shape[1],
            valid=valid,
            written=written,
            filled=filled,
            called=called,
            dates=dates,
            predictor=predictor,
        )

    @property
    def files(self) -> list[Path]:
        """The files written."""
        files = (self.probability, self.glacier, self.confidence, self.spread)
        return [path for path in files if path is not None]

    @property
    def unseen_fraction(self) -> float:
        """Share of the pixels without radar."""
        return 1 - self.valid / self.pixels

    @property
    def filled_fraction(self) -> float:
        """Share of the values, among valid pixels, that were missing and filled."""
        return self.filled / (self.valid * self.dates)

    @property
    def glacier_fraction(self) -> float:
        """Share of the valid pixels that are called glacier."""
        return self.called / self.valid


def quantise(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round shares from 0 to 1 to `STEPS` steps, NaN to `NO_DATA`; what is above 0.5 stays above."""
    level = np.rint(share * STEPS)
    level = np.where(share > 0.5, np.maximum(level, STEPS // 2 + 1), level)
    return np.where(np.isnan(share), NO_DATA, level).astype(np.uint8)


def rasters_of(
    path: Path, dtype: str, calibration: Calibration | None, tags: Mapping[str, str], *, members: int = 1
) -> list[Band]:
    """List the rasters of a map: probability, mask, with a calibration confidence, of several members the spread."""
    if dtype not in DTYPES:
        raise InputError(f"dtype={dtype!r} found, one of {', '.join(DTYPES)} expected")
    scale = 1 / STEPS if dtype == "uint8" else 1.0
    glacier = "glacier: 0 no, 1 yes (probability above 0.5), 255 no data"
    bands = [
        Band(path=path, description="probability of glacier", dtype=dtype, scale=scale, tags=tags),
        Band(path=sibling_path(path, "glacier"), description=glacier, dtype="uint8", overviews="NEAREST", tags=tags),
    ]
    if calibration is not None:
        what = f"calibrated confidence ({calibration.method})"
        bands.append(Band(path=sibling_path(path, "confidence"), description=what, dtype=dtype, scale=scale, tags=tags))
    if members > 1:
        what = f"standard deviation of the probability between {members} networks"
        bands.append(Band(path=sibling_path(path, "spread"), description=what, dtype=dtype, scale=scale, tags=tags))
    return bands


def values(
    probability: NDArray[np.float32],
    dtype: str,
    calibration: Calibration | None,
    *,
    spread: NDArray[np.float32] | None = None,
) -> list[NDArray[np.float32 | np.uint8]]:
    """Compute a block of each raster of `rasters_of` from probability and spread, NaN where there is no data."""
    shares: list[NDArray[np.floating]] = [probability]
    if calibration is not None:
        shares.append(calibration.confidence(probability))
    if spread is not None:
        shares.append(spread)
    first, *more = (quantise(share) if dtype == "uint8" else share.astype(np.float32) for share in shares)
    glacier = np.where(np.isnan(probability), NO_DATA, probability > 0.5).astype(np.uint8)
    return [first, glacier, *more]


def sibling_path(path: Path, kind: str) -> Path:
    """Name a raster after the probability: glacier_2020.tif beside probability_2020.tif."""
    name = path.stem.replace("probability", kind) if "probability" in path.stem else f"{path.stem}_{kind}"
    return path.with_name(name + path.suffix)
