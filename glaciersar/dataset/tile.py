"""Make one tile of a dataset: read its scenes, prepare them, rasterise its outlines, write the file."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
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
from glaciersar.dataset.config import DatasetConfig
from glaciersar.errors import InputError
from glaciersar.grid import Group
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write
from glaciersar.scenes.coherence import CoherencePair, read_coherence
from glaciersar.scenes.coregistration import check_series
from glaciersar.scenes.reader import Series, read_incidence, read_series
from glaciersar.scenes.scene import Scene, local_file, rasters_of, split_pair
from glaciersar.scenes.selection import choose_dates

LAYOUT = 1
"""Counts up when the same settings give other values, so that a build takes no finished tile of an older version."""

STRIP = 64  # rows prepared at once, so that intermediate arrays stay small beside the series


@dataclass(frozen=True, kw_only=True)
class TileJob:
    """One tile to make, with everything that its values depend on."""

    group: Group
    """Its tile, year and relative orbit."""
    config: DatasetConfig
    """What holds for every tile of the dataset."""
    scenes: tuple[Scene, ...]
    """The passes that touch it."""
    labels: gpd.GeoDataFrame
    """The outlines that touch it and their year, in the CRS of the grid; with `outlines.LABEL` of label rasters."""
    outlines_year: int | str
    """Year of the outlines, or "any"."""
    backscatter: str
    """As `filenames.common_convention` gives it for its scenes."""
    rtc: tuple[Scene, ...] = ()
    """The passes of a second kind of backscatter."""
    pairs: tuple[CoherencePair, ...] = ()
    """Coherence, where "insar" is a feature."""


def fingerprint(job: TileJob) -> str:
    """Hash what a tile is made of, 16 letters: settings, scenes, outlines, and size and time of rasters on disk."""
    config, scenes = job.config, []
    for scene in (*job.scenes, *job.rtc):
        hrefs = [*rasters_of(scene, config.polarisation), *scene.hrefs.get("incidence", ())]
        hrefs += scene.hrefs.get("layover_shadow", ())
        scenes.append(asdict(scene) | {"hrefs": [_state(href) for href in hrefs]})
    scenes += [asdict(pair) | {"hrefs": [_state(href) for href in pair.hrefs]} for pair in job.pairs]
    settings: list[object] = [LAYOUT, job.group.name, job.outlines_year, config.polarisation, config.pixel]
    settings += [config.backscatter_feature, len(job.rtc), len(job.pairs)]  # numbers part the list of scenes
    settings += [job.backscatter, config.dates, config.spacing_days, config.fill_dates]
    text = json.dumps([settings, scenes], default=str, sort_keys=True)
    shapes = b"".join(job.labels.geometry.to_wkb()) + job.labels["year"].to_numpy(float).tobytes()
    if outlines.LABEL in job.labels:
        shapes += " ".join(job.labels[outlines.LABEL]).encode()
    return hashlib.sha256(text.encode() + shapes).hexdigest()[:16]


def _state(href: str) -> tuple[str, int, int]:
    path = local_file(href)
    if path is None:
        return href.partition("?")[0], 0, 0  # without a signature, which changes from day to day
    state = path.stat()
    return href, state.st_size, state.st_mtime_ns


def choose_tile_dates(
    job: TileJob, times: Sequence[datetime], *, fill_dates: int | None = None
) -> tuple[NDArray[np.int64], list[datetime]]:
    """Choose the dates that stand for the year of a tile.

    Where the archive has no pass near a target date, a date without values takes its place, which is filled later.

    Args:
        job: The tile.
        times: Of its passes or pairs, in time order.
        fill_dates: How many dates may be missing; by default as many as the dataset allows.

    Returns:
        (dates,) increasing indices into the dates of passes and filled dates together; and the filled dates.

    Raises:
        InputError: More dates are missing than may be filled; the sentence names the tile.
    """
    config = job.config
    allowed = config.fill_dates if fill_dates is None else fill_dates
    try:
        return choose_dates(times, count=config.dates, spacing_days=config.spacing_days).astype(np.int64), []
    except InputError as error:
        missing = _missing_dates(job, times)
        if not 0 < len(missing) <= allowed or not times:
            most = f"; {len(missing)} dates to fill found, at most {allowed} expected" if allowed else ""
            raise InputError(f"{job.group.name}: {error}{most}") from error
    chosen = choose_dates(sorted([*times, *missing]), count=config.dates, spacing_days=config.spacing_days)
    return chosen.astype(np.int64), missing


def _missing_dates(job: TileJob, times: Sequence[datetime]) -> list[datetime]:
    """List the target dates, evenly spread in the year, that have no pass within half of their spacing."""
    year, dates = job.group.year, job.config.dates
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    spacing = timedelta(days=job.config.spacing_days)
    targets = [start + (end - start) / 2 + spacing * (k - (dates - 1) / 2) for k in range(dates)]
    return [target for target in targets if all(abs(time - target) > spacing / 2 for time in times)]


def make_tile(job: TileJob, path: Path) -> None:
    """Write a tile in the published layout as an HDF5 file, with attributes that say how good its values are.

    These attributes are: the fraction of the values that were missing or masked before any was filled (masked_share),
    of the values that were filled, where radar sees anything (filled_share), of the pixels that radar never sees
    (unseen_share), and of those that label rasters don't know (unknown_share); the number of passes without a value on
    the tile (empty_dates) and of dates without a pass nearby (filled_dates); the years of the outlines on the tile
    (outlines_from) and the times of the series. Those of further features begin with the feature's name; coherence has
    the days between its two passes too (insar_baseline_days). Of two polarisations, the dates are kept on which both
    have a value.
    """
    config = job.config
    geobox = job.group.tile.geobox(pixel=config.pixel)
    with (
        atomic_write(path) as temporary,
        h5py.File(temporary, "w") as file,  # closed, then renamed
        rasters.small_cache(),
    ):
        valid = _write_backscatter(file, job, config.backscatter_feature, job.scenes, geobox)
        if job.rtc:
            valid &= _write_backscatter(file, job, "rtc", job.rtc, geobox, prefix="rtc_")
        if job.pairs:
            valid &= _write_coherence(file, job, geobox)
        glacier = outlines.to_mask(outlines.glaciers(job.labels), geobox)  # (H, W), by pixel centres: unbiased areas
        known = outlines.known_mask(job.labels, geobox)  # (H, W)
        one_hot = np.stack([~glacier, glacier], axis=-1) & (valid & known)[..., None]  # (H, W, 2), 0 0 where unknown
        # float32, because the authors' code resizes these labels to fractions
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
                "polarisation": config.polarisation,
                "backscatter": job.backscatter,
                "outlines_year": job.outlines_year,
                "outlines_from": outlines.year_range(job.labels["year"]) if len(job.labels) else "none here",
            }
        )
        if outlines.LABEL in job.labels:
            file.attrs["unknown_share"] = float(1 - known.mean())


def _write_backscatter(
    file: h5py.File, job: TileJob, feature: str, scenes: Sequence[Scene], geobox: GeoBox, *, prefix: str = ""
) -> NDArray[np.bool_]:
    """Write the series of one polarisation or two with their attributes; return where radar sees all, (H, W)."""
    valid = np.ones(geobox.shape, bool)
    found = _read_common(scenes, geobox, split_pair(job.config.polarisation))
    try:
        check_series(found[0], max_offset=job.config.max_offset)
    except InputError as error:
        raise InputError(f"{job.group.name}: {error}") from error
    for series in found:
        valid &= _write_series(file, job, feature, series, passes=len(scenes), prefix=prefix)
        feature, prefix = f"{feature}{radiometry.CROSS}", f"{feature}{radiometry.CROSS}_"  # of the second
    return valid


def _read_common(scenes: Sequence[Scene], geobox: GeoBox, polarisations: Sequence[str]) -> list[Series]:
    """Read each polarisation at the dates on which all of them have a value, so that their dates are the same."""
    found = [read_series(scenes, geobox, kind, drop_empty=True) for kind in polarisations]
    common = set(found[0].times).intersection(*(series.times for series in found))
    if not common:
        raise InputError(f"{scenes[0].id}: no date with {' and '.join(polarisations)} on the grid found, some expected")
    return [_keep_dates(series, common) for series in found]


def _keep_dates(series: Series, times: Collection[datetime]) -> Series:
    kept = [k for k, time in enumerate(series.times) if time in times]
    if len(kept) == len(series.times):
        return series
    return replace(series, power=series.power[kept], times=tuple(series.times[k] for k in kept))


def _write_series(
    file: h5py.File, job: TileJob, feature: str, series: Series, *, passes: int, prefix: str
) -> NDArray[np.bool_]:
    """Write the series of one polarisation with its attributes; return where radar sees anything, (H, W)."""
    base, missing = choose_tile_dates(job, series.times)
    times = sorted([*series.times, *missing])
    power = series.power  # (T, H, W)
    file.attrs[f"{prefix}masked_share"] = int(np.isnan(power).sum()) / power.size
    for time in missing:
        power = np.insert(power, times.index(time), np.nan, axis=0)
    file.attrs[f"{prefix}empty_dates"] = passes - len(series.times)
    file.attrs[f"{prefix}filled_dates"] = len(missing)
    if missing:
        file.attrs[f"{feature}_filled_time_idx"] = np.array([times.index(time) for time in missing])
    file.attrs[f"{feature}_times"] = _texts(times)
    file.attrs[f"{feature}_base_time_idx"] = base
    return _write_prepared(file, feature, power, partial(radiometry.prepare, feature=feature), prefix)


def _write_coherence(file: h5py.File, job: TileJob, geobox: GeoBox) -> NDArray[np.bool_]:
    """Write a series of coherence with its attributes; return where radar sees anything, (H, W)."""
    coherence, pairs = read_coherence(job.pairs, geobox)  # (T, H, W)
    base, _ = choose_tile_dates(job, [pair.time for pair in pairs], fill_dates=0)
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
    """Prepare a series (T, H, W) in place, strip by strip, and write it; return where radar sees anything, (H, W)."""
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
