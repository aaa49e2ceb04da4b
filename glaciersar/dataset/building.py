"""Build the dataset files, in the published layout, from scenes and outlines."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import shapely
from numpy.typing import NDArray
from tqdm import tqdm

from glaciersar import grid, outlines, radiometry
from glaciersar.errors import InputError
from glaciersar.files import written_whole
from glaciersar.grid import Group, Tile
from glaciersar.scenes import Scene, Series, choose_dates, kind, merge_passes, read_series, select
from glaciersar.scenes.reading import extents_of, touches


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One group to write, and what to read for it."""

    group: Group
    scenes: Sequence[Scene]


def tiles_of(scenes: Iterable[Scene], polarisation: str) -> list[Tile]:
    """List the tiles of the grid that lie wholly within the rasters of some scenes."""
    extents = [extent for scene in scenes for extent in extents_of(scene, polarisation, grid.CRS)]
    if not extents:
        return []
    covered = shapely.unary_union(extents).buffer(1e-3)  # a millimetre, against rounding at shared edges
    return [tile for tile in grid.tiles_within(covered.bounds) if covered.covers(shapely.box(*tile.bounds))]


def build(
    out: str | Path,
    scenes: Sequence[Scene],
    reference: gpd.GeoDataFrame,
    *,
    split: Mapping[Tile, str],
    years: Sequence[int],
    relative_orbits: Sequence[int],
    polarisation: str = "HH",
    pixel: float = 10.0,
    feature: str = "grd",
    dates: int = 15,
    spacing_days: float = 24.0,
    year_column: str = "year",
    progress: bool = True,
) -> Path:
    """Write train.h5, val.h5 and test.h5: a group for each tile, year and relative orbit that has scenes.

    All dates of a year are kept, because time jitter needs the neighbours of the chosen ones; but for those without
    any value on a tile, which its attribute empty_dates counts. The attribute content of a file names its values.

    Args:
        out: Folder of the three files; each is written whole or not at all.
        scenes: From `scenes.find` or `scenes.thaw`.
        reference: Glacier outlines from `outlines.read`. With a column `year_column`, each year takes its own;
            without, every year takes all.
        split: The subset (train, val, test) of each tile to build.
        years: Calendar years.
        relative_orbits: Orbits, one group each.
        polarisation: The one polarisation of the dataset's single channel.
        pixel: Pixel side in metres; 10 in the published dataset.
        feature: "grd" or "rtc": name and scaling.
        dates: How many dates stand for a year; 15 in the published dataset.
        spacing_days: Distance of the chosen dates.
        year_column: Column of `reference` with the year.
        progress: Show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: Scenes or outlines that don't fit, told before anything is written where it can be known.
    """
    out = Path(out)
    radiometry.check_backscatter(feature)
    for scene in scenes:
        if scene.relative_orbit is None:
            raise InputError(
                f"{scene.id}: no relative orbit found, one expected; where no name tells it, "
                f"give relative_orbit to scenes.find"
            )
    for subset in sorted(set(split.values()) - set(grid.SUBSETS)):
        raise InputError(f"split: subset {subset!r} found, one of {', '.join(grid.SUBSETS)} expected")
    by_year = {year: outlines.of_year(reference, year, column=year_column) for year in years}
    jobs = [
        job
        for relative_orbit in relative_orbits
        for year in years
        for job in _plan(
            select(scenes, year=year, relative_orbit=relative_orbit, polarisation=polarisation),
            sorted(split),
            year=year,
            relative_orbit=relative_orbit,
            polarisation=polarisation,
            pixel=pixel,
            dates=dates,
            spacing_days=spacing_days,
        )
    ]
    for tile in sorted(set(split) - {job.group.tile for job in jobs}):
        raise InputError(f"{tile.name}: no scene covers this tile, at least one expected")
    with ExitStack() as stack:
        files = {
            subset: stack.enter_context(
                h5py.File(stack.enter_context(written_whole(out / f"{subset}.h5")), "w")  # closed, then renamed
            )
            for subset in grid.SUBSETS
        }
        contents = {subset: hashlib.sha256() for subset in grid.SUBSETS}
        for job in tqdm(sorted(jobs, key=lambda job: job.group), desc="building tiles", disable=not progress):
            subset, geobox = split[job.group.tile], job.group.tile.geobox(pixel=pixel)
            series = read_series(job.scenes, geobox, polarisation, drop_empty=True)
            base = _choose(job.group, series.times, dates, spacing_days)
            group = files[subset].create_group(job.group.name)
            written = _write_series(group, series, base, feature=feature, labels=by_year[job.group.year])
            group.attrs["polarisation"] = polarisation
            group.attrs["outlines_year"] = job.group.year if year_column in reference else "any"
            group.attrs["empty_dates"] = len(job.scenes) - len(series.times)
            for name, values in written.items():
                contents[subset].update(f"{job.group.name}/{name}{values.shape}".encode())
                contents[subset].update(np.ascontiguousarray(values).data)
        for subset, file in files.items():
            file.attrs["kind"] = kind(scenes)
            file.attrs["content"] = contents[subset].hexdigest()
    return out


