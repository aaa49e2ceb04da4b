"""Search an archive for a place and a time: a STAC API, or whatever `find` reads."""

from datetime import UTC, datetime
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.scenes.choosing import describe, select
from glaciersar.scenes.finding import find
from glaciersar.scenes.items import scene_of_item
from glaciersar.scenes.places import name_of_place, place_of
from glaciersar.scenes.processings import keep_newest
from glaciersar.scenes.records import Scene


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
        from glaciersar.scenes.asking import ask  # only here, as it takes as long to import as torch

        items = ask(source, shape, *_period(year, start, end), collection, progress=progress)
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
