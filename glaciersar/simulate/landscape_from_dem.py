"""Landscapes with the glaciers of a user's elevation model and outlines."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio.warp
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.geodesy import middle_of
from glaciersar.grid import grid_at
from glaciersar.io import rasters
from glaciersar.simulate import random_fields
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.rounding import rounded
from glaciersar.simulate.zones import place_zones

EXPECTED = "an elevation model (GeoTIFF)"


def landscape_from_dem(
    dem: str | Path,
    outline: str | Path,
    *,
    pixel: float,
    years: Sequence[int],
    seed: int,
    name: str | None = None,
    crs: str = "",
) -> Landscape:
    """Make a landscape from an elevation model and glacier outlines.

    Args:
        dem: Elevation in metres, any projected raster with a CRS; pixels at or below 0 are water, nodata is
            unknown.
        outline: Glacier outlines, any vector file with a CRS.
        pixel: Pixel size wanted, metres.
        years: Years wanted; the glaciers are the same in each, as the outlines give one state.
        seed: For what the files do not contain: debris, crevasses, snow patches, which differ between years.
        name: Name of the landscape; the file's name if not given.
        crs: System of the tile grid; empty takes that of the place, as `grid.grid_at` does.

    Returns:
        The landscape, on pixels aligned with the tile grid of its place. The equilibrium line is the median
        elevation of the glaciers.
    """
    surface, geobox = _read_dem(Path(dem), pixel, crs)
    shapes = outlines.read_outlines(outline).to_crs(str(geobox.crs))
    glacier, known = outlines.to_mask(_clip(shapes, geobox), geobox), np.isfinite(surface)
    if not (glacier & known).any():
        raise InputError(f"{outline}: no outline overlaps the elevation model {Path(dem).name}, expected at least one")
    ela = float(np.median(surface[glacier & known]))
    row, column = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    surface = surface[row, column]  # of the nearest pixel with a value
    water = (surface <= 0) & ~glacier
    placed = {
        year: place_zones(
            surface,
            glacier,
            water,
            ela=ela,
            pixel=pixel,
            speed=None,
            rng=random_fields.random_stream(seed, "zones"),
            snow_rng=random_fields.random_stream(seed, "snow patches", year),
        )
        for year in years
    }
    return Landscape(
        name=name or Path(dem).stem,
        geobox=geobox,
        surface=surface,
        ela=ela,
        glacier=dict.fromkeys(years, glacier),
        zones=placed,
        known=known,
    )


def _clip(shapes: gpd.GeoDataFrame, geobox: GeoBox) -> gpd.GeoDataFrame:
    box = geobox.boundingbox
    return shapes.cx[box.left : box.right, box.bottom : box.top]


def dem_geobox(dem: str | Path, pixel: float, crs: str = "") -> GeoBox:
    """Return the pixels of a landscape from an elevation model: within it, aligned with the tile grid.

    Raises:
        InputError: The file is missing, no raster, in degrees, or smaller than 16 × 16 pixels.
    """
    path = Path(dem)
    with rasters.opened(path, EXPECTED) as source:
        return _aligned_geobox(source, path, pixel, crs)


def _aligned_geobox(source: DatasetReader, path: Path, pixel: float, crs: str) -> GeoBox:
    if source.crs is None or not source.crs.is_projected:
        raise InputError(
            f"{path}: {source.crs or 'no coordinate system'} found, expected a projected one, in metres; "
            f"gdalwarp -t_srs brings an elevation model there"
        )
    squares = grid_at(*middle_of(rasters.geobox_of(source)), crs=crs)
    left, bottom, right, top = rasterio.warp.transform_bounds(source.crs, squares.crs, *source.bounds)
    left, bottom = (
        origin + np.ceil((edge - origin) / pixel) * pixel
        for edge, origin in zip((left, bottom), squares.origin, strict=True)
    )
    width, height = int((right - left) // pixel), int((top - bottom) // pixel)
    if min(width, height) < 16:
        raise InputError(f"{path}: {width}×{height} pixels of {pixel:g} m found, expected at least 16×16")
    return GeoBox.from_bbox(
        (left, bottom, left + width * pixel, bottom + height * pixel), squares.crs, resolution=pixel
    )


def _read_dem(path: Path, pixel: float, crs: str) -> tuple[NDArray[np.float32], GeoBox]:
    """Read an elevation model onto pixels aligned with the tile grid; NaN where it has none."""
    with rasters.opened(path, EXPECTED) as source:
        geobox = _aligned_geobox(source, path, pixel, crs)
        elevation = source.read(1, masked=True).astype(np.float32).filled(np.nan)
    surface = np.full(geobox.shape, np.nan, np.float32)
    rasterio.warp.reproject(
        elevation,
        surface,
        src_transform=source.transform,
        src_crs=source.crs,
        src_nodata=np.nan,
        dst_transform=geobox.affine,
        dst_crs=str(geobox.crs),
        dst_nodata=np.nan,
        resampling=rasterio.warp.Resampling.bilinear,
    )
    if not np.isfinite(surface).any():
        raise InputError(f"{path}: no elevation found, expected metres")
    return rounded(surface), geobox
