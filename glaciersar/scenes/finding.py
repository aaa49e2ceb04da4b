"""Find scenes in a static STAC catalogue, in a frozen list or among GeoTIFFs."""

import glob
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pystac
import requests
from pystac.stac_io import DefaultStacIO
from pystac.utils import make_absolute_href

from glaciersar import remote
from glaciersar.errors import InputError
from glaciersar.radiometry import UNITS
from glaciersar.scenes.freezing import is_frozen, thaw
from glaciersar.scenes.items import scene_of_item
from glaciersar.scenes.names import is_companion, scene_of_file
from glaciersar.scenes.processings import keep_newest
from glaciersar.scenes.records import POLARISATIONS, Scene, is_remote, merge_passes


def find(
    source: str | Path,
    *,
    units: str | None = None,
    relative_orbit: int | None = None,
    polarisation: str | None = None,
) -> list[Scene]:
    """Find the scenes of an archive.

    Args:
        source: A static STAC catalogue, collection, item collection or item (a path or URL to its JSON, or the folder
            of a catalog.json or collection.json); a list that `freeze` wrote; or GeoTIFFs: a folder, searched with its
            subfolders, a glob, or one file. GeoTIFFs tell their time and polarisation by name (20231203T015910Z,
            2023-12-03, VV, …) as HyP3, OPERA RTC-S1 and Earth Engine exports do, the polarisation also by the
            description of their band; those of one pass, less than 10 minutes apart, become one scene with several
            strips. Masks, elevation models and pictures that HyP3 and OPERA put beside them are left out.
        units: "linear" or "db"; if not given, what the archive declares, or else "linear".
        relative_orbit: Orbit of GeoTIFFs whose names don't tell; also keeps only the scenes of this orbit.
        polarisation: Of GeoTIFFs that don't tell.

    Returns:
        Scenes in time order; items of a catalogue stay one scene each. Where an acquisition was processed more than
        once, only the newest product is among them, and this is printed.

    Raises:
        InputError: Nothing to read there, or an entry that is no Sentinel-1 backscatter.
    """
    if units is not None and units not in UNITS:
        raise InputError(f"units={units!r} found, 'linear' or 'db' expected")
    if polarisation is not None and polarisation not in POLARISATIONS:
        raise InputError(f"polarisation={polarisation!r} found, one of {', '.join(POLARISATIONS)} expected")
    name = str(source)
    for entry in ("collection.json", "catalog.json"):
        if not is_remote(name) and (Path(name) / entry).is_file():
            name = str(Path(name) / entry)
    if name.endswith((".json", ".geojson")) or name.startswith(("http://", "https://")):
        scenes = keep_newest(_from_json(name, units), name)
    else:
        files = (
            scene_of_file(path, units=units, relative_orbit=relative_orbit, polarisation=polarisation)
            for path in _rasters(name)
        )
        scenes = merge_passes(keep_newest(files, name))
    if not scenes:
        raise InputError(f"{name}: no scene found, expected a STAC catalogue with items or GeoTIFFs")
    if relative_orbit is not None:
        orbits = sorted({str(scene.relative_orbit) for scene in scenes})
        scenes = [scene for scene in scenes if scene.relative_orbit == relative_orbit]
        if not scenes:
            raise InputError(f"{name}: relative orbits {', '.join(orbits)} found, {relative_orbit} expected")
    return sorted(scenes, key=lambda scene: (scene.time, scene.id))


class PatientIO(DefaultStacIO):
    """Read STAC of a server as patiently as everything else."""

    def read_text_from_href(self, href: str) -> str:
        if not href.startswith(("http://", "https://")):
            return super().read_text_from_href(href)
        with remote.session() as session:
            answer = session.get(href, timeout=remote.TIMEOUT)
        answer.raise_for_status()
        return answer.text


def _from_json(source: str, units: str | None) -> list[Scene]:
    if not is_remote(source) and Path(source).is_file() and is_frozen(_content(source)):
        return thaw(source)
    return [scene_of_item(item, units) for item in _items(source)]


def _content(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError):
        return None  # what is wrong with it, reading it as STAC says


def _items(source: str) -> Iterator[pystac.Item]:
    """Walk through the items of any kind of STAC JSON."""
    reader = PatientIO()
    try:
        content = reader.read_json(source)
        if content.get("type") == "FeatureCollection":
            for item in pystac.ItemCollection.from_dict(content):
                item.set_self_href(make_absolute_href(item.get_self_href() or source, source))
                yield item
            return
        found = pystac.read_file(source, stac_io=reader)
        if isinstance(found, pystac.Item):
            yield found
        elif isinstance(found, pystac.Catalog):
            yield from found.get_items(recursive=True)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or source}: no such file, expected a STAC catalogue or item") from error
    except requests.RequestException as error:
        raise InputError(f"{source}: cannot be reached ({remote.reason(error)}), a STAC catalogue expected") from error
    except (pystac.STACError, pystac.STACTypeError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{source}: cannot be read as STAC ({error}), expected a catalogue or items") from error


def _rasters(source: str) -> list[Path]:
    """List the GeoTIFFs of a folder, a glob or a single path, by name."""
    if Path(source).is_dir():
        paths = [path for path in Path(source).rglob("*") if path.suffix.lower() in (".tif", ".tiff")]
    else:
        paths = [Path(path) for path in glob.glob(source, recursive=True)]
    paths = [path for path in paths if not is_companion(path)]
    if not paths:
        raise InputError(f"{source}: no GeoTIFF found, expected a STAC JSON, a folder, a glob or a file")
    return sorted(path.resolve() for path in paths)
