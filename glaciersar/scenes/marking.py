"""Mark the rasters of a list, and tell later which have vanished or changed."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import requests
from tqdm import tqdm

from glaciersar import remote
from glaciersar.errors import InputError
from glaciersar.scenes.records import Mark, Scene, is_remote

SHA256 = "1220"  # what a multihash of SHA-256 begins with: the method, and 32 bytes
VANISHED = "vanished"
AT_ONCE = 8
"""Rasters that are asked after at the same time."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What is known of a raster now."""

    mark: Mark = field(default_factory=Mark)
    trouble: str = ""
    """Why there is no mark: it has vanished, or nobody knows because of this."""


def mark(scenes: Sequence[Scene], *, progress: bool = False) -> list[Scene]:
    """Ask after every raster, so that the list tells later whether it has changed.

    A remote one gives its ETag and size by one short request, and keeps the checksum that its archive gave; a local
    one is read through for its SHA-256.

    Raises:
        InputError: A raster that is not there, or a server that does not answer.
    """
    found = _ask(scenes, hashed=_hrefs(scenes), progress=progress)
    bad = {href: answer.trouble for href, answer in found.items() if answer.trouble}
    if bad:
        href, trouble = next(iter(bad.items()))
        raise InputError(f"{href}: {trouble}, a raster expected ({len(bad)} of {len(found)} rasters cannot be marked)")
    marked = []
    for scene in scenes:
        marks = {href: _merge(found[href].mark, scene.marks.get(href)) for href in _hrefs([scene])}
        marked.append(replace(scene, marks={href: known for href, known in marks.items() if known != Mark()}))
    return marked


def _merge(now: Mark, before: Mark | None) -> Mark:
    """Keep the checksum of the archive where the server tells none."""
    return now if now.checksum or before is None else replace(now, checksum=before.checksum)


def changes(scenes: Sequence[Scene], *, progress: bool = False) -> pd.DataFrame:
    """Tell which rasters of a frozen list are no longer as they were when they were marked.

    Returns:
        A row for each such raster: scene, raster, what (vanished, changed, unknown), found (in words).
    """
    hashed = {href for scene in scenes for href, mark in scene.marks.items() if mark.checksum}
    found = _ask(scenes, hashed=hashed, progress=progress)
    rows = []
    for scene in scenes:
        for href in _hrefs([scene]):
            what, words = _compare(scene.marks.get(href, Mark()), found[href])
            if what:
                rows.append({"scene": scene.id, "raster": href, "what": what, "found": words})
    return pd.DataFrame(rows, columns=["scene", "raster", "what", "found"])


def _compare(before: Mark, answer: _Answer) -> tuple[str, str]:
    if answer.trouble:
        return (VANISHED, "no such file") if answer.trouble == VANISHED else ("unknown", answer.trouble)
    pairs = [(name, getattr(before, name), getattr(answer.mark, name)) for name in ("size", "checksum", "etag")]
    other = [f"{name} {old} is now {new}" for name, old, new in pairs if None not in (old, new) and old != new]
    return ("changed", ", ".join(other)) if other else ("", "")


def _hrefs(scenes: Iterable[Scene]) -> list[str]:
    return list(dict.fromkeys(href for scene in scenes for hrefs in scene.hrefs.values() for href in hrefs))


def _ask(scenes: Sequence[Scene], *, hashed: Collection[str], progress: bool) -> dict[str, _Answer]:
    """Ask after each raster once, several at a time; read local ones of `hashed` through for their checksum."""
    hrefs = _hrefs(scenes)
    with ThreadPoolExecutor(AT_ONCE) as pool, remote.session() as session:

        def ask(href: str) -> _Answer:
            return _remote(href, session) if is_remote(href) else _local(Path(href), hashed=href in hashed)

        answers = pool.map(ask, hrefs)
        return dict(zip(hrefs, tqdm(answers, "rasters", len(hrefs), disable=not progress), strict=True))


def _local(path: Path, *, hashed: bool) -> _Answer:
    try:
        with path.open("rb") as file:
            checksum = SHA256 + hashlib.file_digest(file, "sha256").hexdigest() if hashed else None
        return _Answer(mark=Mark(size=path.stat().st_size, checksum=checksum))
    except FileNotFoundError:
        return _Answer(trouble=VANISHED)
    except OSError as error:
        return _Answer(trouble=f"cannot be read ({error.strerror})")


def _remote(href: str, session: requests.Session) -> _Answer:
    if not href.startswith(("http://", "https://")):
        return _Answer()  # a path that only GDAL understands, such as s3:// or /vsi…
    try:
        url = remote.sign(href)
        answer = _head(url, session)
        if answer.status_code == 403 and remote.is_signed(href):
            answer = _head(remote.sign(href, refused=url), session)
    except (requests.RequestException, InputError) as error:
        return _Answer(trouble=remote.reason(error))
    if answer.status_code in (404, 410):
        return _Answer(trouble=VANISHED)
    if not answer.ok:
        return _Answer(trouble=f"HTTP status {answer.status_code}")
    size = answer.headers.get("Content-Length")
    return _Answer(mark=Mark(size=int(size) if size else None, etag=answer.headers.get("ETag")))


def _head(url: str, session: requests.Session) -> requests.Response:
    as_stored = {"Accept-Encoding": "identity"}  # else a server may tell the size of a compressed copy
    return session.head(url, headers=as_stored, timeout=remote.TIMEOUT, allow_redirects=True)
