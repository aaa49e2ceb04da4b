"""Find scenes in a STAC API, a static STAC catalogue, a manifest or a folder of GeoTIFFs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import join_at_180, split_at_180
from glaciersar.io import http, limits
from glaciersar.io.extras import require_extra
from glaciersar.io.hrefs import check_href
from glaciersar.radiometry import UNITS
from glaciersar.scenes.aoi import aoi_name, parse_aoi
from glaciersar.scenes.cubes import is_cube, unpack_cube
from glaciersar.scenes.deduplicate import drop_older_products
from glaciersar.scenes.geotiffs import list_geotiffs, scenes_from_file, with_masks
from glaciersar.scenes.manifest import is_manifest, read_manifest
from glaciersar.scenes.scene import PAIRS, POLARISATIONS, Scene, as_utc, is_remote, merge_passes
from glaciersar.scenes.selection import describe_criteria, describe_scenes, filter_scenes
from glaciersar.scenes.stac import scene_from_item

if TYPE_CHECKING:
    import pystac

ODD_VALUES = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)
"""What libraries raise of JSON in whose fields something unexpected stands; the last of catalogues in a circle."""


def find_scenes(
    source: str | Path,
    *,
    units: str | None = None,
    relative_orbit: int | None = None,
    polarisation: str | None = None,
) -> list[Scene]:
    """Find the scenes of an archive.

    Args:
        source: A static STAC catalogue, collection, item collection or item (a path or URL to its JSON, or the folder
            of a catalog.json or collection.json); a manifest that `write_manifest` wrote; a data cube (NetCDF or Zarr),
            which `cubes.unpack_cube` unpacks beside it; or GeoTIFFs: a folder,
            searched with its subfolders, a glob, or one file. Time and polarisation of GeoTIFFs are read from their
            names (20231203T015910Z, 2023-12-03, VV, …), as HyP3, OPERA RTC-S1, S1Tiling, SNAP and Earth Engine exports
            have them, and from the descriptions of their bands, of which a file may have several; direction and
            relative orbit, which a name may lack, from folders below the given one, too. Those of one pass,
            less than 10 minutes apart, become one scene with several strips. Of what archives put beside them, masks of
            layover and shadow are used, the rest is left out and counted in what is printed.
        units: "linear" or "db"; if not given, what the archive declares, or else "linear".
        relative_orbit: Keep only the scenes of this orbit; GeoTIFFs whose names give no orbit are taken to be of it.
        polarisation: Of GeoTIFFs that do not say: "HH", "HV", "VV" or "VH". A pair, "HH+HV" or "VV+VH", and an empty
            text tell nothing of one file; no scene is left out by it.

    Returns:
        Scenes in time order; items of a catalogue stay one scene each. Where an acquisition was processed more than
        once, only the newest product is among them, and this is printed; GeoTIFFs whose names do not tell the newest
        are refused.

    Raises:
        InputError: Nothing to read there, or an entry that is no Sentinel-1 backscatter.
    """
    if units is not None and units not in UNITS:
        raise InputError(f"units={units!r} found, 'linear' or 'db' expected")
    if polarisation and polarisation not in (*POLARISATIONS, *PAIRS):
        raise InputError(f"polarisation={polarisation!r} found, one of {', '.join(POLARISATIONS)} expected")
    alone = polarisation if polarisation in POLARISATIONS else None
    name = str(source)
    for entry in ("collection.json", "catalog.json"):
        if not is_remote(name) and (Path(name) / entry).is_file():
            name = str(Path(name) / entry)
    if is_cube(name) and not is_remote(name):
        name = str(unpack_cube(Path(name)))
    if name.endswith((".json", ".geojson")) or name.startswith(("http://", "https://")):
        scenes = drop_older_products(_scenes_of_json(name, units), name)
    else:
        scenes = _scenes_of_files(name, units, relative_orbit, alone)
    if not scenes:
        raise InputError(f"{name}: no scene found, expected a STAC catalogue with items or GeoTIFFs")
    tell_unknown_orbits(scenes, name)
    if relative_orbit is not None:
        orbits = sorted({str(scene.relative_orbit) for scene in scenes})
        scenes = [scene for scene in scenes if scene.relative_orbit == relative_orbit]
        if not scenes:
            raise InputError(f"{name}: relative orbits {', '.join(orbits)} found, {relative_orbit} expected")
    return sorted(scenes, key=lambda scene: (scene.time, scene.id))


def _scenes_of_files(
    source: str, units: str | None, relative_orbit: int | None, polarisation: str | None
) -> list[Scene]:
    """Read the scenes of GeoTIFFs, those of unknown orbit as of the given one, which is printed."""
    found = [
        scene
        for path, folders in list_geotiffs(source).items()
        for scene in scenes_from_file(path, units=units, polarisation=polarisation, folders=folders)
    ]
    unknown = sum(scene.relative_orbit is None for scene in found)
    if relative_orbit is not None and unknown:
        found = [replace(s, relative_orbit=s.relative_orbit or relative_orbit) for s in found]
        print(f"{source}: relative orbit {relative_orbit}, as given, taken for {unknown} files that do not tell theirs")
    return with_masks(merge_passes(drop_older_products(found, source, told_by_name=True)), source)


def tell_unknown_orbits(scenes: Sequence[Scene], source: object) -> None:
    """Print how many scenes are of unknown relative orbit where that of others is known: none is guessed."""
    unknown = [scene.id for scene in scenes if scene.relative_orbit is None]
    if unknown and len(unknown) < len(scenes):
        print(f"{source}: relative orbit of {len(unknown)} of {len(scenes)} scenes unknown, such as {unknown[0]}")


def _stac_reader(source: str) -> "pystac.StacIO":
    """Make a reader of STAC that asks a server again as every other request does, and reads what a list may name."""
    from pystac.stac_io import DefaultStacIO

    class RetryStacIO(DefaultStacIO):
        def read_text_from_href(self, href: str) -> str:
            if not href.startswith(("http://", "https://")):
                check_href(href, source)
                return limits.read_text(href.removeprefix("file://"))
            with http.retry_session(source) as session:
                answer = session.get(href, timeout=http.TIMEOUT)
            answer.raise_for_status()
            return answer.text

        def json_loads(self, txt: str, *_: Any, **__: Any) -> dict[str, Any]:
            content = limits.parse_json(txt)
            if not isinstance(content, dict):
                raise ValueError(f"{type(content).__name__} found, an object expected")
            return content

    return RetryStacIO()


def _scenes_of_json(source: str, units: str | None) -> list[Scene]:
    if not is_remote(source) and Path(source).is_file() and is_manifest(_read_json(source)):
        return read_manifest(source)
    return [_scene(item, units, listed_in) for item, listed_in in _scenes_of_catalog(source)]


def _scene(item: "pystac.Item", units: str | None, listed_in: str) -> Scene:
    """Read an item as a scene; a field of another type than STAC has becomes an InputError."""
    try:
        return scene_from_item(item, units, listed_in=listed_in)
    except InputError:
        raise
    except ODD_VALUES as error:
        raise InputError(f"{item.id}: cannot be read ({error!r}), a STAC item of backscatter expected") from error


def _read_json(path: str) -> Any:
    try:
        return limits.read_json(path)
    except (OSError, ValueError):
        return None  # the error is reported when the file is read as STAC


def _scenes_of_catalog(source: str) -> Iterator[tuple["pystac.Item", str]]:
    """Walk through the items of any kind of STAC JSON; yields each with the list that its hrefs stand in."""
    pystac = require_extra("pystac")
    reader = _stac_reader(source)
    try:
        content = reader.read_json(source)
        if content.get("type") == "FeatureCollection":
            for item in pystac.ItemCollection.from_dict(content):
                item.set_self_href(pystac.utils.make_absolute_href(item.get_self_href() or source, source))
                yield item, source
            return
        found = pystac.read_file(source, stac_io=reader)
        if isinstance(found, pystac.Item):
            yield found, source
        elif isinstance(found, pystac.Catalog):
            for item in found.get_items(recursive=True):  # a catalogue on this disk may link to one elsewhere
                yield item, source if is_remote(source) else item.get_self_href() or source
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or source}: no such file, expected a STAC catalogue or item") from error
    except requests.RequestException as error:
        raise InputError(
            f"{source}: cannot be reached ({http.failure_reason(error)}), a STAC catalogue expected"
        ) from error
    except (pystac.STACError, pystac.STACTypeError, *ODD_VALUES) as error:
        raise InputError(f"{source}: cannot be read as STAC ({error}), expected a catalogue or items") from error


def search_scenes(
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

    A STAC API is searched by place, time and collection, which every API supports, page by page; orbit and
    polarisation are then chosen from its answer. Failed requests are sent again (`io.http`).

    Args:
        source: URL of a STAC API, such as https://planetarycomputer.microsoft.com/api/stac/v1, or any source
            of `find_scenes`.
        place: As for `parse_aoi`: a point, a box, tiles of the grid, or a file of outlines.
        year: Calendar year, UTC.
        start: First time kept, inclusive.
        end: Last time kept, exclusive.
        relative_orbit: 1 to 175; GeoTIFFs whose names give no orbit are taken to be of it.
        orbit_state: "ascending" or "descending".
        polarisation: "HH", "HV", "VV" or "VH"; or both, "HH+HV" or "VV+VH". One alone is also that of GeoTIFFs that do
            not say.
        collection: The product, such as sentinel-1-rtc; needed where an API has several.
        units: "linear" or "db"; if not given, what the archive declares, or else "linear".
        progress: Show a progress bar.

    Returns:
        Scenes in time order; of an acquisition that was processed more than once only the newest product.

    Raises:
        InputError: Nothing found, an unknown collection, an API that cannot be reached or is none.
    """
    shape = None if place is None else parse_aoi(place)
    if isinstance(source, str) and is_stac_api(source):
        from glaciersar.scenes.stac import search_items

        items = search_items(source, shape, *_period(year, start, end), collection, progress=progress)
        scenes = drop_older_products([_scene(item, units, source) for item in items], source)
        if not scenes:
            where = None if place is None else aoi_name(place)
            asked = {"collection": collection, "year": year, "place": where, "from": start, "to": end}
            raise InputError(f"{source}: no scene found for {describe_criteria(asked)}, at least one expected")
    else:
        scenes = find_scenes(source, units=units, relative_orbit=relative_orbit, polarisation=polarisation)
        if shape is not None:
            found, scenes = scenes, intersecting(scenes, shape)
            if not scenes:
                raise InputError(
                    f"{source}: no scene over {aoi_name(place or shape)} found, but {describe_scenes(found)}"
                )
    return filter_scenes(
        scenes,
        year=year,
        start=start,
        end=end,
        relative_orbit=relative_orbit,
        orbit_state=orbit_state,
        polarisation=polarisation,
    )


def intersecting(scenes: list[Scene], shape: BaseGeometry) -> list[Scene]:
    """Keep the scenes whose footprint meets a shape (degrees), and those without one: see `scenes_covering`."""
    outlines = (None if scene.outline is None else split_at_180(join_at_180(scene.outline)) for scene in scenes)
    pairs = zip(scenes, outlines, strict=True)
    return [scene for scene, outline in pairs if outline is None or shapely.intersects(outline, shape)]


def is_stac_api(source: str) -> bool:
    """Tell whether a URL is that of a STAC API, not of a static file."""
    path = source.split("?")[0].lower()
    return path.startswith(("http://", "https://")) and not path.endswith((".json", ".geojson", ".tif", ".tiff"))


def _period(year: int | None, start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Join a year and a period; the later start and the earlier end hold."""
    starts = [datetime(year, 1, 1, tzinfo=UTC)] if year else []
    ends = [datetime(year + 1, 1, 1, tzinfo=UTC)] if year else []
    starts += [as_utc(start)] if start else []
    ends += [as_utc(end)] if end else []
    return max(starts, default=None), min(ends, default=None)
