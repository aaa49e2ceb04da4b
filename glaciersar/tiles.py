"""Make one tile of a dataset: read its scenes, prepare them, rasterise its outlines, write it whole."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from glaciersar.scenes.incidence import read_incidence
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
    """The outlines that touch it and their year, in the CRS of the grid."""
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
    fill_dates: int
    """How many of them may be missing in the archive, and filled from their neighbours."""
    backscatter: str
    """ "gamma0", "sigma0", or "untold"."""


def fingerprint(job: Job) -> str:
    """Tell by 16 letters what a tile is made of: settings, scenes, outlines, and size and time of rasters on disk."""
    scenes = []
    for scene in job.scenes:
        hrefs = [*scene.hrefs.get(job.polarisation, ()), *scene.hrefs.get("incidence", ())]
        scenes.append(asdict(scene) | {"hrefs": [_state(href) for href in hrefs]})
    settings: list[object] = [LAYOUT, job.group.name, job.outlines_year, job.polarisation, job.pixel, job.feature]
    settings += [job.backscatter, job.dates, job.spacing_days, job.fill_dates]
    text = json.dumps([settings, scenes], default=str, sort_keys=True)
    shapes = b"".join(job.labels.geometry.to_wkb()) + job.labels["year"].to_numpy(float).tobytes()
    return hashlib.sha256(text.encode() + shapes).hexdigest()[:16]


def _state(href: str) -> tuple[str, int, int]:
    if is_remote(href):
        return href.partition("?")[0], 0, 0  # without a signature, which changes from day to day
    state = Path(href).stat()
    return href, state.st_size, state.st_mtime_ns


def choose(job: Job, times: Sequence[datetime]) -> tuple[NDArray[np.int64], list[datetime]]:
    """Choose the dates that stand for the year of a tile; a failure names the tile.

    Where the archive has none near one of them, and as many may be filled, a date without values takes its place.

    Returns:
        (dates,) indices into all dates, increasing; and the dates to be filled, which these count.
    """
    try:
        return choose_dates(times, count=job.dates, spacing_days=job.spacing_days).astype(np.int64), []
    except InputError as error:
        missing = _missing(job, times)
        if not 0 < len(missing) <= job.fill_dates or not times:
            most = f"; {len(missing)} dates to fill, at most {job.fill_dates} are to be" if job.fill_dates else ""
            raise InputError(f"{job.group.name}: {error}{most}") from error
    chosen = choose_dates(sorted([*times, *missing]), count=job.dates, spacing_days=job.spacing_days)
    return chosen.astype(np.int64), missing


def _missing(job: Job, times: Sequence[datetime]) -> list[datetime]:
    """List the dates that should stand for the year, evenly spread in it, but have no pass nearer than half-way."""
    year = job.group.year
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    spacing = timedelta(days=job.spacing_days)
    targets = [start + (end - start) / 2 + spacing * (k - (job.dates - 1) / 2) for k in range(job.dates)]
    return [target for target in targets if all(abs(time - target) > spacing / 2 for time in times)]


def make(job: Job, path: Path) -> None:
    """Write a tile as the published dataset does, and beside it what is needed to judge it, as an HDF5 file.

    Its attributes tell the share of the values that were missing or masked (masked_share, before anything is filled),
    of those filled among pixels that radar sees (filled_share), of the pixels that it never sees (unseen_share), how
    many passes held nothing here (empty_dates) and how many dates no pass was near (filled_dates); and of what years
    the outlines here are (outlines_from), beside the times of the series.
    """
    geobox = job.group.tile.geobox(pixel=job.pixel)
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        series = read_series(job.scenes, geobox, job.polarisation, drop_empty=True)
        incidence = read_incidence(job.scenes, geobox)
    base, missing = choose(job, series.times)
    times = sorted([*series.times, *missing])
    scaled = series.power  # (T, H, W), which becomes the scaled series in its own memory
    masked = int(np.isnan(scaled).sum()) / scaled.size
    for time in missing:
        scaled = np.insert(scaled, times.index(time), np.nan, axis=0)
    glacier = outlines.to_mask(job.labels, series.geobox)  # (H, W), by pixel centres: unbiased areas
    valid = np.empty(glacier.shape, bool)
    filled = 0
    for top in range(0, len(valid), STRIP):
        rows = slice(top, top + STRIP)
        prepared = radiometry.prepare(scaled[:, rows], feature=job.feature)
        scaled[:, rows], valid[rows] = prepared.series, prepared.valid
        filled += int(prepared.filled.sum())
    one_hot = np.stack([~glacier, glacier], axis=-1) & valid[..., None]  # (H, W, 2), 0 0 where no radar sees
    height, width = glacier.shape
    attributes: dict[str, Any] = {
        "height": height,
        "width": width,
        "orig_height": height,
        "orig_width": width,
        "pad_height": 0,
        "pad_width": 0,
        f"{job.feature}_base_time_idx": base,
        f"{job.feature}_times": np.array([f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in times], dtype="S20"),
        "crs": str(series.geobox.crs),
        "transform": np.array(series.geobox.affine[:6]),
        "filled_share": filled / max(int(valid.sum()) * len(scaled), 1),
        "masked_share": masked,
        "unseen_share": float(1 - valid.mean()),
        "polarisation": job.polarisation,
        "backscatter": job.backscatter,
        "outlines_year": job.outlines_year,
        "outlines_from": outlines.span(job.labels["year"]) if len(job.labels) else "none here",
        "empty_dates": len(job.scenes) - len(series.times),
        "filled_dates": len(missing),
    }
    if missing:
        attributes[f"{job.feature}_filled_time_idx"] = np.array([times.index(time) for time in missing])
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:  # closed, then renamed
        file.create_dataset(job.feature, data=scaled[..., None])  # (T, H, W, 1)
        # float32, because the paper's authors resize these labels to soft ones
        file.create_dataset("outlines", data=one_hot.astype(np.float32))
        if incidence is not None:
            file.create_dataset("incidence", data=incidence)  # (H, W) degrees
        file.attrs.update(attributes)
