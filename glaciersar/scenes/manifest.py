"""The frozen list of scenes that a study was made from."""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import requests
import shapely
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.io.atomic import write_json
from glaciersar.radiometry import UNITS
from glaciersar.scenes.scene import POLARISATIONS, FileState, Scene, as_utc, is_remote

KINDS = (*POLARISATIONS, "incidence")
STATES = ("ascending", "descending", None)


def write_manifest(scenes: Sequence[Scene], path: str | Path) -> Path:
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


def _raster_to_json(href: str, mark: FileState | None, folder: Path) -> dict[str, Any]:
    mark = mark or FileState()
    known = {"file:size": mark.size, "file:checksum": mark.checksum, "etag": mark.etag}
    return {"href": _relative(href, folder)} | {name: value for name, value in known.items() if value is not None}


def _relative(href: str, folder: Path) -> str:
    inside = not is_remote(href) and Path(href).is_relative_to(folder)
    return Path(href).relative_to(folder).as_posix() if inside else href


def is_manifest(content: Any) -> bool:
    """Tell a frozen list from other GeoJSON, such as a collection of STAC items."""
    try:
        return all("rasters" in feature["properties"] for feature in content["features"])
    except (KeyError, TypeError):
        return False


def read_manifest(path: str | Path) -> list[Scene]:
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
            mark = FileState(
                size=raster.get("file:size"), checksum=raster.get("file:checksum"), etag=raster.get("etag")
            )
            if mark != FileState():
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
        time=as_utc(datetime.fromisoformat(properties["start_datetime"])),
        relative_orbit=orbit,
        orbit_state=properties["sat:orbit_state"],
        hrefs=hrefs,
        units=properties["units"],
        platform=properties["platform"],
        outline=None if geometry is None else shapely.geometry.shape(geometry),
        processed=as_utc(datetime.fromisoformat(processed)) if (processed := properties.get("processed")) else None,
        marks=marks,
    )


def _expect(value: Any, allowed: Sequence[Any], name: str) -> None:
    if value not in allowed:
        wanted = "1 to 175 or null" if len(allowed) > 10 else ", ".join(str(other) for other in allowed)
        raise ValueError(f"{name} {value!r} found, {wanted} expected")


SHA256 = "1220"  # what a multihash of SHA-256 begins with: the method, and 32 bytes
VANISHED = "vanished"
AT_ONCE = 8
"""Rasters that are asked after at the same time."""


@dataclass(frozen=True, kw_only=True)
class _Response:
    """What is known of a raster now."""

    mark: FileState = field(default_factory=FileState)
    trouble: str = ""
    """Why there is no mark: it has vanished, or nobody knows because of this."""


def record_checksums(scenes: Sequence[Scene], *, progress: bool = False) -> list[Scene]:
    """Ask after every raster, so that the list tells later whether it has changed.

    A remote one gives its ETag and size by one short request, and keeps the checksum that its archive gave; a local
    one is read through for its SHA-256.

    Raises:
        InputError: A raster that is not there, or a server that does not answer.
    """
    found = _query_rasters(scenes, hashed=_hrefs(scenes), progress=progress)
    bad = {href: answer.trouble for href, answer in found.items() if answer.trouble}
    if bad:
        href, trouble = next(iter(bad.items()))
        raise InputError(f"{href}: {trouble}, a raster expected ({len(bad)} of {len(found)} rasters cannot be marked)")
    marked = []
    for scene in scenes:
        marks = {href: _merge(found[href].mark, scene.marks.get(href)) for href in _hrefs([scene])}
        marked.append(replace(scene, marks={href: known for href, known in marks.items() if known != FileState()}))
    return marked


def _merge(now: FileState, before: FileState | None) -> FileState:
    """Keep the checksum of the archive where the server tells none."""
    return now if now.checksum or before is None else replace(now, checksum=before.checksum)


def verify_checksums(scenes: Sequence[Scene], *, progress: bool = False) -> pd.DataFrame:
    """Tell which rasters of a frozen list are no longer as they were when they were marked.

    Returns:
        A row for each such raster: scene, raster, what (vanished, changed, unknown), found (in words).
    """
    hashed = {href for scene in scenes for href, mark in scene.marks.items() if mark.checksum}
    found = _query_rasters(scenes, hashed=hashed, progress=progress)
    rows = []
    for scene in scenes:
        for href in _hrefs([scene]):
            what, words = _compare(scene.marks.get(href, FileState()), found[href])
            if what:
                rows.append({"scene": scene.id, "raster": href, "what": what, "found": words})
    return pd.DataFrame(rows, columns=["scene", "raster", "what", "found"])


def _compare(before: FileState, answer: _Response) -> tuple[str, str]:
    if answer.trouble:
        return (VANISHED, "no such file") if answer.trouble == VANISHED else ("unknown", answer.trouble)
    pairs = [(name, getattr(before, name), getattr(answer.mark, name)) for name in ("size", "checksum", "etag")]
    other = [f"{name} {old} is now {new}" for name, old, new in pairs if None not in (old, new) and old != new]
    return ("changed", ", ".join(other)) if other else ("", "")


def _hrefs(scenes: Iterable[Scene]) -> list[str]:
    return list(dict.fromkeys(href for scene in scenes for hrefs in scene.hrefs.values() for href in hrefs))


def _query_rasters(scenes: Sequence[Scene], *, hashed: Collection[str], progress: bool) -> dict[str, _Response]:
    """Ask after each raster once, several at a time; read local ones of `hashed` through for their checksum."""
    hrefs = _hrefs(scenes)
    with ThreadPoolExecutor(AT_ONCE) as pool, http.retry_session() as session:

        def ask(href: str) -> _Response:
            return _remote(href, session) if is_remote(href) else _local(Path(href), hashed=href in hashed)

        answers = pool.map(ask, hrefs)
        return dict(zip(hrefs, tqdm(answers, "rasters", len(hrefs), disable=not progress), strict=True))


def _local(path: Path, *, hashed: bool) -> _Response:
    try:
        with path.open("rb") as file:
            checksum = SHA256 + hashlib.file_digest(file, "sha256").hexdigest() if hashed else None
        return _Response(mark=FileState(size=path.stat().st_size, checksum=checksum))
    except FileNotFoundError:
        return _Response(trouble=VANISHED)
    except OSError as error:
        return _Response(trouble=f"cannot be read ({error.strerror})")


def _remote(href: str, session: requests.Session) -> _Response:
    if not href.startswith(("http://", "https://")):
        return _Response()  # a path that only GDAL understands, such as s3:// or /vsi…
    try:
        url = http.sign_href(href)
        answer = _head(url, session)
        if answer.status_code == 403 and http.needs_signature(href):
            answer = _head(http.sign_href(href, refused=url), session)
    except (requests.RequestException, InputError) as error:
        return _Response(trouble=http.failure_reason(error))
    if answer.status_code in (404, 410):
        return _Response(trouble=VANISHED)
    if not answer.ok:
        return _Response(trouble=f"HTTP status {answer.status_code}")
    size = answer.headers.get("Content-Length")
    return _Response(mark=FileState(size=int(size) if size else None, etag=answer.headers.get("ETag")))


def _head(url: str, session: requests.Session) -> requests.Response:
    as_stored = {"Accept-Encoding": "identity"}  # else a server may tell the size of a compressed copy
    return session.head(url, headers=as_stored, timeout=http.TIMEOUT, allow_redirects=True)
