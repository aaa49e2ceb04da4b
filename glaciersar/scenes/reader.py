"""Read scenes onto one pixel grid: backscatter as linear power, incidence, and other rasters."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio import Affine, DatasetReader
from rasterio.warp import Resampling, reproject, transform, transform_bounds
from rasterio.windows import Window, from_bounds

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.border_noise import MARGIN, border_noise
from glaciersar.scenes.footprint import describe_geobox, open_backscatter, polarisation_hrefs, raster_name
from glaciersar.scenes.scene import Scene, check_one_orbit, merge_passes

EMPTY_BELOW = -200.0
"""Decibels or power. No radar measures so little: such a value is a fill value that the raster does not declare."""

COARSER = 1.5 - 1e-6
"""Side of a grid pixel, in raster pixels, above which values are averaged; just below 1.5, to allow for rounding."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Backscatter of one place through time, from one orbit and in one polarisation."""

    power: NDArray[np.float32]
    """(T, H, W) linear power, NaN where a date has no value."""
    times: tuple[datetime, ...]
    """(T,) start of each pass, UTC, increasing."""
    geobox: GeoBox
    """The pixel grid."""


@dataclass(frozen=True, kw_only=True)
class _Options:
    """How the rasters of a series are read."""

    check: bool
    """Refuse truncated files and values that contradict the declared units."""
    sample: bool
    """Take single pixels instead of interpolating."""


def read_series(
    scenes: Sequence[Scene],
    geobox: GeoBox,
    polarisation: str,
    *,
    check: bool = True,
    drop_empty: bool = False,
    sample: bool = False,
) -> Series:
    """Read the scenes of one orbit onto a grid, as linear power.

    Strips of one pass are mosaicked; where they overlap, the first valid value is kept. Nodata and border noise (see
    `border_noise`) are no values.

    Where a raster's pixels coincide with the grid they are copied. Otherwise they are interpolated in linear power:
    averaged (multilooked) if the grid is at least 1.5 times coarser, bilinear if not; missing pixels take no part. The
    rasters may lie in several coordinate systems, because archives project each to the zone of its middle.

    Any window of the grid reads the same as that part of the whole. Interpolated values agree to rounding; between two
    coordinate systems to a hundredth of the mean power, because GDAL approximates the place of a pixel there.

    Args:
        scenes: Of one relative orbit.
        geobox: The grid; any part of it that no raster covers becomes NaN.
        polarisation: "HH", "HV", "VV" or "VH".
        check: Refuse dates without any value, and values that contradict the declared units. Turn off for small
            windows of a raster that was checked as a whole.
        drop_empty: Leave out dates without any value (a corner of a footprint) instead, as long as one is left.
        sample: Take single pixels instead of interpolating, so that memory grows with the grid, not with the rasters.

    Raises:
        InputError: Scenes of several orbits (or of unknown ones, at different times of day), a missing polarisation, a
            raster that cannot be read or does not touch the grid, wrong units, an empty date.
    """
    passes = merge_passes(scenes)
    check_one_orbit(passes)
    power = np.full((len(passes), *geobox.shape), np.nan, np.float32)
    options = _Options(check=check, sample=sample)
    for date, scene in zip(power, passes, strict=True):  # date: (H, W), a view
        touched = _read_date(date, scene, geobox, polarisation, options)
        if check and not drop_empty:
            if not touched:
                raise InputError(f"{scene.id}: does not overlap the grid {describe_geobox(geobox)}")
            if not sample and np.isnan(date).all():  # values may lie between the single pixels of a sample
                raise _no_value(scene)
    kept = list(range(len(passes)))
    if drop_empty:
        kept = [k for k, date in enumerate(power) if not np.isnan(date).all()]
        if not kept:
            raise _no_value(passes[0])
        power = power if len(kept) == len(passes) else power[kept]
    return Series(power=power, times=tuple(passes[k].time for k in kept), geobox=geobox)


def _read_date(date: NDArray[np.float32], scene: Scene, geobox: GeoBox, polarisation: str, options: _Options) -> bool:
    """Mosaic the rasters of a scene into `date` (H, W), NaN so far; tell whether any of them touches the grid."""
    touched = False
    for href in polarisation_hrefs(scene, polarisation):
        strip = http.read_with_retry(href, partial(_read_raster, href, geobox, scene.units, options))
        if strip is not None:
            touched = True
            np.copyto(date, strip, where=np.isnan(date))
    return touched


