"""Surface types that C-band radar distinguishes, and where they occur."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar.simulate.random_fields import Field, smooth_field, streaks
from glaciersar.simulate.rounding import blur, evaluate, norm

Mask = NDArray[np.bool_]


class Zone(IntEnum):
    """Surface types; 1 to 5 are glacier in the truth, the others are not."""

    FIRN = 1
    SUPERIMPOSED = 2
    ICE = 3
    CREVASSED = 4
    DEBRIS = 5
    MORAINE = 6  # ice-cored; backscatter as of debris-covered ice, but no glacier
    SNOW_PATCH = 7
    ROCK = 8
    TUNDRA = 9
    WATER = 10
    FOREST = 11  # this and the following: land that Svalbard lacks, in negative controls
    DRY_HILLS = 12
    FIELDS = 13
    TOWN = 14


SUPERIMPOSED_FROM, FIRN_FROM = 40.0, 140.0  # metres above the equilibrium line
TEMPERATE = (Zone.FOREST, Zone.DRY_HILLS, Zone.FIELDS, Zone.TOWN)
GLACIER = (Zone.FIRN, Zone.SUPERIMPOSED, Zone.ICE, Zone.CREVASSED, Zone.DEBRIS)


def place_zones(
    surface: Field,
    glacier: Mask,
    water: Mask,
    *,
    ela: float,
    pixel: float,
    speed: Field | None,
    rng: np.random.Generator,
    snow_rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Place the zones of one year.

    Args:
        surface: (H, W) elevation of land, ice or sea, metres.
        glacier: (H, W) truth.
        water: (H, W) sea and lakes.
        ela: Equilibrium-line altitude, metres.
        pixel: Pixel size, metres.
        speed: (H, W) speed of the ice, metres a year, if known.
        rng: Random stream; the same stream in another year puts persistent features in the same places.
        snow_rng: Random stream of the year's snow patches.

    Returns:
        (H, W) codes of `Zone`.
    """
    smooth = blur(surface, 120 / pixel)
    slope = norm(*np.gradient(smooth, pixel))
    zones = np.full(surface.shape, Zone.ROCK, np.uint8)
    variation = smooth_field(surface.shape, 800 / pixel, rng)
    flat = (slope < 0.16 + 0.03 * variation) & (surface < 260 + 60 * variation)
    zones[flat] = Zone.TUNDRA
    zones[_snow_patches(surface, slope, ela, pixel, snow_rng)] = Zone.SNOW_PATCH
    near = ndimage.distance_transform_edt(~glacier, sampling=pixel) if glacier.any() else np.inf
    rough = smooth_field(surface.shape, 250 / pixel, rng)
    low = surface < ela - 60
    zones[low & (slope < 0.35) & (near < 280 * evaluate(np.exp, 0.6 * rough) * (near < 900))] = Zone.MORAINE
    zones[water] = Zone.WATER
    zones[glacier] = Zone.ICE
    line = ela + 35 * smooth_field(surface.shape, 1500 / pixel, rng) + 12 * rough
    zones[glacier & (surface > line + SUPERIMPOSED_FROM)] = Zone.SUPERIMPOSED
    zones[glacier & (surface > line + FIRN_FROM)] = Zone.FIRN
    zones[_debris(smooth, glacier & (surface < ela - 30), glacier, pixel, rng)] = Zone.DEBRIS
    zones[_crevasses(glacier, water, slope, speed, pixel, rng)] = Zone.CREVASSED
    return zones


def _snow_patches(surface: Field, slope: Field, ela: float, pixel: float, rng: np.random.Generator) -> Mask:
    """Find where snow lies late: in gullies and at the foot of slopes, more so higher up."""
    hollow, gully = (blur(surface, scale / pixel) - surface for scale in (260, 70))
    depth = 0.7 * hollow + 2 * gully + 7 * smooth_field(surface.shape, 140 / pixel, rng) + 0.03 * (surface - ela)
    return (depth > 23) & (slope > 0.08) & (slope < 0.8) & (surface > 80)


def _crevasses(
    glacier: Mask, water: Mask, slope: Field, speed: Field | None, pixel: float, rng: np.random.Generator
) -> Mask:
    """Find crevassed ice: behind calving fronts, on steep slopes, and where the ice flows fast."""
    front = glacier & ndimage.binary_dilation(water, iterations=2)
    patchy = smooth_field(glacier.shape, 350 / pixel, rng)
    crevassed = (slope > 0.33 + 0.06 * patchy) & (slope < 0.5)
    if front.any():
        behind = ndimage.distance_transform_edt(~front, sampling=pixel)
        crevassed |= behind < 900 * evaluate(np.exp, 0.5 * patchy)
    if speed is not None:
        crevassed |= speed > 150 * evaluate(np.exp, 0.4 * patchy)
    return glacier & crevassed


def _debris(smooth: Field, low: Mask, glacier: Mask, pixel: float, rng: np.random.Generator) -> Mask:
    """Find debris on low tongues: bands along the flow, medial and lateral; 3 % of the ice."""
    falling = np.gradient(-blur(smooth, 200 / pixel))
    bands = streaks((falling[0], falling[1]), 3000 / pixel, rng, width=60 / pixel)
    inside = ndimage.distance_transform_edt(glacier, sampling=pixel)
    score = blur(bands, 40 / pixel) + 1.8 * evaluate(np.exp, -inside / 150)
    score = np.where(low, score, -np.inf)
    count = min(round(0.03 * glacier.sum()), round(0.25 * low.sum()))
    if count == 0:
        return np.zeros_like(glacier)
    debris: Mask = score > np.partition(score.ravel(), -count - 1)[-count - 1]
    return debris
