"""Read probability maps in windows, so that memory does not grow with the map; write GeoTIFFs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import rasterio.shutil
import rasterio.windows
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio import Affine
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from glaciersar.errors import InputError
from glaciersar.io.open_raster import open_raster

WINDOW_SIDE = 2048  # pixels of a window, 32 MB as float64
BLOCK = 256  # pixels; side of GDAL's blocks in an uncompressed raster, of which a window should touch few
MANTISSA = 8  # bits kept of a value, a step of 0.017 dB: what is finer is lost in speckle and only fills the disk
WRITE_ERRORS = (RasterioError, CPLE_BaseError)
"""What rasterio raises, beside the errors of the system, where it cannot write; for `atomic.wrap_write_errors`."""


@contextmanager
def opened(path: str | Path, expected: str) -> Iterator[DatasetReader]:
    """Open a raster on this disk; what GDAL cannot read, now or while it is open, becomes an InputError.

    Args:
        path: Of the raster.
        expected: What it should be, for the message.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected {expected}")
    try:
        with open_raster(path) as file:
            yield file
    except RasterioError as error:
        reason = " ".join(str(error.__cause__ or error).split()).rstrip(".")
        raise InputError(f"{path}: cannot be read as a raster ({reason}), expected {expected}, whole") from error


@contextmanager
def open_map(path: str | Path) -> Iterator[DatasetReader]:
    """Open a map of one band on a projected grid of metres; anything else becomes an InputError."""
    with opened(path, "a probability map (GeoTIFF)") as file:
        if file.count != 1:
            raise InputError(f"{path}: {file.count} bands found, a probability map of one expected")
        if file.crs is None or not file.crs.is_projected or file.crs.linear_units_factor[1] != 1:
            raise InputError(
                f"{path}: {file.crs or 'no coordinate system'} found, a projected one in metres expected, such as UTM; "
                f"gdalwarp -t_srs brings a map there"
            )
        yield file


def iter_windows(file: DatasetReader, *, side: int = WINDOW_SIDE) -> Iterator[Window]:
    """Cut a raster into windows of `side` × `side` pixels, smaller at its right and lower margin, row by row."""
    for row in range(0, file.height, side):
        for column in range(0, file.width, side):
            yield Window(column, row, min(side, file.width - column), min(side, file.height - row))


def read_window(file: DatasetReader, window: Window) -> NDArray[np.float32]:
    """Read a window of a probability map, (h, w); NaN where there is no data, scaled as the file says.

    Raises:
        InputError: A value is not within 0 and 1, or the file is cut off.
    """
    try:
        values = file.read(1, window=window, masked=True)
    except RasterioError as error:
        raise InputError(f"{file.name}: cannot be read to its end ({error}), expected a whole file") from error
    scaled = _scaled(values, file)
    found = scaled[np.isfinite(scaled)]
    if found.size and (found.min() < 0 or found.max() > 1):
        raise InputError(
            f"{file.name}: values from {found.min():g} to {found.max():g} found, probabilities from 0 to 1 expected"
        )
    return scaled


def _scaled(values: NDArray[Any], file: DatasetReader) -> NDArray[np.float32]:
    return np.ma.filled(values.astype(np.float32), np.nan) * np.float32(file.scales[0]) + np.float32(file.offsets[0])


def small_cache() -> rasterio.Env:
    """Return an environment in which GDAL caches 16 MB of rasters; by default its cache grows with the machine."""
    return rasterio.Env(GDAL_CACHEMAX=16_000_000)


def geobox_of(file: DatasetReader) -> GeoBox:
    """Return the pixel grid of a raster."""
    return GeoBox((file.height, file.width), file.transform, file.crs.to_string())


def coarsen_geobox(geobox: GeoBox, side: int) -> GeoBox:
    """Coarsen a grid by the least whole factor that leaves no side longer than `side`; it covers the same area."""
    factor = math.ceil(max(geobox.shape) / side)
    if factor <= 1:
        return geobox
    height, width = geobox.shape
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    return GeoBox((rows, columns), geobox.affine @ Affine.scale(width / columns, height / rows), geobox.crs)


def read_overview(path: str | Path, *, side: int = 1000) -> tuple[NDArray[np.float32], GeoBox]:
    """Read a map of any size coarsely, to draw it.

    Returns:
        (h, w) means, NaN where there is no data, and their grid; the map itself where no side is longer than `side`.
    """
    with opened(path, "a map") as file:
        if file.crs is None:
            raise InputError(f"{path}: no coordinate system found, a map with one expected")
        grid = coarsen_geobox(geobox_of(file), side)
        values = file.read(1, out_shape=tuple(grid.shape), masked=True, resampling=Resampling.average)
        return _scaled(values, file), grid


