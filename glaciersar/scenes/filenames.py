"""Read the names of rasters: convention (gamma or sigma nought), time, orbit, polarisation, units."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from rasterio.errors import RasterioError

from glaciersar.errors import InputError
from glaciersar.io.open_raster import open_raster
from glaciersar.scenes.scene import Scene, rasters_of

CONVENTIONS = ("gamma0", "sigma0")
"""Backscatter per area seen from the radar, and per area on the ground: 1 dB apart at 37 degrees."""
UNKNOWN = "unknown"

_NAMED_CONVENTION = re.compile(r"(?<![a-z])(gamma|sigma|beta)[-_ ]?(?:0|nought|naught)(?!\d)", re.IGNORECASE)
_HYP3_CONVENTION = re.compile(r"_RTC\d\d_[GS]_([gs])[pda]")


def convention_of_name(href: str) -> str:
    """Return the convention in a raster's name: Gamma0_VV.tif, or HyP3's …_RTC30_G_gp…; "unknown" if it has none."""
    name = PurePosixPath(href.partition("?")[0]).name
    if found := _NAMED_CONVENTION.search(name):
        return f"{found[1].lower()}0"
    if found := _HYP3_CONVENTION.search(name):
        return {"g": "gamma0", "s": "sigma0"}[found[1]]
    return UNKNOWN


def common_convention(scenes: Iterable[Scene], polarisation: str, *, declared: str = "") -> str:
    """Return the convention of a series. Values do not show it: the two differ by about one decibel.

    Args:
        scenes: Of one series.
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH".
        declared: "gamma0" or "sigma0" if the user knows; if empty, the names of the rasters are read.

    Returns:
        "gamma0", "sigma0", or "unknown" if neither the user nor the names say.

    Raises:
        InputError: Names contradict each other or what was declared, or have another convention.
    """
    if declared and declared not in CONVENTIONS:
        raise InputError(f"convention={declared!r} found, {' or '.join(CONVENTIONS)} expected")
    known = declared
    for scene in scenes:
        for href in rasters_of(scene, polarisation):
            found = convention_of_name(href)
            if found == UNKNOWN:
                continue
            if found not in CONVENTIONS or (known and found != known):
                name = PurePosixPath(href.partition("?")[0]).name
                raise InputError(f"{name}: {found} found, {known or ' or '.join(CONVENTIONS)} expected")
            known = found
    return known or UNKNOWN


_POLARISATION = re.compile(r"(?<![A-Za-z0-9])(HH|HV|VV|VH)(?![A-Za-z0-9])", re.IGNORECASE)
_INCIDENCE = re.compile(r"incidence|local_inc", re.IGNORECASE)
_TIME = re.compile(
    r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?([0-2]\d|3[01])(?:[T_ ]([0-2]\d)-?:?([0-5]\d)-?:?([0-5]\d))?(?!\d)"
)
_ORBIT = re.compile(r"(?<![A-Za-z0-9])(?:T(?=\d{3}-)|ro)(\d{1,3})(?!\d)")  # OPERA's T137-…, this project's ro14
_PRODUCT = re.compile(r"S1([AB])_(?:EW|IW|SM)_GRD[FHM]_1S(?:SH|SV|DH|DV)_\w{15}_\w{15}_(\d{6})_")  # and its orbit
FIRST_ORBIT = {"A": 73, "B": 27}  # relative orbit = (absolute - this) mod 175 + 1, as ESA numbers them
_HYP3_NAME = re.compile(r"_RTC\d\d_[A-Z]_[gs]([pad])[uw][nf][ec][dm]_")  # its third letter: power, amplitude, decibel
HYP3_UNITS = {"p": "linear", "d": "db"}
_OPERA = re.compile(r"OPERA_L2_RTC-S1_.*_20\d{6}T\d{6}Z_(20\d{6}T\d{6})Z_")  # when it was processed
_DECIBEL = re.compile(r"(?<![A-Za-z])(?:dB|decibels?)(?![A-Za-z])", re.IGNORECASE)
_COMPANION = re.compile(
    r"_(dem|ls_map|inc_map|inc_map_ell|area|rgb|water_mask|mask|layover_shadow_mask|number_of_looks|BROWSE)$",
    re.IGNORECASE,
)


def is_companion(path: Path) -> bool:
    """Tell whether a file is one that HyP3 and OPERA put beside their backscatter, HyP3's incidence included."""
    return bool(_COMPANION.search(path.stem)) and _TIME.search(path.stem) is not None


def asset_kind(name: str) -> str | None:
    """Return what a raster holds, a polarisation or "incidence", by its asset key or file name; None if unclear."""
    if _INCIDENCE.search(name):
        return "incidence"
    found = {match.upper() for match in _POLARISATION.findall(name)}
    return found.pop() if len(found) == 1 else None


def scene_from_file(
    path: Path, *, units: str | None, relative_orbit: int | None, polarisation: str | None = None
) -> Scene:
    """Read the fields of a scene from a GeoTIFF: from its name, then name and unit of its band, then the arguments.

    Raises:
        InputError: No date or no polarisation, or amplitude, of which no series is made.
    """
    name = path.stem
    bands, unit = _bands(path)
    kind, time = asset_kind(name), _TIME.search(name)
    if kind is None and len(bands) > 1:
        raise InputError(
            f"{path}: {len(bands)} bands found ({', '.join(bands)}), files of one band expected; "
            f"gdal_translate -b takes one out"
        )
    kind = kind or asset_kind(bands[0]) or polarisation
    if kind is None or time is None:
        missing = "polarisation (HH, HV, VV, VH)" if kind is None else "date (such as 20231203T015910Z)"
        raise InputError(f"{path}: no {missing} found in the name, expected one; a glob can leave this file out")
    scale = _HYP3_NAME.search(name)
    if scale and scale[1] == "a" and units is None:
        raise InputError(f"{path}: amplitude found (by HyP3's name), power or decibel expected")
    named = HYP3_UNITS.get(scale[1]) if scale else "db" if _DECIBEL.search(f"{name} {bands[0]} {unit}") else None
    return Scene(
        id=_POLARISATION.sub("", name).strip("_- "),
        time=_time(time, path),
        relative_orbit=_orbit(name) or relative_orbit,
        orbit_state=None,
        hrefs={kind: (str(path),)},
        units=units or named or "linear",
        platform=_platform(name),
        processed=_processed(name),
    )


def _bands(path: Path) -> tuple[list[str], str]:
    """Read the names of the bands, which Earth Engine exports have, and the unit of the first; empty if missing."""
    try:
        with open_raster(path) as file:
            return [text or "" for text in file.descriptions], file.units[0] or ""
    except RasterioError:
        return [""], ""  # the error is reported when the raster is read


def _orbit(name: str) -> int | None:
    orbit, product = _ORBIT.search(name), _PRODUCT.search(name)
    if orbit:
        return int(orbit[1])
    return relative_orbit_of(product[1], int(product[2])) if product else None


def relative_orbit_of(satellite: str, absolute_orbit: int) -> int:
    """Return the relative orbit of Sentinel-1 "A" or "B", 1 to 175."""
    return (absolute_orbit - FIRST_ORBIT[satellite]) % 175 + 1


def _platform(name: str) -> str | None:
    found = re.search(r"(?<![A-Za-z0-9])S1([A-D])(?![A-Za-z0-9])", name)
    return f"sentinel-1{found[1].lower()}" if found else None


def _processed(name: str) -> datetime | None:
    found = _OPERA.search(name)
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None


def _time(found: re.Match[str], path: Path) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{path}: {found[0]!r} found in the name, a date expected ({error})") from error
