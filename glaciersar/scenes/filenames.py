"""Read the names of rasters: convention (gamma or sigma nought), time, orbit, direction, polarisation, units."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from glaciersar.errors import InputError
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
_SINGLE = re.compile(r"(?<![A-Za-z0-9])S1[A-D]_(?:EW|IW|SM)_[A-Z]{3}._[12]SS([HV])_", re.IGNORECASE)  # one polarisation
_INCIDENCE = re.compile(r"incidence|local_inc|^angle$", re.IGNORECASE)
_OTHER_ANGLE = re.compile(r"ellips|projected", re.IGNORECASE)  # of the incidence on a smooth Earth, or in one plane
_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?([0-2]\d|3[01])"
    r"(?:[Tt_ ]([0-2]\d)-?:?([0-5]\d)-?:?([0-5]\d))?(?!\d)"
)
LONGEST = timedelta(minutes=30)
"""Between start and stop of one acquisition; the longest of Sentinel-1 take 25 minutes."""
_ORBIT = re.compile(  # OPERA's T137-…, S1Tiling's ASC_014, this project's ro14, and words that people write
    r"(?<![A-Za-z0-9])(?:T(?=\d{3}-)|(?:ASC|DES)_(?=\d{3}_)"
    r"|(?:ro|relorb|rel_?orbit|relative_?orbit|orbit|track)[-_ ]?)(\d{1,3})(?!\d)",
    re.IGNORECASE,
)
_PRODUCT = re.compile(  # satellite, start and absolute orbit
    r"S1([A-D])_(?:EW|IW|SM)_(?:GRD[FHM]|SLC_)_[12]S(?:SH|SV|DH|DV)_(20\d{6}T\d{6})_\w{15}_(\d{6})_", re.IGNORECASE
)
_DIRECTION = re.compile(  # "des" is a word of French and German: alone, or as S1Tiling writes it
    r"(?<![A-Za-z])(?:((?i:asc|ascending))|(DES|(?i:desc|descending)|(?i:des)(?=_\d{3}_)|^(?i:des)$))(?![A-Za-z])"
)
_HYP3_NAME = re.compile(r"_RTC\d\d_[A-Z]_[gs]([pad])[uw][nf][ec][dm]_")  # its third letter: power, amplitude, decibel
HYP3_UNITS = {"p": "linear", "d": "db"}
_OPERA = re.compile(r"OPERA_L2_RTC-S1_.*_20\d{6}T\d{6}Z_(20\d{6}T\d{6})Z_")  # when it was processed
_DECIBEL = re.compile(r"(?<![A-Za-z])(?:dB|decibels?)(?![A-Za-z])", re.IGNORECASE)

FIRST_ORBIT = {"A": 73, "B": 27, "C": 172, "D": 42}
"""Relative orbit = (absolute − this) mod 175 + 1: for A to C as ESA's page on products has it
(sentiwiki.copernicus.eu/web/s1-products), for D as isce2 has it (isce-framework/isce2, pull request 28123), to whose
authors it was confirmed at FRINGE 2026."""
MOVED_C = 99
"""The same of Sentinel-1C since it was moved in June 2026 (isce2, pull request 28130)."""
LAST_C = 8018
"""Its last absolute orbit with products before the move."""
MOVED_C_FROM = datetime(2026, 6, 24, tzinfo=UTC)
"""When it was back in service."""


def asset_kind(name: str) -> str | None:
    """Return what a raster holds, a polarisation or "incidence", by its asset key or file name; None if unclear.

    The incidence on the ellipsoid, or projected into the plane of view, is neither.
    """
    if _INCIDENCE.search(name):
        return None if _OTHER_ANGLE.search(name) else "incidence"
    found = {match.upper() for match in _POLARISATION.findall(name)}
    if not found and (single := _SINGLE.search(name)):
        return 2 * single[1].upper()
    return found.pop() if len(found) == 1 else None


def without_polarisation(name: str) -> str:
    """Return a name without the polarisation, which rasters of one scene have in common."""
    return _POLARISATION.sub("", name).strip("_- ")


def holds_time(name: str) -> bool:
    """Tell whether a day stands in a name."""
    return _TIME.search(name) is not None


def without_times(name: str) -> str:
    """Return a name without days and times."""
    return re.sub(r"[-_ ]{2,}", "_", _TIME.sub("", name)).strip("-_ ")


def time_of_name(name: str, where: object) -> datetime | None:
    """Return the time of acquisition in a name, midnight where it holds a day alone; None without any.

    A product's name holds start and stop, minutes apart, and OPERA's then the time of processing: the start counts.
    Where a name holds other days, too, one with a time of day goes before those without.

    Raises:
        InputError: Digits that look like a day and are none, or several days that may be that of the acquisition;
            `where` names the file.
    """
    name = _OPERA.sub(lambda opera: opera[0].replace(opera[1], ""), name)
    found = [(_as_time(match, where), match[4] is not None) for match in _TIME.finditer(name)]
    if not found:
        return None
    timed = [time for time, of_day in found if of_day]
    times = timed or [time for time, _ in found]
    if max(times) - min(times) > LONGEST or (not timed and len(set(times)) > 1):
        days = ", ".join(sorted({f"{time:%Y-%m-%d}" for time in times}))
        raise InputError(
            f"{where}: {days} found in the name, that of one acquisition expected; name the file so that it alone has "
            f"a time of day, such as 20231203T015910, or leave it out by a glob"
        )
    return times[0]


def _as_time(found: re.Match[str], where: object) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{where}: {found[0]!r} found in the name, a date expected ({error})") from error


def orbit_of_name(name: str, where: object) -> int | None:
    """Return the relative orbit in a name, or that of the absolute orbit in a product's name; None if unknown.

    Raises:
        InputError: A number that is no relative orbit, or two of them.
    """
    orbits: dict[int, str] = {int(number): number for number in _ORBIT.findall(name)}
    if orbits:
        found = " and ".join(orbits.values())
        if not all(1 <= orbit <= 175 for orbit in orbits):
            raise InputError(f"{where}: relative orbit {found} found in the name, 1 to 175 expected")
        if len(orbits) > 1:
            raise InputError(f"{where}: relative orbits {found} found in the name, one expected")
        return int(next(iter(orbits)))
    if product := _PRODUCT.search(name):
        return relative_orbit_of(product[1].upper(), int(product[3]), time_of_name(product[2], where))
    return None


def relative_orbit_of(satellite: str, absolute_orbit: int, time: datetime | None = None) -> int | None:
    """Return the relative orbit of Sentinel-1 "A" to "D", 1 to 175; None for C on its way to another orbit.

    Args:
        satellite: "A", "B", "C" or "D".
        absolute_orbit: Counted since launch.
        time: Of the acquisition; only C needs it, of which later orbits are unknown without.
    """
    first = FIRST_ORBIT[satellite]
    if satellite == "C" and absolute_orbit > LAST_C:
        if time is None or time < MOVED_C_FROM:
            return None
        first = MOVED_C
    return (absolute_orbit - first) % 175 + 1


def direction_of_name(name: str, where: object) -> str | None:
    """Return "ascending" or "descending" if a name says ASC, DES, DESC or the whole word; None if it does not.

    Raises:
        InputError: It says both.
    """
    found = {"ascending" if up else "descending" for up, _ in _DIRECTION.findall(name)}
    if len(found) > 1:
        raise InputError(f"{where}: ascending and descending found in the name, one viewing direction expected")
    return found.pop() if found else None


def units_of_name(name: str, where: object) -> str | None:
    """Return "linear" or "db" if a name, or what a band says, tells; None if not.

    Raises:
        InputError: It is amplitude, of which no series is made.
    """
    scale = _HYP3_NAME.search(name)
    if scale and scale[1] == "a":
        raise InputError(f"{where}: amplitude found (by HyP3's name), power or decibel expected")
    return HYP3_UNITS[scale[1]] if scale else "db" if _DECIBEL.search(name) else None


def platform_of_name(name: str) -> str | None:
    """Return the satellite in a name, such as "sentinel-1a"; None without."""
    found = re.search(r"(?<![A-Za-z0-9])S1([A-D])(?![A-Za-z0-9])", name, re.IGNORECASE)
    return f"sentinel-1{found[1].lower()}" if found else None


def processing_time_of_name(name: str) -> datetime | None:
    """Return when a product of OPERA was processed; None for other names."""
    found = _OPERA.search(name)
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
