"""Make tiles side by side in processes of their own, each kept whole, so that a build goes on after a kill."""

from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from glaciersar.dataset.tile import TileJob, fingerprint, make_tile
from glaciersar.errors import InputError
from glaciersar.io import process_pool
from glaciersar.io.atomic import check_free_space

FOLDER = ".unfinished"
"""Hidden beside the files of the dataset; it holds the finished tiles until these are written."""


def make_tiles(folder: Path, jobs: Sequence[TileJob], *, workers: int, progress: bool) -> list[Path]:
    """Make the tiles that are not there yet.

    Args:
        folder: Where finished tiles are kept, each under a name that tells what it is made of; others are removed.
        jobs: The tiles.
        workers: How many processes make one each; 1 makes all in this one. Each holds the series of one tile.
        progress: Show a progress bar.

    Returns:
        The files of the tiles, in the order of the jobs.

    Raises:
        InputError: A tile cannot be made, there is not enough room, or a process was killed. Finished tiles stay.
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
    _check_room(folder, jobs, [job for job, _ in left])
    with tqdm(total=len(jobs), initial=kept, desc="building tiles", disable=not progress) as bar:
        try:
            if workers == 1:
                for job, path in left:
                    make_tile(job, path)
                    bar.update()
            elif left:
                _make_side_by_side(left, min(workers, len(left)), bar)
        finally:
            with suppress(OSError):
                folder.rmdir()  # only if no tile is finished
    return files


def _make_side_by_side(left: Sequence[tuple[TileJob, Path]], workers: int, bar: tqdm) -> None:
    pool = process_pool.spawn_pool(workers)
    try:
        for future in as_completed([pool.submit(make_tile, job, path) for job, path in left]):
            future.result()
            bar.update()
    except BrokenProcessPool as error:
        raise InputError(
            f"{len(left)} tiles to make when one of {workers} processes was killed; memory for as many tiles at once "
            f"expected, and in a script that calls build the line if __name__ == '__main__':"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _check_room(folder: Path, jobs: Sequence[TileJob], left: Sequence[TileJob]) -> None:
    """Refuse to begin where the disk has no room for the tiles that are left, and for the files made of all."""
    needed = sum(map(_bytes, jobs)) + sum(map(_bytes, left))
    check_free_space(folder.parent, needed, f"{len(jobs)} tiles and the making of them")


def _bytes(job: TileJob) -> int:
    dates = len(job.scenes) + len(job.rtc) + len(job.pairs)
    return 4 * (dates + 2) * job.group.tile.geobox(pixel=job.pixel).shape[0] ** 2
