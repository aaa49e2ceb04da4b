"""Describe a dataset: a summary of its files, its backscatter through the year, single tiles for figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio import Affine

from glaciersar.dataset.hdf5 import TileEntry, check_finite, check_labels, list_groups, open_dataset, split_of
from glaciersar.errors import InputError
from glaciersar.geodesy import area_factor
from glaciersar.grid import SUBSETS, Group, Tile
from glaciersar.radiometry import RANGES, unscale

UNKNOWN = "unknown"
THINNED_PIXELS = 100_000
"""About as many pixels of a large tile stand for it in the backscatter of a year."""


@dataclass(frozen=True, kw_only=True)
class TileSeries:
    """One group of a dataset, back in physical units."""

    name: str
    backscatter: NDArray[np.floating]
    """(T, H, W) dB, of the dates that stand for the year."""
    times: tuple[datetime, ...]
    """(T,) UTC; empty where the file holds no times."""
    glacier: NDArray[np.bool_]
    """(H, W) reference."""
    valid: NDArray[np.bool_]
    """(H, W) where radar sees anything."""


def summarize_dataset(folder: str | Path) -> pd.DataFrame:
    """Count what a dataset holds, without its padding.

    Returns:
        One row a subset, NaN or empty where the file lacks an attribute. Where the files hold several features, dates,
        low and high stand once for each: "low, insar". Columns:

        - tiles, groups (tile × year × orbit), years, orbits;
        - outlines from: years of the outlines;
        - dates: fewest and most stored in a group;
        - area: km² on the ground, of all groups;
        - glacier: fraction of the pixels that radar sees;
        - low, high: extreme values, dB or coherence, of the middle date of each group (all dates would take hours);
        - masked: fraction of the values that were missing or masked, without radar or as border noise;
        - filled: fraction of the values that were filled in time, where radar sees anything;
        - filled dates: fewest and most dates of a group without a pass nearby.

    Raises:
        InputError: A file is not in the published layout, its labels are no fractions or its values were not scaled.
    """
    features = features_in(Path(folder) / f"{SUBSETS[0]}.h5")
    rows = [_summarize_file(Path(folder) / f"{subset}.h5", features) for subset in SUBSETS]
    return pd.DataFrame(rows, index=pd.Index(SUBSETS, name="subset"))


def _summarize_file(path: Path, features: Sequence[str]) -> dict[str, object]:
    entries, pixel = list_groups(path, features=features), pixel_size(path)
    radar = glacier = area = 0.0
    fractions: dict[str, list[float]] = {"masked_share": [], "filled_share": []}  # names of attributes
    outlines_from: set[str] = set()
    filled_dates, ranges = [], dict.fromkeys(features, (np.inf, -np.inf))
    with open_dataset(path) as file:
        for entry in entries:
            group = file[entry.name]
            labels = group["outlines"][entry.inner]  # (H, W, 2)
            check_labels(labels, f"{path}: {entry.name}: dataset outlines")
            glacier += float(labels[..., 1].sum())
            radar += float(labels.sum())
            area += labels[..., 0].size * pixel**2 / 1e6 * _area_factor(entry.name)
            for feature, (low, high) in ranges.items():
                values = _middle_date(group, entry, feature, f"{path}: {entry.name}: dataset {feature}")
                ranges[feature] = min(low, float(values.min())), max(high, float(values.max()))
            for name, found in fractions.items():
                found.append(float(group.attrs.get(name, np.nan)))
            years = str(group.attrs.get("outlines_from", UNKNOWN))
            outlines_from.add(UNKNOWN if years == "untold" else years)  # as earlier versions wrote it
            filled_dates += [int(group.attrs["filled_dates"])] if "filled_dates" in group.attrs else []
    groups = [Group.parse(entry.name) for entry in entries]
    row: dict[str, object] = {
        "tiles": len({group.tile for group in groups}),
        "groups": len(groups),
        "years": _listed(group.year for group in groups),
        "orbits": _listed(group.relative_orbit for group in groups),
        "outlines from": ", ".join(sorted(outlines_from - {"none here"})),
    }
    suffix = {feature: f", {feature}" if len(features) > 1 else "" for feature in features}
    row |= {f"dates{suffix[feature]}": _span([entry.dates[feature] for entry in entries]) for feature in features}
    row |= {"area": area, "glacier": glacier / radar if radar else np.nan}
    for feature, (low, high) in ranges.items():
        row |= {f"low{suffix[feature]}": low, f"high{suffix[feature]}": high}
    row |= {name.removesuffix("_share"): float(np.mean(found)) for name, found in fractions.items()}
    return row | {"filled dates": _span(filled_dates) if filled_dates else ""}


def _area_factor(name: str) -> float:
    """Return the area of a tile on the ground over 100 km²; 1 for a name that lies beyond the reach of its grid."""
    factor = area_factor(Group.parse(name).tile.geobox())
    return factor if np.isfinite(factor) else 1.0


def features_in(path: str | Path) -> tuple[str, ...]:
    """List the known features in the first group of a dataset file, which stands for all."""
    with open_dataset(path) as file:
        held = file[sorted(file)[0]] if len(file) else ()
        if found := tuple(feature for feature in RANGES if feature in held):
            return found
        raise InputError(f"{path}: {', '.join(held) or 'nothing'} found, one of {', '.join(RANGES)} expected")


def _middle_date(group: h5py.Group, entry: TileEntry, feature: str, where: str) -> NDArray[np.floating]:
    """Read the date in the middle of the year (H, W), in physical units, and refuse values that were not scaled."""
    date = entry.base[feature][len(entry.base[feature]) // 2]
    values = group[feature][(date, *entry.inner, 0)]
    check_finite(values, where)
    if not -0.5 < (median := np.median(values)) < 1.5:  # single values may lie beyond 0 … 1
        raise InputError(f"{where}: a median of {median:g} found, values scaled to 0 … 1 expected")
    return unscale(values, feature=feature)


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low} to {high}" if low < high else f"{low}"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(numbers))))


def pixel_size(path: str | Path) -> float:
    """Return the pixel side of a dataset file in metres: 10 where it has none, as the published files."""
    with open_dataset(path) as file:
        transform = file[sorted(file)[0]].attrs.get("transform")
        return 10.0 if transform is None else float(transform[0])


def dataset_source(path: str | Path) -> str:
    """Name the data of a dataset file for titles and captions, as `temporal_coverage.data_source` named its scenes."""
    with open_dataset(path) as file:
        return str(file.attrs.get("kind", "Sentinel-1"))


def read_tile(path: str | Path, name: str, *, feature: str = "grd") -> TileSeries:
    """Read one group of a dataset file, without its padding, for a figure."""
    (entry,) = list_groups(path, features=(feature,), names=(name,))
    with open_dataset(path) as file:
        group = file[name]
        scaled = np.stack([group[feature][(date, *entry.inner, 0)] for date in entry.base[feature]])  # (T, H, W)
        check_finite(scaled, f"{path}: {name}: dataset {feature}")
        labels = group["outlines"][entry.inner]  # (H, W, 2)
        check_labels(labels, f"{path}: {name}: dataset outlines")
        stored = group.attrs.get(f"{feature}_times", ())
    times = [datetime.strptime(text.decode(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for text in stored]
    return TileSeries(
        name=name,
        backscatter=unscale(scaled, feature=feature),
        times=tuple(times[i] for i in entry.base[feature]) if times else (),
        glacier=labels[..., 1] > 0.5,
        valid=labels.sum(-1) > 0,
    )


def most_mixed_tiles(path: str | Path, count: int) -> list[str]:
    """Choose groups for figures: those whose fraction of glacier is nearest to a half, each tile once."""
    nearest: dict[Tile, tuple[float, str]] = {}
    with open_dataset(path) as file:
        for entry in list_groups(path, features=()):
            glacier = file[entry.name]["outlines"][(*entry.inner, 1)]  # (H, W)
            check_finite(glacier, f"{path}: {entry.name}: dataset outlines")
            distance = abs(float(glacier.mean()) - 0.5)
            tile = Group.parse(entry.name).tile
            nearest[tile] = min(nearest.get(tile, (np.inf, "")), (distance, entry.name))
    return [name for _, name in sorted(nearest.values())[:count]]


def year_by_class(path: str | Path, names: Sequence[str], *, feature: str = "grd") -> pd.DataFrame:
    """Describe the backscatter of glacier and of land through the year.

    Returns:
        Columns panel (year and orbit), time (a datetime in UTC, or the index of the date where the file has no times),
        kind, low, median, high (10th, 50th and 90th percentile, dB), over the pixels of the named groups at that time;
        large tiles are thinned to every n-th row and column, about 100 000 pixels.
    """
    rows = []
    pools: dict[tuple[str, date | int], list[tuple[TileSeries, int]]] = {}
    for name in names:
        group = Group.parse(name)
        panel = f"{group.year}, relative orbit {group.relative_orbit}"
        tile = _thinned(read_tile(path, name, feature=feature))
        for index in range(len(tile.backscatter)):
            # by day, not by index: tiles miss different passes, and strips of one pass differ by seconds
            day = tile.times[index].date() if tile.times else index
            pools.setdefault((panel, day), []).append((tile, index))
    for (panel, day), dates in sorted(pools.items()):
        time = min(t.times[index] for t, index in dates) if isinstance(day, date) else day
        for kind in ("glacier", "land and sea"):
            values = np.concatenate(
                [t.backscatter[index][t.valid & (t.glacier == (kind == "glacier"))] for t, index in dates]
            )
            if values.size:
                low, median, high = np.percentile(values, (10, 50, 90))
                rows.append((panel, time, kind, low, median, high))
    return pd.DataFrame(rows, columns=["panel", "time", "kind", "low", "median", "high"])


def _thinned(tile: TileSeries) -> TileSeries:
    """Keep every n-th row and column, so that hundreds of tiles of 1000 × 1000 pixels fit into memory."""
    step = math.ceil(math.sqrt(tile.glacier.size / THINNED_PIXELS))
    every = (..., slice(None, None, step), slice(None, None, step))
    return replace(
        tile,
        backscatter=tile.backscatter[every].copy(),
        glacier=tile.glacier[every].copy(),
        valid=tile.valid[every].copy(),
    )


def largest_area(folder: str | Path, subset: str) -> tuple[GeoBox, NDArray[np.bool_]]:
    """Find the largest connected group of tiles of a subset, to map it in one piece.

    Returns:
        The pixel grid of its bounding box; and (H, W) which of the pixels belong to tiles of the subset. The connected
        tiles need not fill the box, and with a random split a model may have been trained on the rest.
    """
    tiles = {tile for tile, found in split_of(folder).items() if found == subset}
    largest = max(_connected(tiles), key=lambda area: (len(area), min(area)))
    grid = min(largest).grid
    boxes = np.array([tile.bounds for tile in largest])
    pixel = pixel_size(Path(folder) / f"{subset}.h5")
    (left, bottom), (right, top) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    shape = round((top - bottom) / pixel), round((right - left) / pixel)
    inside = np.zeros(shape, bool)
    for tile in (tile for tile in tiles if tile.grid == grid):
        west, south, east, north = tile.bounds
        rows, columns = (
            slice(max(round(start / pixel), 0), max(round(stop / pixel), 0))
            for start, stop in ((top - north, top - south), (west - left, east - left))
        )
        inside[rows, columns] = True
    return GeoBox(shape, Affine(pixel, 0, left, 0, -pixel, top), grid.crs), inside


def _connected(tiles: Iterable[Tile]) -> list[set[Tile]]:
    """Part tiles into groups that are connected by common sides."""
    remaining, areas = set(tiles), []
    while remaining:
        area, edge = set(), {min(remaining)}
        while edge:
            area |= edge
            remaining -= edge
            edge = {other for other in remaining for tile in edge if sum(tile.apart(other)) == 1}
        areas.append(area)
    return areas
