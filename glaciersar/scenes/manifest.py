"""The manifest: the list of scenes that a study was made from, with checksums of their rasters."""

import hashlib
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
from glaciersar.io.checksums import verify_json, with_checksum
from glaciersar.io.limits import read_json
from glaciersar.radiometry import UNITS
from glaciersar.scenes.scene import POLARISATIONS, FileChecksum, Scene, as_utc, is_remote

KINDS = (*POLARISATIONS, "incidence")
STATES = ("ascending", "descending", None)


def write_manifest(scenes: Sequence[Scene], path: str | Path) -> Path:
    """Write scenes as a manifest: a small GeoJSON file to commit, which `read_manifest` reads.

    Each feature is a scene, with its footprint, the fields that STAC has for it, and its rasters with their checksums.
    Paths of rasters below the folder of the manifest are written relative to it, so that both can be moved together.
    The manifest carries a checksum of itself, which `read_manifest` verifies.
    """
    path = Path(path)
    folder = path.resolve().parent
    content = {"type": "FeatureCollection", "features": [_to_json(scene, folder) for scene in scenes]}
    write_json(path, with_checksum(content))
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
                kind: [_raster_to_json(href, scene.checksums.get(href), folder) for href in hrefs]
                for kind, hrefs in scene.hrefs.items()
            },
        },
    }


def _raster_to_json(href: str, checksum: FileChecksum | None, folder: Path) -> dict[str, Any]:
    known = checksum or FileChecksum()
    fields = {"file:size": known.size, "file:checksum": known.checksum, "etag": known.etag}
    return {"href": _relative(href, folder)} | {name: value for name, value in fields.items() if value is not None}


def _relative(href: str, folder: Path) -> str:
    inside = not is_remote(href) and Path(href).is_relative_to(folder)
    return Path(href).relative_to(folder).as_posix() if inside else href


def is_manifest(content: Any) -> bool:
    """Tell whether GeoJSON is a manifest, not for example a collection of STAC items."""
    try:
        return all("rasters" in feature["properties"] for feature in content["features"])
    except (KeyError, TypeError):
        return False


def read_manifest(path: str | Path) -> list[Scene]:
    """Read a manifest that `write_manifest` wrote, or somebody by hand.

    Raises:
        InputError: No such file, a scene with a field missing or wrong, which the message names, or a manifest that
            was changed after it was written.
    """
    path = Path(path)
    try:
        content = read_json(path)
        features = content["features"]
        if not isinstance(features, list):
            raise TypeError("features is no list")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file, expected a manifest written by write_manifest") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a manifest ({error!r}), expected one written by write_manifest") from error
    scenes = []
    for number, feature in enumerate(features, 1):
        name = feature.get("id") if isinstance(feature, dict) else None
        try:
            scenes.append(_from_json(feature, path.resolve().parent))
        except KeyError as error:
            raise InputError(f"{path}: scene {number} ({name}) has no {error}, one expected") from error
        except (
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
            OverflowError,
            shapely.errors.ShapelyError,
        ) as error:
            raise InputError(f"{path}: scene {number} ({name}) cannot be read ({error})") from error
    verify_json(content, path)
    return scenes


def _from_json(feature: Mapping[str, Any], folder: Path) -> Scene:
    properties = feature["properties"]
    checksums = {}
    hrefs: dict[str, tuple[str, ...]] = {}
    for kind, rasters in properties["rasters"].items():
        _expect(kind, KINDS, "raster")
        for raster in rasters:
            href = raster["href"] if is_remote(raster["href"]) else os.path.normpath(folder / raster["href"])
            hrefs[kind] = (*hrefs.get(kind, ()), href)
            known = FileChecksum(
                size=raster.get("file:size"), checksum=raster.get("file:checksum"), etag=raster.get("etag")
            )
            if known != FileChecksum():
                checksums[href] = known
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
        checksums=checksums,
    )


def _expect(value: Any, allowed: Sequence[Any], name: str) -> None:
    if value not in allowed:
        wanted = "1 to 175 or null" if len(allowed) > 10 else ", ".join(str(other) for other in allowed)
        raise ValueError(f"{name} {value!r} found, {wanted} expected")


SHA256 = "1220"  # start of a multihash of SHA-256: the code of the method, and 32 bytes
VANISHED = "vanished"
REQUESTS = 8
"""Rasters whose checksums are requested or computed at the same time."""


