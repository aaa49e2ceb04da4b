"""Describe a dataset: its card, its backscatter through the year, single tiles to look at."""

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

from glaciersar.dataset.hdf5 import Entry, check_finite, check_labels, list_groups, open_dataset, split_of
from glaciersar.errors import InputError
from glaciersar.grid import CRS, SUBSETS, Group, Tile
from glaciersar.radiometry import RANGES, unscale


@dataclass(frozen=True, kw_only=True)
class TileSeries:
    """One group of a dataset, back in physical units."""

    name: str
    backscatter: NDArray[np.floating]
    """(T, H, W) dB, of the dates that stand for the year."""
    times: tuple[datetime, ...]
    """(T,) UTC; empty where the file does not tell."""
    glacier: NDArray[np.bool_]
    """(H, W) reference."""
    valid: NDArray[np.bool_]
    """(H, W) where radar sees the ground."""


def summarize_dataset(folder: str | Path) -> pd.DataFrame:
    """Count what a dataset holds, without its padding.

    Returns:
        One row a subset: tiles, groups (tile × year × orbit), years, orbits, outlines from (years of the outlines),
        dates (fewest and most stored in a group), area (km², of all groups), glacier (share of the seen pixels), low
        and high (extreme values, dB or coherence, of the middle date of each group: all dates would take hours to
        read), masked (share of the values that were missing or masked: no radar, border noise), filled (share of the
        values, where radar sees anything, that were filled in time), filled dates (how many dates of a group no pass
        was near, fewest to most); NaN or empty where the file does not tell. Where the files hold several features,
        dates, low and high stand once for each: "low, insar".

    Raises:
        InputError: A file is not in the published layout, or holds labels that are no shares or values that were not
            scaled.
    """
    features = features_in(Path(folder) / f"{SUBSETS[0]}.h5")
    rows = []
    for subset in SUBSETS:
        path = Path(folder) / f"{subset}.h5"
        entries, pixel = list_groups(path, features=features), pixel_size(path)
        seen = glacier = area = 0.0
        told: dict[str, list[float]] = {"masked_share": [], "filled_share": []}
        drawn: set[str] = set()
        whole, ranges = [], dict.fromkeys(features, (np.inf, -np.inf))
        with open_dataset(path) as file:
            for entry in entries:
                group = file[entry.name]
                labels = group["outlines"][entry.inner]  # (H, W, 2)
                check_labels(labels, f"{path}: {entry.name}: dataset outlines")
                glacier += float(labels[..., 1].sum())
                seen += float(labels.sum())
                area += labels[..., 0].size * pixel**2 / 1e6
                for feature, (low, high) in ranges.items():
                    values = _middle_date(group, entry, feature, f"{path}: {entry.name}: dataset {feature}")
                    ranges[feature] = min(low, float(values.min())), max(high, float(values.max()))
                for name, shares in told.items():
                    shares.append(float(group.attrs.get(name, np.nan)))
                drawn.add(str(group.attrs.get("outlines_from", "unknown")))
                whole += [int(group.attrs["filled_dates"])] if "filled_dates" in group.attrs else []
        groups = [Group.parse(entry.name) for entry in entries]
        row = {
            "subset": subset,
            "tiles": len({group.tile for group in groups}),
            "groups": len(groups),
            "years": _listed(group.year for group in groups),
            "orbits": _listed(group.relative_orbit for group in groups),
            "outlines from": ", ".join(sorted(drawn - {"none here"})),
        }
        of = {feature: f", {feature}" if len(features) > 1 else "" for feature in features}
        row |= {f"dates{of[feature]}": _span([entry.dates[feature] for entry in entries]) for feature in features}
        row |= {"area": area, "glacier": glacier / seen if seen else np.nan}
        for feature, (low, high) in ranges.items():
            row |= {f"low{of[feature]}": low, f"high{of[feature]}": high}
        row |= {name.removesuffix("_share"): float(np.mean(shares)) for name, shares in told.items()}
        rows.append(row | {"filled dates": _span(whole) if whole else ""})
    return pd.DataFrame(rows).set_index("subset")


