"""The frozen list of scenes that a study was made from."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely

from glaciersar.errors import InputError
from glaciersar.files import write_json
from glaciersar.radiometry import UNITS
from glaciersar.scenes.records import POLARISATIONS, Mark, Scene, is_remote

KINDS = (*POLARISATIONS, "incidence")
STATES = ("ascending", "descending", None)


def freeze(scenes: Sequence[Scene], path: str | Path) -> Path:
    """Write the chosen scenes as a small GeoJSON list, to be committed and read back by `thaw`.

    A feature is a scene, with its outline, the fields that STAC has for it, and its rasters with their marks. Rasters
    that lie below the folder of the list are written relative to it, so that both can move together.
    """
    path = Path(path)
    folder = path.resolve().parent
    write_json(path, {"type": "FeatureCollection", "features": [_to_json(scene, folder) for scene in scenes]})
    return path


def _to_json(scene: Scene, folder: Path) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": scene.id,
        "geometry": None if scene.outline is None else shapely.geometry.mapping(scene.outline),
        "properties": {
            "start_datetime": scene.time.astimezone(UTC).isoformat(),
            "sat:relative_orbit": scene.relative_orbit,
            "sat:orbit_state": scene.orbit_state,
            "sar:polarizations": [kind for kind in POLARISATIONS if kind in scene.hrefs],
            "platform": scene.platform,
            "units": scene.units,
            "processed": scene.processed and scene.processed.astimezone(UTC).isoformat(),
            "rasters": {
                kind: [_raster_to_json(href, scene.marks.get(href), folder) for href in hrefs]
                for kind, hrefs in scene.hrefs.items()
            },
        },
    }


def _raster_to_json(href: str, mark: Mark | None, folder: Path) -> dict[str, Any]:
    mark = mark or Mark()
    known = {"file:size": mark.size, "file:checksum": mark.checksum, "etag": mark.etag}
    return {"href": _relative(href, folder)} | {name: value for name, value in known.items() if value is not None}


def _relative(href: str, folder: Path) -> str:
    inside = not is_remote(href) and Path(href).is_relative_to(folder)
    return Path(href).relative_to(folder).as_posix() if inside else href


def is_frozen(content: Any) -> bool:
    """Tell a frozen list from other GeoJSON, such as a collection of STAC items."""
    try:
        return all("rasters" in feature["properties"] for feature in content["features"])
    except (KeyError, TypeError):
        return False


def thaw(path: str | Path) -> list[Scene]:
    """Read a list that `freeze` wrote, or somebody by hand.

    Raises:
        InputError: No such list, or a scene with a field missing or wrong; the sentence names it.
    """
    path = Path(path)
    try:
        features = json.loads(path.read_text())["features"]
        if not isinstance(features, list):
            raise TypeError("features is no list")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file, expected a list of scenes written by scenes.freeze") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a list of scenes ({error!r}), expected one written by scenes.freeze") from error
    scenes = []
    for number, feature in enumerate(features, 1):
        name = feature.get("id") if isinstance(feature, dict) else None
        try:
            scenes.append(_from_json(feature, path.resolve().parent))
        except KeyError as error:
            raise InputError(f"{path}: scene {number} ({name}) has no {error}, one expected") from error
        except (ValueError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
            raise InputError(f"{path}: scene {number} ({name}) cannot be read ({error})") from error
    return scenes


def _from_json(feature: Mapping[str, Any], folder: Path) -> Scene:
    properties = feature["properties"]
    marks = {}
    hrefs: dict[str, tuple[str, ...]] = {}
    for kind, rasters in properties["rasters"].items():
        _expect(kind, KINDS, "raster")
        for raster in rasters:
            href = raster["href"] if is_remote(raster["href"]) else os.path.normpath(folder / raster["href"])
            hrefs[kind] = (*hrefs.get(kind, ()), href)
            mark = Mark(size=raster.get("file:size"), checksum=raster.get("file:checksum"), etag=raster.get("etag"))
            if mark != Mark():
                marks[href] = mark
    if not any(kind in POLARISATIONS for kind in hrefs):
        raise ValueError("no raster of HH, HV, VV or VH")
    orbit = properties["sat:relative_orbit"]
    _expect(orbit, (None, *range(1, 176)), "sat:relative_orbit")
    _expect(properties["sat:orbit_state"], STATES, "sat:orbit_state")
    _expect(properties["units"], UNITS, "units")
    geometry = feature["geometry"]
    return Scene(
        id=feature["id"],
        time=_utc(properties["start_datetime"]),
        relative_orbit=orbit,
        orbit_state=properties["sat:orbit_state"],
        hrefs=hrefs,
        units=properties["units"],
        platform=properties["platform"],
        outline=None if geometry is None else shapely.geometry.shape(geometry),
        processed=_utc(properties["processed"]) if properties.get("processed") else None,
        marks=marks,
    )


def _utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _expect(value: Any, allowed: Sequence[Any], name: str) -> None:
    if value not in allowed:
        wanted = "1 to 175 or null" if len(allowed) > 10 else ", ".join(str(other) for other in allowed)
        raise ValueError(f"{name} {value!r} found, {wanted} expected")
