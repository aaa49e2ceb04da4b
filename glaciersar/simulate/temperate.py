"""Land that Svalbard lacks, without glaciers: a negative control for what is trained on Svalbard alone."""

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from glaciersar.simulate import random_fields, terrain
from glaciersar.simulate.landscape import MARGIN, SPACING, Landscape, PixelInterpolation
from glaciersar.simulate.random_fields import smooth_field
from glaciersar.simulate.rounding import blur, norm
from glaciersar.simulate.zones import Zone

CLIMATES = ("boreal", "dry")
"""Forest with winter snow and lakes that freeze; and dry hills without snow. Fields and towns lie in both."""


def draw_control(name: str, geobox: GeoBox, *, years: tuple[int, ...], climate: str, seed: int) -> Landscape:
    """Draw a landscape without glaciers.

    Args:
        name: Name of the landscape.
        geobox: Pixel grid, metres.
        years: Years wanted; the land is the same in each.
        climate: One of `CLIMATES`.
        seed: The same seed gives the same landscape.
    """
    rng = random_fields.random_stream(seed, "control")
    pixel = abs(float(geobox.resolution.x))
    height, width = (int(np.ceil((n * pixel + 2 * MARGIN) / SPACING)) for n in geobox.shape)
    bed = terrain.draw_bed(
        (height, width),
        spacing=SPACING,
        sea_fraction=rng.uniform(0.02, 0.2),
        relief=rng.uniform(60, 250) if climate == "boreal" else rng.uniform(200, 700),
        plateau=0.0,
        rng=rng,
    )
    fine = PixelInterpolation(bed.shape, geobox, pixel)(bed)
    surface, water = np.maximum(fine, 0).astype(np.float32), fine <= 0
    zones = _place_zones(surface, water, climate, pixel, rng)
    return Landscape(
        name=name,
        geobox=geobox,
        surface=surface,
        ela=np.inf,
        glacier=dict.fromkeys(years, np.zeros(surface.shape, bool)),
        zones=dict.fromkeys(years, zones),
        known=np.ones(surface.shape, bool),
        climate=climate,
    )


def _place_zones(
    surface: NDArray[np.float32], water: NDArray[np.bool_], climate: str, pixel: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Place forest or dry hills, with fields on flat land, towns on some of it, and woods on the hills' cool sides."""
    slope = norm(*np.gradient(blur(surface, 120 / pixel), pixel))
    use, town = smooth_field(surface.shape, 1500 / pixel, rng), smooth_field(surface.shape, 900 / pixel, rng)
    zones = np.full(surface.shape, Zone.FOREST if climate == "boreal" else Zone.DRY_HILLS, np.uint8)
    if climate == "dry":
        zones[use > 1.0] = Zone.FOREST
    flat = slope < 0.12
    zones[flat & (use < -0.4)] = Zone.FIELDS
    zones[flat & (town > 1.8)] = Zone.TOWN
    zones[water] = Zone.WATER
    return zones
