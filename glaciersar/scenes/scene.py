"""What a scene is, and which scenes are one pass."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError

POLARISATIONS = ("HH", "HV", "VV", "VH")
PAIRS = ("HH+HV", "VV+VH")
"""Polarisations that one scene holds, the co-polarised first."""
PASS_GAP = timedelta(minutes=10)
"""Strips of one pass follow each other within seconds; an orbit repeats after six days at the earliest."""
SAME_TIME_OF_DAY = timedelta(minutes=15)  # orbits that overlap pass 99 minutes apart
_BAND = "vrt://"  # GDAL's own prefix for a part of a raster


@dataclass(frozen=True, kw_only=True)
class FileChecksum:
    """What shows whether a raster has changed since: size, checksum, ETag."""

    size: int | None = None
    """Bytes."""
    checksum: str | None = None
    """Multihash in hexadecimal, as in STAC's `file:checksum`; 1220… is SHA-256."""
    etag: str | None = None
    """Version of the file, as its server gives it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One Sentinel-1 acquisition over the area, as found in an archive."""

    id: str
    """Product identifier of the archive it came from."""
    time: datetime
    """Start of the acquisition, UTC."""
    relative_orbit: int | None
    """1 to 175; one orbit means one viewing geometry. None if a folder of files does not say."""
    orbit_state: str | None
    """ "ascending" or "descending"; None if a folder of files does not say."""
    hrefs: Mapping[str, tuple[str, ...]]
    """Rasters by polarisation ("HH", "HV", "VV", "VH"), "incidence" or "layover_shadow"; several are strips of one pass
    to mosaic. Each is a path, a URL, or of a file of several bands `band_href`."""
    units: str = "linear"
    """Of the backscatter rasters: "linear" (power) or "db"."""
    platform: str | None = None
    """Such as "sentinel-1a", or "simulated"; None if a folder of files does not say."""
    outline: BaseGeometry | None = None
    """Footprint in degrees (EPSG:4326); None if the archive does not give it."""
    processed: datetime | None = None
    """When it was processed, or else listed, UTC; None if the archive does not say."""
    checksums: Mapping[str, FileChecksum] = field(default_factory=dict)
    """Of rasters, by href, as far as the archive or `manifest.record_checksums` gives them."""


def split_pair(polarisation: str) -> tuple[str, ...]:
    """Return the polarisations of a pair, ("HH", "HV") of "HH+HV"; a single one is returned alone.

    Raises:
        InputError: A pair that is not in `PAIRS`.
    """
    if "+" in polarisation and polarisation not in PAIRS:
        expected = ", ".join((*POLARISATIONS, *PAIRS))
        raise InputError(f"polarisation={polarisation!r} found, one of {expected} expected")
    return tuple(polarisation.split("+"))


def holds(scene: Scene, polarisation: str) -> bool:
    """Tell whether a scene has a polarisation, or both of a pair.

    Raises:
        InputError: It has only one of a pair.
    """
    kinds = split_pair(polarisation)
    missing = [kind for kind in kinds if kind not in scene.hrefs]
    if 0 < len(missing) < len(kinds):
        raise InputError(f"{scene.id}: no {missing[0]} found, both of polarisation={polarisation!r} expected")
    return not missing


def rasters_of(scene: Scene, polarisation: str) -> tuple[str, ...]:
    """List the rasters of a scene in a polarisation, or in both of a pair; none where it has none."""
    return tuple(href for kind in split_pair(polarisation) for href in scene.hrefs.get(kind, ()))


def merge_passes(scenes: Iterable[Scene]) -> list[Scene]:
    """Join scenes of one pass over the area: same orbit and units, less than 10 minutes apart.

    Archives cut a pass into bursts, slices or map tiles; to a series they are one date.

    Returns:
        Scenes in time order, each with the id and time of its first part.
    """
    merged: dict[tuple[int | None, str | None, str], list[Scene]] = {}
    latest: dict[tuple[int | None, str | None, str], datetime] = {}
    for scene in sorted(scenes, key=_order):
        key = (scene.relative_orbit, scene.orbit_state, scene.units)
        passes = merged.setdefault(key, [])
        if passes and scene.time - latest[key] <= PASS_GAP:
            first = passes[-1]
            passes[-1] = replace(
                first,
                hrefs=_join(first.hrefs, scene.hrefs),
                outline=_unite(first.outline, scene.outline),
                checksums={**scene.checksums, **first.checksums},
            )
        else:
            passes.append(scene)
        latest[key] = scene.time
    return sorted((scene for passes in merged.values() for scene in passes), key=_order)


def check_one_orbit(passes: Sequence[Scene]) -> None:
    """Refuse passes of several relative orbits, or ascending and descending ones; of unknown orbits, by time of day.

    An orbit repeats at the same time of day, to some seconds. Midnight stands for a file name without a time of day.
    """
    orbits = sorted({str(scene.relative_orbit) for scene in passes})
    if len(orbits) != 1:
        found = f"relative orbits {', '.join(orbits)}" if orbits else "no scene"
        raise InputError(f"{found} found, scenes of one relative orbit expected")
    states = sorted({scene.orbit_state for scene in passes if scene.orbit_state})
    if len(states) > 1:
        raise InputError(f"{' and '.join(states)} passes found, one viewing direction expected")
    if passes[0].relative_orbit is not None:
        return
    timed = [scene for scene in passes if scene.time.time() != time()]
    for one, other in combinations(timed, 2):
        apart = (one.time - other.time) % timedelta(days=1)
        if min(apart, timedelta(days=1) - apart) > SAME_TIME_OF_DAY:
            raise InputError(
                f"{one.id} at {one.time:%H:%M} and {other.id} at {other.time:%H:%M} UTC found, both of unknown "
                f"orbit; times of day within {SAME_TIME_OF_DAY.seconds // 60} minutes, as of one orbit, expected"
            )


def _order(scene: Scene) -> tuple[datetime, str]:
    return scene.time, scene.id


def _join(first: Mapping[str, tuple[str, ...]], second: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Append hrefs kind by kind; a raster listed twice counts once."""
    kinds = sorted({*first, *second})
    return {kind: tuple(dict.fromkeys((*first.get(kind, ()), *second.get(kind, ())))) for kind in kinds}


def _unite(first: BaseGeometry | None, second: BaseGeometry | None) -> BaseGeometry | None:
    """Unite outlines; one that is not known makes the whole unknown."""
    if first is None or second is None:
        return None
    return first if first.equals(second) else shapely.union(first, second)


def as_utc(time: datetime) -> datetime:
    """Convert a time to UTC; one without a time zone is taken as UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def band_href(path: Path, band: int) -> str:
    """Return the href of one band, counted from 1, of a file on this disk, which GDAL opens as a raster of its own."""
    if "?" in str(path):
        raise InputError(f"{path}: a question mark in the name found, which GDAL takes for options; expected none")
    return f"{_BAND}{path}?bands={band}"


def local_file(href: str) -> Path | None:
    """Return the file on this disk that an href names, of `band_href` too; None for a URL or a GDAL virtual path."""
    name = href.removeprefix(_BAND).partition("?bands=")[0] if href.startswith(_BAND) else href
    return None if "://" in name or name.startswith("/vsi") else Path(name)


def is_remote(href: str) -> bool:
    """Tell a URL or a GDAL virtual path from a file on this disk."""
    return local_file(href) is None
