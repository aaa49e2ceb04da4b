"""Tiny archives in the form of real ones, for tests: GeoTIFF folders and a static STAC catalogue."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch import Tensor

from glaciersar.grid import Tile

TILE = Tile(column=10, row=38)


def year_of_dates(count: int = 31, *, year: int = 2020, step_days: int = 12) -> list[datetime]:
    """Acquisition times of one orbit through a year, as Sentinel-1 repeats them."""
    return [datetime(year, 1, 2, 6, 30, 5, tzinfo=UTC) + timedelta(days=step_days * k) for k in range(count)]


def backscatter(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Speckle of 4 looks around a power of 0.1 (−10 dB)."""
    return (0.1 * rng.gamma(4, 1 / 4, shape)).astype(np.float32)


def write_raster(
    path: Path, values: NDArray[Any], geobox: GeoBox, *, nodata: float | None = np.nan, **profile: Any
) -> Path:
    """Write one band on a grid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"crs": str(geobox.crs), "transform": geobox.affine, "nodata": nodata, "dtype": values.dtype} | profile
    height, width = values.shape
    with rasterio.open(path, "w", driver="GTiff", height=height, width=width, count=1, **profile) as file:
        file.write(values, 1)
    return path


def write_folder(
    folder: Path,
    geobox: GeoBox,
    times: Sequence[datetime],
    rng: np.random.Generator,
    *,
    polarisations: Sequence[str] = ("HH",),
    relative_orbit: int = 14,
) -> Path:
    """Write one GeoTIFF a date and polarisation, named like S1_ro14_20200102T063005Z_HH.tif."""
    for time in times:
        for polarisation in polarisations:
            name = f"S1_ro{relative_orbit}_{time:%Y%m%dT%H%M%SZ}_{polarisation}.tif"
            write_raster(folder / name, backscatter(rng, geobox.shape.shape), geobox)
    return folder


def write_catalog(
    folder: Path,
    geobox: GeoBox,
    times: Sequence[datetime],
    rng: np.random.Generator,
    *,
    polarisations: Sequence[str] = ("HH", "HV"),
    relative_orbit: int = 14,
    name: str = "alpha",
) -> Path:
    """Write a catalogue of one collection with one item a date, hrefs relative, as plain JSON."""
    items = []
    for time in times:
        key = f"{name}_{time:%Y%m%dT%H%M%S}_ro{relative_orbit}"
        items.append(key)
        for polarisation in polarisations:
            write_raster(folder / name / key / f"{polarisation}.tif", backscatter(rng, geobox.shape.shape), geobox)
        item: dict[str, Any] = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": key,
            "geometry": None,
            "properties": {
                "datetime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
                "sat:relative_orbit": relative_orbit,
                "sat:orbit_state": "ascending",
                "sar:polarizations": list(polarisations),
            },
            "links": [],
            "assets": {p.lower(): {"href": f"./{p}.tif", "type": "image/tiff"} for p in polarisations},
        }
        (folder / name / key / f"{key}.json").write_text(json.dumps(item))
    collection = {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": name,
        "description": "test",
        "license": "other",
        "extent": {"spatial": {"bbox": [[10, 78, 20, 80]]}, "temporal": {"interval": [[None, None]]}},
        "links": [{"rel": "item", "href": f"./{key}/{key}.json"} for key in items],
    }
    (folder / name / "collection.json").write_text(json.dumps(collection))
    catalog = {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "archive",
        "description": "test",
        "links": [{"rel": "child", "href": f"./{name}/collection.json"}],
    }
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return path


def glaciers(tiles: Sequence[Tile] = (TILE,), years: Sequence[int] = (2020,)) -> gpd.GeoDataFrame:
    """Outlines: in each tile and year one square glacier of 4 km in the lower left corner."""
    rows = [
        {"year": year, "geometry": shapely.box(left, bottom, left + 4000, bottom + 4000)}
        for year in years
        for left, bottom, _, _ in (tile.bounds for tile in tiles)
    ]
    return gpd.GeoDataFrame(rows, crs="EPSG:32633")


def write_dataset(
    path: Path,
    names: Sequence[str],
    rng: np.random.Generator,
    *,
    features: Sequence[str] = ("grd",),
    shape: tuple[int, int] = (40, 48),
    dates: int = 20,
    padding: tuple[int, int] = (0, 0),
) -> Path:
    """Write a dataset file in the published layout by h5py alone; the value of a pixel gives its date and place.

    grd[t, y, x] is 4096 t + 64 y + x; each further feature is 2¹⁹ more. All are whole numbers that float32 holds.
    """
    height, width = shape
    top, left = padding
    t, y, x = np.mgrid[:dates, :height, :width]
    places = (4096 * t + 64 * y + x).astype(np.float32)
    with h5py.File(path, "w") as file:
        for name in names:
            group = file.create_group(name)
            for k, feature in enumerate(features):
                group[feature] = (places + np.float32(2**19 * k))[..., None]
                group.attrs[f"{feature}_base_time_idx"] = np.arange(15) + 2
            glacier = rng.random(shape) > 0.5
            group["outlines"] = np.stack([~glacier, glacier], -1).astype(np.float32)
            sizes = {"height": height, "width": width, "pad_height": top, "pad_width": left}
            group.attrs.update(sizes | {"orig_height": height - 2 * top, "orig_width": width - 2 * left})
    return path


def place(series: Tensor) -> tuple[list[int], int, int]:
    """Tell the dates, and the first row and column, of a window (T, P, P) of grd by its values."""
    corner = series[:, 0, 0].int()
    return (corner // 4096).tolist(), int(corner[0] % 4096 // 64), int(corner[0] % 64)


TIMES = year_of_dates(3)
GRID = TILE.geobox(pixel=100)  # 100 × 100


def raster_of(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as file:
        values: NDArray[Any] = file.read(1)
    return values
