"""Find scenes in a static STAC catalogue or among GeoTIFFs."""

import glob
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
from pystac.utils import make_absolute_href, str_to_datetime

from glaciersar.errors import InputError
from glaciersar.radiometry import UNITS
from glaciersar.scenes.records import POLARISATIONS, Scene, is_remote, merge_passes

_POLARISATION = re.compile(r"(?<![A-Za-z0-9])(HH|HV|VV|VH)(?![A-Za-z0-9])", re.IGNORECASE)
_INCIDENCE = re.compile(r"incidence|local_inc", re.IGNORECASE)
_TIME = re.compile(
    r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?([0-2]\d|3[01])(?:[T_ ]([0-2]\d)-?:?([0-5]\d)-?:?([0-5]\d))?(?!\d)"
)
_ORBIT = re.compile(r"(?<![A-Za-z0-9])(?:T(?=\d{3}-)|ro)(\d{1,3})(?!\d)")  # OPERA's T137-…, this project's ro14


def find(source: str | Path, *, units: str | None = None, relative_orbit: int | None = None) -> list[Scene]:
    """Find the scenes of an archive.

    Args:
        source: A static STAC catalogue, collection, item collection or item (a path or URL to its JSON, or the folder
            of a catalog.json or collection.json); or GeoTIFFs: a folder, searched with its subfolders, a glob, or one
            file. GeoTIFFs tell their time and polarisation by name (20231203T015910Z, 2023-12-03, VV, …); those of
            one pass, less than 10 minutes apart, become one scene with several strips.
        units: "linear" or "db"; if not given, what the archive declares, or else "linear".
        relative_orbit: Orbit of GeoTIFFs whose names don't tell; also keeps only the scenes of this orbit.

    Returns:
        Scenes in time order; items of a catalogue stay one scene each.

    Raises:
        InputError: Nothing to read there, or an entry that is no Sentinel-1 backscatter.
    """
    if units is not None and units not in UNITS:
        raise InputError(f"units={units!r} found, 'linear' or 'db' expected")
    name = str(source)
    for entry in ("collection.json", "catalog.json"):
        if not is_remote(name) and (Path(name) / entry).is_file():
            name = str(Path(name) / entry)
    if name.endswith((".json", ".geojson")):
        scenes = [_from_item(item, units) for item in _items(name)]
    else:
        scenes = merge_passes(_from_file(path, units, relative_orbit) for path in _rasters(name))
    if not scenes:
        raise InputError(f"{name}: no scene found, expected a STAC catalogue with items or GeoTIFFs")
    if relative_orbit is not None:
        orbits = sorted({str(scene.relative_orbit) for scene in scenes})
        scenes = [scene for scene in scenes if scene.relative_orbit == relative_orbit]
        if not scenes:
            raise InputError(f"{name}: relative orbits {', '.join(orbits)} found, {relative_orbit} expected")
    return sorted(scenes, key=lambda scene: (scene.time, scene.id))


def _items(source: str) -> Iterator[pystac.Item]:
    """Walk through the items of any kind of STAC JSON."""
    try:
        content = pystac.StacIO.default().read_json(source)
        if content.get("type") == "FeatureCollection":
            for item in pystac.ItemCollection.from_dict(content):
                item.set_self_href(make_absolute_href(item.get_self_href() or source, source))
                yield item
            return
        found = pystac.read_file(source)
        if isinstance(found, pystac.Item):
            yield found
        elif isinstance(found, pystac.Catalog):
            yield from found.get_items(recursive=True)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or source}: no such file, expected a STAC catalogue or item") from error
    except (pystac.STACError, pystac.STACTypeError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{source}: cannot be read as STAC ({error}), expected a catalogue or items") from error


def _from_item(item: pystac.Item, units: str | None) -> Scene:
    properties = item.properties
    if properties.get("sar:product_type") == "SLC":
        raise InputError(f"{item.id}: complex single-look data (SLC) found, backscatter (RTC or GRD) expected")
    time = properties.get("start_datetime") or properties.get("datetime")
    if time is None:
        raise InputError(f"{item.id}: no time found, start_datetime or datetime expected")
    hrefs: dict[str, tuple[str, ...]] = {}
    declared = set()
    for key, asset in item.assets.items():
        kind = _kind(key) if _is_raster(asset) else None
        if kind is not None:
            hrefs[kind] = (*hrefs.get(kind, ()), make_absolute_href(asset.href, item.get_self_href()))
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
    )


def _is_raster(asset: pystac.Asset) -> bool:
    return (asset.media_type or "").startswith("image/tiff") or asset.href.lower().endswith((".tif", ".tiff"))


def _declared_units(asset: pystac.Asset) -> str:
    """Read the unit that the item gives for a band (raster extension, or STAC 1.1 bands); linear power if none."""
    fields: dict[str, Any] = asset.extra_fields
    bands = fields.get("raster:bands") or fields.get("bands") or [{}]
    unit = bands[0].get("unit") or fields.get("unit") or ""
    return "db" if unit.lower() in ("db", "decibel", "decibels") else "linear"


def _kind(name: str) -> str | None:
    """Tell from an asset key or a file name what a raster holds."""
    if _INCIDENCE.search(name):
        return "incidence"
    found = {match.upper() for match in _POLARISATION.findall(name)}
    return found.pop() if len(found) == 1 else None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _rasters(source: str) -> list[Path]:
    """List the GeoTIFFs of a folder, a glob or a single path, by name."""
    if Path(source).is_dir():
        paths = [path for path in Path(source).rglob("*") if path.suffix.lower() in (".tif", ".tiff")]
    else:
        paths = [Path(path) for path in glob.glob(source, recursive=True)]
    if not paths:
        raise InputError(f"{source}: no GeoTIFF found, expected a STAC JSON, a folder, a glob or a file")
    return sorted(path.resolve() for path in paths)


def _from_file(path: Path, units: str | None, relative_orbit: int | None) -> Scene:
    kind, time = _kind(path.stem), _TIME.search(path.stem)
    if kind is None or time is None:
        missing = "polarisation (HH, HV, VV, VH)" if kind is None else "date (such as 20231203T015910Z)"
        raise InputError(f"{path}: no {missing} found in the name, expected one; a glob can leave this file out")
    orbit = _ORBIT.search(path.stem)
    return Scene(
        id=_POLARISATION.sub("", path.stem).strip("_- "),
        time=_time(time, path),
        relative_orbit=int(orbit[1]) if orbit else relative_orbit,
        orbit_state=None,
        hrefs={kind: (str(path),)},
        units=units or "linear",
    )


def _time(found: re.Match[str], path: Path) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{path}: {found[0]!r} found in the name, a date expected ({error})") from error
