"""Search a STAC API for items, page by page, and read an item as a scene. Failed requests are sent again."""

from __future__ import annotations

import difflib
import math
import os
import re
import warnings
from collections.abc import Iterator
from datetime import datetime
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

import shapely
from odc.geo import CRS, CRSError
from shapely.geometry.base import BaseGeometry
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.io.extras import require_extra
from glaciersar.io.hrefs import check_href
from glaciersar.scenes import layover_shadow
from glaciersar.scenes.filenames import asset_kind
from glaciersar.scenes.scene import POLARISATIONS, FileChecksum, Scene, as_utc

if TYPE_CHECKING:
    import pystac
    from pystac_client import Client
    from pystac_client.exceptions import APIError
    from pystac_client.stac_api_io import StacApiIO

PAGE = 200
"""Items to a page; servers may give fewer."""


def search_items(
    url: str,
    shape: BaseGeometry | None,
    start: datetime | None,
    end: datetime | None,
    collection: str | None,
    *,
    progress: bool,
) -> list[pystac.Item]:
    """Search a STAC API for all items of a place (degrees), a time and a collection, with pages of any size.

    Raises:
        InputError: No such collection, fewer items than promised, an API that cannot be reached or is none, or
            pystac-client is not installed.
    """
    pystac = require_extra("pystac")
    require_extra("pystac_client")
    from pystac_client import Client
    from pystac_client.errors import ClientTypeError
    from pystac_client.exceptions import APIError

    reader = _api_reader(url)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pystac-client warns of missing conformance classes; they are checked here
            client = Client.open(
                url, stac_io=reader, timeout=http.TIMEOUT
            )  # without it the client removes that of the reader
            if not client.conforms_to("ITEM_SEARCH"):
                raise InputError(f"{url}: no STAC API that can be searched found, expected one, or a catalogue's JSON")
            found = client.search(
                collections=[_collection(client, url, collection)],
                intersects=None if shape is None else shapely.geometry.mapping(shape),
                datetime=[start, end] if start or end else None,
                limit=PAGE,
            )
            return list(_collect_items(found.pages(), url, progress=progress))
    except APIError as error:
        raise InputError(f"{url}: the search came to nothing ({_failure(error)}), {_remedy(error)}") from error
    except (pystac.STACError, ClientTypeError, JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{url}: cannot be read as STAC ({error}), expected a STAC API") from error


def _api_reader(url: str) -> StacApiIO:
    """Make a reader that asks an API again as every other request does, and follows links as far as a list may name."""
    from pystac_client.stac_api_io import StacApiIO

    class RetryStacApiIO(StacApiIO):
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            check_href(os.fspath(source), url)  # it would read a file of this disk, too
            return str(super().read_text(source, *args, **kwargs))

    reader = RetryStacApiIO()
    for scheme in ("http://", "https://"):
        reader.session.mount(scheme, http.RetryAdapter(url))
    return reader


def _collection(client: Client, url: str, wanted: str | None) -> str:
    """Check the collection. None is chosen by chance: GRD and RTC are not the same measurement."""
    from pystac_client.exceptions import APIError

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
    """Return the HTTP status of the answer; None if the connection failed."""
    return getattr(error, "status_code", None)


def _failure(error: APIError) -> str:
    return f"HTTP status {_status(error)}" if _status(error) else http.failure_reason(error.__context__ or error)


def _remedy(error: APIError) -> str:
    if _status(error):
        return "an answer expected"
    return "a network expected; without one, scenes on this disk can be the source: a folder of GeoTIFFs, a catalogue"


def _collect_items(pages: Iterator[pystac.ItemCollection], url: str, *, progress: bool) -> Iterator[pystac.Item]:
    """Yield each item once, and make sure that none is lost between pages."""
    seen: set[tuple[str | None, str]] = set()
    promised = 0
    with tqdm(desc="search", unit="scene", disable=not progress) as bar:
        for page in pages:
            promised = max(promised, _matched_count(page.extra_fields))
            bar.total = promised or None
            for item in page:
                key = item.collection_id, item.id
                if key not in seen:
                    seen.add(key)
                    bar.update()
                    yield item
    if len(seen) < promised:
        raise InputError(f"{url}: {len(seen)} items found, {promised} expected as the archive says; search again")


def _matched_count(page: dict[str, Any]) -> int:
    """Return how many items match in all, which some archives say in one of two fields; otherwise 0."""
    return int(page.get("numberMatched") or (page.get("context") or {}).get("matched") or 0)


_CORRECTED = re.compile(r"(?<![a-z0-9])rtc(?![a-z0-9])", re.IGNORECASE)


def check_geocoded(item: pystac.Item) -> None:
    """Refuse a ground-range product (GRD), whose pixels lie in the geometry of the radar, not on a map.

    Catalogues give such items a `proj:transform` that only stretches the image over its bounding box. It puts pixels
    tens of kilometres from where they belong; its pixels are not square. Terrain-corrected products may be called GRD
    too, as all of sentinel-1-rtc on the Planetary Computer: they have square pixels in a projection, or a name with
    RTC. What passes here is checked again when the raster is opened.

    Raises:
        InputError: The item is a GRD; the message says so if its transform only stretches the image.
    """
    if item.properties.get("sar:product_type") != "GRD":
        return
    transform = _property(item, "proj:transform")
    square = transform is None or math.isclose(abs(transform[0]), abs(transform[4]), rel_tol=1e-6)
    named = _CORRECTED.search(f"{item.id} {item.collection_id}".replace("_", " "))
    if square and (named or (transform and _is_projected(item))):
        return
    made_up = ", with a proj:transform that only stretches it over its bounding box" if _stretched(item) else ""
    raise InputError(
        f"{item.id}: a ground-range product (GRD) in the geometry of the radar found{made_up}, a terrain-corrected one "
        f"(RTC) expected"
    )


def _is_projected(item: pystac.Item) -> bool:
    code = _property(item, "proj:code") or _property(item, "proj:epsg")
    try:
        return bool(code) and CRS(code).projected
    except CRSError:
        return False


def _property(item: pystac.Item, name: str) -> Any:
    """Return a field of the item, or of the first of its assets that has it."""
    fields = [item.properties, *(asset.extra_fields for asset in item.assets.values())]
    return next((found[name] for found in fields if found.get(name)), None)


def _stretched(item: pystac.Item) -> bool:
    """Tell whether a transform is the bounding box divided by the number of pixels, in either order of the two."""
    transform, shape = _property(item, "proj:transform"), _property(item, "proj:shape")
    bounds = _property(item, "proj:bbox") or item.bbox
    if not (transform and shape and bounds):
        return False
    left, bottom, right, top = bounds
    pixel = abs(transform[0]), abs(transform[4])
    return any(
        math.isclose(pixel[0], (right - left) / columns, rel_tol=1e-6)
        and math.isclose(pixel[1], (top - bottom) / rows, rel_tol=1e-6)
        for rows, columns in (shape, shape[::-1])
    )


PROCESSED = ("s1:processing_datetime", "processing:datetime", "created")
"""Fields with the time when a product was made, or else entered the archive; the first one present is used."""


def scene_from_item(item: pystac.Item, units: str | None, *, listed_in: str = "") -> Scene:
    """Read one item as a scene; assets of no use to a series are left out.

    Args:
        item: With GeoTIFF assets whose keys name a polarisation (hh, gamma0_vv, …) or the incidence.
        units: "linear" or "db", or None for what the item declares, or else linear.
        listed_in: URL of the list that holds it, whose hrefs `check_href` looks at; empty for one on this disk.

    Raises:
        InputError: No backscatter, no time, several units, a field of another type than STAC has, or a href that a list
            from elsewhere must not name.
    """
    from pystac.utils import make_absolute_href, str_to_datetime

    _check_types(item)
    properties = item.properties
    if properties.get("sar:product_type") == "SLC":
        raise InputError(f"{item.id}: complex single-look data (SLC) found, backscatter (RTC) expected")
    check_geocoded(item)
    time = properties.get("start_datetime") or properties.get("datetime")
    if time is None:
        raise InputError(f"{item.id}: no time found, start_datetime or datetime expected")
    hrefs: dict[str, tuple[str, ...]] = {}
    checksums: dict[str, FileChecksum] = {}
    declared = set()
    for key, asset in item.assets.items():
        kind = _asset_kind(key, asset) if _is_raster(asset) else None
        if kind is None:
            continue
        href = make_absolute_href(asset.href, item.get_self_href() or listed_in or None)
        check_href(href, listed_in)
        hrefs[kind] = (*hrefs.get(kind, ()), href)
        known = FileChecksum(size=asset.extra_fields.get("file:size"), checksum=asset.extra_fields.get("file:checksum"))
        checksums |= {href: known} if known != FileChecksum() else {}
        if kind in POLARISATIONS:
            declared.add(_declared_units(asset))
    if not declared:
        raise InputError(
            f"{item.id}: assets {', '.join(item.assets) or 'none'} found, a GeoTIFF named by HH, HV, VV or VH expected"
        )
    if len(declared) > 1 and units is None:
        raise InputError(f"{item.id}: assets in {' and '.join(sorted(declared))} units found, one kind expected")
    return Scene(
        id=item.id,
        time=as_utc(str_to_datetime(time)),
        relative_orbit=properties.get("sat:relative_orbit"),
        orbit_state=properties.get("sat:orbit_state"),
        hrefs=hrefs,
        units=units or declared.pop(),
        platform=properties.get("platform"),
        outline=_item_footprint(item),
        processed=next((as_utc(str_to_datetime(properties[name])) for name in PROCESSED if properties.get(name)), None),
        checksums=checksums,
    )


def _check_types(item: pystac.Item) -> None:
    numbers, texts = {"sat:relative_orbit"}, {"sat:orbit_state", "platform"}
    fields = {"id": item.id} | {
        name: found for name in numbers | texts if (found := item.properties.get(name)) is not None
    }
    for name, found in fields.items():
        kind, words = (int, "a whole number") if name in numbers else (str, "a text")
        if not isinstance(found, kind):
            raise InputError(f"{item.get_self_href()}: an item with {name}={found!r} found, {words} expected")


def _asset_kind(key: str, asset: pystac.Asset) -> str | None:
    return "layover_shadow" if layover_shadow.is_mask(asset.href) else asset_kind(key)


def _is_raster(asset: pystac.Asset) -> bool:
    return (asset.media_type or "").startswith("image/tiff") or asset.href.lower().endswith((".tif", ".tiff"))


def _declared_units(asset: pystac.Asset) -> str:
    """Return the unit that the item gives for a band (raster extension, or STAC 1.1 bands); linear power if none."""
    fields: dict[str, Any] = asset.extra_fields
    bands = fields.get("raster:bands") or fields.get("bands") or [{}]
    unit = bands[0].get("unit") or fields.get("unit") or ""
    return "db" if unit.lower() in ("db", "decibel", "decibels") else "linear"


def _item_footprint(item: pystac.Item) -> BaseGeometry | None:
    if item.geometry is None:
        return None
    try:
        return shapely.geometry.shape(item.geometry)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{item.id}: geometry cannot be read ({error}), an outline in degrees expected") from error
