"""Labelled images of one date, from any radar: read with their masks, split by glacier, written in the layout.

They take the place of the backscatter "grd", so that networks can be trained on them and scored. They are no series:
the one date stands fifteen times, and grey values that were stretched for the eye are no decibels.
"""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio import Affine

from glaciersar import radiometry
from glaciersar.dataset.date_sampling import DATES
from glaciersar.dataset.label_codes import LabelCodes, read_mask
from glaciersar.errors import InputError
from glaciersar.geodesy import middle_of
from glaciersar.grid import SUBSETS, Group, Tile, grid_at
from glaciersar.io.atomic import atomic_write
from glaciersar.io.rasters import opened

TABLE = "index.csv"
"""Beside the patches; columns id, glacier and date (such as 2013-04-07)."""
FURTHER = 900
"""Above it are the numbers that stand for the orbit of further images of a tile and year; no orbit has them."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One image of one glacier at one date, and its labels."""

    id: str
    glacier: str
    date: str
    """Such as 2013-04-07."""
    amplitude: NDArray[np.float32]
    """(H, W) grey: root of the mean square of the averaged pixels that hold data; 0 without any."""
    labels: NDArray[np.float32]
    """(H, W, 2) fractions of background and glacier; (0, 0) where half or more of the averaged pixels are unknown."""
    pixel: float
    """Side of an averaged pixel, metres."""
    geobox: GeoBox
    """Its grid of averaged pixels, in the CRS of its files."""


def read_patches(
    folder: str | Path, codes: LabelCodes, *, shrink: int = 1, image: str = "{id}_img.tif", mask: str = "{id}_mask.tif"
) -> list[Patch]:
    """Read the patches that `TABLE` of a folder lists, by glacier, date and id.

    Args:
        folder: Of images of amplitude in one band, and masks on the same grids; each patch in a CRS of its own.
        codes: What the numbers in the masks mean.
        shrink: Pixels averaged along each side.
        image: Name of an image file, with {id} in it.
        mask: Name of a mask file, with {id} in it.

    Raises:
        InputError: The table or a file is missing or damaged, an image does not fit its mask, or a mask holds a code
            that is not expected.
    """
    folder = Path(folder)
    index = _read_table(folder / TABLE)
    return [
        _read(folder / image.format(id=row["id"]), folder / mask.format(id=row["id"]), codes, shrink, row)
        for row in index.astype(str).to_dict("records")
    ]


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a table of patches with id, glacier and date")
    try:
        table = pd.read_csv(path, dtype=str)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    if missing := [name for name in ("id", "glacier", "date") if name not in table]:
        raise InputError(f"{path}: no column {', '.join(missing)} found, id, glacier and date expected")
    strange = table["date"][~table["date"].astype(str).str.fullmatch(r"(18|19|20)\d\d.*")]
    if len(strange):
        raise InputError(f"{path}: date {strange.iloc[0]!r} found, dates such as 2013-04-07 expected")
    return table.sort_values(["glacier", "date", "id"])


def _read(image: Path, mask: Path, codes: LabelCodes, shrink: int, row: Mapping[Hashable, str]) -> Patch:
    told = read_mask(mask, codes)
    grey = _read_grey(image, told.geobox)
    known = told.known & np.isfinite(grey)
    seen = _block_mean(known, shrink)  # (H, W) fraction of the averaged pixels
    least = np.maximum(seen, 1 / shrink**2)
    power = _block_mean(np.where(known, grey, 0) ** 2, shrink) / least
    ice = _block_mean(told.glacier & known, shrink) / least
    labels = np.stack([1 - ice, ice], axis=-1) * (seen > 0.5)[..., None]
    a, b, c, d, e, f = told.geobox.affine[:6]
    return Patch(
        id=row["id"],
        glacier=row["glacier"],
        date=row["date"],
        amplitude=np.sqrt(power).astype(np.float32),
        labels=labels.astype(np.float32),
        pixel=float(abs(a)) * shrink,
        geobox=GeoBox(seen.shape, Affine(a * shrink, b * shrink, c, d * shrink, e * shrink, f), str(told.geobox.crs)),
    )


def _read_grey(path: Path, geobox: GeoBox) -> NDArray[np.float32]:
    """Read an image on the grid of its mask, (H, W); NaN where its file declares no data."""
    with opened(path, "the image of a patch") as file:
        same = file.crs is not None and file.crs == rasterio.crs.CRS.from_user_input(str(geobox.crs))
        if not same or not file.transform.almost_equals(geobox.affine, 1e-3) or file.shape != geobox.shape:
            raise InputError(f"{path}: another grid than that of its mask found, the same expected")
        grey: NDArray[np.float32] = file.read(1, masked=True).astype(np.float32).filled(np.nan)
        return grey


