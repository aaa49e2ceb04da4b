"""What a STAC item tells of a scene."""

from datetime import UTC, datetime
from typing import Any

import pystac
import shapely
from pystac.utils import make_absolute_href, str_to_datetime
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.scenes.geocoding import check_geocoded
from glaciersar.scenes.names import kind_of
from glaciersar.scenes.records import POLARISATIONS, Mark, Scene

PROCESSED = ("s1:processing_datetime", "processing:datetime", "created")
"""Fields that tell when a product was made, or else put into the archive; the first that is there holds."""


def scene_of_item(item: pystac.Item, units: str | None) -> Scene:
    """Understand one item; what is not of use to a series is left behind.

    Args:
        item: With GeoTIFF assets whose keys name a polarisation (hh, gamma0_vv, …) or the incidence.
        units: "linear" or "db", or None for what the item declares, or else linear.

    Raises:
        InputError: No backscatter, no time, several units.
    """
    properties = item.properties
    if properties.get("sar:product_type") == "SLC":
        raise InputError(f"{item.id}: complex single-look data (SLC) found, backscatter (RTC) expected")
    check_geocoded(item)
    time = properties.get("start_datetime") or properties.get("datetime")
    if time is None:
        raise InputError(f"{item.id}: no time found, start_datetime or datetime expected")
    hrefs: dict[str, tuple[str, ...]] = {}
    marks: dict[str, Mark] = {}
    declared = set()
    for key, asset in item.assets.items():
        kind = kind_of(key) if _is_raster(asset) else None
        if kind is None:
            continue
        href = make_absolute_href(asset.href, item.get_self_href())
        hrefs[kind] = (*hrefs.get(kind, ()), href)
        mark = Mark(size=asset.extra_fields.get("file:size"), checksum=asset.extra_fields.get("file:checksum"))
        marks |= {href: mark} if mark != Mark() else {}
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
        time=_utc(str_to_datetime(time)),
        relative_orbit=properties.get("sat:relative_orbit"),
        orbit_state=properties.get("sat:orbit_state"),
        hrefs=hrefs,
        units=units or declared.pop(),
        platform=properties.get("platform"),
        outline=_outline(item),
        processed=next((_utc(str_to_datetime(properties[name])) for name in PROCESSED if properties.get(name)), None),
        marks=marks,
    )


def _is_raster(asset: pystac.Asset) -> bool:
    return (asset.media_type or "").startswith("image/tiff") or asset.href.lower().endswith((".tif", ".tiff"))


def _declared_units(asset: pystac.Asset) -> str:
    """Read the unit that the item gives for a band (raster extension, or STAC 1.1 bands); linear power if none."""
    fields: dict[str, Any] = asset.extra_fields
    bands = fields.get("raster:bands") or fields.get("bands") or [{}]
    unit = bands[0].get("unit") or fields.get("unit") or ""
    return "db" if unit.lower() in ("db", "decibel", "decibels") else "linear"


def _outline(item: pystac.Item) -> BaseGeometry | None:
    if item.geometry is None:
        return None
    try:
        return shapely.geometry.shape(item.geometry)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{item.id}: geometry cannot be read ({error}), an outline in degrees expected") from error


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
