"""Where a map errs: counts and boundary distances by zone, view of the radar, incidence and size of glacier.

Tables are long, a row a class, and hold counts of pixels, so that those of several tiles add up. On a simulated archive
`count_errors` makes them for every tile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import RATIOS, Confusion, Mask, TileResult, boundary
from glaciersar.geodesy import pixel_areas_km2
from glaciersar.grid import Group, Tile
from glaciersar.io import rasters
from glaciersar.io.atomic import require_file
from glaciersar.io.open_raster import open_raster
from glaciersar.simulate.geometry import view_from_orbit
from glaciersar.simulate.zones import Zone

COUNTS = ["tp", "fp", "fn", "tn"]
CLASS = ["landscape", "sea", "division", "class"]
SIZES = (0.1, 0.5, 2.0, 10.0)
"""Limits between the classes of size, km²."""


@dataclass(frozen=True, kw_only=True)
class Division:
    """A division of pixels into classes."""

    codes: NDArray[np.integer]
    """(H, W)."""
    names: Mapping[int, str]
    """Name of each code; pixels of another code are not counted."""

    def part(self, window: tuple[slice, slice]) -> "Division":
        """Take a window of it."""
        return Division(codes=self.codes[window], names=self.names)


def divide_by_zone(zones: NDArray[np.integer]) -> Division:
    """Divide by the zones of the simulated truth, (H, W) codes of `simulate.zones.Zone`."""
    return Division(codes=zones, names={zone.value: zone.name.lower() for zone in Zone})


def divide_by_view(layover: Mask, shadow: Mask) -> Division:
    """Divide by what the radar sees, from masks (H, W): seen, layover or shadow."""
    codes = np.where(shadow, 2, layover).astype(np.uint8)
    return Division(codes=codes, names={0: "seen", 1: "layover", 2: "shadow"})


def divide_by_incidence(incidence: NDArray[np.floating], *, step: int = 4) -> Division:
    """Divide by incidence, (H, W) degrees, into bins of `step` degrees from multiples of it on; NaN is in none."""
    known = np.isfinite(incidence)
    codes = np.where(known, np.floor_divide(np.where(known, incidence, 0), step) * step, -1).astype(np.int16)
    return Division(codes=codes, names={low: f"{low}–{low + step}°" for low in range(0, 90, step)})


def divide_by_size(glacier: Mask, *, geobox: GeoBox, limits: Sequence[float] = SIZES) -> Division:
    """Divide glacier pixels by the area of their glacier, the 4-connected patch of a mask (H, W) that they lie in.

    A glacier that the edge cuts counts with the part inside. Land is in no class, so that only recall has a meaning.

    Args:
        glacier: Reference.
        geobox: Its pixels.
        limits: Between classes, km², increasing.
    """
    numbers, count = ndimage.label(glacier)
    km2 = np.bincount(numbers.ravel(), pixel_areas_km2(geobox).ravel(), minlength=count + 1)
    size = np.searchsorted(limits, km2, side="right") + 1
    size[0] = 0  # land
    between = [f"{low:g}–{high:g} km²" for low, high in pairwise(limits)]
    names = [f"< {limits[0]:g} km²", *between, f"> {limits[-1]:g} km²"]
    return Division(codes=size[numbers].astype(np.uint8), names=dict(enumerate(names, start=1)))


def count_by_class(truth: Mask, found: Mask, valid: Mask | None, divisions: Mapping[str, Division]) -> pd.DataFrame:
    """Count the pixels of a map by class.

    Args:
        truth: (H, W) reference.
        found: (H, W) map.
        valid: (H, W) pixels to count; None takes all.
        divisions: The classes, by name of their division.

    Returns:
        A row a class, columns division, class, tp, fp, fn, tn.
    """
    inside = np.ones_like(truth) if valid is None else valid
    rows = []
    for division, classes in divisions.items():
        for code, name in classes.names.items():
            here = (classes.codes == code) & inside
            rows.append({"division": division, "class": name} | asdict(Confusion.of(truth, found, here)))
    return pd.DataFrame(rows, columns=["division", "class", *COUNTS])


def distances_by_class(
    truth: Mask, found: Mask, valid: Mask | None, divisions: Mapping[str, Division], *, pixel: float
) -> pd.DataFrame:
    """Count boundary pixels of both maps by class and by the distance to the other's boundary.

    Args:
        truth: (H, W) reference.
        found: (H, W) map.
        valid: (H, W) where the maps can be compared; None takes all.
        divisions: The classes, by name of their division; a boundary pixel is the glacier's.
        pixel: Side of a pixel, metres.

    Returns:
        Columns division, class, metres (to 0.1 m) and pixels. Empty if one of the maps has no boundary.
    """
    one, other = boundary(truth, valid), boundary(found, valid)
    tables = [pd.DataFrame(columns=["division", "class", "metres"])]
    if one.any() and other.any():
        for marked, target in ((one, other), (other, one)):
            metres = ndimage.distance_transform_edt(~target, sampling=pixel)[marked].round(1)
            for division, classes in divisions.items():
                names = pd.Series(classes.codes[marked]).map(classes.names)
                tables.append(pd.DataFrame({"division": division, "class": names, "metres": metres}).dropna())
    keys = ["division", "class", "metres"]
    return pd.concat(tables[1:] or tables).groupby(keys, sort=False).size().rename("pixels").reset_index()


def sum_counts(tables: Iterable[pd.DataFrame], by: Sequence[str]) -> pd.DataFrame:
    """Add up tables of `count_by_class`, and compute the scores of the sums.

    Args:
        tables: With the columns in `by` and tp, fp, fn, tn.
        by: What stays apart, such as division and class.

    Returns:
        A row for each that has pixels, with its counts and scores (`metrics.RATIOS`).
    """
    summed = pd.concat(tables).groupby(list(by), as_index=False, sort=False)[COUNTS].sum()
    summed = summed[summed[COUNTS].sum(axis=1) > 0].reset_index(drop=True)
    counts = [Confusion(*map(int, row)) for row in summed[COUNTS].itertuples(index=False)]
    return summed.assign(**{name: [getattr(count, name) for count in counts] for name in RATIOS})


def distance_quantiles(
    tables: Iterable[pd.DataFrame], by: Sequence[str], quantiles: Sequence[float] = (0.5, 0.95)
) -> pd.DataFrame:
    """Add up tables of `distances_by_class`: the quantiles of the distances, metres, in columns such as p50 and p95."""
    rows = []
    for keys, group in pd.concat(tables).groupby(list(by), sort=False):
        ordered = group.sort_values("metres")
        total = ordered["pixels"].cumsum().to_numpy()
        index = [int(np.searchsorted(total, quantile * total[-1])) for quantile in quantiles]
        found = {f"p{100 * q:g}": ordered["metres"].iloc[i] for q, i in zip(quantiles, index, strict=True)}
        rows.append(dict(zip(by, keys, strict=True)) | {"pixels": int(total[-1])} | found)
    return pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class KnownLandscape:
    """What a simulated archive knows of a landscape in one year, seen from one orbit."""

    name: str
    geobox: GeoBox
    sea: Mask
    """(H, W) water; lakes, too."""
    divisions: Mapping[str, Division]
    """By zone, view, incidence and size."""

    def window(self, tile: Tile) -> tuple[slice, slice]:
        """Return the rows and columns of a tile."""
        return window_of_tile(tile, self.geobox)


def window_of_tile(tile: Tile, geobox: GeoBox) -> tuple[slice, slice]:
    """Return the rows and columns of a tile in a geobox of its projection that holds it."""
    left, _, right, top = tile.bounds
    box, pixel = geobox.boundingbox, abs(geobox.resolution.x)
    rows, columns = round((box.top - top) / pixel), round((left - box.left) / pixel)
    side = round((right - left) / pixel)
    return slice(rows, rows + side), slice(columns, columns + side)


def find_landscape(archive: str | Path, tile: Tile) -> Path:
    """Find the folder of the landscape of a simulated archive that holds a tile.

    Raises:
        InputError: None does.
    """
    left, bottom, right, top = tile.bounds
    for path in sorted(Path(archive).glob("*/dem.tif")):
        with open_raster(path) as file:
            box, crs = file.bounds, str(file.crs)
        if crs == tile.grid.crs and box.left <= left and box.bottom <= bottom and right <= box.right and top <= box.top:
            return path.parent
    raise InputError(f"{archive}: no landscape with tile {tile.name} found, the archive of that tile expected")


def read_landscape(folder: Path, year: int, relative_orbit: int) -> KnownLandscape:
    """Read what is known of a landscape of a simulated archive; sizes are those of whole glaciers of the reference.

    Layover and shadow are computed anew from dem.tif, whose elevations are rounded to 9 significant bits, so that they
    differ from those of the images in some pixels.

    Raises:
        InputError: A file is missing.
    """
    zones, geobox = _read(folder / f"zones_{year}.tif")
    incidence, _ = _read(folder / f"incidence_ro{relative_orbit}.tif")
    elevation, _ = _read(folder / "dem.tif")
    reference = outlines.read_outlines(folder.parent / "outlines.gpkg", layer="reference")
    own = reference[(reference["landscape"] == folder.name) & (reference["year"] == year)]
    glacier = outlines.to_mask(own, geobox)
    return KnownLandscape(
        name=folder.name,
        geobox=geobox,
        sea=zones == Zone.WATER,
        divisions={
            "zone": divide_by_zone(zones),
            "view": divide_by_view(*_layover_and_shadow(elevation, geobox, relative_orbit)),
            "incidence": divide_by_incidence(incidence),
            "size": divide_by_size(glacier, geobox=geobox),
        },
    )


def _layover_and_shadow(elevation: NDArray[np.float32], geobox: GeoBox, relative_orbit: int) -> tuple[Mask, Mask]:
    known = np.isfinite(elevation)
    view = view_from_orbit(np.where(known, elevation, elevation[known].min()), geobox, relative_orbit)
    return view.layover, view.shadow


def _read(path: Path) -> tuple[NDArray[Any], GeoBox]:
    with open_raster(require_file(path, made_by="01-scenes")) as file:
        return file.read(1), rasters.geobox_of(file)


def count_by_zone(results: Iterable[TileResult], archive: str | Path) -> pd.DataFrame:
    """Count the errors of maps of a simulated archive's tiles by zone, all tiles together.

    Args:
        results: As for `count_errors`.
        archive: As for `count_errors`.

    Returns:
        A row a zone that has pixels, columns zone, tp, fp, fn, tn.
    """
    tables = []
    for result in results:
        group = Group.parse(result.name)
        zones, geobox = _read(find_landscape(archive, group.tile) / f"zones_{group.year}.tif")
        window = window_of_tile(group.tile, geobox)
        own = {"zone": divide_by_zone(zones[window])}
        tables.append(count_by_class(result.truth, result.found > 0.5, result.valid, own))
    return sum_counts(tables, ["class"])[["class", *COUNTS]].rename(columns={"class": "zone"})


def count_errors(
    results: Iterable[TileResult], archive: str | Path, *, pixel: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count the errors of maps of a simulated archive's tiles by class, with the sea and without.

    Args:
        results: Named as groups of a dataset, at the archive's pixel size.
        archive: Folder of the simulated archive that the dataset was made from.
        pixel: Side of a pixel, metres.

    Returns:
        Two tables, both with landscape, sea ("counted" or "masked"), division (zone, view, incidence, size) and class:
        one with the counts of `count_by_class` (for `sum_counts`), one with the distances of `distances_by_class` (for
        `distance_quantiles`). The tiles of a landscape are added up. Without the sea, calving fronts are no boundary.
    """
    read = lru_cache(maxsize=8)(read_landscape)  # tiles of a landscape follow each other
    tables: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for result in results:
        group = Group.parse(result.name)
        known = read(find_landscape(archive, group.tile), group.year, group.relative_orbit)
        window = known.window(group.tile)
        land = ~known.sea[window]
        if land.shape != result.truth.shape:
            raise InputError(f"{result.name}: {result.truth.shape} pixels found, {land.shape} as in {archive} expected")
        parts = {name: division.part(window) for name, division in known.divisions.items()}
        valid = np.ones_like(result.truth) if result.valid is None else result.valid
        for sea, inside in (("counted", valid), ("masked", valid & land)):
            keys = {"landscape": known.name, "sea": sea}
            arrays = (result.truth, result.found > 0.5, inside, parts)
            tables[0].append(count_by_class(*arrays).assign(**keys))
            tables[1].append(distances_by_class(*arrays, pixel=pixel).assign(**keys))
    counts, distances = (pd.concat(parts) for parts in tables)
    return (
        counts.groupby(CLASS, as_index=False, sort=False)[COUNTS].sum(),
        distances.groupby([*CLASS, "metres"], as_index=False, sort=False)[["pixels"]].sum(),
    )
