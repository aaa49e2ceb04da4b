"""Maps of simulated probabilities that err as a model does: in the whole map, by tile and by block, in two years."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage
from scipy.special import expit

from glaciersar.grid import SVAL, TILE_SIZE, Tile
from glaciersar.inventory import block_sums
from glaciersar.inventory.coverage_landscapes import LandscapeSums

PIXEL = 250.0  # metres
DEVIATIONS = {"map": 0.35, "tile": 0.3, "block": 0.4}
"""Standard deviation of the error of the logit, by what it is shared by."""
STAYS = 0.6
"""Fraction of the variance that is the same in two years."""

Maps = dict[int, tuple[NDArray[np.float64], NDArray[np.bool_]]]


def landscape_box(index: int, side: int) -> GeoBox:
    """Lay the grid of a landscape of side × side tiles; landscapes don't touch."""
    left, bottom, _, _ = Tile(column=5 + 6 * (index % 5), row=5 + 6 * (index // 5)).bounds
    length = side * TILE_SIZE
    return GeoBox.from_bbox((left, bottom, left + length, bottom + length), SVAL.crs, resolution=PIXEL, tight=True)


def draw_maps(
    rng: np.random.Generator,
    index: int,
    *,
    side: int = 2,
    years: tuple[int, ...] = (2016, 2020),
    deviations: Mapping[str, float] = DEVIATIONS,
    stays: float = STAYS,
) -> Maps:
    """Draw probabilities and truths of a landscape by year: the truth follows a logit that the model has not.

    The pixels of the truth are drawn by their true probability, each year anew; the model's logit is too low or too
    high by the sum of what the map, the tile and the block have in common.
    """
    box = landscape_box(index, side)
    x, y = (box.affine.c + PIXEL * np.arange(0.5, box.shape.x), box.affine.f - PIXEL * np.arange(0.5, box.shape.y))
    corner = block_sums.CORNER
    block = np.add.outer(((y - corner[1]) // block_sums.BLOCK) * 1e5, (x - corner[0]) // block_sums.BLOCK)
    tile = np.add.outer((y // TILE_SIZE) * 1e5, x // TILE_SIZE)
    field = ndimage.gaussian_filter(rng.normal(size=box.shape), rng.uniform(6, 14), mode="wrap")
    logit = 6 * (field / field.std() + rng.normal(0, 0.4))
    lasting = _effects(rng, (np.zeros(box.shape), tile, block), deviations)
    found = {}
    for k, year in enumerate(sorted(years)):
        now = _effects(rng, (np.zeros(box.shape), tile, block), deviations)
        grown = logit - 0.2 * k
        error = np.sqrt(stays) * lasting + np.sqrt(1 - stays) * now
        found[year] = (expit(grown - error), rng.random(box.shape) < expit(grown))
    return found


def _effects(
    rng: np.random.Generator, keys: tuple[NDArray[np.float64], ...], deviations: Mapping[str, float]
) -> NDArray[np.float64]:
    total = np.zeros(keys[0].shape)
    for key, deviation in zip(keys, deviations.values(), strict=True):
        _, number = np.unique(key, return_inverse=True)
        total += deviation * rng.normal(size=number.max() + 1)[number.reshape(key.shape)]
    return total


def draw_landscapes(
    rng: np.random.Generator,
    count: int,
    *,
    side: int = 2,
    years: tuple[int, ...] = (2016, 2020),
    deviations: Mapping[str, float] = DEVIATIONS,
    stays: float = STAYS,
    divided: bool = False,
) -> list[LandscapeSums]:
    """Draw landscapes and sum their maps; if divided, the northern half is glacier 0 and the southern glacier 1."""
    found = []
    for k in range(count):
        box = landscape_box(k, side)
        half = (np.indices(box.shape)[0] >= box.shape.y // 2).astype(int)
        maps = draw_maps(rng, k, side=side, years=years, deviations=deviations, stays=stays)
        blocks = {
            year: block_sums.sum_blocks(p, box, glacier=half if divided else None, truth=truth)
            for year, (p, truth) in maps.items()
        }
        reference = {year: float(part["true"].sum()) for year, part in blocks.items()}
        found.append(
            LandscapeSums(
                name=f"landscape-{k}",
                orbit=14,
                incidence=38.0,
                tiles=side**2,
                blocks=blocks,
                reference=reference,
                perimeter=dict.fromkeys(years, 40.0),
                at_sea=frozenset({0}),
            )
        )
    return found
