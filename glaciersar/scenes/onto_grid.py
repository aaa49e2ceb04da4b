"""Read one raster onto a grid: copied where the pixels coincide, else interpolated, in windows as in one piece."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio import Affine, DatasetReader
from rasterio.warp import Resampling, reproject, transform, transform_bounds
from rasterio.windows import Window, from_bounds

from glaciersar.scenes.border_noise import MARGIN

COARSER = 1.5 - 1e-6
"""Side of a grid pixel, in raster pixels, above which values are averaged; just below 1.5, to allow for rounding."""


def read_strip(
    file: DatasetReader,
    geobox: GeoBox,
    convert: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    sample: bool,
    unseen: Callable[[Window, int], NDArray[np.bool_]] | None = None,
) -> NDArray[np.float32] | None:
    """Read one raster onto a grid, converted before it is interpolated.

    Args:
        file: The raster.
        geobox: The grid.
        convert: Makes of the values of a window (h, w), NaN for nodata, what is interpolated.
        sample: Take single pixels instead of interpolating.
        unseen: Tells which pixels of a window, read in steps, are no measurement besides.

    Returns:
        (H, W), NaN where there is none; None if the raster does not touch the grid.
    """
    offset = _offset(file, geobox)
    if offset is not None:
        row, column = offset  # of the raster's first pixel, on the grid
        window = Window.from_slices(
            (max(-row, 0), max(min(file.height, geobox.shape[0] - row), 0)),
            (max(-column, 0), max(min(file.width, geobox.shape[1] - column), 0)),
        )
    else:
        window = _window_around(file, geobox)
    if window.height <= 0 or window.width <= 0:
        return None
    ratio = _pixel_ratio(file, geobox)
    step = max(math.floor(ratio), 1) if sample else 1
    inner, window = window, window if sample else _widened(window, file)
    power = convert(read_window(file, window, step))
    if unseen is not None:
        power[unseen(window, step)] = np.nan
    strip = np.full(geobox.shape, np.nan, np.float32)
    if offset is not None:
        y, x = row + inner.row_off, column + inner.col_off
        top, left = inner.row_off - window.row_off, inner.col_off - window.col_off
        strip[y : y + inner.height, x : x + inner.width] = power[top : top + inner.height, left : left + inner.width]
        return strip
    rows, columns = power.shape
    finest = Resampling.nearest if sample else Resampling.bilinear
    reproject(
        power,
        strip,
        src_transform=file.window_transform(window) @ Affine.scale(window.width / columns, window.height / rows),
        src_crs=file.crs,
        src_nodata=np.nan,
        dst_transform=geobox.affine,
        dst_crs=str(geobox.crs),
        dst_nodata=np.nan,
        resampling=Resampling.average if ratio > COARSER and not sample else finest,
        XSCALE=1 / ratio,  # reach of the interpolation; GDAL's own choice depends on which part of the grid is read
        YSCALE=1 / ratio,
    )
    return strip


def _offset(file: DatasetReader, geobox: GeoBox) -> tuple[int, int] | None:
    """Return row and column on the grid of the raster's first pixel, or None if the pixels do not coincide."""
    a, b = file.transform, geobox.affine
    same = CRS(str(file.crs)) == geobox.crs and np.allclose((a.a, a.b, a.d, a.e), (b.a, b.b, b.d, b.e), rtol=1e-9)
    column, row = (a.c - b.c) / b.a, (a.f - b.f) / b.e
    if not same or abs(row - round(row)) > 1e-3 or abs(column - round(column)) > 1e-3:
        return None
    return round(row), round(column)


def _window_around(file: DatasetReader, geobox: GeoBox) -> Window:
    """Return the part of the raster that the grid needs, with a margin for interpolation; empty if there is none."""
    left, bottom, right, top = transform_bounds(str(geobox.crs), file.crs, *geobox.boundingbox.bbox)
    if file.crs.is_geographic:  # left of right, and a turn on where the raster counts longitudes from 0 or beyond 180°
        right += 360 * (right < left)
        turn = 360 * round(((file.bounds.left + file.bounds.right) - (left + right)) / 720)
        left, right = left + turn, right + turn
    (r0, r1), (c0, c1) = from_bounds(left, bottom, right, top, transform=file.transform).toranges()
    if r1 <= 0 or c1 <= 0 or r0 >= file.height or c0 >= file.width:
        return Window(0, 0, 0, 0)
    margin = 2 + math.ceil(_pixel_ratio(file, geobox))
    rows = max(math.floor(r0) - margin, 0), min(math.ceil(r1) + margin, file.height)
    columns = max(math.floor(c0) - margin, 0), min(math.ceil(c1) + margin, file.width)
    return Window.from_slices(rows, columns)


def _widened(window: Window, file: DatasetReader) -> Window:
    """Add the pixels around a window that decide whether a value in it is border noise."""
    rows = max(window.row_off - MARGIN, 0), min(window.row_off + window.height + MARGIN, file.height)
    columns = max(window.col_off - MARGIN, 0), min(window.col_off + window.width + MARGIN, file.width)
    return Window.from_slices(rows, columns)


def _pixel_ratio(file: DatasetReader, geobox: GeoBox) -> float:
    """Return the side of a grid pixel in raster pixels, from their areas in the middle of the raster.

    It is the same for any part of the grid, so that all parts are interpolated in the same way.
    """
    x, y = file.width / 2, file.height / 2
    corners = [file.transform @ corner for corner in ((x, y), (x + 1, y), (x, y + 1))]
    (x0, x1, x2), (y0, y1, y2) = transform(file.crs, str(geobox.crs), *zip(*corners, strict=True))
    pixel = abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    return math.sqrt(abs(geobox.affine.determinant) / pixel)


def read_codes(file: DatasetReader, window: Window, step: int) -> NDArray[np.integer]:
    """Read a window of a raster of codes as they are, nodata too, (h, w)."""
    codes: NDArray[np.integer] = file.read(1, window=window, out_shape=_shape(window, step))
    return codes


def _shape(window: Window, step: int) -> tuple[int, int]:
    return math.ceil(window.height / step), math.ceil(window.width / step)


def read_window(file: DatasetReader, window: Window, step: int) -> NDArray[np.float32]:
    """Read every pixel of a window, or one of each `step` × `step`."""
    read = file.read(1, window=window, out_shape=_shape(window, step), masked=True).astype(np.float32)
    values: NDArray[np.float32] = read.filled(np.nan)
    return values * np.float32(file.scales[0]) + np.float32(file.offsets[0])
