"""Read the labelled X-band patches of CaFFe, and write them as dataset files in the published layout.

The radar is X-band, one date, 8 bit: amplitude stretched for the eye, not calibrated. It takes the place of "grd", but
it is no backscatter: grey 0 to 255 lie where -25 to 0 dB of Sentinel-1 would.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from glaciersar import radiometry
from glaciersar.dataset.date_sampling import DATES
from glaciersar.errors import InputError
from glaciersar.grid import Group, Tile
from glaciersar.io.atomic import atomic_write

NODATA, GLACIER = 0, 2  # in the masks; 1 is rock, 3 ocean and mélange
GREY_AS_DB = (-25.0, 0.0)
"""Where the scale of "grd" puts grey 0 and grey 255."""
SHRINK = 4
"""Pixels averaged along each side: from 6 or 6.7 m to 24 or 27 m, nearer to the 40 m of the simulated archive."""
FIRST_COLUMN = 900
"""Column of the first glacier: 6000 km east of Svalbard, so that no tile is taken for a place there."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One image of one glacier at one date, and its labels; H = W = 128 pixels."""

    id: str
    glacier: str
    date: str
    """Such as 2013-04-07."""
    amplitude: NDArray[np.float32]
    """(H, W) grey 0 to 255: root of the mean square of the averaged pixels that hold data; 0 without any."""
    labels: NDArray[np.float32]
    """(H, W, 2) fractions of background and glacier; (0, 0) where half or more of the averaged pixels hold no data."""
    pixel: float
    """Side of an averaged pixel, metres."""


def read_patches(folder: str | Path) -> list[Patch]:
    """Read the patches that index.csv of a folder lists, by glacier, date and id.

    Raises:
        InputError: A mask holds a class that is unknown.
    """
    folder = Path(folder)
    index = pd.read_csv(folder / "index.csv").sort_values(["glacier", "date", "id"])
    return [_read(folder, str(row.id), str(row.glacier), str(row.date)) for row in index.itertuples()]


def _read(folder: Path, name: str, glacier: str, date: str) -> Patch:
    with rasterio.open(folder / f"{name}_img.tif") as file:
        grey, pixel = file.read(1).astype(np.float32), float(file.res[0])
    with rasterio.open(folder / f"{name}_mask.tif") as file:
        mask = file.read(1)
    if mask.max() > 3:
        raise InputError(f"{name}_mask.tif: class {mask.max()} found, 0 to 3 expected")
    seen = _block_mean(mask != NODATA)  # (H, W) fraction of the averaged pixels
    power = _block_mean(np.where(mask == NODATA, 0, grey**2)) / np.maximum(seen, 1 / SHRINK**2)
    ice = _block_mean(mask == GLACIER) / np.maximum(seen, 1 / SHRINK**2)
    labels = np.stack([1 - ice, ice], axis=-1) * (seen > 0.5)[..., None]
    return Patch(
        id=name,
        glacier=glacier,
        date=date,
        amplitude=np.sqrt(power).astype(np.float32),
        labels=labels.astype(np.float32),
        pixel=pixel * SHRINK,
    )


def _block_mean(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Average blocks of `SHRINK` × `SHRINK` pixels: (H, W) -> (H / 4, W / 4)."""
    height, width = (side // SHRINK for side in values.shape)
    blocks = values.reshape(height, SHRINK, width, SHRINK).astype(np.float64)
    mean: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return mean


def name_groups(patches: Sequence[Patch]) -> dict[str, Patch]:
    """Name the groups of patches: column 900 and on numbers the glaciers, the row the patches of a glacier.

    The tile grid is Svalbard's and these glaciers are not, so column and row are a key and no place. Relative orbit 0
    says that none is known.
    """
    named: dict[str, Patch] = {}
    glaciers = sorted({patch.glacier for patch in patches})
    rows = dict.fromkeys(glaciers, 0)
    for patch in patches:
        tile = Tile(column=FIRST_COLUMN + glaciers.index(patch.glacier), row=rows[patch.glacier])
        named[Group(tile=tile, year=int(patch.date[:4]), relative_orbit=0).name] = patch
        rows[patch.glacier] += 1
    return named


def key_table(named: dict[str, Patch]) -> pd.DataFrame:
    """Tabulate which group is which patch, and the share of glacier in its pixels with data."""
    rows = [
        {
            "group": name,
            "glacier": patch.glacier,
            "date": patch.date,
            "patch": patch.id,
            "with data": f"{patch.labels.sum() / patch.labels[..., 0].size:.2f}",
            "glacier share": f"{patch.labels[..., 1].sum() / patch.labels.sum():.2f}",
        }
        for name, patch in named.items()
    ]
    return pd.DataFrame(rows)


def write_dataset(path: str | Path, groups: Iterable[tuple[str, Patch]]) -> None:
    """Write patches as a dataset file; the one date stands fifteen times, as the layout wants a year of fifteen."""
    content = hashlib.sha256()
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["kind"] = "X-band amplitude, one date, 8 bit"
        for name, patch in groups:
            group = file.create_group(name)
            low, high = GREY_AS_DB
            one = radiometry.scale(low + (high - low) * patch.amplitude / 255, feature="grd")  # (H, W)
            one = np.where(patch.labels.sum(-1) > 0, one, 0)
            series = np.broadcast_to(one[..., None], (DATES, *one.shape, 1))  # (T, H, W, 1)
            group.create_dataset("grd", data=series, dtype="float32")
            group.create_dataset("outlines", data=patch.labels)
            height, width = one.shape
            sizes = {"height": height, "width": width, "orig_height": height, "orig_width": width}
            group.attrs.update(sizes | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": np.arange(DATES)})
            group.attrs.update({"glacier": patch.glacier, "date": patch.date, "patch": patch.id, "pixel": patch.pixel})
            content.update(name.encode() + one.astype(np.float32).tobytes() + patch.labels.tobytes())
        file.attrs["content"] = content.hexdigest()  # by which a training knows its data
