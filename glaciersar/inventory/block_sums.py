"""Sums of the pixels of a map by block and glacier: what is mapped, expected to be glacier, in doubt, and true."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader
from rasterio.windows import Window
from scipy.ndimage import distance_transform_edt

from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.evaluation.mapped_tiles import iter_mean_maps
from glaciersar.geodesy import pixel_areas_km2
from glaciersar.grid import SVAL, Group
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.inference.ensemble import Networks, calibrate_spread
from glaciersar.inference.map_product import sibling_path
from glaciersar.inventory.member_spread import MEMBERS
from glaciersar.io import rasters

BLOCK = 3200.0  # metres
CORNER = (378_194.512, 8_466_488.863)  # of block (0, 0) of the published grid: the blocks of the authors' follow-up
OFFSET = CORNER[0] - SVAL.origin[0], CORNER[1] - SVAL.origin[1]  # from the origin of a grid to block (0, 0), any grid
REACH = 500.0  # metres around a glacier within which doubtful pixels count to it
NO_GLACIER = -1  # the number of pixels that count to no glacier
KEYS = ["glacier", "row", "column"]
SUMS = ["mapped", "expected", "spread", "true"]


def sum_blocks(
    calibrated: NDArray[np.floating],
    geobox: GeoBox,
    *,
    glacier: NDArray[np.integer] | None = None,
    truth: NDArray[np.bool_] | None = None,
    between: NDArray[np.floating] | None = None,
) -> pd.DataFrame:
    """Sum the pixels of a part of a map by block and glacier; `combine_sums` adds the sums of several parts.

    Args:
        calibrated: (H, W) calibrated probability of glacier, NaN where there is no data.
        geobox: Of the pixels, north up, metres; areas are those on the ground (`geodesy.pixel_areas_km2`).
        glacier: (H, W) number of the glacier that each pixel counts to, −1 for none.
        truth: (H, W) true glacier, where it is known.
        between: (H, W) standard deviation of the calibrated probability between the networks of an ensemble.

    Returns:
        A row each glacier and block (columns glacier, row, column, all numbers), with areas in km²: mapped (with data),
        expected (Σ p), spread (Σ p (1 − p), a measure of how much is in doubt) and true (NaN if not known); of an
        ensemble also members (see `member_spread`).
    """
    (height, width), transform = calibrated.shape, geobox.affine
    corner_x, corner_y = CORNER if str(geobox.crs) == SVAL.crs else OFFSET
    column, row = (
        np.floor((start + step * (np.arange(count) + 0.5) - corner) / BLOCK).astype(int)
        for start, step, count, corner in (
            (transform.c, transform.a, width, corner_x),
            (transform.f, transform.e, height, corner_y),
        )
    )
    across, down = np.ptp(column) + 1, np.ptp(row) + 1
    place = (row - row.min())[:, None] * across + (column - column.min())
    number = np.full((height, width), NO_GLACIER) if glacier is None else glacier
    key = ((number + 1) * (down * across) + place).ravel()
    seen = np.isfinite(calibrated).ravel()
    p, km2 = calibrated.ravel()[seen].astype(float), pixel_areas_km2(geobox).ravel()[seen]
    known = np.full(p.shape, np.nan) if truth is None else truth.ravel()[seen].astype(float)
    values = dict(zip(SUMS, (np.ones_like(p), p, p * (1 - p), known), strict=True))
    if between is not None:
        values[MEMBERS] = between.ravel()[seen].astype(float)
    sums = {name: np.bincount(key[seen], value * km2) for name, value in values.items()}
    kept = np.flatnonzero(np.bincount(key[seen]))
    numbers, places = np.divmod(kept, down * across)
    keys = {
        "glacier": numbers - 1,
        "row": places // across + row.min(),
        "column": places % across + column.min(),
    }
    return pd.DataFrame(keys | {name: total[kept] for name, total in sums.items()})


def sum_map(
    path: str | Path,
    *,
    calibration: Calibration = UNCALIBRATED,
    glaciers: gpd.GeoSeries | None = None,
    reach: float = REACH,
) -> pd.DataFrame:
    """Sum a probability map of any size by block and glacier, window by window.

    Args:
        path: GeoTIFF of the probability of glacier; of several networks, the spread between them lies beside it.
        calibration: From `calibration.read_calibration`.
        glaciers: Outlines that don't overlap. A pixel outside counts to the nearest within `reach`.
        reach: Metres.

    Returns:
        The frame of `sum_blocks`; `glacier` is the position in `glaciers`, or −1.

    Raises:
        InputError: The map is missing or damaged, holds no probabilities, or no pixel with data; or the spread between
            its networks is missing, without which every interval would be too narrow.
    """
    with rasters.open_map(path) as file, _open_spread(Path(path), file) as spread:
        whole, shapes = rasters.geobox_of(file), None if glaciers is None else glaciers.to_crs(file.crs.to_string())
        parts = []
        for window, number in _label_windows(file, shapes, reach):
            found, between = rasters.read_window(file, window), None
            if spread is not None:
                between = calibrate_spread(calibration, found, rasters.read_window(spread, window))
            parts.append(sum_blocks(calibration(found), whole[window.toslices()], glacier=number, between=between))
    return combine_sums(parts, where=str(path))


@contextmanager
def _open_spread(path: Path, file: DatasetReader) -> Iterator[DatasetReader | None]:
    """Open the spread beside the map of several networks; None for a map of one."""
    members = file.tags().get("members", "1")
    if members == "1":
        yield None
        return
    beside = sibling_path(path, "spread")
    if not beside.exists():
        raise InputError(f"{path}: the mean of {members} networks found without {beside.name}, both together expected")
    rasters.common_geobox([path, beside])
    with rasters.open_map(beside) as spread:
        yield spread


def _label_windows(
    file: DatasetReader, glaciers: gpd.GeoSeries | None, reach: float
) -> Iterator[tuple[Window, NDArray[np.integer] | None]]:
    """Give each window of the map with the number (h, w) of the glacier that each pixel counts to, None without any."""
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
    """Combine the sums of parts of a map, a row each glacier and block.

    Raises:
        InputError: There is no row; the sentence begins with `where`.
    """
    rows = pd.concat(parts)
    sums = [*SUMS, MEMBERS] if MEMBERS in rows else SUMS
    table = rows.groupby(KEYS, as_index=False)[sums].sum(min_count=1)
    if table.empty:
        raise InputError(f"{where}: no pixel with data found, a probability of glacier expected")
    return table


def sum_tiles(
    model: Networks,
    path: str | Path,
    *,
    calibration: Calibration = UNCALIBRATED,
    window: int = 384,
    progress: bool = False,
    device: str = "auto",
) -> dict[str, pd.DataFrame]:
    """Map every tile of a dataset file and sum its pixels by block, with the reference outlines as the truth.

    Args:
        model: From `pretrained.load`; or several, whose mean is summed.
        path: The dataset file.
        calibration: From `calibration.fit_calibration`; of several networks that of their mean.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.

    Returns:
        The frame of `sum_blocks` of each group, by its name.
    """
    pixel = pixel_size(path)
    frames = {}
    for name, probability, glacier in iter_mean_maps(model, path, window=window, progress=progress, device=device):
        seen = np.where(glacier.sum(0) > 0, probability, np.nan)
        geobox = Group.parse(name).tile.geobox(pixel=pixel)
        frames[name] = sum_blocks(calibration(seen), geobox, truth=glacier[1] > 0.5)
    return frames


def mapped_area(blocks: pd.DataFrame) -> pd.Series:
    """Sum the mapped area of each glacier, by its number, and of "total", km²: no glacier area can be larger."""
    areas = blocks.groupby("glacier")["mapped"].sum()
    total = blocks["mapped"].sum()  # in the order of the truth: the same to the last digit on a map all of ice
    joined: pd.Series[float] = pd.concat([pd.Series({"total": total}, dtype=float), areas])
    return joined
