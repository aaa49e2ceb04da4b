"""Read scenes onto one pixel grid: backscatter as linear power, incidence, and other rasters."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio import DatasetReader
from rasterio.windows import Window

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.border_noise import border_noise
from glaciersar.scenes.fill_values import NO_RADAR_BELOW, Fills, check_scaling, fills_of
from glaciersar.scenes.footprint import describe_geobox, open_backscatter, polarisation_hrefs, raster_name
from glaciersar.scenes.layover_shadow import is_unseen, mask_of
from glaciersar.scenes.onto_grid import read_codes, read_strip
from glaciersar.scenes.scene import Scene, check_one_orbit, merge_passes


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
    fills: dict[str, Fills] = field(default_factory=dict)
    """Filled with what is no measurement although a raster does not say so, by its name."""
    unseen: Counter[str] = field(default_factory=Counter)
    """Counts the values read ("all") and those of layover and shadow ("masked")."""


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

    Strips of one pass are mosaicked; where they overlap, the first valid value is kept. Nodata, border noise (see
    `border_noise`), undeclared fills (`fill_values`), layover and shadow (`layover_shadow`) are no values; of the last
    two the shares are printed where `check` is set.

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
    if check:
        _tell_of(options)
    kept = list(range(len(passes)))
    if drop_empty:
        kept = [k for k, date in enumerate(power) if not np.isnan(date).all()]
        if not kept:
            raise _no_value(passes[0])
        power = power if len(kept) == len(passes) else power[kept]
    return Series(power=power, times=tuple(passes[k].time for k in kept), geobox=geobox)


def _tell_of(options: _Options) -> None:
    """Print which values were taken for no measurement."""
    tell_fills(options.fills)
    if masked := options.unseen["masked"]:
        print(f"layover and shadow: {masked / options.unseen['all']:.1%} of the values masked")


def tell_fills(fills: Mapping[str, Fills]) -> None:
    """Print which values of rasters, by their names, were taken for undeclared fills."""
    if fills:
        name, largest = max(fills.items(), key=lambda found: found[1].share)
        values = ", ".join(f"{value:g}" for value in largest.values)
        print(
            f"{len(fills)} rasters hold values that many pixels share to the bit, which are taken for fills "
            f"that they do not declare, such as {values} in {largest.share:.0%} of {name}"
        )


def _read_date(date: NDArray[np.float32], scene: Scene, geobox: GeoBox, polarisation: str, options: _Options) -> bool:
    """Mosaic the rasters of a scene into `date` (H, W), NaN so far; tell whether any of them touches the grid."""
    touched = False
    for href in polarisation_hrefs(scene, polarisation):
        mask = mask_of(href, scene.hrefs.get("layover_shadow", ()))
        strip = http.read_with_retry(href, partial(_read_raster, href, mask, geobox, scene.units, options))
        if strip is not None:
            touched = True
            np.copyto(date, strip, where=np.isnan(date))
    return touched


def _read_raster(
    href: str, mask: str | None, geobox: GeoBox, units: str, options: _Options
) -> NDArray[np.float32] | None:
    """Read one raster onto the grid as linear power (H, W), or None if it does not touch it."""
    with ExitStack() as stack:
        file = stack.enter_context(open_backscatter(href, check=options.check))
        fills = fills_of(file, href)
        if fills.values:
            options.fills[raster_name(href)] = fills
        unseen = None
        if mask is not None:
            codes = stack.enter_context(open_backscatter(mask, check=options.check))
            unseen = _unseen_by(codes, file, options)
        convert = partial(_to_power, file=file, fills=fills.values, units=units, options=options)
        return read_strip(file, geobox, convert, sample=options.sample, unseen=unseen)


def _unseen_by(
    codes: DatasetReader, file: DatasetReader, options: _Options
) -> Callable[[Window, int], NDArray[np.bool_]]:
    """Make of a mask what tells which pixels of a window of its raster are layover or shadow, and counts them."""
    if codes.shape != file.shape or not codes.transform.almost_equals(file.transform):
        raise InputError(f"{raster_name(codes.name)}: a mask on other pixels than {raster_name(file.name)} found")

    def unseen(window: Window, step: int) -> NDArray[np.bool_]:
        found = is_unseen(read_codes(codes, window, step), codes.name)
        options.unseen.update(all=found.size, masked=int(found.sum()))
        return found

    return unseen


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


def read_auxiliary(
    hrefs: Iterable[str],
    geobox: GeoBox,
    *,
    nothing: float = np.nan,
    check: bool = True,
    sample: bool = False,
    fills: dict[str, Fills] | None = None,
) -> NDArray[np.float32]:
    """Read rasters that hold no backscatter onto a grid (H, W); NaN for nodata and for the value `nothing`.

    Args:
        hrefs: Of rasters to mosaic; where they overlap, the first valid value is kept.
        geobox: The grid.
        nothing: A value that is none.
        check: Refuse truncated files.
        sample: Take single pixels instead of interpolating.
        fills: For rasters of measured values: undeclared fills (`fill_values`) are none, and are noted here by raster.
    """
    values = np.full(geobox.shape, np.nan, np.float32)
    for href in hrefs:
        read = partial(_read_auxiliary, href, geobox, nothing, fills, check=check, sample=sample)
        strip = http.read_with_retry(href, read)
        if strip is not None:
            np.copyto(values, strip, where=np.isnan(values))
    return values


def _read_auxiliary(
    href: str, geobox: GeoBox, nothing: float, fills: dict[str, Fills] | None, *, check: bool, sample: bool
) -> NDArray[np.float32] | None:
    with open_backscatter(href, check=check) as file:
        none = [nothing]
        if fills is not None and (found := fills_of(file, href)).values:
            fills[raster_name(href)] = found
            none += found.values
        masked = np.asarray(none, np.float32)
        return read_strip(file, geobox, lambda values: np.where(np.isin(values, masked), np.nan, values), sample=sample)


def _to_power(
    values: NDArray[np.float32], *, file: DatasetReader, fills: Sequence[float], units: str, options: _Options
) -> NDArray[np.float32]:
    """Mask what is no measurement and convert to linear power.

    An exact zero is no measurement: archives fill with it, or clip to it where the noise subtraction overshot.
    """
    name = raster_name(file.name)
    if fills:
        values = np.where(np.isin(values, np.asarray(fills, np.float32)), np.float32(np.nan), values)
    if options.check:
        check_scaling(values, file, units=units, name=name)
    measured = np.isfinite(values) & (values != 0) & (values >= NO_RADAR_BELOW)
    values = np.where(measured, values, np.float32(np.nan))
    if options.check and not np.isnan(values).all():
        radiometry.check_units(values, units=units, name=name)
    power = values if units == "linear" else radiometry.to_power(values).astype(np.float32)
    if not options.sample:  # border noise is judged by a pixel's neighbours, which a sample leaves out
        power[border_noise(power)] = np.nan
    return power