def common_geobox(paths: Sequence[str | Path]) -> GeoBox:
    """Return the pixel grid of maps that lie on the same pixels.

    Raises:
        InputError: One of them lies elsewhere, or is no probability map.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open_map(path)) for path in paths]
        first = files[0]
        for file in files[1:]:
            if file.crs != first.crs or file.shape != first.shape or not file.transform.almost_equals(first.transform):
                raise InputError(
                    f"{file.name}: {file.width} × {file.height} pixels from {_corner(file)} found, "
                    f"{first.width} × {first.height} from {_corner(first)} as in {first.name} expected"
                )
        return geobox_of(first)


def _corner(file: DatasetReader) -> str:
    return f"({file.transform.c:g}, {file.transform.f:g}) of {abs(file.transform.a):g} m, {file.crs.to_string()}"


def check_complete(file: DatasetReader) -> None:
    """Refuse a GeoTIFF on disk whose blocks reach beyond its end, also where the missing part is not read."""
    if file.driver != "GTiff":
        return
    path = Path(file.name)
    (rows, columns), size = file.block_shapes[0], path.stat().st_size
    for y in range(math.ceil(file.height / rows)):
        for x in range(math.ceil(file.width / columns)):
            start = file.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=1)
            length = file.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=1)
            end = int(start or 0) + int(length or 0)
            if end > size:
                name = "/".join(path.parts[-2:])
                raise InputError(f"{name}: {size} bytes found, at least {end} expected; the file is truncated")


def label_pixels(shapes: gpd.GeoSeries, file: DatasetReader, window: Window) -> NDArray[np.int32]:
    """Number the pixels of a window, which may reach beyond the file, by the polygon that their centre lies in.

    Returns:
        (height, width): 1 for the first polygon, and so on; 0 in none.
    """
    bounds = rasterio.windows.bounds(window, file.transform)
    near = shapes.sindex.query(shapely.box(*bounds))
    clipped = shapely.clip_by_rect(shapes.iloc[near].to_numpy(), *bounds)  # a glacier may have a million corners
    parts = [(shape, k + 1) for shape, k in zip(clipped, near, strict=True) if not shape.is_empty]
    numbers = np.zeros((window.height, window.width), np.int32)
    if parts:
        rasterio.features.rasterize(parts, out=numbers, transform=file.window_transform(window))
    return numbers


def write_cog(
    path: Path,
    values: NDArray[Any],
    geobox: GeoBox,
    *,
    exact: bool = False,
    level: int = 1,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write one band as a cloud-optimised GeoTIFF; nodata is NaN for floating values, else 0.

    Args:
        path: The file to write.
        values: (H, W); floating values become float32.
        geobox: Its grid.
        exact: Keep every bit of floating values; otherwise they are rounded to 9 significant bits, which halves the
            file.
        level: Of the DEFLATE compression, 1 (fast) to 9 (small).
        description: Of the band.
        tags: Metadata of the file.
    """
    floating = np.issubdtype(values.dtype, np.floating)
    if floating:
        values = values.astype(np.float32) if exact else _rounded(values)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype=values.dtype,
        crs=str(geobox.crs),
        transform=geobox.affine,
        nodata=np.nan if floating else 0,
        compress="DEFLATE",
        level=level,
    ) as file:
        file.write(values, 1)
        if description:
            file.set_band_description(1, description)
        if tags:
            file.update_tags(**tags)


def _rounded(values: NDArray[Any]) -> NDArray[np.float32]:
    """Round to `MANTISSA` bits after the leading one, so that the file is half as large."""
    spare = 23 - MANTISSA
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(1 << (spare - 1))) & np.uint32(0xFFFFFFFF << spare & 0xFFFFFFFF)).view(np.float32)


def create_empty(
    path: Path,
    geobox: GeoBox,
    dtype: str,
    *,
    nodata: float,
    description: str,
    scale: float = 1.0,
    tags: Mapping[str, str],
) -> None:
    """Write an uncompressed GeoTIFF of one band without data, as long as it will be when windows are written into it.

    Raises:
        OSError: The disk is full; GDAL itself does not tell.
    """
    profile = {
        "driver": "GTiff",
        "dtype": dtype,
        "count": 1,
        "height": geobox.shape[0],
        "width": geobox.shape[1],
        "crs": str(geobox.crs),
        "transform": geobox.affine,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "BIGTIFF": "IF_SAFER",
    }
    with rasterio.open(path, "w", **profile) as file:
        file.set_band_description(1, description)
        file.update_tags(**tags)
        if scale != 1:
            file.scales = (scale,)
    size, expected = path.stat().st_size, uncompressed_bytes(geobox, dtype)
    if size < expected:
        raise OSError(f"{size} of {expected} bytes written: no space left")


def uncompressed_bytes(geobox: GeoBox, dtype: str) -> int:
    """Tell how long a raster of one band is without compression, in whole blocks."""
    rows, columns = (math.ceil(side / BLOCK) * BLOCK for side in geobox.shape)
    return rows * columns * np.dtype(dtype).itemsize


def copy_to_cog(source: Path, target: Path, *, overviews: str) -> None:
    """Copy a raster of any size to a cloud-optimised GeoTIFF that is whole, or not there at all.

    Args:
        source: Any raster.
        target: The file to write.
        overviews: How GDAL makes the coarser copies, such as "AVERAGE" or "NEAREST".
    """
    options = {"COMPRESS": "DEFLATE", "PREDICTOR": "YES", "OVERVIEW_RESAMPLING": overviews, "BIGTIFF": "IF_SAFER"}
    try:
        rasterio.shutil.copy(source, target, driver="COG", **options)
        with rasterio.open(target) as file:
            check_complete(file)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
