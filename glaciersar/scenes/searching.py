"""Search an archive for a place and a time: a STAC API, or whatever `find` reads."""

import difflib
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from json import JSONDecodeError
from pathlib import Path
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
from glaciersar.scenes.choosing import describe, select
from glaciersar.scenes.finding import find
from glaciersar.scenes.items import scene_of_item
from glaciersar.scenes.places import name_of_place, place_of
from glaciersar.scenes.processings import keep_newest
from glaciersar.scenes.records import Scene

PAGE = 200
"""Items to a page; servers may give fewer."""


def search(
    source: str | Path,
    *,
    place: str | Path | BaseGeometry | None = None,
    year: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    relative_orbit: int | None = None,
    orbit_state: str | None = None,
    polarisation: str | None = None,
    collection: str | None = None,
    units: str | None = None,
    progress: bool = False,
) -> list[Scene]:
    """Search an archive for the scenes of a place and a time.

    A STAC API is asked for the place, the time and the collection, which every API understands, page by page; orbit
    and polarisation are chosen from its answer. Faults of the line and of the server are tried again (`remote`).

    Args:
        source: URL of a STAC API, such as https://planetarycomputer.microsoft.com/api/stac/v1, or what `find` reads.
        place: As for `place_of`: a point, a box, tiles of the grid, or a file of outlines.
        year: Calendar year, UTC.
        start: First time kept, inclusive.
        end: Last time kept, exclusive.
        relative_orbit: 1 to 175; also the orbit of GeoTIFFs whose names don't tell.
        orbit_state: "ascending" or "descending".
        polarisation: "HH", "HV", "VV" or "VH".
        collection: The product, such as sentinel-1-rtc; needed where an API has several.
        units: "linear" or "db"; if not given, what the archive declares, or else "linear".
        progress: Show a progress bar.

    Returns:
        Scenes in time order; of an acquisition that was processed more than once the newest product, as `find` does.

    Raises:
        InputError: Nothing found, an unknown collection, an API that cannot be reached or is none.
    """
    shape = None if place is None else place_of(place)
    if isinstance(source, str) and is_api(source):
        items = _ask(source, shape, *_period(year, start, end), collection, progress=progress)
        scenes = keep_newest([scene_of_item(item, units) for item in items], source)
        if not scenes:
            where = None if place is None else name_of_place(place)
            asked = {"collection": collection, "year": year, "place": where, "from": start, "to": end}
            wanted = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
            raise InputError(f"{source}: no scene found for {wanted or 'anything'}, at least one expected")
    else:
        scenes = find(source, units=units, relative_orbit=relative_orbit)
        if shape is not None:
            found, scenes = scenes, over(scenes, shape)
            if not scenes:
                raise InputError(
                    f"{source}: no scene over {name_of_place(place or shape)} found, but {describe(found)}"
                )
    return select(
        scenes,
        year=year,
        start=start,
        end=end,
        relative_orbit=relative_orbit,
        orbit_state=orbit_state,
        polarisation=polarisation,
    )


def over(scenes: list[Scene], shape: BaseGeometry) -> list[Scene]:
    """Keep the scenes whose outline meets a shape (degrees), and those that have none: rasters tell, see `covering`."""
    return [scene for scene in scenes if scene.outline is None or shapely.intersects(scene.outline, shape)]


def is_api(source: str) -> bool:
    """Tell the address of a STAC API from that of a static file."""
    path = source.split("?")[0].lower()
    return path.startswith(("http://", "https://")) and not path.endswith((".json", ".geojson", ".tif", ".tiff"))


def _period(year: int | None, start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Join a year and a period; the later start and the earlier end hold."""
    starts = [datetime(year, 1, 1, tzinfo=UTC)] if year else []
    ends = [datetime(year + 1, 1, 1, tzinfo=UTC)] if year else []
    starts += [_utc(start)] if start else []
    ends += [_utc(end)] if end else []
    return max(starts, default=None), min(ends, default=None)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _ask(
    url: str,
    shape: BaseGeometry | None,
    start: datetime | None,
    end: datetime | None,
    collection: str | None,
    *,
    progress: bool,
) -> list[pystac.Item]:
    """Ask an API for all items, whatever its pages are."""
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
