"""Open a raster of backscatter, or say in a sentence why it is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rasterio import DatasetReader
from rasterio.errors import RasterioError

from glaciersar import rasters, remote
from glaciersar.errors import InputError
from glaciersar.scenes.records import is_remote


@contextmanager
def opened(href: str, *, check: bool = True) -> Iterator[DatasetReader]:
    """Open a raster that has one band, a CRS and upright pixels; whatever GDAL meets becomes an InputError.

    Without `check`, what takes as long as the raster is large is left out.
    """
    name = name_of(href)
    if not is_remote(href) and not Path(href).exists():
        raise InputError(f"{href}: no such file, expected the raster that the scene list names")
    try:
        with remote.opened(href) as file:
            if file.crs is None and file.gcps[0]:
                raise InputError(
                    f"{name}: a ground-range product in the geometry of the radar ({len(file.gcps[0])} control points, "
                    f"no grid) found, a terrain-corrected raster (RTC) expected"
                )
            if file.dtypes[0].startswith("complex"):
                raise InputError(f"{name}: complex values found (single-look data, SLC), backscatter expected")
            if file.crs is None:
                raise InputError(f"{name}: no coordinate system found, expected a georeferenced raster")
            if file.count != 1:
                raise InputError(f"{name}: {file.count} bands found, one expected")
            t = file.transform
            if t.b or t.d or t.a <= 0 or t.e >= 0:
                raise InputError(f"{name}: a turned or flipped grid found, north up expected")
            if check and not is_remote(href):
                rasters.check_whole(file)
            yield file
    except (RasterioError, OSError) as error:
        raise InputError(f"{name}: cannot be read ({_reason(error)}), expected a whole GeoTIFF") from error


def name_of(href: str) -> str:
    """Name a raster in messages; with its folder, because archives call many files alike (hh.tif)."""
    return "/".join(Path(href).parts[-2:])


def _reason(error: BaseException) -> str:
    """Give GDAL's own words, which rasterio keeps as the cause of its error."""
    return " ".join(str(error.__cause__ or error).split()).rstrip(".")
