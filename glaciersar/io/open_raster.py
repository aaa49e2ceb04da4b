"""Open rasters on disk and elsewhere: GeoTIFFs only, and none whose header asks for more than a limit.

GDAL opens far more by itself: XML that names other files and servers, archives within archives, pipes.
"""

import math
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import DatasetReader

from glaciersar.errors import InputError
from glaciersar.io.limits import check_limit, check_ratio

DRIVER = "GTiff"
"""The only format that is read; a cloud-optimised GeoTIFF is one."""

_ONE_BAND = re.compile(r"vrt://([^?]+)\?bands=(\d+)")
"""One band of a GeoTIFF on disk, as GDAL writes it."""


def open_raster(place: str | Path, mode: str = "r", **options: Any) -> DatasetReader:
    """Open a GeoTIFF as `rasterio.open` does: a path, a URL, or `vrt://PATH?bands=N` for one band of a path.

    Raises:
        RasterioError: It is no GeoTIFF, or is not there.
        InputError: It is no file but a pipe, device or folder, or its header asks for more than a limit.
    """
    name = str(place)
    if band := _ONE_BAND.fullmatch(name):
        with open_raster(band[1]):
            pass
        return _checked(rasterio.open(f"{name}&if={DRIVER}", driver="VRT"), band[1])
    path = _local(name)
    if path is not None:
        check_regular(path)
    return _checked(rasterio.open(place, mode, driver=DRIVER, **options), name)


def check_regular(path: str | Path) -> None:
    """Refuse a path that is there but is no regular file: reading from a pipe or a device may never end.

    Raises:
        InputError: It is such a thing, or its name cannot be one.
    """
    try:
        kind = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)[:200]!r}: cannot be read ({error}), a file expected") from error
    if not stat.S_ISREG(kind):
        raise InputError(f"{path}: a folder, pipe or device found, a file expected")


def _local(name: str) -> Path | None:
    name = name.removeprefix("file://")
    return None if "://" in name or name.startswith("/vsi") else Path(name)


def _checked(file: DatasetReader, name: str) -> DatasetReader:
    """Return a raster whose header is within the limits; close any other."""
    try:
        _check_header(file, name)
    except BaseException:
        file.close()
        raise
    return file


def _check_header(file: DatasetReader, name: str) -> None:
    check_limit(file.width * file.height, "PIXELS", f"{name}: {file.width} × {file.height} pixels by its header")
    if not np.isfinite(file.transform).all():
        raise InputError(f"{name}: a grid of {tuple(file.transform)[:6]} found, finite numbers expected")
    size = max(np.dtype(kind).itemsize if not kind.startswith("complex_") else 4 for kind in file.dtypes)
    rows, columns = file.block_shapes[0]
    together = file.count if file.interleaving is not None and file.interleaving.value == "PIXEL" else 1
    block = f"{name}: a block of {columns} × {rows} pixels by its header"
    check_limit(rows * columns * size * together, "BLOCK_BYTES", block)
    path = _local(name)
    if path is not None and path.is_file():
        held = path.stat().st_size
        check_ratio(file.width * file.height * file.count * size, held, name)
        blocks = math.ceil(file.height / rows) * math.ceil(file.width / columns)
        if blocks > held:  # the index of each takes a byte at least
            raise InputError(f"{name}: {blocks} blocks by its header found, which {held} bytes cannot hold")
    if "OVERVIEW_FILE" in file.tags(ns="OVERVIEWS"):
        raise InputError(f"{name}: another file with its overviews found, overviews in the file itself expected")