def _read_raster(href: str, geobox: GeoBox, units: str, options: _Options) -> NDArray[np.float32] | None:
    """Read one raster onto the grid as linear power (H, W), or None if it does not touch it."""
    with open_backscatter(href, check=options.check) as file:
        convert = partial(_to_power, name=raster_name(file.name), units=units, options=options)
        return _read_strip(file, geobox, convert, sample=options.sample)


def _no_value(scene: Scene) -> InputError:
    return InputError(f"{scene.id}: no pixel holds a value on the grid (all nodata), expected backscatter")


def read_incidence(scenes: Sequence[Scene], geobox: GeoBox) -> NDArray[np.float32] | None:
    """Read the angle of incidence of one orbit onto a grid.

    It is the same at every pass of an orbit, to some tenths of a degree, so the first pass that has it is read.

    Returns:
        (H, W) degrees, converted from radians if need be, NaN where there is none; None if no scene has it on the grid.

    Raises:
        InputError: The values are no angles.
    """
    for scene in scenes:
        if "incidence" in scene.hrefs:
            angle = read_auxiliary(scene.hrefs["incidence"], geobox)  # (H, W)
            seen = angle[np.isfinite(angle)]
            if not seen.size:
                continue
            low, high = float(seen.min()), float(seen.max())
            if low >= 0 and high <= np.pi:  # no radar looks down as steeply as 3 degrees
                return np.degrees(angle)
            if low < 0 or high > 180:
                raise InputError(
                    f"{scene.id}: incidence from {low:.3g} to {high:.3g} found, angles from 0 to 180 degrees expected"
                )
            return angle
    return None


def read_auxiliary(hrefs: Iterable[str], geobox: GeoBox, *, nothing: float = np.nan) -> NDArray[np.float32]:
    """Read rasters that hold no backscatter onto a grid (H, W); NaN for nodata and for the value `nothing`."""
    values = np.full(geobox.shape, np.nan, np.float32)
    for href in hrefs:
        strip = http.read_with_retry(href, partial(_read_auxiliary, href, geobox, nothing))
        if strip is not None:
            np.copyto(values, strip, where=np.isnan(values))
    return values


def _read_auxiliary(href: str, geobox: GeoBox, nothing: float) -> NDArray[np.float32] | None:
    with open_backscatter(href) as file:
        return _read_strip(file, geobox, lambda found: np.where(found == nothing, np.nan, found), sample=False)


def _read_strip(
    file: DatasetReader,
    geobox: GeoBox,
    convert: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    sample: bool,
) -> NDArray[np.float32] | None:
    """Read one raster onto the grid (H, W), converted before it is interpolated, or None if it does not touch it."""
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
    power = convert(_read_window(file, window, step))
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
    bounds = transform_bounds(str(geobox.crs), file.crs, *geobox.boundingbox.bbox)
    (r0, r1), (c0, c1) = from_bounds(*bounds, transform=file.transform).toranges()
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


def _read_window(file: DatasetReader, window: Window, step: int) -> NDArray[np.float32]:
    """Read every pixel of a window, or one of each `step` × `step`."""
    shape = math.ceil(window.height / step), math.ceil(window.width / step)
    read = file.read(1, window=window, out_shape=shape, masked=True).astype(np.float32)
    values: NDArray[np.float32] = read.filled(np.nan)
    return values * np.float32(file.scales[0]) + np.float32(file.offsets[0])


def _to_power(values: NDArray[np.float32], *, name: str, units: str, options: _Options) -> NDArray[np.float32]:
    """Mask what is no measurement and convert to linear power.

    An exact zero is no measurement: archives fill with it, or clip to it where the noise subtraction overshot.
    """
    measured = np.isfinite(values) & (values != 0) & (values >= EMPTY_BELOW)
    values = np.where(measured, values, np.float32(np.nan))
    if options.check and not np.isnan(values).all():
        radiometry.check_units(values, units=units, name=name)
    power = values if units == "linear" else radiometry.to_power(values).astype(np.float32)
    if not options.sample:  # border noise is judged by a pixel's neighbours, which a sample leaves out
        power[border_noise(power)] = np.nan
    return power