def _choose(group: Group, times: Sequence[datetime], count: int, spacing_days: float) -> NDArray[np.int64]:
    try:
        return choose_dates(times, count=count, spacing_days=spacing_days).astype(np.int64)
    except InputError as error:
        raise InputError(f"{group.name}: {error}") from error


def _plan(
    scenes: Sequence[Scene],
    tiles: Sequence[Tile],
    *,
    year: int,
    relative_orbit: int,
    polarisation: str,
    pixel: float,
    dates: int,
    spacing_days: float,
) -> list[_Job]:
    """Choose scenes for each tile that some scene of this year and orbit touches; too few dates are told at once."""
    extents = [(scene, extents_of(scene, polarisation, grid.CRS)) for scene in scenes]
    jobs = []
    for tile in tiles:
        geobox = tile.geobox(pixel=pixel)
        passes = merge_passes(scene for scene, parts in extents if touches(geobox, parts))
        if not passes:
            continue
        group = Group(tile=tile, year=year, relative_orbit=relative_orbit)
        _choose(group, [scene.time for scene in passes], dates, spacing_days)
        jobs.append(_Job(group=group, scenes=passes))
    return jobs


def _write_series(
    group: h5py.Group, series: Series, base: NDArray[np.int64], *, feature: str, labels: gpd.GeoDataFrame
) -> dict[str, NDArray]:
    """Write one tile as the published dataset does, and beside it what is needed to judge it; gives what counts."""
    prepared = radiometry.prepare(series.power, feature=feature)
    glacier = outlines.to_mask(labels, series.geobox)  # (H, W), by pixel centres: unbiased areas
    one_hot = np.stack([~glacier, glacier], axis=-1) & prepared.valid[..., None]  # (H, W, 2), 0 0 where no radar sees
    # float32, because the paper's authors resize these labels to soft ones
    arrays = {feature: prepared.series[..., None], "outlines": one_hot.astype(np.float32)}  # (T, H, W, 1), (H, W, 2)
    height, width = glacier.shape
    for name, values in arrays.items():
        group.create_dataset(name, data=values)  # in one piece, uncompressed: windows are read as mapped memory
    group.attrs.update(
        {
            "height": height,
            "width": width,
            "orig_height": height,
            "orig_width": width,
            "pad_height": 0,
            "pad_width": 0,
            f"{feature}_base_time_idx": base,
            f"{feature}_times": np.array([f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in series.times], dtype="S20"),
            "crs": str(series.geobox.crs),
            "transform": np.array(series.geobox.affine[:6]),
            "filled_share": prepared.filled_share,
            "unseen_share": float(1 - prepared.valid.mean()),
        }
    )
    return arrays | {f"{feature}_base_time_idx": base}
