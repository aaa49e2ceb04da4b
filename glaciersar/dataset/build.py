"""Build the dataset files, in the published layout, from scenes and outlines.

Each tile becomes a file of its own first, so that a build that was killed goes on with those that are finished.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
from tqdm import tqdm

from glaciersar import grid, radiometry
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.plan import DatasetPlan, plan_dataset
from glaciersar.dataset.planes import write_array
from glaciersar.dataset.tile import TileJob, fingerprint, make_tile
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.io import process_pool
from glaciersar.io.atomic import atomic_write, check_free_space
from glaciersar.io.lock import exclusive_lock
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.scene import Scene, split_pair

FOLDER = ".unfinished"
"""Hidden beside the files of the dataset; it holds the finished tiles until these are written."""


def build_dataset(
    out: str | Path,
    scenes: Sequence[Scene],
    reference: gpd.GeoDataFrame,
    split: Mapping[Tile, str],
    config: DatasetConfig,
    *,
    rtc: Sequence[Scene] = (),
    pairs: Sequence[CoherencePair] = (),
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Write train.h5, val.h5 and test.h5: a group for each tile, year and relative orbit that has scenes.

    All dates of a year are kept, because time jitter needs the neighbours of the chosen ones; dates without any value
    on a tile are left out, and its attribute empty_dates counts them. The attribute content of a file is a hash of its
    values. Scenes beside all tiles, and those that a newer processing replaces, are left out with a printed line.

    A finished tile is kept in the hidden folder `.unfinished` of `out` until the three files are written. A build that
    was killed or failed goes on with these tiles, as long as their scenes, outlines and settings are the same; until
    the end, the disk holds every tile twice. The files are the same to the byte however often a build stopped, and for
    any number of workers. A second build into the folder at the same time is refused.

    Args:
        out: Folder of the three files; each is written whole or not at all.
        scenes: From `find_scenes` or `read_manifest`; the series "grd", or "rtc" where "grd" is no feature.
        reference: Glacier outlines from `outlines.read_outlines`, or masks of labels from
            `label_rasters.read_label_rasters`. With a year column, each year takes its own; without, every year takes
            all.
        split: The subset (train, val, test) of each tile to build.
        config: Years, orbits, features and how tiles are made.
        rtc: The scenes of "rtc" beside "grd".
        pairs: The coherence of "insar", from `find_pairs`; a year takes the pairs whose middle lies in it.
        workers: How many processes make a tile each, with as much memory as its series takes; 1 makes all in this one.
        progress: Show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: Scenes or outlines that don't fit, found before anything is written where that is possible.
    """
    out = Path(out)
    plan = plan_dataset(out, scenes, reference, split, config, rtc=rtc, pairs=pairs)
    with exclusive_lock(out):
        tiles = make_tiles(out / FOLDER, plan.jobs, workers=workers, progress=progress)
        _write_subsets(out, plan, tiles)
    return out


def make_tiles(folder: Path, jobs: Sequence[TileJob], *, workers: int, progress: bool) -> list[Path]:
    """Make the tiles that are not finished yet.

    Args:
        folder: Where finished tiles are kept, named by their group and fingerprint; other files in it are removed.
        jobs: The tiles.
        workers: How many processes make one each; 1 makes all in this one. Each holds the series of one tile.
        progress: Show a progress bar.

    Returns:
        The files of the tiles, in the order of the jobs.

    Raises:
        InputError: A tile cannot be made, the disk has too little space, or a process was killed. Finished tiles stay.
    """
    if workers < 1:
        raise InputError(f"workers={workers} found, at least 1 expected")
    files = [folder / f"{job.group.name}-{fingerprint(job)}.h5" for job in jobs]
    if folder.is_dir():
        for path in set(folder.iterdir()) - set(files):  # of other settings, or half-written when a run was killed
            path.unlink()
    left = [(job, path) for job, path in zip(jobs, files, strict=True) if not path.exists()]
    if kept := len(jobs) - len(left):
        print(f"{folder.parent}: {kept} of {len(jobs)} tiles found finished by an earlier run, which are kept")
    _check_disk_space(folder, jobs, [job for job, _ in left])
    with tqdm(total=len(jobs), initial=kept, desc="building tiles", disable=not progress) as bar:
        try:
            if workers == 1:
                for job, path in left:
                    make_tile(job, path)
                    bar.update()
            elif left:
                _make_in_parallel(left, min(workers, len(left)), bar)
        finally:
            with suppress(OSError):
                folder.rmdir()  # only if no tile is finished
    return files


