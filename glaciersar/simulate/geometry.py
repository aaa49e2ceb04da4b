"""Viewing geometry of the radar: incidence, local incidence, the gain of slopes, layover and shadow.

Over Svalbard the relative orbits 14 and 174 pass northwards only and look to the right, to the north-east. Elsewhere
they stand for two passes like these, a steep and a flat one, of a swath whose middle lies over the place.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar.errors import InputError
from glaciersar.geodesy import middle_of
from glaciersar.grid import SVAL, Grid, grid_at
from glaciersar.simulate.rounding import evaluate, norm

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

ALTITUDE = 700_000.0  # of Sentinel-1 over Svalbard, metres
INCLINATION = np.radians(98.18)
MAX_GAIN = 16.0  # largest gain of a slope, power; the size of the resolution cell limits it

# Incidence in degrees: at `CENTRE`, and its growth per km eastwards and northwards. Planes through the incidence at
# seven (orbit 14) and five (orbit 174) places from Hornsund to Kvitøya, which a circular orbit gives within 3 degrees.
INCIDENCE = {14: (43.8, 0.0523, 0.0198), 174: (31.1, 0.0527, 0.0330)}
CENTRE = (600_000.0, 8_750_000.0)  # in the system of the published grid
ELSEWHERE = {14: 42.0, 174: 34.0}  # incidence off Svalbard, in the middle of an area, degrees
ARCTIC = (40.0, 52.0)  # look directions of the orbits over Svalbard, degrees clockwise from north
IW_INCIDENCE = (30.0, 46.0)  # within the interferometric wide swath, degrees


@dataclass(frozen=True, kw_only=True)
class View:
    """One viewing geometry over one landscape."""

    incidence: Field
    """(H, W) incidence on flat ground: the angle between the look direction and the vertical, degrees."""
    local: Field
    """(H, W) local incidence: the angle between the look direction and the normal of the slope, degrees."""
    gain: Field
    """(H, W) illuminated area over that of flat ground, power; slopes that face the radar have more than 1."""
    layover: Mask
    """(H, W) pixels at the same slant range as others."""
    shadow: Mask
    """(H, W) pixels that the radar does not see."""


def look_azimuth(latitude: float, limits: tuple[float, float] = ARCTIC) -> float:
    """Compute the direction in which a right-looking, northbound Sentinel-1 looks, degrees clockwise from north.

    On a sphere sin(heading) = cos(inclination) / cos(latitude). The rotation of the Earth, about 3 degrees, is left
    out, and the result is clipped to `limits`: the 40 to 52 degrees that the orbits have over Svalbard.
    """
    heading = np.arcsin(np.clip(np.cos(INCLINATION) / np.cos(np.radians(latitude)), -1, 1))
    return float(np.clip(round(np.degrees(heading) + 90, 6), *limits))


def scene_incidence(relative_orbit: int, x: float, y: float) -> float:
    """Estimate the incidence at a place in Svalbard (metres of its grid), degrees; it is within 3 of the true one.

    The plane goes on outside the swath: `orbits_that_see` tells whether a place is inside.
    """
    if relative_orbit not in INCIDENCE:
        raise InputError(f"relative orbit {relative_orbit} found, expected one of {', '.join(map(str, INCIDENCE))}")
    middle, eastwards, northwards = INCIDENCE[relative_orbit]
    return middle + eastwards * (x - CENTRE[0]) / 1000 + northwards * (y - CENTRE[1]) / 1000


def orbits_that_see(
    bounds: tuple[float, float, float, float], relative_orbits: Sequence[int], grid: Grid = SVAL
) -> tuple[int, ...]:
    """List the orbits that see all of an area at 30 to 46 degrees: off Svalbard all of them.

    Args:
        bounds: Left, bottom, right, top; metres, in the system of the grid.
        relative_orbits: Of 14 and 174.
        grid: Of the area.
    """
    if grid != SVAL:
        return tuple(relative_orbits)
    left, bottom, right, top = bounds
    low, high = IW_INCIDENCE
    return tuple(  # incidence grows eastwards and northwards
        orbit
        for orbit in relative_orbits
        if low <= scene_incidence(orbit, left, bottom) and scene_incidence(orbit, right, top) <= high
    )


def view_from_orbit(surface: Field, geobox: GeoBox, relative_orbit: int) -> View:
    """Compute the viewing geometry of a landscape from an orbit.

    Args:
        surface: (H, W) elevation, metres.
        geobox: Its pixels.
        relative_orbit: 14 or 174.
    """
    box = geobox.boundingbox
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    latitude = geobox.geographic_extent.centroid.coords[0][1]
    svalbard = grid_at(*middle_of(geobox), crs=str(geobox.crs)) == SVAL
    return view_from_direction(
        surface,
        pixel=abs(float(geobox.resolution.x)),
        azimuth=look_azimuth(latitude) if svalbard else look_azimuth(latitude, (0, 90)),
        incidence=scene_incidence(relative_orbit, x, y) if svalbard else ELSEWHERE[relative_orbit],
    )


def _direction(azimuth: float) -> tuple[float, float]:
    """Return the east and north components of a direction given in degrees."""
    return round(math.sin(math.radians(azimuth)), 9), round(math.cos(math.radians(azimuth)), 9)


def _ground_range(incidence: float) -> float:
    """Compute the ground range from the nadir of the radar, metres, rounded to the millimetre."""
    return round(ALTITUDE * math.tan(math.radians(incidence)), 3)


def view_from_direction(surface: Field, *, pixel: float, azimuth: float, incidence: float) -> View:
    """Compute the viewing geometry of a surface from a given direction.

    The radar flies at `ALTITUDE` over a flat earth. The gain is that of gamma nought without flattening, the area of
    the slope seen from the radar over that of flat ground in the same range cell (Ulander 1996, IEEE TGRS 34;
    Small 2011, IEEE TGRS 49): cos θl / cos ψ · tan θ, where θl is the local incidence and ψ the angle between the
    slope's normal and the normal of the image plane.

    Args:
        surface: (H, W) elevation, metres; rows run southwards.
        pixel: Pixel size, metres.
        azimuth: Direction of look, degrees clockwise from north.
        incidence: At the middle of the scene, degrees.
    """
    east, north = _direction(azimuth)
    rows, columns = (np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in surface.shape)
    ground_range = (columns[None, :] * east - rows[:, None] * north) * pixel  # metres along the look direction
    ground_range = ground_range + np.float32(_ground_range(incidence))
    theta = evaluate(np.arctan2, ground_range, ALTITUDE)  # (H, W) radians
    sin, cos = evaluate(np.sin, theta), evaluate(np.cos, theta)
    down, right = np.gradient(surface, pixel)
    rise = right * east - down * north  # slope along the look direction, up is positive
    across = -right * north - down * east
    steep = np.sqrt(1 + rise**2 + across**2)
    cos_local = (cos + rise * sin) / steep
    cos_plane = (sin - rise * cos) / steep
    gain = np.maximum(cos_local, 0.02) / np.maximum(cos_plane, 0.02) * (sin / cos)
    layover, shadow = find_layover_and_shadow(surface, pixel=pixel, azimuth=azimuth, incidence=incidence)
    return View(
        incidence=np.degrees(theta),
        local=np.degrees(evaluate(np.arccos, np.clip(cos_local, -1, 1))),
        gain=np.clip(gain, 0.05, MAX_GAIN).astype(np.float32),
        layover=layover,
        shadow=shadow,
    )


def find_layover_and_shadow(surface: Field, *, pixel: float, azimuth: float, incidence: float) -> tuple[Mask, Mask]:
    """Find layover and shadow in one scan of every range line.

    The surface is rotated so that range runs along its rows. Along a line, a point lies in shadow where its look angle
    is below that of any nearer point; it lies in layover where its slant range is below that of a nearer point, or
    above that of a farther one.

    Returns:
        (H, W) layover and (H, W) shadow.
    """
    height, width = surface.shape
    side = math.ceil(math.hypot(height, width)) + 2
    east, north = _direction(azimuth)
    along = np.arange(side) - (side - 1) / 2  # pixels
    line, sample = along[:, None], along[None, :]
    place = np.stack([-sample * north + line * east, sample * east + line * north])  # row (south), column (east)
    place += np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    rotated = ndimage.map_coordinates(surface, place, order=1, mode="nearest")
    ground_range = sample * pixel + _ground_range(incidence)
    above = ALTITUDE - rotated.astype(np.float64)
    slant, angle = norm(ground_range, above), ground_range / above  # the tangent of the look angle grows with it
    shadow = angle < np.maximum.accumulate(angle, axis=1)
    slant = np.where(shadow, np.nan, slant)  # pixels in shadow return no echo
    nearer = np.fmax.accumulate(slant, axis=1)
    farther = np.fmin.accumulate(slant[:, ::-1], axis=1)[:, ::-1]
    layover = (slant < nearer) | (slant > farther)
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in (height, width))
    back = (
        np.stack([rows[:, None] * east + columns[None, :] * north, columns[None, :] * east - rows[:, None] * north])
        + (side - 1) / 2
    )  # line, sample of each pixel
    nearest = np.rint(back).astype(int)
    return layover[nearest[0], nearest[1]], shadow[nearest[0], nearest[1]]
