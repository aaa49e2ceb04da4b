"""Make one tile of a dataset: read its scenes, prepare them, rasterise its outlines, write it whole."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar import outlines, radiometry
from glaciersar.errors import InputError
from glaciersar.grid import Group
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write
from glaciersar.scenes.coherence import CoherencePair, read_coherence
from glaciersar.scenes.reader import read_incidence, read_series
from glaciersar.scenes.scene import Scene, is_remote
from glaciersar.scenes.selection import choose_dates

LAYOUT = 1
"""Counts up when the same settings give other values, so that no tile of an older version is gone on with."""

STRIP = 64  # rows that are prepared at once, so that intermediate arrays stay small beside the series


@dataclass(frozen=True, kw_only=True)
class TileJob:
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
    """ "gamma0", "sigma0", or "unknown"."""
    rtc: tuple[Scene, ...] = ()
    """The passes of a second kind of backscatter."""
    pairs: tuple[CoherencePair, ...] = ()
    """Coherence, if it is asked for."""


def fingerprint(job: TileJob) -> str:
    """Tell by 16 letters what a tile is made of: settings, scenes, outlines, and size and time of rasters on disk."""
    scenes = []
    for scene in (*job.scenes, *job.rtc):
        hrefs = [*scene.hrefs.get(job.polarisation, ()), *scene.hrefs.get("incidence", ())]
        scenes.append(asdict(scene) | {"hrefs": [_state(href) for href in hrefs]})
    scenes += [asdict(pair) | {"hrefs": [_state(href) for href in pair.hrefs]} for pair in job.pairs]
    settings: list[object] = [LAYOUT, job.group.name, job.outlines_year, job.polarisation, job.pixel, job.feature]
    settings += [len(job.rtc), len(job.pairs)]  # tells whose the scenes are
    settings += [job.backscatter, job.dates, job.spacing_days, job.fill_dates]
    text = json.dumps([settings, scenes], default=str, sort_keys=True)
    shapes = b"".join(job.labels.geometry.to_wkb()) + job.labels["year"].to_numpy(float).tobytes()
    return hashlib.sha256(text.encode() + shapes).hexdigest()[:16]


def _state(href: str) -> tuple[str, int, int]:
    if is_remote(href):
        return href.partition("?")[0], 0, 0  # without a signature, which changes from day to day
    state = Path(href).stat()
    return href, state.st_size, state.st_mtime_ns


def choose_tile_dates(job: TileJob, times: Sequence[datetime]) -> tuple[NDArray[np.int64], list[datetime]]:
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


def _missing(job: TileJob, times: Sequence[datetime]) -> list[datetime]:
    """List the dates that should stand for the year, evenly spread in it, but have no pass nearer than half-way."""
    year = job.group.year
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    spacing = timedelta(days=job.spacing_days)
    targets = [start + (end - start) / 2 + spacing * (k - (job.dates - 1) / 2) for k in range(job.dates)]
    return [target for target in targets if all(abs(time - target) > spacing / 2 for time in times)]


def make_tile(job: TileJob, path: Path) -> None:
    """Write a tile as the published dataset does, and beside it what is needed to judge it, as an HDF5 file.

    Its attributes tell the share of the values that were missing or masked (masked_share, before anything is filled),
    of those filled among pixels that radar sees (filled_share), of the pixels that it never sees (unseen_share), how
    many passes held nothing here (empty_dates) and how many dates no pass was near (filled_dates); and of what years
    the outlines here are (outlines_from), beside the times of the series. Further features have these with their name
    before them, and coherence the days between its two passes (insar_baseline_days).
    """
    geobox = job.group.tile.geobox(pixel=job.pixel)
    with (
        atomic_write(path) as temporary,
        h5py.File(temporary, "w") as file,  # closed, then renamed
        rasters.small_cache(),
    ):
        valid = _write_backscatter(file, job, job.feature, job.scenes, geobox)
        if job.rtc:
            valid &= _write_backscatter(file, job, "rtc", job.rtc, geobox, prefix="rtc_")
        if job.pairs:
            valid &= _write_coherence(file, job, geobox)
        glacier = outlines.to_mask(job.labels, geobox)  # (H, W), by pixel centres: unbiased areas
        one_hot = np.stack([~glacier, glacier], axis=-1) & valid[..., None]  # (H, W, 2), 0 0 where no radar sees
        # float32, because the paper's authors resize these labels to soft ones
        file.create_dataset("outlines", data=one_hot.astype(np.float32))
        incidence = read_incidence(job.scenes, geobox)
        if incidence is not None:
            file.create_dataset("incidence", data=incidence)  # (H, W) degrees
        height, width = glacier.shape
        file.attrs.update(
            {
                "height": height,
                "width": width,
                "orig_height": height,
                "orig_width": width,
                "pad_height": 0,
                "pad_width": 0,
                "crs": str(geobox.crs),
                "transform": np.array(geobox.affine[:6]),
                "unseen_share": float(1 - valid.mean()),
                "polarisation": job.polarisation,
                "backscatter": job.backscatter,
                "outlines_year": job.outlines_year,
                "outlines_from": outlines.year_range(job.labels["year"]) if len(job.labels) else "none here",
            }
        )


def _write_backscatter(
    file: h5py.File, job: TileJob, feature: str, scenes: Sequence[Scene], geobox: GeoBox, *, prefix: str = ""
) -> NDArray[np.bool_]:
    """Write a series of backscatter and what belongs to it; gives where radar sees (H, W)."""
    series = read_series(scenes, geobox, job.polarisation, drop_empty=True)
    base, missing = choose_tile_dates(job, series.times)
    times = sorted([*series.times, *missing])
    power = series.power  # (T, H, W)
    file.attrs[f"{prefix}masked_share"] = int(np.isnan(power).sum()) / power.size
    for time in missing:
        power = np.insert(power, times.index(time), np.nan, axis=0)
    file.attrs[f"{prefix}empty_dates"] = len(scenes) - len(series.times)
    file.attrs[f"{prefix}filled_dates"] = len(missing)
    if missing:
        file.attrs[f"{feature}_filled_time_idx"] = np.array([times.index(time) for time in missing])
    file.attrs[f"{feature}_times"] = _texts(times)
    file.attrs[f"{feature}_base_time_idx"] = base
    return _write_prepared(file, feature, power, partial(radiometry.prepare, feature=feature), prefix)


def _write_coherence(file: h5py.File, job: TileJob, geobox: GeoBox) -> NDArray[np.bool_]:
    """Write a series of coherence and what belongs to it; gives where radar sees (H, W)."""
    coherence, pairs = read_coherence(job.pairs, geobox)  # (T, H, W)
    base, _ = choose_tile_dates(replace(job, fill_dates=0), [pair.time for pair in pairs])
    file.attrs["insar_masked_share"] = int(np.isnan(coherence).sum()) / coherence.size
    file.attrs["insar_empty_dates"] = len(job.pairs) - len(pairs)
    file.attrs["insar_times"] = _texts([pair.first for pair in pairs])
    file.attrs["insar_second_times"] = _texts([pair.second for pair in pairs])
    file.attrs["insar_baseline_days"] = np.array([pair.baseline_days for pair in pairs])
    file.attrs["insar_base_time_idx"] = base
    return _write_prepared(file, "insar", coherence, radiometry.prepare_coherence, "insar_")


def _write_prepared(
    file: h5py.File,
    feature: str,
    series: NDArray[np.float32],
    prepare: Callable[[NDArray[np.float32]], radiometry.Prepared],
    prefix: str,
) -> NDArray[np.bool_]:
    """Prepare a series (T, H, W) in its own memory, strip by strip, and write it."""
    valid = np.empty(series.shape[1:], bool)
    filled = 0
    for top in range(0, len(valid), STRIP):
        rows = slice(top, top + STRIP)
        prepared = prepare(series[:, rows])
        series[:, rows], valid[rows] = prepared.series, prepared.valid
        filled += int(prepared.filled.sum())
    file.create_dataset(feature, data=series[..., None])  # (T, H, W, 1)
    file.attrs[f"{prefix}filled_share"] = filled / max(int(valid.sum()) * len(series), 1)
    return valid


def _texts(times: Sequence[datetime]) -> NDArray[np.bytes_]:
    return np.array([f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in times], dtype="S20")
