"""Write rasters window by window, so that a killed run can resume, and finish them as cloud-optimised GeoTIFFs.

Until they are finished they lie uncompressed in a hidden folder beside their final place, created at full length: so a
disk without room is refused before any work, and a row of windows that is written twice gives the same file.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import crc32
from zlib import error as ZlibError

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from glaciersar.errors import InputError
from glaciersar.inference.map_product import NO_DATA, Band
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write, check_free_space, write_json
from glaciersar.io.limits import read_json

STATE, SETTINGS = "state.npz", "settings.json"
WriteWindow = Callable[[Window, Sequence[NDArray[np.generic]]], None]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What has been written into the rasters of a folder."""

    rows: int
    """Rows of windows that are done."""
    carry: NDArray[np.float64]
    """Weighted sums that they pass to the next row, as for `sliding_window.blend_row`."""
    counts: NDArray[np.int64]
    """Pixels counted so far, as `map_product.MapReport.of_counts` takes them."""


def create_or_resume(
    folder: Path, bands: Sequence[Band], geobox: GeoBox, settings: Mapping[str, Any], fresh: Progress
) -> Progress:
    """Create rasters in a folder, or resume those that an earlier run with the same settings left there.

    Args:
        folder: Created if need be; what a run with other settings left there is removed.
        bands: The rasters.
        geobox: Their grid.
        settings: Everything that determines their values, for JSON.
        fresh: The progress to begin with.

    Returns:
        How far the rasters are.

    Raises:
        InputError: There is not enough room.
    """
    wanted = json.loads(json.dumps(settings))
    if all((folder / name).exists() for name in (SETTINGS, *(band.path.name for band in bands))):
        if is_unfinished(folder, settings):
            state = load_progress(folder, fresh)
            print(f"{bands[0].path.name}: an unfinished map of the same settings found, {state.rows} rows of it kept")
            return state
        print(f"{bands[0].path.name}: an unfinished map of other settings found, which is started anew")
    remove_unfinished(folder)
    folder.mkdir(parents=True)
    try:
        _check_space(folder, bands, geobox)
        for band in bands:
            _create_band(folder, band, geobox)
        write_json(folder / SETTINGS, wanted)
    except BaseException:
        remove_unfinished(folder)
        raise
    return fresh


def is_unfinished(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Tell whether a folder holds an unfinished map of such settings."""
    path = folder / SETTINGS
    try:
        return path.exists() and bool(read_json(path) == json.loads(json.dumps(settings)))
    except (OSError, ValueError):  # damaged: none that could be resumed
        return False


def remove_unfinished(folder: Path) -> None:
    """Remove a folder of unfinished rasters; killed half-way, it leaves nothing that another run would resume.

    Without its settings, a folder is not resumed: they go first.
    """
    (folder / SETTINGS).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _check_space(folder: Path, bands: Sequence[Band], geobox: GeoBox) -> None:
    """Refuse to begin without room for the uncompressed rasters and, at worst as large, the finished ones."""
    needed = 2 * sum(rasters.uncompressed_bytes(geobox, band.dtype) for band in bands)
    height, width = geobox.shape
    check_free_space(folder.parent, needed, f"a map of {height} × {width} pixels and its temporary files")


def _create_band(folder: Path, band: Band, geobox: GeoBox) -> None:
    rasters.create_empty(
        folder / band.path.name,
        geobox,
        band.dtype,
        nodata=np.nan if band.dtype == "float32" else NO_DATA,
        description=band.description,
        scale=band.scale,
        tags=band.tags,
    )


def load_progress(folder: Path, fresh: Progress) -> Progress:
    """Read the progress of a folder; `fresh` where no row is done."""
    if not (folder / STATE).exists():
        return fresh
    try:
        with np.load(folder / STATE) as kept:
            return Progress(rows=int(kept["rows"]), carry=kept["carry"], counts=kept["counts"])
    except (OSError, ValueError, KeyError, TypeError, MemoryError, BadZipFile, EOFError, ZlibError) as damage:
        raise InputError(f"{folder / STATE}: cannot be read ({damage}), remove {folder} to start anew") from damage


def save_progress(folder: Path, state: Progress) -> None:
    """Write the progress, whole or not at all; call it after the rows that it counts are written."""
    with atomic_write(folder / STATE) as temporary, temporary.open("wb") as file:
        np.savez(file, rows=state.rows, carry=state.carry, counts=state.counts)


@contextmanager
def open_rasters(folder: Path, bands: Sequence[Band]) -> Iterator[WriteWindow]:
    """Open the rasters of a folder; yields a function that writes one window into each.

    At the end all windows are read again and compared: GDAL closes a file on a full disk without an error.
    """
    written: list[tuple[Window, list[int]]] = []
    with ExitStack() as stack:
        files = [stack.enter_context(rasterio.open(folder / band.path.name, "r+")) for band in bands]

        def write(window: Window, values: Sequence[NDArray[np.generic]]) -> None:
            for file, value in zip(files, values, strict=True):
                file.write(value, 1, window=window)
            written.append((window, [crc32(value.tobytes()) for value in values]))

        yield write
    for k, band in enumerate(bands):
        with rasterio.open(folder / band.path.name) as file:
            if any(crc32(file.read(1, window=window).tobytes()) != sums[k] for window, sums in written):
                raise OSError(f"what was written into {band.path.name} is not there: no space left")


def finish_rasters(folder: Path, bands: Sequence[Band]) -> None:
    """Copy the rasters to cloud-optimised GeoTIFFs in their places, the first last, and remove the folder."""
    for band in bands:
        rasters.copy_to_cog(folder / band.path.name, folder / f"finished-{band.path.name}", overviews=band.overviews)
    for band in reversed(bands):
        (folder / f"finished-{band.path.name}").replace(band.path)
    remove_unfinished(folder)
