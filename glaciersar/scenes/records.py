"""What a scene is, and the frozen list of scenes that a study was made from."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.files import write_json

POLARISATIONS = ("HH", "HV", "VV", "VH")
PASS_GAP = timedelta(minutes=10)
"""Strips of one pass follow each other within seconds; the same orbit comes back after six days at the earliest."""
SAME_TIME_OF_DAY = timedelta(minutes=15)  # orbits that overlap pass 99 minutes apart


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One Sentinel-1 acquisition over the area, as found in an archive."""

    id: str
    """Product identifier of the archive it came from."""
    time: datetime
    """Start of the acquisition, UTC."""
    relative_orbit: int | None
    """1 to 175; one orbit means one viewing geometry. None where a folder of files does not tell."""
    orbit_state: str | None
    """ "ascending" or "descending"; None where a folder of files does not tell."""
    hrefs: Mapping[str, tuple[str, ...]]
    """Rasters by polarisation ("HH", "HV", "VV", "VH") or "incidence"; several are strips of one pass to mosaic."""
    units: str = "linear"
    """Of the backscatter rasters: "linear" (power) or "db"."""
    platform: str | None = None
    """Such as "sentinel-1a", or "simulated"; None where a folder of files does not tell."""


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
            passes[-1] = replace(passes[-1], hrefs=_join(passes[-1].hrefs, scene.hrefs))
        else:
            passes.append(scene)
        latest[key] = scene.time
    return sorted((scene for passes in merged.values() for scene in passes), key=_order)


def check_one_orbit(passes: Sequence[Scene]) -> None:
    """Refuse passes of several relative orbits; where these are unknown, passes at different times of day.

    One orbit comes back at the same time of day, to some seconds. Midnight is taken for a name without a time.
    """
    orbits = sorted({str(scene.relative_orbit) for scene in passes})
    if len(orbits) != 1:
        found = f"relative orbits {', '.join(orbits)}" if orbits else "no scene"
        raise InputError(f"{found} found, scenes of one relative orbit expected")
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


def freeze(scenes: Sequence[Scene], path: str | Path) -> Path:
    """Write the chosen scenes as a small JSON list, to be committed and read back by `thaw`.

    Rasters that lie below the folder of the list are written relative to it, so that both can move together.
    """
    path = Path(path)
    folder = path.resolve().parent
    write_json(path, {"scenes": [_to_json(scene, folder) for scene in scenes]})
    return path


def _to_json(scene: Scene, folder: Path) -> dict[str, Any]:
    return {
        "id": scene.id,
        "time": scene.time.astimezone(UTC).isoformat(),
        "relative_orbit": scene.relative_orbit,
        "orbit_state": scene.orbit_state,
        "units": scene.units,
        "platform": scene.platform,
        "hrefs": {kind: [_relative(href, folder) for href in hrefs] for kind, hrefs in scene.hrefs.items()},
    }


def _relative(href: str, folder: Path) -> str:
    inside = not is_remote(href) and Path(href).is_relative_to(folder)
    return Path(href).relative_to(folder).as_posix() if inside else href


def thaw(path: str | Path) -> list[Scene]:
    """Read a list that `freeze` wrote."""
    path = Path(path)
    try:
        rows = json.loads(path.read_text())["scenes"]
        return [_from_json(row, path.resolve().parent) for row in rows]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file, expected a list of scenes written by scenes.freeze") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a list of scenes ({error!r}), expected one written by scenes.freeze") from error


def _from_json(row: Mapping[str, Any], folder: Path) -> Scene:
    hrefs = {
        kind: tuple(href if is_remote(href) else os.path.normpath(folder / href) for href in hrefs)
        for kind, hrefs in row["hrefs"].items()
    }
    return Scene(
        id=row["id"],
        time=datetime.fromisoformat(row["time"]),
        relative_orbit=row["relative_orbit"],
        orbit_state=row["orbit_state"],
        hrefs=hrefs,
        units=row["units"],
        platform=row["platform"],
    )


def is_remote(href: str) -> bool:
    """Tell a URL or a GDAL virtual path from a path on this disk."""
    return "://" in href or href.startswith("/vsi")
