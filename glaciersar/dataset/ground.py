"""What lies on the ground of a tile, and pixels that stand for it in a figure.

A dataset file knows glacier and the rest; a simulated archive also knows rock, water and more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from scipy import ndimage

from glaciersar.dataset.summary import TileSeries, most_mixed_tiles, read_tile
from glaciersar.grid import Group
from glaciersar.io.open_raster import open_raster
from glaciersar.simulate.zones import GLACIER, Zone

CLASSES: Mapping[str, tuple[Zone, ...]] = {"glacier": GLACIER, "rock": (Zone.ROCK,), "water": (Zone.WATER,)}
"""Classes of the ground that simulated tiles tell apart, and their zones."""
TRIED = 20  # tiles in which all classes are looked for


def read_zones(archive: str | Path, tile: TileSeries) -> NDArray[np.uint8] | None:
    """Read the true zones of a simulated archive on the pixels of a tile.

    Args:
        archive: Folder of a simulated archive; it need not exist.
        tile: Whole, as `summary.read_tile` reads it; its pixels are square.

    Returns:
        (H, W) codes of `simulate.zones.Zone`; None where no landscape of the archive covers the tile in its year.
    """
    group = Group.parse(tile.name)
    left, bottom, right, top = group.tile.bounds
    height, width = tile.glacier.shape
    for path in sorted(Path(archive).glob(f"*/zones_{group.year}.tif")):
        with open_raster(path) as file:
            box = file.bounds
            if box.left <= left and box.bottom <= bottom and box.right >= right and box.top >= top:
                grid = group.tile.geobox(pixel=(right - left) / width)
                options = {"crs": str(grid.crs), "transform": grid.affine, "height": height, "width": width}
                with WarpedVRT(file, resampling=Resampling.nearest, **options) as warped:
                    zones: NDArray[np.uint8] = warped.read(1)
                    return zones
    return None


def ground_classes(tile: TileSeries, zones: NDArray[np.uint8] | None = None) -> dict[str, NDArray[np.bool_]]:
    """Tell where each class lies, (H, W): those of `CLASSES` by zones, else glacier and "land or sea" by the labels."""
    if zones is None:
        return {"glacier": tile.glacier & tile.valid, "land or sea": ~tile.glacier & tile.valid}
    return {name: np.isin(zones, members) & tile.valid for name, members in CLASSES.items()}


def typical_pixels(classes: Mapping[str, NDArray[np.bool_]]) -> dict[str, tuple[int, int]]:
    """Choose the pixel of each class that lies deepest in it, (row, column); a class without a pixel is left out.

    The border of the tile counts as a boundary, because the surroundings of a pixel beyond it are not known.
    """
    found = {}
    for name, mask in classes.items():
        if mask.any():
            depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            found[name] = int(row), int(column)
    return found


def varied_tile(
    path: str | Path, archive: str | Path, *, side: int = 384
) -> tuple[TileSeries, dict[str, NDArray[np.bool_]]]:
    """Choose a tile for a figure: the most mixed one in whose middle every class occurs, or else the most mixed one.

    Args:
        path: The dataset file.
        archive: Folder of the simulated archive that it was built from; it need not exist.
        side: Of the square that is cut from the middle, pixels; of a smaller tile its shorter side.

    Returns:
        The square of the tile and where each class lies in it, as `ground_classes` tells.
    """
    found = []
    for name in most_mixed_tiles(path, TRIED):
        tile = read_tile(path, name)
        square = middle_square(tile.glacier.shape, side)
        classes = {name: mask[square] for name, mask in ground_classes(tile, read_zones(archive, tile)).items()}
        found.append((_cut(tile, square), classes))
        if all(mask.any() for mask in classes.values()):
            return found[-1]
    return found[0]


def middle_square(shape: Sequence[int], side: int) -> tuple[slice, slice]:
    """Return rows and columns of the square in the middle of (H, W), no larger than fits."""
    side = min(side, *shape)
    rows, columns = (slice((length - side) // 2, (length - side) // 2 + side) for length in shape)
    return rows, columns


def _cut(tile: TileSeries, square: tuple[slice, slice]) -> TileSeries:
    return replace(
        tile, backscatter=tile.backscatter[:, *square], glacier=tile.glacier[square], valid=tile.valid[square]
    )
