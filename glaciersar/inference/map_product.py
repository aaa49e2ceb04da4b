"""The rasters that a map is kept in: probability, mask of glacier, confidence; and what their numbers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glaciersar.inference.calibration import Calibration

STEPS = 254
"""A share is kept in 8 bits as one of 0 to 254, which are 0 to 1."""
NO_DATA = 255
"""In 8 bits."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """A raster of one band."""

    path: Path
    """Where it goes."""
    description: str
    """What its values are."""
    dtype: str
    """ "float32", with NaN where there is no data, or "uint8"."""
    scale: float = 1.0
    """A value is the number in the file times this."""
    overviews: str = "AVERAGE"
    """How GDAL makes its coarser copies."""
    tags: Mapping[str, str]
    """Metadata."""


def quantise(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round shares from 0 to 1 to `LEVELS` steps, NaN to `NO_DATA`; what is above 0.5 stays above."""
    level = np.rint(share * STEPS)
    level = np.where(share > 0.5, np.maximum(level, STEPS // 2 + 1), level)
    return np.where(np.isnan(share), NO_DATA, level).astype(np.uint8)


def rasters_of(path: Path, dtype: str, calibration: Calibration | None, tags: Mapping[str, str]) -> list[Band]:
    """List the rasters of a map: the probability, the mask, and with a calibration the confidence."""
    scale = 1 / STEPS if dtype == "uint8" else 1.0
    glacier = "glacier: 0 no, 1 yes (probability above 0.5), 255 no data"
    bands = [
        Band(path=path, description="probability of glacier", dtype=dtype, scale=scale, tags=tags),
        Band(path=sibling_path(path, "glacier"), description=glacier, dtype="uint8", overviews="NEAREST", tags=tags),
    ]
    if calibration is not None:
        what = f"calibrated confidence ({calibration.method})"
        bands.append(Band(path=sibling_path(path, "confidence"), description=what, dtype=dtype, scale=scale, tags=tags))
    return bands


def values(probability: NDArray[np.float32], dtype: str, calibration: Calibration | None) -> list[NDArray]:
    """Give a block of each raster of `rasters_of`, from its probability, NaN where there is no data."""
    shares: list[NDArray] = [probability]
    if calibration is not None:
        shares.append(calibration.confidence(probability))
    first, *confidence = (quantise(share) if dtype == "uint8" else share.astype(np.float32) for share in shares)
    glacier = np.where(np.isnan(probability), NO_DATA, probability > 0.5).astype(np.uint8)
    return [first, glacier, *confidence]


def sibling_path(path: Path, kind: str) -> Path:
    """Name a raster after the probability: glacier_2020.tif beside probability_2020.tif."""
    name = path.stem.replace("probability", kind) if "probability" in path.stem else f"{path.stem}_{kind}"
    return path.with_name(name + path.suffix)
