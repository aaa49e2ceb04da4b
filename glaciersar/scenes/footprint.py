"""Open rasters of backscatter, and compute what they cover."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rasterio
import shapely
from odc.geo import CRSError
from odc.geo.geobox import GeoBox
from rasterio import DatasetReader
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.io import http, rasters
from glaciersar.scenes.scene import Scene, is_remote, rasters_of, split_pair
from glaciersar.scenes.selection import describe_scenes


@contextmanager
def open_backscatter(href: str, *, check: bool = True) -> Iterator[DatasetReader]:
    """Open a raster of backscatter.

    Args:
        href: Path or URL.
        check: Check also that a file on disk is complete, which takes longer the larger it is.

    Raises:
        InputError: No such file, a GRD or SLC product, several bands, no coordinate system, a grid that is not north
            up, or anything that GDAL cannot read.
    """
    name = raster_name(href)
    if not is_remote(href) and not Path(href).exists():
        raise InputError(f"{href}: no such file, expected the raster that the manifest names")
    try:
        with http.open_href(href) as file:
            if file.crs is None and file.gcps[0]:
                raise InputError(
                    f"{name}: a ground-range product in the geometry of the radar ({len(file.gcps[0])} control points, "
                    f"no grid) found, a terrain-corrected raster (RTC) expected"
                )
            if file.dtypes[0].startswith("complex"):
                raise InputError(f"{name}: complex values found (single-look data, SLC), backscatter expected")
            if file.crs is None:
                raise InputError(f"{name}: no coordinate system found, expected a georeferenced raster")
            if file.count != 1:
                raise InputError(f"{name}: {file.count} bands found, one expected")
            t = file.transform
            if t.b or t.d or t.a <= 0 or t.e >= 0:
                raise InputError(f"{name}: a turned or flipped grid found, north up expected")
            if check and not is_remote(href):
                rasters.check_complete(file)
            yield file
    except (*rasters.WRITE_ERRORS, OSError, OverflowError, CRSError) as error:  # also where a grid is no place on Earth
        raise InputError(f"{name}: cannot be read ({_reason(error)}), expected a whole GeoTIFF") from error


def raster_name(href: str) -> str:
    """Name a raster in messages, with its folder, because in an archive many files have the same name (hh.tif)."""
    return "/".join(Path(href).parts[-2:])


def _reason(error: BaseException) -> str:
    """Return GDAL's own message, which rasterio keeps as the cause of its error."""
    return " ".join(str(error.__cause__ or error).split()).rstrip(".")


def covering_geobox(scenes: Sequence[Scene], polarisation: str, *, pixel: float | None = None) -> GeoBox:
    """Return the grid that covers all rasters of some scenes, aligned with the first one.

    Args:
        scenes: Scenes in one coordinate system.
        polarisation: "HH", "HV", "VV", "VH" or "incidence"; or both, "HH+HV" or "VV+VH".
        pixel: Side of a pixel in units of the CRS; the first raster's if not given.
    """
    kinds = split_pair(polarisation)
    grids = [
        raster_geobox(href)
        for href in sorted({href for scene in scenes for kind in kinds for href in polarisation_hrefs(scene, kind)})
    ]
    if not grids:
        raise InputError("no scene found, at least one expected to lay a grid over")
    first = grids[0]
    for grid in grids:
        if grid.crs != first.crs:
            raise InputError(f"rasters in {first.crs} and {grid.crs} found, one coordinate system expected")
    size = pixel or abs(first.resolution.x)
    left0, top0 = first.boundingbox.left, first.boundingbox.top
    boxes = [grid.boundingbox for grid in grids]
    left = left0 + _floor((min(box.left for box in boxes) - left0) / size) * size
    top = top0 - _floor((top0 - max(box.top for box in boxes)) / size) * size
    width = -_floor((left - max(box.right for box in boxes)) / size)
    height = -_floor((min(box.bottom for box in boxes) - top) / size)
    return GeoBox((height, width), rasterio.Affine(size, 0, left, 0, -size, top), first.crs)


def _floor(pixels: float) -> int:
    return math.floor(pixels + 1e-6)  # just below a whole number, by rounding, counts as that number


def raster_geobox(href: str) -> GeoBox:
    """Read the pixel grid of a raster."""

    def read() -> GeoBox:
        with open_backscatter(href) as file:
            return GeoBox((file.height, file.width), file.transform, str(file.crs))

    return http.read_with_retry(href, read)


def scene_footprints(scene: Scene, polarisation: str, crs: str) -> list[BaseGeometry]:
    """Return the bounding rectangle, in another CRS, of each raster of a scene in a polarisation or pair."""
    return raster_footprints(rasters_of(scene, polarisation), crs)


def raster_footprints(hrefs: Iterable[str], crs: str) -> list[BaseGeometry]:
    """Return the bounding rectangle of each raster in another CRS."""
    grids = (raster_geobox(href) for href in hrefs)
    return [shapely.box(*grid.extent.to_crs(crs).boundingbox.bbox) for grid in grids]


def overlaps(geobox: GeoBox, extents: Iterable[BaseGeometry]) -> bool:
    """Tell whether rasters cover at least half a pixel of a grid; a shared edge is not enough."""
    area, pixel = shapely.box(*geobox.boundingbox.bbox), abs(geobox.resolution.x * geobox.resolution.y)
    return any(area.intersection(extent).area > pixel / 2 for extent in extents)


def scenes_covering(scenes: Iterable[Scene], geobox: GeoBox, polarisation: str) -> list[Scene]:
    """Keep the scenes whose rasters touch a grid.

    Raises:
        InputError: No scene touches the grid.
    """
    scenes = list(scenes)
    kept = [s for s in scenes if overlaps(geobox, scene_footprints(s, polarisation, str(geobox.crs)))]
    if not kept:
        raise InputError(
            f"no scene with {polarisation} touches the grid {describe_geobox(geobox)}; found {describe_scenes(scenes)}"
        )
    return kept


def polarisation_hrefs(scene: Scene, polarisation: str) -> tuple[str, ...]:
    """Return the rasters of a scene in one polarisation.

    Raises:
        InputError: The scene has none.
    """
    if polarisation not in scene.hrefs:
        raise InputError(f"{scene.id}: no {polarisation} found; found {describe_scenes([scene])}")
    return scene.hrefs[polarisation]


def describe_geobox(geobox: GeoBox) -> str:
    """Say where a grid lies, for messages."""
    left, bottom, right, top = geobox.boundingbox.bbox
    return f"from ({left:.7g}, {bottom:.7g}) to ({right:.7g}, {top:.7g}) in {geobox.crs}"
