"""Open rasters of backscatter, and compute what they cover."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyproj
import rasterio
import shapely
from odc.geo import CRS, CRSError
from odc.geo.geobox import GeoBox
from rasterio import DatasetReader
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.geodesy import is_metric, middle_of_all, pixel_sides
from glaciersar.grid import SVAL, Grid, grid_at
from glaciersar.io import http, rasters
from glaciersar.io.open_raster import open_raster
from glaciersar.scenes.scene import Scene, local_file, rasters_of, split_pair
from glaciersar.scenes.selection import describe_scenes

_TURNED = "WarpedVRT("  # begins the name that rasterio gives to a raster read with north up


@contextmanager
def open_backscatter(href: str, *, check: bool = True) -> Iterator[DatasetReader]:
    """Open a raster of backscatter.

    Args:
        href: Path or URL.
        check: Check also that a file on disk is complete, which takes longer the larger it is.

    Raises:
        InputError: No such file, a GRD or SLC product, several bands, no coordinate system or a local one, a turned
            grid, or anything that GDAL cannot read.

    A raster whose first row is the southernmost is read with north up, which is printed once.
    """
    name, path = raster_name(href), local_file(href)
    if path is not None and not path.exists():
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
            if not (file.crs.is_geographic or file.crs.is_projected) and pyproj.CRS(file.crs).is_engineering:
                raise InputError(f"{name}: a local coordinate system found, one of a place on Earth expected")
            if file.count != 1:
                raise InputError(f"{name}: {file.count} bands found, one expected")
            if check and path is not None:
                _check_complete(file, path)
            with _north_up(file, href) as upright:
                yield upright
    except (*rasters.WRITE_ERRORS, OSError, OverflowError, CRSError) as error:  # also where a grid is no place on Earth
        raise InputError(f"{name}: cannot be read ({_reason(error)}), expected a whole GeoTIFF") from error


@contextmanager
def _north_up(file: DatasetReader, href: str) -> Iterator[DatasetReader]:
    """Give a raster with its first row in the north, the same values; refuse one that is turned or mirrored."""
    t = file.transform
    if t.b or t.d or t.a <= 0 or not t.e:
        raise InputError(
            f"{raster_name(href)}: a turned or mirrored grid found, north up expected; gdalwarp makes it so"
        )
    if t.e < 0:
        yield file
        return
    _tell_south_up(str(Path(href).parent))
    turned = rasterio.Affine(t.a, 0, t.c, 0, -t.e, t.f + t.e * file.height)
    shape = {"width": file.width, "height": file.height}
    with WarpedVRT(file, crs=file.crs, transform=turned, resampling=Resampling.nearest, **shape) as upright:
        yield upright


@cache
def _tell_south_up(folder: str) -> None:
    print(f"{folder}: rasters whose first row is the southernmost found, which are read with north up")


def _check_complete(file: DatasetReader, path: Path) -> None:
    """Check that the file behind a raster, which may be one band of it, is not cut off."""
    if file.driver != "VRT":
        rasters.check_complete(file)
        return
    with open_raster(path) as whole:
        rasters.check_complete(whole)


def raster_name(href: str) -> str:
    """Name a raster in messages, with its folder, because in an archive many files have the same name (hh.tif)."""
    if href.startswith(_TURNED):
        href = href.removeprefix(_TURNED).removesuffix(")")
    name = "/".join(Path(href).parts[-2:])
    return name.replace("?bands=", ", band ") if local_file(href) else name


def _reason(error: BaseException) -> str:
    """Return GDAL's own message, which rasterio keeps as the cause of its error."""
    return " ".join(str(error.__cause__ or error).split()).rstrip(".")


def covering_geobox(scenes: Sequence[Scene], polarisation: str, *, pixel: float | None = None, crs: str = "") -> GeoBox:
    """Return the grid that covers all rasters of some scenes.

    It is aligned with the first of them, if they share a system in which a pixel is on the ground what its numbers say.
    Rasters of several UTM zones, in degrees or in Web Mercator are mapped on the grid of the place instead
    (`choose_grid`), which is printed.

    Args:
        scenes: Scenes of one place.
        polarisation: "HH", "HV", "VV", "VH" or "incidence"; or both, "HH+HV" or "VV+VH".
        pixel: Side of a pixel, metres; that of the first raster if not given.
        crs: A projected system in metres, such as EPSG:3413; empty takes that of the rasters, or that of the place.

    Raises:
        InputError: There is no scene, or `crs` is no system in metres that is true to scale there.
    """
    kinds = split_pair(polarisation)
    hrefs = {href for scene in scenes for kind in kinds for href in polarisation_hrefs(scene, kind)}
    return rasters_geobox(hrefs, pixel=pixel, crs=crs)


