"""Whether a STAC item lies on a map grid, or only seems to."""

import math
import re
from typing import Any

import pystac
from odc.geo.crs import CRS
from pyproj.exceptions import CRSError

from glaciersar.errors import InputError

_CORRECTED = re.compile(r"(?<![a-z0-9])rtc(?![a-z0-9])", re.IGNORECASE)


def check_geocoded(item: pystac.Item) -> None:
    """Refuse a ground-range product (GRD), whose pixels lie in the geometry of the radar, not on a map.

    Catalogues give such items a `proj:transform` that was made up by stretching the image over its bounding box. It
    puts pixels tens of kilometres from where they belong, and is known by pixels that are not square. What terrain
    correction made of a GRD may be called GRD too, as all of sentinel-1-rtc on the Planetary Computer: it has square
    pixels of a projection, or a name that says RTC. In the end the raster itself tells, when it is opened.

    Raises:
        InputError: The item is a GRD; the sentence says by what its transform was found to be made up.
    """
    if item.properties.get("sar:product_type") != "GRD":
        return
    transform = _told(item, "proj:transform")
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
    told = _told(item, "proj:code") or _told(item, "proj:epsg")
    try:
        return bool(told) and CRS(told).projected
    except CRSError:
        return False


def _told(item: pystac.Item, name: str) -> Any:
    """Read a field of the item, or of the first of its assets that has it."""
    fields = [item.properties, *(asset.extra_fields for asset in item.assets.values())]
    return next((found[name] for found in fields if found.get(name)), None)


def _stretched(item: pystac.Item) -> bool:
    """Tell a transform that is the bounding box divided by the number of pixels, in either order of the two numbers."""
    transform, shape = _told(item, "proj:transform"), _told(item, "proj:shape")
    bounds = _told(item, "proj:bbox") or item.bbox
    if not (transform and shape and bounds):
        return False
    left, bottom, right, top = bounds
    pixel = abs(transform[0]), abs(transform[4])
    return any(
        math.isclose(pixel[0], (right - left) / columns, rel_tol=1e-6)
        and math.isclose(pixel[1], (top - bottom) / rows, rel_tol=1e-6)
        for rows, columns in (shape, shape[::-1])
    )