def features_in(path: str | Path) -> tuple[str, ...]:
    """Tell which of the known features the groups of a dataset file hold, by its first."""
    with open_dataset(path) as file:
        held = file[sorted(file)[0]] if len(file) else ()
        if found := tuple(feature for feature in RANGES if feature in held):
            return found
        raise InputError(f"{path}: {', '.join(held) or 'nothing'} found, one of {', '.join(RANGES)} expected")


def _middle_date(group: h5py.Group, entry: Entry, feature: str, where: str) -> NDArray[np.floating]:
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
    """Tell the pixel side of a dataset file in metres; 10, as in the published dataset, where it does not say."""
    with open_dataset(path) as file:
        transform = file[sorted(file)[0]].attrs.get("transform")
        return 10.0 if transform is None else float(transform[0])


def dataset_source(path: str | Path) -> str:
    """Name the data of a dataset file for titles and captions: what `scenes.kind` said of its scenes."""
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
    """Choose the groups to look at: those with the share of glacier nearest to a half, each tile once."""
    shares: dict[Tile, tuple[float, str]] = {}
    with open_dataset(path) as file:
        for entry in list_groups(path, features=()):
            glacier = file[entry.name]["outlines"][(*entry.inner, 1)]  # (H, W)
            check_finite(glacier, f"{path}: {entry.name}: dataset outlines")
            distance = abs(float(glacier.mean()) - 0.5)
            tile = Group.parse(entry.name).tile
            shares[tile] = min(shares.get(tile, (np.inf, "")), (distance, entry.name))
    return [name for _, name in sorted(shares.values())[:count]]


def year_by_class(path: str | Path, names: Sequence[str], *, feature: str = "grd") -> pd.DataFrame:
    """Tell how the backscatter of glacier and of land runs through the year.

    Returns:
        Columns panel (year and orbit), time (a datetime in UTC; the index of the date, where the file tells no time),
        kind, low, median, high (10th, 50th and 90th percentile, dB), over the pixels of the named groups at that time;
        large tiles are thinned to a regular net of about 100 000 pixels.
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


def _thinned(tile: TileSeries, *, pixels: int = 100_000) -> TileSeries:
    """Keep every n-th row and column, so that hundreds of tiles of 1000 × 1000 pixels fit into memory."""
    step = math.ceil(math.sqrt(tile.glacier.size / pixels))
    net = (..., slice(None, None, step), slice(None, None, step))
    return replace(
        tile, backscatter=tile.backscatter[net].copy(), glacier=tile.glacier[net].copy(), valid=tile.valid[net].copy()
    )


def largest_area(folder: str | Path, subset: str) -> tuple[GeoBox, NDArray[np.bool_]]:
    """Lay the pixel grid over the largest patch of neighbouring tiles of a subset, to map it in one piece.

    Returns:
        The grid over the patch, and (H, W) which of its pixels belong to tiles of the subset: a patch need not fill its
        bounding box, and with a random split the rest may be what a model was trained on.
    """
    tiles = {tile for tile, found in split_of(folder).items() if found == subset}
    left = set(tiles)
    patches = []
    while left:
        patch, edge = set(), {min(left)}
        while edge:
            patch |= edge
            left -= edge
            edge = {other for other in left for tile in edge if _adjacent(tile, other)}
        patches.append(patch)
    largest = max(patches, key=lambda patch: (len(patch), min(patch)))
    boxes = np.array([tile.bounds for tile in largest])
    pixel = pixel_size(Path(folder) / f"{subset}.h5")
    (left_x, bottom), (right, top) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    shape = round((top - bottom) / pixel), round((right - left_x) / pixel)
    inside = np.zeros(shape, bool)
    for tile in tiles:
        west, south, east, north = tile.bounds
        rows, columns = (
            slice(max(round(start / pixel), 0), max(round(stop / pixel), 0))
            for start, stop in ((top - north, top - south), (west - left_x, east - left_x))
        )
        inside[rows, columns] = True
    return GeoBox(shape, Affine(pixel, 0, left_x, 0, -pixel, top), CRS), inside


def _adjacent(tile: Tile, other: Tile) -> bool:
    return abs(tile.column - other.column) + abs(tile.row - other.row) == 1