@dataclass(frozen=True, kw_only=True)
class _Response:
    """The state of a raster now."""

    checksum: FileChecksum = field(default_factory=FileChecksum)
    trouble: str = ""
    """Why there is no checksum: VANISHED, or the reason why it could not be found out."""


def record_checksums(scenes: Sequence[Scene], *, progress: bool = False) -> list[Scene]:
    """Record the checksum of every raster, so that `verify_checksums` can find those that have changed since.

    A remote raster gets the ETag and size that its server gives in one short request, and keeps the checksum that its
    archive gave. A local one is read to its end for its SHA-256.

    Returns:
        The scenes with their checksums.

    Raises:
        InputError: A raster that is not there, or a server that does not answer.
    """
    found = _query_rasters(scenes, hashed=_hrefs(scenes), progress=progress)
    bad = {href: answer.trouble for href, answer in found.items() if answer.trouble}
    if bad:
        href, trouble = next(iter(bad.items()))
        raise InputError(f"{href}: {trouble}, a raster expected ({len(bad)} of {len(found)} rasters cannot be checked)")
    recorded = []
    for scene in scenes:
        merged = {href: _merge(found[href].checksum, scene.checksums.get(href)) for href in _hrefs([scene])}
        known = {href: checksum for href, checksum in merged.items() if checksum != FileChecksum()}
        recorded.append(replace(scene, checksums=known))
    return recorded


def _merge(now: FileChecksum, before: FileChecksum | None) -> FileChecksum:
    """Keep the checksum that the archive gave where the server gives none."""
    return now if now.checksum or before is None else replace(now, checksum=before.checksum)


def verify_checksums(scenes: Sequence[Scene], *, progress: bool = False) -> pd.DataFrame:
    """Find the rasters that are no longer as they were when their checksums were recorded.

    Returns:
        A row for each such raster: scene, raster, what (vanished, changed, unknown), found (in words).
    """
    hashed = {href for scene in scenes for href, known in scene.checksums.items() if known.checksum}
    found = _query_rasters(scenes, hashed=hashed, progress=progress)
    rows = []
    for scene in scenes:
        for href in _hrefs([scene]):
            what, words = _compare(scene.checksums.get(href, FileChecksum()), found[href])
            if what:
                rows.append({"scene": scene.id, "raster": href, "what": what, "found": words})
    return pd.DataFrame(rows, columns=["scene", "raster", "what", "found"])


def _compare(before: FileChecksum, answer: _Response) -> tuple[str, str]:
    if answer.trouble:
        return (VANISHED, "no such file") if answer.trouble == VANISHED else ("unknown", answer.trouble)
    pairs = [(name, getattr(before, name), getattr(answer.checksum, name)) for name in ("size", "checksum", "etag")]
    other = [f"{name} {old} is now {new}" for name, old, new in pairs if None not in (old, new) and old != new]
    return ("changed", ", ".join(other)) if other else ("", "")


def _hrefs(scenes: Iterable[Scene]) -> list[str]:
    return list(dict.fromkeys(href for scene in scenes for hrefs in scene.hrefs.values() for href in hrefs))


def _query_rasters(scenes: Sequence[Scene], *, hashed: Collection[str], progress: bool) -> dict[str, _Response]:
    """Request the state of each raster once, several at a time; compute the SHA-256 of local ones in `hashed`."""
    hrefs = _hrefs(scenes)
    with ThreadPoolExecutor(REQUESTS) as pool, http.retry_session() as session:

        def ask(href: str) -> _Response:
            return _remote(href, session) if is_remote(href) else _local(Path(href), hashed=href in hashed)

        answers = pool.map(ask, hrefs)
        return dict(zip(hrefs, tqdm(answers, "rasters", len(hrefs), disable=not progress), strict=True))


def _local(path: Path, *, hashed: bool) -> _Response:
    try:
        with path.open("rb") as file:
            checksum = SHA256 + hashlib.file_digest(file, "sha256").hexdigest() if hashed else None
        return _Response(checksum=FileChecksum(size=path.stat().st_size, checksum=checksum))
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
    return _Response(checksum=FileChecksum(size=int(size) if size else None, etag=answer.headers.get("ETag")))


def _head(url: str, session: requests.Session) -> requests.Response:
    as_stored = {"Accept-Encoding": "identity"}  # otherwise a server may give the size of a compressed copy
    return session.head(url, headers=as_stored, timeout=http.TIMEOUT, allow_redirects=True)