def _block_mean(values: NDArray[np.generic], side: int) -> NDArray[np.float64]:
    """Average blocks of `side` × `side` pixels: (H, W) -> (H / side, W / side); what is left over is cut off."""
    height, width = (length // side for length in values.shape)
    cut = values[: height * side, : width * side]
    blocks = cut.reshape(height, side, width, side).astype(np.float64)
    mean: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return mean


def name_groups(patches: Sequence[Patch]) -> dict[str, Patch]:
    """Name the groups of patches by the tile in which their middle lies, of the grid of their own system, and the year.

    Relative orbit 0 says that none is known. Further images of a tile and year count on from `FURTHER`.

    Raises:
        InputError: A patch lies in no projected system of metres, or a tile and year have a hundred images.
    """
    named: dict[str, Patch] = {}
    for patch in patches:
        tile, year = _tile_of(patch.geobox), int(patch.date[:4])
        names = (Group(tile=tile, year=year, relative_orbit=k).name for k in (0, *range(FURTHER + 1, 1000)))
        name = next((name for name in names if name not in named), None)
        if name is None:
            raise InputError(f"{patch.id}: a hundred images of {year} in tile {tile.name} found, fewer expected")
        named[name] = patch
    return named


def _tile_of(geobox: GeoBox) -> Tile:
    """Find the tile in which the middle of a grid lies."""
    grid = grid_at(*middle_of(geobox), crs=str(geobox.crs))
    left, bottom, right, top = geobox.boundingbox
    middle = (left + right) / 2, (bottom + top) / 2
    column, row = (int((x - start) // grid.tile_size) for x, start in zip(middle, grid.origin, strict=True))
    return Tile(column=column, row=row, grid=grid)


def split_by_glacier(
    named: Mapping[str, Patch], *, seed: int, shares: Sequence[float] = (0.6, 0.2, 0.2)
) -> dict[str, dict[str, Patch]]:
    """Deal whole glaciers to train, val and test, so that no glacier is trained on and scored.

    Glaciers that share a tile stay together. Each, in random order, goes to the subset that lacks most patches of its
    share; none stays empty.

    Raises:
        InputError: Fewer than three glaciers in tiles of their own, or shares that are no three above 0.
    """
    patches = _apart(named)
    if len(patches) < len(SUBSETS):
        raise InputError(f"{len(patches)} glaciers found, at least {len(SUBSETS)} expected, to keep subsets apart")
    if len(shares) != len(SUBSETS) or min(shares) <= 0:
        raise InputError(f"shares={tuple(shares)} found, three above 0 (train, val, test) expected")
    order = np.random.default_rng(seed).permutation(sorted(patches)).tolist()
    found: dict[str, dict[str, Patch]] = {subset: {} for subset in SUBSETS}
    lack = {subset: share / sum(shares) * len(named) for subset, share in zip(SUBSETS, shares, strict=True)}
    for place, glacier in enumerate(order):
        empty = [subset for subset in SUBSETS if not found[subset]]
        among = empty if len(order) - place <= len(empty) else SUBSETS
        subset = max(among, key=lambda name: lack[name])
        found[subset] |= {name: named[name] for name in patches[glacier]}
        lack[subset] -= len(patches[glacier])
    return found


def _apart(named: Mapping[str, Patch]) -> dict[str, list[str]]:
    """List the groups of each glacier, by the first name of those that share a tile."""
    patches: dict[str, list[str]] = {}
    for name, patch in sorted(named.items()):
        patches.setdefault(patch.glacier, []).append(name)
    owner: dict[Tile, str] = {}
    for glacier in sorted(patches):
        for tile in [Group.parse(name).tile for name in patches[glacier]]:
            first = owner.setdefault(tile, glacier)
            if first != glacier:
                patches[first] += patches.pop(glacier)
                owner |= {other: first for other, holder in owner.items() if holder == glacier}
                glacier = first
    return patches


def write_patches(
    path: str | Path,
    groups: Iterable[tuple[str, Patch]],
    *,
    kind: str,
    grey: tuple[float, float],
    as_decibels: tuple[float, float] = (-25.0, 0.0),
) -> None:
    """Write patches as a dataset file; the one date stands fifteen times, as the layout wants a year of fifteen.

    Args:
        path: train.h5, val.h5 or test.h5.
        groups: Patches and the names of their groups, from `name_groups`.
        kind: The data in words, for captions.
        grey: The lowest and highest value that images may hold.
        as_decibels: Where the scale of "grd" puts these two.
    """
    content = hashlib.sha256()
    low, high = as_decibels
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["kind"] = kind
        for name, patch in groups:
            group = file.create_group(name)
            decibels = low + (high - low) * (patch.amplitude - grey[0]) / (grey[1] - grey[0])
            one = radiometry.scale(decibels, feature="grd")  # (H, W)
            one = np.where(patch.labels.sum(-1) > 0, one, 0)
            series = np.broadcast_to(one[..., None], (DATES, *one.shape, 1))  # (T, H, W, 1)
            group.create_dataset("grd", data=series, dtype="float32")
            group.create_dataset("outlines", data=patch.labels)
            height, width = one.shape
            sizes = {"height": height, "width": width, "orig_height": height, "orig_width": width}
            group.attrs.update(sizes | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": np.arange(DATES)})
            group.attrs.update({"glacier": patch.glacier, "date": patch.date, "patch": patch.id, "pixel": patch.pixel})
            group.attrs.update({"crs": str(patch.geobox.crs), "transform": np.array(patch.geobox.affine[:6])})
            content.update(name.encode() + one.astype(np.float32).tobytes() + patch.labels.tobytes())
        file.attrs["content"] = content.hexdigest()  # by which a training knows its data


def key_table(named: Mapping[str, Patch]) -> pd.DataFrame:
    """Tabulate which group is which patch, and the share of glacier in its pixels with data."""
    rows = [
        {
            "group": name,
            "glacier": patch.glacier,
            "date": patch.date,
            "patch": patch.id,
            "with data": f"{patch.labels.sum() / patch.labels[..., 0].size:.2f}",
            "glacier share": f"{patch.labels[..., 1].sum() / max(patch.labels.sum(), 1):.2f}",
        }
        for name, patch in named.items()
    ]
    return pd.DataFrame(rows)
