"""Read archives over HTTP: try failed requests again, sign URLs, and replace signatures that have expired.

Written by hand: `planetary-computer`, which signs URLs, has had no release since 2023, and neither it nor GDAL reads a
block again whose answer was cut short.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import rasterio
import requests
from rasterio import DatasetReader
from rasterio.errors import RasterioError
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from glaciersar.errors import InputError
from glaciersar.io.hrefs import check_href
from glaciersar.io.limits import check_limit
from glaciersar.io.open_raster import open_raster

TRIES = 5
"""Attempts after the first, for a page of a search and for a block of a raster alike."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt; each wait is twice the one before."""
CONNECTS = 2
"""Attempts after the first where no connection is made: without a network, the user does not wait for minutes."""
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two packets of an answer."""
BUSY = (429, 500, 502, 503, 504)
"""HTTP statuses after which a request is tried again; GDAL tries again after the same ones."""
TOKENS = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
"""The signing service of the Planetary Computer; the environment variable PC_SDK_SAS_URL names another one."""
SIGNED = re.compile(r"https://([a-z0-9]+)\.blob\.core\.windows\.net/([^/?]+)/[^?]*")
"""URLs of rasters that need a signature: account and container. A query in such a URL is a signature."""
MARGIN = timedelta(minutes=5)  # a signature must outlast the reading of a window

_BROKEN = re.compile(  # what GDAL says of a lost connection, and of a server that was busy as often as GDAL asked
    rf"CURL error|IReadBlock failed|not recognized as being|HTTP response code: (?:{'|'.join(map(str, BUSY))})"
)
T = TypeVar("T")

_tokens: dict[tuple[str, str], tuple[str, datetime]] = {}
_lock = threading.Lock()


def gdal_options() -> dict[str, Any]:
    """Return the options with which GDAL reads over HTTP: the same retries, and no search for sidecar files."""
    return {
        "GDAL_HTTP_MAX_RETRY": TRIES,
        "GDAL_HTTP_RETRY_DELAY": FIRST_WAIT,
        "GDAL_HTTP_CONNECTTIMEOUT": TIMEOUT[0],
        "GDAL_HTTP_TIMEOUT": TIMEOUT[1],
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",  # else GDAL caches failures, and files that have changed since
    }


class RetryAdapter(HTTPAdapter):
    """Send a request again after a status of BUSY, no answer, or an answer cut short; obey the server's Retry-After.

    Args:
        listed_in: The list that every request, also after a redirection, comes from; `hrefs.check_href` looks at each.
    """

    def __init__(self, listed_in: str = "") -> None:
        self._listed_in = listed_in
        retry = Retry(
            total=TRIES,
            connect=CONNECTS,
            backoff_factor=FIRST_WAIT,
            status_forcelist=BUSY,
            allowed_methods=None,  # a search is a POST, and changes nothing
            raise_on_status=False,
            retry_after_max=60,
        )
        super().__init__(max_retries=retry)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        check_href(str(request.url), self._listed_in)
        for attempt in range(TRIES + 1):
            response = super().send(request, *args, **kwargs)
            try:
                _read_body(response)  # here, because Retry checks only the headers
            except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
                if attempt == TRIES:
                    raise
                sleep(FIRST_WAIT * 2**attempt)
            else:
                break
        return response


def _read_body(response: requests.Response) -> None:
    """Read an answer as far as the limit of a text; what comes unpacked is counted."""
    parts, size = [], 0
    for part in response.iter_content(2**16):
        parts.append(part)
        size += len(part)
        check_limit(size, "TEXT_BYTES", str(response.url))
    response._content = b"".join(parts)  # where `content` keeps it, which has no limit itself


class _Session(requests.Session):
    """A session that follows no redirection from a public server to a private address."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target:
            check_href(urljoin(str(resp.url), target), str(resp.url))
        return target


def retry_session(listed_in: str = "") -> requests.Session:
    """Open a session that sends failed requests again, to any server, or those that a list may name."""
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, RetryAdapter(listed_in))
    return session


def sign_href(href: str, *, refused: str = "") -> str:
    """Sign the URL of a raster on the Planetary Computer, whose tokens need no account and last for an hour.

    Args:
        href: Any path or URL; one that needs no signature, or has one, is returned unchanged.
        refused: A signed URL that the server has refused; it is signed with a new token.

    Raises:
        InputError: The signing service gives no token.
    """
    base, _, query = href.partition("?")
    found = SIGNED.fullmatch(base)
    if not found or (query and not refused):
        return href
    key = found[1], found[2]
    with _lock:
        token, end = _tokens.get(key, ("", datetime.min.replace(tzinfo=UTC)))
        if refused == f"{base}?{token}" or end < datetime.now(UTC) + MARGIN:
            token, end = _tokens[key] = _new_token(*key)
    return f"{base}?{token}"


def needs_signature(href: str) -> bool:
    """Tell whether a raster can be read only with a signature."""
    return bool(SIGNED.fullmatch(href.partition("?")[0]))


def _new_token(account: str, container: str) -> tuple[str, datetime]:
    url = f"{os.environ.get('PC_SDK_SAS_URL', TOKENS)}/{account}/{container}"
    try:
        with retry_session() as session:
            answer = session.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        content = json.loads(answer.content)
        return content["token"], datetime.fromisoformat(content["msft:expiry"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{url}: no signature given ({failure_reason(error)}), a token expected") from error


@contextmanager
def open_href(href: str) -> Iterator[DatasetReader]:
    """Open a raster: a local one as `open_raster` does, a remote one with retries, and signed if it needs to be.

    A signature that the server refuses is replaced once. GDAL reads again after a status of BUSY. An answer cut short
    is an error; `read_with_retry` then opens and reads again.
    """
    if not is_http(href):
        with open_raster(href) as file:
            yield file
        return
    with rasterio.Env(**gdal_options()):
        url = sign_href(href)
        try:
            file = open_raster(url)
        except RasterioError as error:
            if not (needs_signature(href) and "403" in str(error)):
                raise
            file = open_raster(sign_href(href, refused=url))
        with file:
            yield file


def read_with_retry(href: str, read: Callable[[], T]) -> T:
    """Call `read`, which opens a raster and reads from it; call it again if a remote server is lost or stays busy."""
    for attempt in range(TRIES if is_http(href) else 0):
        try:
            return read()
        except (RasterioError, InputError) as error:
            if not _BROKEN.search(f"{error} {error.__cause__}"):
                raise
            sleep(FIRST_WAIT * 2**attempt)
    return read()


def is_http(href: str) -> bool:
    """Tell whether a raster is read over HTTP, not from disk or from another archive that GDAL knows."""
    return href.startswith(("http://", "https://", "/vsicurl"))


def failure_reason(error: BaseException) -> str:
    """Say in a few words why a request failed, without memory addresses of objects."""
    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"no connection to {urlsplit(str(error.request.url)).netloc}" if error.request else "no connection"
    return " ".join(str(error).split())[:200] or type(error).__name__
