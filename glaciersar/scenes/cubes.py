"""Read data cubes, NetCDF or Zarr with a time axis, as openEO and xarray write them: unpacked into GeoTIFFs.

A cube is unpacked once into a folder beside it, a raster for each date and polarisation, which are then scenes like any
others: read in windows, listed in a manifest with checksums, seen when they change.
"""

import glob
import hashlib
import json
import warnings
from collections import Counter
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
from glaciersar.io.atomic import atomic_write, visible, wrap_write_errors, write_json
from glaciersar.io.extras import has_extra, require_extra
from glaciersar.io.rasters import WRITE_ERRORS, write_cog
from glaciersar.scenes.filenames import (
    asset_kind,
    direction_of_name,
    units_of_name,
    without_polarisation,
    without_times,
)
from glaciersar.scenes.scene import POLARISATIONS

SUFFIXES = (".nc", ".nc4", ".cdf", ".zarr")
TIMES, BANDS = ("t", "time"), ("bands", "band", "polarization", "polarisation")
ORBITS = ("sat:relative_orbit", "relative_orbit", "relative_orbit_number", "relativeOrbitNumber_start", "orbit")
"""Variables with the relative orbit of each date, or of all; "orbit" may be the absolute one, which is left aside."""
DIRECTIONS = ("sat:orbit_state", "orbit_state", "orbit_direction", "orbitProperties_pass", "direction")
RECORD = "unpacked.json"
"""What is kept in the folder of a cube: the state in which it was unpacked, and the names of its rasters."""
CRS_NAMES = ("crs_wkt", "spatial_ref", "crs", "epsg", "proj:epsg")
PROJECTIONS = ("spatial_ref", "crs", "transverse_mercator", "polar_stereographic")


def is_cube(source: str) -> bool:
    """Tell by its name whether a file, or a Zarr folder, is a cube."""
    return source.lower().rstrip("/").endswith(SUFFIXES)


