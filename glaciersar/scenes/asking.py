"""Ask a STAC API for items, page by page, with faults of the line and of the server tried again."""

import difflib
import warnings
from collections.abc import Iterator
from datetime import datetime
from json import JSONDecodeError
from typing import Any

import pystac
import shapely
from pystac_client import Client
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from shapely.geometry.base import BaseGeometry
from tqdm import tqdm

from glaciersar import remote
from glaciersar.errors import InputError

PAGE = 200
"""Items to a page; servers may give fewer."""


def ask(
    url: str,
    shape: BaseGeometry | None,
    start: datetime | None,
    end: datetime | None,
    collection: str | None,
    *,
    progress: bool,
) -> list[pystac.Item]:
    """Ask a STAC API for all items of a place (degrees), a time and a collection, whatever its pages are.

    Raises:
        InputError: No such collection, fewer items than promised, an API that cannot be reached or is none.
    """
    reader = StacApiIO()
    for scheme in ("http://", "https://"):
        reader.session.mount(scheme, remote.PatientAdapter())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pystac-client warns of what an API does not promise; it is checked here
            client = Client.open(
                url, stac_io=reader, timeout=remote.TIMEOUT
            )  # else it takes the one of the reader away
            if not client.conforms_to("ITEM_SEARCH"):
                raise InputError(f"{url}: no STAC API that can be searched found, expected one, or a catalogue's JSON")
            found = client.search(
                collections=[_collection(client, url, collection)],
                intersects=None if shape is None else shapely.geometry.mapping(shape),
                datetime=[start, end] if start or end else None,
                limit=PAGE,
            )
            return list(_all(found.pages(), url, progress=progress))
    except APIError as error:
        raise InputError(f"{url}: the search came to nothing ({_why(error)}), {_way_out(error)}") from error
    except (pystac.STACError, ClientTypeError, JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{url}: cannot be read as STAC ({error}), expected a STAC API") from error


def _collection(client: Client, url: str, wanted: str | None) -> str:
    """Check the product; GRD and RTC are not the same measurement, so that none is taken by chance."""
    if wanted:
        try:
            if client.get_collection(wanted):
                return wanted
        except APIError as error:
            if _status(error) != 404:
                raise
    names = sorted(collection.id for collection in client.get_collections())
    if wanted is None and len(names) == 1:
        return names[0]
    near = difflib.get_close_matches(wanted, names) if wanted else []
    shown = near or [name for name in names if "sentinel" in name.lower()] or names
    found = f"no collection {wanted!r} found" if wanted else "no collection given"
    raise InputError(f"{url}: {found}, one of its {len(names)} expected, such as {', '.join(shown[:8]) or 'none'}")


def _status(error: APIError) -> int | None:
    """Read the status of the answer; there was none if the line is broken."""
    return getattr(error, "status_code", None)


def _why(error: APIError) -> str:
    return f"HTTP status {_status(error)}" if _status(error) else remote.reason(error.__context__ or error)


def _way_out(error: APIError) -> str:
    if _status(error):
        return "an answer expected"
    return "a network expected; without one, scenes on this disk can be the source: a folder of GeoTIFFs, a catalogue"


def _all(pages: Iterator[pystac.ItemCollection], url: str, *, progress: bool) -> Iterator[pystac.Item]:
    """Give each item once, and make sure that none is lost between pages."""
    seen: set[tuple[str | None, str]] = set()
    promised = 0
    with tqdm(desc="search", unit="scene", disable=not progress) as bar:
        for page in pages:
            promised = max(promised, _promised(page.extra_fields))
            bar.total = promised or None
            for item in page:
                key = item.collection_id, item.id
                if key not in seen:
                    seen.add(key)
                    bar.update()
                    yield item
    if len(seen) < promised:
        raise InputError(f"{url}: {len(seen)} items found, {promised} expected as the archive says; search again")


def _promised(page: dict[str, Any]) -> int:
    """Read how many items there are in all; some archives tell, in one of two ways."""
    return int(page.get("numberMatched") or (page.get("context") or {}).get("matched") or 0)
