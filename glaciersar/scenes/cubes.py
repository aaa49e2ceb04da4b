"""Read data cubes, NetCDF or Zarr with a time axis, as openEO and xarray write them: unpacked into GeoTIFFs.

A cube is unpacked once into a folder beside it, a raster for each date and polarisation, which are then scenes like any
others: read in windows, listed in a manifest with checksums, seen when they change.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from odc.geo import CRS, CRSError
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, wrap_write_errors
from glaciersar.io.extras import has_extra, require_extra
from glaciersar.io.rasters import WRITE_ERRORS, write_cog
from glaciersar.scenes.filenames import asset_kind, units_of_name
from glaciersar.scenes.scene import POLARISATIONS

SUFFIXES = (".nc", ".nc4", ".cdf", ".zarr")
TIMES, BANDS = ("t", "time"), ("bands", "band", "polarization", "polarisation")
CRS_NAMES = ("crs_wkt", "spatial_ref", "crs", "epsg", "proj:epsg")
PROJECTIONS = ("spatial_ref", "crs", "transverse_mercator", "polar_stereographic")


def is_cube(source: str) -> bool:
    """Tell by its name whether a file, or a Zarr folder, is a cube."""
    return source.lower().rstrip("/").endswith(SUFFIXES)


def unpack_cube(path: Path) -> Path:
    """Write the dates and polarisations of a cube as GeoTIFFs into a folder beside it, unless they are there.

    Args:
        path: Of the cube: a variable for each polarisation, or one with an axis of bands that are named after them; a
            time axis; x and y, the middles of pixels; the coordinate system as CF, rioxarray or openEO have it.

    Returns:
        The folder, NAME-scenes.

    Raises:
        InputError: xarray is not installed, or what it needs beside it: h5netcdf for NetCDF 4, zarr for Zarr; the file
            is missing, damaged or no such cube.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file, expected a data cube (NetCDF or Zarr)")
    xarray = require_extra("xarray")
    folder = path.with_name(f"{path.stem}-scenes")
    written = 0
    with _opened(xarray, path) as cube, wrap_write_errors(folder, *WRITE_ERRORS):
        grid = _grid(cube, path)
        for kind, layer in _layers(cube, path):
            time = _axis(layer.dims, TIMES, path, "time")
            units = units_of_name(f"{layer.name} {layer.attrs.get('units', '')}", path) or ""
            for k, moment in enumerate(pd.DatetimeIndex(cube[time].values)):
                target = folder / f"{path.stem}_{moment:%Y%m%dT%H%M%SZ}_{kind}{f'_{units}' if units else ''}.tif"
                if target.exists() and target.stat().st_mtime >= path.stat().st_mtime:
                    continue
                values = _values(layer.isel({time: k}).transpose("y", "x"), path)
                with atomic_write(target) as temporary, rasterio.Env():
                    write_cog(temporary, values[:: -1 if cube["y"][0] < cube["y"][-1] else 1], grid, exact=True)
                written += 1
    print(f"{path}: {written} rasters unpacked into {folder.name}" if written else f"{folder}: already unpacked")
    return folder


def _values(layer: Any, path: Path) -> NDArray[np.float32]:
    """Read a date (H, W) of a cube."""
    try:
        values: NDArray[np.float32] = layer.values.astype(np.float32)
        return values
    except Exception as error:  # each backend and each compression raises its own kinds for a damaged file
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read ({' '.join(str(error).split())[:200]}), expected a data cube")


def _opened(xarray: ModuleType, path: Path) -> Any:
    needed = "zarr" if path.suffix == ".zarr" else "h5netcdf"
    engine = {"engine": "zarr"} if needed == "zarr" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a Zarr folder without consolidated metadata opens slower
            return xarray.open_dataset(path, decode_coords="all", **engine)
    except Exception as error:  # each backend raises its own kinds for a damaged file
        if not has_extra(needed) and (engine or "engine" in str(error) or "backend" in str(error)):
            raise InputError(
                f"{path}: xarray finds nothing installed that reads it; {needed} does, if it is such a cube, and comes "
                f'with pip install "glaciersar[cubes]"'
            ) from error
        raise _damaged(path, error) from error


def _axis(names: Any, known: tuple[str, ...], path: Path, what: str) -> str:
    found = next((str(name) for name in names if str(name) in known), None)
    if found is None:
        raise InputError(
            f"{path}: axes {', '.join(map(str, names))} found, one of {what} ({', '.join(known)}) expected"
        )
    return found


def _layers(cube: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield polarisation and values of each variable, or of each band of a variable; others are left out and named."""
    without, found = [], 0
    for name, variable in cube.data_vars.items():
        if not {"x", "y"} <= set(variable.dims):
            continue
        band = next((axis for axis in variable.dims if axis in BANDS), None)
        parts = [(str(name), variable)]
        if band is not None:
            parts = [(str(b), variable.sel({band: b}).assign_attrs(variable.attrs)) for b in cube[band].values]
        for label, layer in parts:
            kind = asset_kind(label)
            if kind in POLARISATIONS:
                found += 1
                yield kind, layer.rename(label)
            else:
                without.append(label)
    if not found:
        raise InputError(f"{path}: {', '.join(without) or 'nothing'} found, one of HH, HV, VV, VH expected")
    if without:
        print(f"{path}: {', '.join(without)} left out, which are no backscatter by their names")


def _grid(cube: Any, path: Path) -> GeoBox:
    """Lay the grid of a cube, north up, over the middles of its pixels."""
    for axis in ("x", "y"):
        if axis not in cube.coords:
            raise InputError(f"{path}: coordinates {', '.join(map(str, cube.coords))} found, x and y expected")
        steps = np.diff(cube[axis].values.astype(float))
        if not steps.size or not np.allclose(steps, steps[0], rtol=1e-3):
            raise InputError(f"{path}: {axis} in uneven steps found, even ones expected")
    x, y = cube["x"].values.astype(float), cube["y"].values.astype(float)
    east, south = (x[-1] - x[0]) / (x.size - 1), -abs((y[-1] - y[0]) / (y.size - 1))
    corner = rasterio.Affine(east, 0, x[0] - east / 2, 0, south, y.max() - south / 2)
    return GeoBox((y.size, x.size), corner, _crs(cube, path))


def _crs(cube: Any, path: Path) -> CRS:
    places = [cube[name].attrs for name in PROJECTIONS if name in cube.variables]
    places += [cube.attrs, *(variable.attrs for variable in cube.data_vars.values())]
    for attributes in places:
        for name in CRS_NAMES:
            if name in attributes:
                try:
                    return CRS(int(attributes[name]) if str(attributes[name]).isdecimal() else str(attributes[name]))
                except CRSError:
                    continue
    raise InputError(f"{path}: no coordinate system found, one as CF, rioxarray or openEO write it expected")