def unpack_cube(path: Path) -> Path:
    """Write the dates and polarisations of a cube as GeoTIFFs into a folder beside it, unless they are there.

    They are written anew where size or time of any file of the cube has changed; rasters of dates that it no longer
    holds are removed, and this is printed.

    Args:
        path: Of the cube: a variable for each polarisation, or one with an axis of bands that are named after them; a
            time axis; x and y, the middles of pixels; the coordinate system as CF, rioxarray or openEO have it; and
            relative orbit and direction, of all dates or of each (`ORBITS`, `DIRECTIONS`).

    Returns:
        The folder, NAME.nc-scenes or NAME.zarr-scenes.

    Raises:
        InputError: xarray is not installed, or what it needs beside it: h5netcdf for NetCDF 4, zarr for Zarr; the file
            is missing, damaged or no such cube, or holds a date or a polarisation twice.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file, expected a data cube (NetCDF or Zarr)")
    xarray = require_extra("xarray")
    folder = path.with_name(f"{path.name}-scenes")
    state = _state(path)
    if _is_unpacked(folder, state):
        print(f"{folder}: already unpacked")
        return folder
    start = _start_of_names(path)
    with _opened(xarray, path) as cube, wrap_write_errors(folder, *WRITE_ERRORS):
        grid, layers = _grid(cube, path), _layers(cube, path)
        (folder / RECORD).unlink(missing_ok=True)
        written = []
        for kind, layer in layers:
            time = _axis(layer.dims, TIMES, path, "time")
            units = units_of_name(f"{layer.name} {layer.attrs.get('units', '')}", path) or ""
            for k, date in enumerate(_dates(cube, time, path)):
                target = folder / f"{'_'.join(filter(None, (start, date, kind, units)))}.tif"
                values = _values(layer.isel({time: k}).transpose("y", "x"), path)
                with atomic_write(target) as temporary, rasterio.Env():
                    write_cog(temporary, values[:: -1 if cube["y"][0] < cube["y"][-1] else 1], grid, exact=True)
                written.append(target.name)
        former = [found for found in visible(folder.glob(f"{glob.escape(start)}*.tif")) if found.name not in written]
        for found in former:
            found.unlink(missing_ok=True)
        write_json(folder / RECORD, {"cube": state, "rasters": written})
    gone = f"; {len(former)} that it no longer holds removed" if former else ""
    print(f"{path}: {len(written)} rasters unpacked into {folder.name}{gone}")
    return folder


def _state(path: Path) -> str:
    """Compute a checksum of the names, sizes and times of all files of a cube."""
    files = sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
    states = ((found.relative_to(path).as_posix(), found.stat()) for found in files)
    told = [(name, state.st_size, state.st_mtime_ns) for name, state in states]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _is_unpacked(folder: Path, state: str) -> bool:
    """Tell whether a folder holds all rasters of a cube in this state."""
    try:
        record = json.loads((folder / RECORD).read_text())
        return bool(record["cube"] == state) and all((folder / name).is_file() for name in record["rasters"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # nothing unpacked yet, or by a run that was stopped


def _start_of_names(path: Path) -> str:
    """Return the name of a cube without dates and polarisations, which are those of its rasters."""
    return without_polarisation(without_times(path.stem))


def _dates(cube: Any, time: str, path: Path) -> list[str]:
    """Name the dates of a cube by time, relative orbit and direction, as far as it tells them."""
    moments = [f"{moment:%Y%m%dT%H%M%SZ}" for moment in pd.DatetimeIndex(cube[time].values)]
    twice = [moment for moment, count in Counter(moments).items() if count > 1]
    if twice:
        raise InputError(f"{path}: {twice[0]} twice found on the axis {time}, each date once expected")
    orbits, directions = _orbits(cube, time, path), _directions(cube, time, path)
    return ["_".join(filter(None, parts)) for parts in zip(moments, orbits, directions, strict=True)]


def _orbits(cube: Any, time: str, path: Path) -> list[str]:
    """Name the relative orbit of each date, such as ro14; empty where it is unknown."""
    name, told = _told(cube, ORBITS, time)
    orbits = pd.to_numeric(pd.Series(told), errors="coerce")
    if name == "orbit" and not orbits.dropna().between(1, 175).all():
        return [""] * len(told)  # the absolute one
    if not orbits.dropna().isin(range(1, 176)).all():
        raise InputError(f"{path}: {name} from {orbits.min():g} to {orbits.max():g} found, 1 to 175 expected")
    return ["" if pd.isna(orbit) else f"ro{int(orbit)}" for orbit in orbits]


def _directions(cube: Any, time: str, path: Path) -> list[str]:
    """Name the direction of each date, ASC or DESC; empty where it is unknown."""
    name, told = _told(cube, DIRECTIONS, time)
    found = []
    for said in told:
        direction = direction_of_name(said, path)
        if direction is None and said.lower() not in ("", "nan", "none"):
            raise InputError(f"{path}: {name} {said!r} found, ascending or descending expected")
        found.append({"ascending": "ASC", "descending": "DESC"}.get(direction or "", ""))
    return found


def _told(cube: Any, names: tuple[str, ...], time: str) -> tuple[str, list[str]]:
    """Read what one of several variables says of each date, and its name; empty where there is none."""
    count = cube.sizes[time]
    for name in names:
        if name in cube.variables and cube[name].dims in ((), (time,)):
            return name, [str(said) for said in np.broadcast_to(cube[name].values, count)]
    return "", [""] * count


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


def _layers(cube: Any, path: Path) -> list[tuple[str, Any]]:
    """List polarisation and values of each variable, or of each band of a variable; others are left out and named."""
    without: list[str] = []
    found: dict[str, Any] = {}
    for name, variable in cube.data_vars.items():
        if not {"x", "y"} <= set(variable.dims):
            continue
        band = next((axis for axis in variable.dims if axis in BANDS), None)
        parts = [(str(name), variable)]
        if band is not None:
            parts = [(str(b), variable.sel({band: b}).assign_attrs(variable.attrs)) for b in cube[band].values]
        for label, layer in parts:
            kind = asset_kind(label)
            if kind not in POLARISATIONS:
                without.append(label)
                continue
            if kind in found:
                raise InputError(f"{path}: {kind} twice found ({found[kind].name} and {label}), one of each expected")
            found[kind] = layer.rename(label)
    if not found:
        raise InputError(f"{path}: {', '.join(without) or 'nothing'} found, one of HH, HV, VV, VH expected")
    if without:
        print(f"{path}: {', '.join(without)} left out, which are no backscatter by their names")
    return list(found.items())


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