def rasters_geobox(hrefs: Iterable[str], *, pixel: float | None = None, crs: str = "") -> GeoBox:
    """Return the grid that covers rasters, as `covering_geobox` does for those of scenes."""
    boxes = [raster_geobox(href) for href in sorted(set(hrefs))]
    if not boxes:
        raise InputError("no scene found, at least one expected to lay a grid over")
    first = boxes[0]
    assert first.crs is not None, "`open_backscatter` refuses rasters without a coordinate system"
    grid = choose_grid(boxes, crs=crs)
    if _share_metric(boxes) and (not crs or CRS(grid.crs) == first.crs):
        system, origin = first.crs, (first.boundingbox.left, first.boundingbox.top)
        size = pixel or abs(first.resolution.x)
        extents = [box.boundingbox.bbox for box in boxes]
    else:
        system, origin, size = CRS(grid.crs), grid.origin, pixel or max(round(max(pixel_sides(first))), 1)
        across, down = pixel_sides(first)
        found = " and ".join(sorted({str(box.crs) for box in boxes}))
        print(
            f"rasters in {found} with pixels of {across:.3g} × {down:.3g} m on the ground: "
            f"mapped on pixels of {size:g} m in {grid.crs} instead"
        )
    extents = [extent_in(box, str(system)).bounds for box in boxes]
    covering = _cover(extents, size, origin, system)
    if not is_metric(covering):
        across, down = pixel_sides(covering)
        raise InputError(
            f"crs={crs or system}: pixels of {across:.3g} × {down:.3g} m on the ground found for {size:g} m, "
            f"a system that is true to scale there expected"
        )
    return covering


def _cover(
    extents: Sequence[tuple[float, float, float, float]], size: float, origin: tuple[float, float], crs: CRS
) -> GeoBox:
    """Lay pixels over rectangles (left, bottom, right, top), aligned with an origin."""
    left0, top0 = origin
    lefts, bottoms, rights, tops = zip(*extents, strict=True)
    left = left0 + _floor((min(lefts) - left0) / size) * size
    top = top0 - _floor((top0 - max(tops)) / size) * size
    width = -_floor((left - max(rights)) / size)
    height = -_floor((min(bottoms) - top) / size)
    return GeoBox((height, width), rasterio.Affine(size, 0, left, 0, -size, top), crs)


def choose_grid(boxes: Sequence[GeoBox], *, crs: str = "", where: tuple[float, float] | None = None) -> Grid:
    """Choose the grid of a place that rasters cover.

    On Svalbard it is that of the published dataset. Elsewhere it is in the system of the rasters, if they share one
    that is true to scale, else in the UTM zone of the place or a polar system (`grid.grid_at`).

    Args:
        boxes: Pixel grids of the rasters.
        crs: A projected system in metres that is wanted; empty chooses.
        where: Longitude and latitude of the place, degrees; by default the middle of the rasters.
    """
    longitude, latitude = where or middle_of_all(boxes)
    grid = grid_at(longitude, latitude, crs=crs)
    shared = boxes[0].crs
    if crs or grid == SVAL or shared is None or shared.epsg is None or not _share_metric(boxes):
        return grid
    return grid_at(longitude, latitude, crs=str(shared))


def _share_metric(boxes: Sequence[GeoBox]) -> bool:
    """Tell whether rasters share one system in which their pixels are on the ground what their numbers say."""
    return all(box.crs == boxes[0].crs for box in boxes) and all(is_metric(box) for box in dict.fromkeys(boxes))


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
    return [extent_in(raster_geobox(href), crs) for href in hrefs]


def extent_in(box: GeoBox, crs: str) -> BaseGeometry:
    """Return the bounding rectangle of a pixel grid in another CRS."""
    return shapely.box(*box.extent.to_crs(crs, resolution="auto").boundingbox.bbox)


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
