"""Make one tile of a dataset: read its scenes, prepare them, rasterise its outlines, write it whole."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import rasterio
from numpy.typing import NDArray

from glaciersar import outlines, radiometry
from glaciersar.errors import InputError
from glaciersar.files import written_whole
from glaciersar.grid import Group
from glaciersar.scenes import Scene, choose_dates, read_series
from glaciersar.scenes.records import is_remote

LAYOUT = 1
"""Counts up when the same settings give other values, so that no tile of an older version is gone on with."""

CACHE = 16_000_000  # bytes that GDAL keeps of the rasters; its own default grows with the machine
STRIP = 64  # rows that are prepared at once, so that intermediate arrays stay small beside the series


@dataclass(frozen=True, kw_only=True)
class Job:
    """One tile to make, with all that decides what will be in it."""

    group: Group
    """Its tile, year and relative orbit."""
    scenes: tuple[Scene, ...]
    """The passes that touch it."""
    labels: gpd.GeoDataFrame
    """The outlines that touch it, in the CRS of the grid."""
    outlines_year: int | str
    """Year of the outlines, or "any"."""
    polarisation: str
    pixel: float
    """Metres."""
    feature: str
    """Name and scaling."""
    dates: int
    """How many stand for the year."""
    spacing_days: float


def fingerprint(job: Job) -> str:
    """Tell by 16 letters what a tile is made of: settings, scenes, outlines, and size and time of rasters on disk."""
    scenes = []
    for scene in job.scenes:
        hrefs = scene.hrefs.get(job.polarisation, ())
        scenes.append(asdict(scene) | {"hrefs": [_state(href) for href in hrefs]})
    settings = [LAYOUT, job.group.name, job.outlines_year, job.polarisation, job.pixel, job.feature]
    text = json.dumps([settings, job.dates, job.spacing_days, scenes], default=str, sort_keys=True)
    shapes = b"".join(job.labels.geometry.to_wkb())
    return hashlib.sha256(text.encode() + shapes).hexdigest()[:16]


def _state(href: str) -> tuple[str, int, int]:
    if is_remote(href):
        return href.partition("?")[0], 0, 0  # without a signature, which changes from day to day
    state = Path(href).stat()
    return href, state.st_size, state.st_mtime_ns


def choose(group: Group, times: Sequence[datetime], count: int, spacing_days: float) -> NDArray[np.int64]:
    """Choose the dates that stand for the year of a tile; a failure names the tile."""
    try:
        return choose_dates(times, count=count, spacing_days=spacing_days).astype(np.int64)
    except InputError as error:
        raise InputError(f"{group.name}: {error}") from error


def make(job: Job, path: Path) -> None:
    """Write a tile as the published dataset does, and beside it what is needed to judge it, as an HDF5 file."""
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        series = read_series(job.scenes, job.group.tile.geobox(pixel=job.pixel), job.polarisation, drop_empty=True)
    base = choose(job.group, series.times, job.dates, job.spacing_days)
    glacier = outlines.to_mask(job.labels, series.geobox)  # (H, W), by pixel centres: unbiased areas
    scaled = series.power  # (T, H, W), which becomes the scaled series in its own memory
    valid = np.empty(glacier.shape, bool)
    filled = 0
    for top in range(0, len(valid), STRIP):
        rows = slice(top, top + STRIP)
        prepared = radiometry.prepare(scaled[:, rows], feature=job.feature)
        scaled[:, rows], valid[rows] = prepared.series, prepared.valid
        filled += int(prepared.filled.sum())
    one_hot = np.stack([~glacier, glacier], axis=-1) & valid[..., None]  # (H, W, 2), 0 0 where no radar sees
    height, width = glacier.shape
    attributes = {
        "height": height,
        "width": width,
        "orig_height": height,
        "orig_width": width,
        "pad_height": 0,
        "pad_width": 0,
        f"{job.feature}_base_time_idx": base,
        f"{job.feature}_times": np.array([f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in series.times], dtype="S20"),
        "crs": str(series.geobox.crs),
        "transform": np.array(series.geobox.affine[:6]),
        "filled_share": filled / max(int(valid.sum()) * len(scaled), 1),
        "unseen_share": float(1 - valid.mean()),
        "polarisation": job.polarisation,
        "outlines_year": job.outlines_year,
        "empty_dates": len(job.scenes) - len(series.times),
    }
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:  # closed, then renamed
        file.create_dataset(job.feature, data=scaled[..., None])  # (T, H, W, 1)
        # float32, because the paper's authors resize these labels to soft ones
        file.create_dataset("outlines", data=one_hot.astype(np.float32))
        file.attrs.update(attributes)
