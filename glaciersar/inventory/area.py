"""Glacier area from calibrated probabilities, and how far it may be off.

The area expected is the sum of the probabilities. Three errors stand side by side: how much the area varies from block
to block (as the authors' follow-up reports it), what the residuals on validation tiles say, and what the disagreement
of two boundaries says.
"""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.io import DatasetReader
from rasterio.windows import Window
from scipy.ndimage import distance_transform_edt

from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.evaluation.scoring import iter_tile_maps
from glaciersar.grid import ORIGIN_X, ORIGIN_Y, TILE_SIZE, Group
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.inventory import area
from glaciersar.io import rasters
from glaciersar.models import Network

Array = NDArray[np.float64]

BLOCK = 3200.0  # metres
CORNER = (378_194.512, 8_466_488.863)  # of block (0, 0) in EPSG:32633: the blocks of the authors' follow-up
REACH = 500.0  # metres around a glacier within which doubtful pixels count to it
NO_GLACIER = -1  # the number of no glacier
SUMS = ["mapped", "expected", "spread", "true"]


def sum_blocks(
    calibrated: NDArray[np.floating],
    transform: Affine,
    *,
    glacier: NDArray[np.integer] | None = None,
    truth: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Add up the pixels of a piece of map by block and glacier; sums of several pieces add up.

    Args:
        calibrated: (H, W) calibrated probability of glacier, NaN where there is no data.
        transform: Of the pixels, north up, metres.
        glacier: (H, W) number of the glacier that each pixel counts to, −1 for none.
        truth: (H, W) true glacier, where it is known.

    Returns:
        A row each glacier and block, both by number, with areas in km²: mapped (with data), expected (Σ p), spread
        (Σ p (1 − p), which says how much is in doubt) and true (NaN if not known).
    """
    height, width = calibrated.shape
    column, row = (
        np.floor((start + step * (np.arange(count) + 0.5) - corner) / BLOCK).astype(int)
        for start, step, count, corner in (
            (transform.c, transform.a, width, CORNER[0]),
            (transform.f, transform.e, height, CORNER[1]),
        )
    )
    across, down = np.ptp(column) + 1, np.ptp(row) + 1
    place = (row - row.min())[:, None] * across + (column - column.min())
    number = np.full((height, width), NO_GLACIER) if glacier is None else glacier
    key = ((number + 1) * (down * across) + place).ravel()
    seen = np.isfinite(calibrated).ravel()
    p = calibrated.ravel()[seen].astype(float)
    known = np.full(p.shape, np.nan) if truth is None else truth.ravel()[seen].astype(float)
    sums = {
        name: np.bincount(key[seen], values) * abs(transform.determinant) / 1e6
        for name, values in zip(SUMS, (np.ones_like(p), p, p * (1 - p), known), strict=True)
    }
    kept = np.flatnonzero(np.bincount(key[seen]))
    numbers, places = np.divmod(kept, down * across)
    keys = {
        "glacier": numbers - 1,
        "row": places // across + row.min(),
        "column": places % across + column.min(),
    }
    return pd.DataFrame(keys | {name: values[kept] for name, values in sums.items()})


def sum_map(
    path: str | Path,
    *,
    calibration: Calibration = UNCALIBRATED,
    glaciers: gpd.GeoSeries | None = None,
    reach: float = REACH,
) -> pd.DataFrame:
    """Add up a probability map of any size by block and glacier, window by window.

    Args:
        path: GeoTIFF of the probability of glacier.
        calibration: From `calibration.read_calibration`.
        glaciers: Outlines that don't overlap. A pixel outside counts to the nearest within `reach`.
        reach: Metres.

    Returns:
        The frame of `add_up`; `glacier` is the position in `glaciers`, or −1.
    """
    with rasters.open_map(path) as file:
        shapes = None if glaciers is None else glaciers.to_crs(file.crs.to_string())
        parts = [
            sum_blocks(calibration(rasters.read_window(file, window)), file.window_transform(window), glacier=number)
            for window, number in _numbered(file, shapes, reach)
        ]
    return combine_sums(parts, where=str(path))


def _numbered(
    file: DatasetReader, glaciers: gpd.GeoSeries | None, reach: float
) -> Iterator[tuple[Window, NDArray[np.integer] | None]]:
    """Give each window with the glacier that its pixels count to."""
    margin = int(np.ceil(reach / abs(file.transform.a)))
    for window in rasters.iter_windows(file):
        if glaciers is None:
            yield window, None
            continue
        wide = Window(
            window.col_off - margin, window.row_off - margin, window.width + 2 * margin, window.height + 2 * margin
        )
        number: NDArray[np.integer] = rasters.label_pixels(glaciers, file, wide)
        if number.any():
            apart, (i, j) = distance_transform_edt(number == 0, sampling=abs(file.transform.a), return_indices=True)
            number = np.where(apart <= reach, number[i, j], 0)
        yield window, number[margin : margin + window.height, margin : margin + window.width] - 1


def combine_sums(parts: list[pd.DataFrame], *, where: str = "the map") -> pd.DataFrame:
    """Put sums of pieces of a map together, a row each glacier and block."""
    table = pd.concat(parts).groupby(["glacier", "row", "column"], as_index=False)[SUMS].sum(min_count=1)
    if table.empty:
        raise InputError(f"{where}: no pixel with data found, a probability of glacier expected")
    return table


def resample(values: Array, *, draws: int, rng: np.random.Generator) -> Array:
    """Draw as many rows as there are, with replacement, and sum them, again and again.

    Args:
        values: (n, k); what stands in one row is drawn together.
        draws: How often.
        rng: Random stream.

    Returns:
        (draws, k) sums.
    """
    n = len(values)
    step = max(1, 4_000_000 // n)  # so that memory does not grow with the region
    counts = (rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - k)) for k in range(0, draws, step))
    return np.concatenate([count @ values for count in counts])


def block_bootstrap(blocks: pd.DataFrame, *, draws: int = 10_000, seed: int, level: float = 0.95) -> pd.DataFrame:
    """Give areas with the interval of the authors' follow-up: blocks of 3.2 km drawn with replacement.

    It tells how much the area would vary if other blocks of the same kind had been mapped. The error of this map, whose
    blocks are all there, is another thing: see `residual_interval`.

    Args:
        blocks: From `by_block`.
        draws: Bootstrap samples.
        seed: The same seed gives the same interval.
        level: Share of the samples within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped.
    """
    rng = np.random.default_rng(seed)
    whole, most = blocks.groupby(["row", "column"])["expected"].sum(), mapped_area(blocks)
    rows: dict[Hashable, dict[str, float]] = {}
    drawn = resample(whole.to_numpy()[:, None], draws=draws, rng=rng)[:, 0]
    rows["total"] = _interval(drawn, whole.sum(), level, most["total"])
    for number, part in blocks[blocks["glacier"] != NO_GLACIER].groupby("glacier"):
        drawn = resample(part[["expected"]].to_numpy(), draws=draws, rng=rng)[:, 0]
        rows[number] = _interval(drawn, part["expected"].sum(), level, most[number])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def mapped_area(blocks: pd.DataFrame) -> pd.Series:
    """Add up what is mapped of each glacier, by its number, and in "total", km²: no area of ice can be larger."""
    areas = blocks.groupby("glacier")["mapped"].sum()
    total = blocks["mapped"].sum()  # in the order of the truth: a map all of ice has that area to the last digit
    return pd.concat([pd.Series({"total": total}, dtype=float), areas])


def _interval(drawn: Array, area: float, level: float, most: float) -> dict[str, float]:
    """Give an area and its interval, within nothing and the `most` that is mapped."""
    low, high = np.clip(np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)), 0, most)
    return {"area": float(area), "low": float(low), "high": float(high)}


def residuals(scenes: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure how far the expected area of validation blocks was off, against what was in doubt there.

    Args:
        scenes: The frame of `add_up` with the truth, by the name of a tile, year and orbit.

    Returns:
        A row each block with something in doubt: scene and z = (true − expected) / √spread, in km.
    """
    table = pd.concat(scenes, names=["scene"]).reset_index("scene")
    table = table[table["spread"] > 1e-6]
    if table.empty or table["true"].isna().any():
        raise InputError("validation blocks without any doubt or without a truth found, some with both expected")
    z = (table["true"] - table["expected"]) / np.sqrt(table["spread"])
    return pd.DataFrame({"scene": table["scene"], "z": z}).reset_index(drop=True)


def draw_errors(blocks: pd.DataFrame, known: pd.DataFrame, *, draws: int, rng: np.random.Generator) -> dict[int, Array]:
    """Draw errors of the area of each glacier from the residuals of validation blocks.

    Blocks on one 10 km tile draw from one validation scene, since what misleads a model there, it does all over it, and
    take its errors as they are or all turned around (the wild bootstrap of clusters, Cameron and others 2008, Review of
    Economics and Statistics 90): a calibrated area is as often too large as too small, which a few scenes don't show.
    An error grows with the root of what is in doubt, as a sum over stretches of boundary does that err on their own.

    Args:
        blocks: From `by_block`.
        known: From `residuals`.
        draws: How many.
        rng: Random stream.

    Returns:
        (draws,) km² by the number of the glacier, −1 for none.
    """
    groups = [part.to_numpy() for _, part in known.groupby("scene")["z"]]
    length, pool = np.array([len(group) for group in groups]), np.concatenate(groups)
    start = np.cumsum(length) - length
    tile = [  # of the 10 km grid, by the middle of the block
        (corner + (blocks[side] + 0.5) * BLOCK - origin) // TILE_SIZE
        for side, corner, origin in (("row", CORNER[1], ORIGIN_Y), ("column", CORNER[0], ORIGIN_X))
    ]
    errors = {int(number): np.zeros(draws) for number in np.unique(blocks["glacier"])}
    for _, part in blocks.groupby(tile):
        scene, sign = rng.integers(len(groups), size=draws), rng.choice((-1.0, 1.0), size=draws)
        for number, spread in zip(part["glacier"], part["spread"], strict=True):
            z = pool[start[scene] + (rng.random(draws) * length[scene]).astype(int)]
            errors[int(number)] += sign * z * np.sqrt(spread)
    return errors


def residual_interval(
    blocks: pd.DataFrame, known: pd.DataFrame, *, draws: int = 10_000, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Give areas with the interval that the residuals of validation blocks imply: the error of this map.

    Args:
        blocks: From `by_block`.
        known: From `residuals`.
        draws: Bootstrap samples.
        seed: The same seed gives the same interval.
        level: Share of the samples within the interval.

    Returns:
        A row each glacier by its number, and "total": area, low, high in km², none below 0 or above what is mapped.
    """
    errors = draw_errors(blocks, known, draws=draws, rng=np.random.default_rng(seed))
    areas, most = blocks.groupby("glacier")["expected"].sum(), mapped_area(blocks)
    rows: dict[Hashable, dict[str, float]] = {}
    rows["total"] = _interval(areas.sum() + np.sum(list(errors.values()), axis=0), areas.sum(), level, most["total"])
    rows |= {k: _interval(areas[k] + errors[k], areas[k], level, most[k]) for k in errors if k != NO_GLACIER}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("glacier")


def boundary_error(perimeter: float, disagreement: float, *, correlation: float = np.inf) -> float:
    """Estimate half the 95 % interval of an area from how far two boundaries of it lie apart.

    Args:
        perimeter: Of the outlines, km.
        disagreement: Standard deviation of the distance between boundaries, metres.
        correlation: Length along the boundary over which an error keeps its sign, km; infinite takes the whole
            perimeter to err alike, as a buffer around the outlines does (Paul and others 2017, Remote Sensing of
            Environment 203).

    Returns:
        km².
    """
    return 1.96 * disagreement / 1e3 * float(np.sqrt(perimeter * min(correlation, perimeter)))


def intervals(
    blocks: pd.DataFrame,
    known: pd.DataFrame,
    perimeters: Mapping[Hashable, float],
    *,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give areas with their 95 % intervals of all three kinds.

    Args:
        blocks: From `by_block`.
        known: From `residuals`.
        perimeters: Of "total" and of glaciers by number, km; without one there is no interval of the boundary.
        disagreement: Standard deviation of the distance between boundaries, metres, for `boundary_error`.
        draws: Bootstrap samples.
        seed: The same seed gives the same intervals.

    Returns:
        A row each glacier by its number, and "total": area, and low and high of "blocks", "residuals" and "boundary",
        such as low_blocks, km²; none below 0 or above what is mapped.
    """
    found = {
        "blocks": block_bootstrap(blocks, draws=draws, seed=seed),
        "residuals": residual_interval(blocks, known, draws=draws, seed=seed),
    }
    sides = {f"{side}_{name}": frame[side] for name, frame in found.items() for side in ("low", "high")}
    table = pd.DataFrame({"area": found["blocks"]["area"]} | sides)
    half = pd.Series({key: boundary_error(length, disagreement) for key, length in perimeters.items()}, dtype=float)
    half, most = half.reindex(table.index), mapped_area(blocks).reindex(table.index)
    low, high = (table["area"] - half).clip(lower=0), (table["area"] + half).clip(upper=most)
    return table.assign(low_boundary=low, high_boundary=high)


def sum_tiles(
    model: Network,
    path: str | Path,
    *,
    calibration: Calibration = UNCALIBRATED,
    window: int = 384,
    progress: bool = False,
) -> dict[str, pd.DataFrame]:
    """Map every tile of a dataset file and add up its pixels by block, beside the reference as the truth.

    Args:
        model: From `pretrained.load`.
        path: The dataset file.
        calibration: From `calibration.fit_calibration`.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.

    Returns:
        The frames of `area.sum_blocks` by the name of the group.
    """
    pixel = pixel_size(path)
    frames = {}
    for name, probability, glacier in iter_tile_maps(model, path, window=window, progress=progress):
        seen = np.where(glacier.sum(0) > 0, probability, np.nan)
        transform = Group.parse(name).tile.geobox(pixel=pixel).affine
        frames[name] = area.sum_blocks(calibration(seen), transform, truth=glacier[1] > 0.5)
    return frames