def _make_in_parallel(left: Sequence[tuple[TileJob, Path]], workers: int, bar: "tqdm[Any]") -> None:
    try:
        with closing(process_pool.run_all(make_tile, left, workers=workers)) as made:
            for _ in made:
                bar.update()
    except process_pool.WorkerDiedError as error:
        raise InputError(
            f"{len(left)} tiles to make when one of {workers} processes was killed; memory for as many tiles at once "
            f"expected, and in a script that calls build_dataset the line if __name__ == '__main__':"
        ) from error


def _check_disk_space(folder: Path, jobs: Sequence[TileJob], left: Sequence[TileJob]) -> None:
    """Refuse to begin where the disk has no space for the tiles that are left, and for the files made of all."""
    needed = sum(map(_tile_bytes, jobs)) + sum(map(_tile_bytes, left))
    check_free_space(folder.parent, needed, f"{len(jobs)} tiles and the making of them")


def _tile_bytes(job: TileJob) -> int:
    """Give the size of a tile: its dates and two planes of labels in float32."""
    dates = (len(job.scenes) + len(job.rtc)) * len(split_pair(job.config.polarisation)) + len(job.pairs)
    side: int = job.group.tile.geobox(pixel=job.config.pixel).shape[0]
    return 4 * (dates + 2) * side**2


def _write_subsets(out: Path, plan: DatasetPlan, tiles: Sequence[Path]) -> None:
    """Join the tiles of each subset to a file; the three files appear when all are whole."""
    unfinished = out / FOLDER
    for subset in grid.SUBSETS:
        pairs = zip(plan.jobs, tiles, strict=True)
        named = {job.group.name: tile for job, tile in pairs if plan.split[job.group.tile] == subset}
        with atomic_write(unfinished / f"{subset}.h5") as path, h5py.File(path, "w") as file:
            file.attrs["content"] = _join(file, named)
            file.attrs.update(plan.attributes)
    for subset in grid.SUBSETS:
        (unfinished / f"{subset}.h5").replace(out / f"{subset}.h5")
    shutil.rmtree(unfinished)


def _join(file: h5py.File, tiles: Mapping[str, Path]) -> str:
    """Copy tiles into one file with checksums, a date at a time; return a hash of the values and base indices."""
    content = hashlib.sha256()
    for name, path in tiles.items():
        group = file.create_group(name)
        with h5py.File(path) as tile:
            if "incidence" in tile:  # no part of the hash, as no model reads it
                source = tile["incidence"]
                write_array(group, "incidence", source.shape, source.dtype)[()] = source[()]
            for key in [*(feature for feature in radiometry.RANGES if feature in tile), "outlines"]:
                source = tile[key]
                target = write_array(group, key, source.shape, source.dtype)
                content.update(f"{name}/{key}{source.shape}".encode())
                for index in range(len(source)) if source.ndim == 4 else [()]:  # a date, or all labels at once
                    target[index] = values = np.ascontiguousarray(source[index])
                    content.update(values.data)
            group.attrs.update(tile.attrs)
            for key in sorted(key for key in tile.attrs if key.endswith("_base_time_idx")):
                base = tile.attrs[key]
                content.update(f"{name}/{key}{base.shape}".encode())
                content.update(np.ascontiguousarray(base).data)
    return content.hexdigest()
