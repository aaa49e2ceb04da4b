"""Rasters in the making: filled window by window, gone on with after a kill, finished as cloud-optimised GeoTIFFs.

They lie uncompressed in a hidden folder beside what they will become, laid out in full at the start: so a disk without
room is told before any work, and a row of windows that is written twice ends the same.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.shutil import copy
from rasterio.windows import Window

from glaciersar.errors import InputError
from glaciersar.inference.map_product import NO_DATA, Band
from glaciersar.io import rasters
from glaciersar.io.atomic import atomic_write, write_json

TILE = 256  # pixels; GDAL's blocks, of which a window should touch few
STATE, SETTINGS = "state.npz", "settings.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the rasters of a folder are."""

    rows: int
    """Rows of windows that are done."""
    carry: NDArray[np.float64]
    """What they leave to the next one, as `mapping.blend_row` has it."""
    counts: NDArray[np.int64]
    """What they have counted."""


@contextmanager
def raster_write_errors(path: Path) -> Iterator[None]:
    """Turn whatever the system or GDAL meets in writing into an InputError."""
    try:
        yield
    except (OSError, RasterioError, CPLE_BaseError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error.__cause__ or error)
        found = " ".join(reason.split()).rstrip(".")
        raise InputError(f"{path}: cannot be written ({found}), a folder with permission and room expected") from error


def create_or_resume(
    folder: Path, bands: Sequence[Band], geobox: GeoBox, settings: Mapping[str, Any], fresh: Progress
) -> Progress:
    """Lay out rasters in a folder, or go on with those that an earlier run with the same settings left there.

    Args:
        folder: To be made; what another run left there with other settings is removed.
        bands: The rasters.
        geobox: Their grid.
        settings: Everything that determines what will be in them, as JSON has it.
        fresh: The state to begin with.

    Raises:
        InputError: There is not enough room.
    """
    asked = json.loads(json.dumps(settings))
    if all((folder / name).exists() for name in (SETTINGS, *(band.path.name for band in bands))):
        if json.loads((folder / SETTINGS).read_text()) == asked:
            state = load_progress(folder, fresh)
            print(f"{bands[0].path.name}: an unfinished map of the same settings found, {state.rows} rows of it kept")
            return state
        print(f"{bands[0].path.name}: an unfinished map of other settings found, which is started anew")
    remove_unfinished(folder)
    folder.mkdir(parents=True)
    try:
        _check_room(folder, bands, geobox)
        for band in bands:
            _lay_out(folder, band, geobox)
        write_json(folder / SETTINGS, asked)
    except BaseException:
        remove_unfinished(folder)
        raise
    return fresh


def remove_unfinished(folder: Path) -> None:
    """Remove a folder of rasters in the making; killed on the way, it leaves nothing that looks as if to go on with."""
    (folder / SETTINGS).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _check_room(folder: Path, bands: Sequence[Band], geobox: GeoBox) -> None:
    needed = 2 * sum(_bytes(band, geobox) for band in bands)  # the rasters, and at worst as much for the finished ones
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder.parent}: {free / 1e9:.2g} GB free found, {needed / 1e9:.2g} GB expected for a map of "
            f"{geobox.shape[0]} × {geobox.shape[1]} pixels and the making of it"
        )


def _bytes(band: Band, geobox: GeoBox) -> int:
    """Tell how long a raster is without compression, which comes in whole tiles."""
    rows, columns = (ceil(side / TILE) * TILE for side in geobox.shape)
    return rows * columns * np.dtype(band.dtype).itemsize


def _lay_out(folder: Path, band: Band, geobox: GeoBox) -> None:
    """Write a raster without data, of the length that it will keep."""
    height, width = geobox.shape
    profile = {
        "driver": "GTiff",
        "dtype": band.dtype,
        "count": 1,
        "height": height,
        "width": width,
        "crs": str(geobox.crs),
        "transform": geobox.affine,
        "nodata": np.nan if band.dtype == "float32" else NO_DATA,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "BIGTIFF": "IF_SAFER",
    }
    path = folder / band.path.name
    with rasterio.open(path, "w", **profile) as file:
        file.set_band_description(1, band.description)
        file.update_tags(**band.tags)
        if band.scale != 1:
            file.scales = (band.scale,)
    if path.stat().st_size < _bytes(band, geobox):  # see `opened`
        raise OSError(f"{path.stat().st_size} of {_bytes(band, geobox)} bytes laid out: no space left")


def load_progress(folder: Path, fresh: Progress) -> Progress:
    """Read how far the rasters of a folder are; `fresh` where no row is done."""
    if not (folder / STATE).exists():
        return fresh
    with np.load(folder / STATE) as kept:
        return Progress(rows=int(kept["rows"]), carry=kept["carry"], counts=kept["counts"])


def save_progress(folder: Path, state: Progress) -> None:
    """Write how far the rasters are, whole or not at all; after what it tells of is written."""
    with atomic_write(folder / STATE) as temporary, temporary.open("wb") as file:
        np.savez(file, rows=state.rows, carry=state.carry, counts=state.counts)


@contextmanager
def open_rasters(folder: Path, bands: Sequence[Band]) -> Iterator[Callable[[Window, Sequence[NDArray]], None]]:
    """Open the rasters of a folder; yields what writes a window of each.

    At the end, what was written is read again: GDAL closes a file on a full disk without a word.
    """
    written: list[tuple[Window, list[int]]] = []
    with ExitStack() as stack:
        files = [stack.enter_context(rasterio.open(folder / band.path.name, "r+")) for band in bands]

        def write(window: Window, values: Sequence[NDArray]) -> None:
            for file, value in zip(files, values, strict=True):
                file.write(value, 1, window=window)
            written.append((window, [crc32(value.tobytes()) for value in values]))

        yield write
    for k, band in enumerate(bands):
        with rasterio.open(folder / band.path.name) as file:
            if any(crc32(file.read(1, window=window).tobytes()) != sums[k] for window, sums in written):
                raise OSError(f"what was written into {band.path.name} is not there: no space left")


def finish_rasters(folder: Path, bands: Sequence[Band]) -> None:
    """Make the rasters cloud-optimised, put them in their places, the first last, and remove the folder."""
    for band in bands:
        source, target = folder / band.path.name, folder / f"finished-{band.path.name}"
        options = {"COMPRESS": "DEFLATE", "PREDICTOR": "YES", "OVERVIEW_RESAMPLING": band.overviews}
        try:
            copy(source, target, driver="COG", BIGTIFF="IF_SAFER", **options)
            with rasterio.open(target) as file:
                rasters.check_complete(file)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    for band in reversed(bands):
        (folder / f"finished-{band.path.name}").replace(band.path)
    remove_unfinished(folder)
