"""Draw reference outlines as an annotator does, with the errors of a person, and trace the true ones."""

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar import outlines
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.random_fields import random_stream, smooth_field
from glaciersar.simulate.rounding import blur
from glaciersar.simulate.zones import Zone

Mask = NDArray[np.bool_]

HARD_ERROR = 80.0  # where ice is hard to tell from snow and debris; it gives an IoU of 0.93
USUAL_ERROR = 35.0  # mean distance between two annotators' edges, metres; of ten: 38 m (arXiv 2501.05281)
MISTAKES = ((Zone.SNOW_PATCH, True, 0.06), (Zone.MORAINE, True, 0.02), (Zone.DEBRIS, False, 0.08))
"""Errors of a ragged outline at the usual error: the zone, whether it is drawn as glacier, fraction of its patches."""
SMOOTH_FROM = 2018  # earlier outlines are ragged, later ones are generalised, as in the published tiles


def annotate(
    landscape: Landscape,
    year: int,
    *,
    annotator: str,
    seed: int,
    label_error: float = USUAL_ERROR,
    ragged: bool | None = None,
) -> gpd.GeoDataFrame:
    """Draw the outlines of a year as one annotator does.

    Before 2018 they are ragged: late snow is drawn as glacier, debris is left out, edges are jagged. Later ones are
    generalised: small patches are dropped, most debris is kept, corners are rounded.

    Args:
        landscape: The landscape with its true glaciers.
        year: One of its years.
        annotator: Name of the annotator; another name makes other errors.
        seed: Seed of the landscape.
        label_error: Mean distance between the edges of two annotators, metres.
        ragged: The style; by default that of the year.

    Returns:
        Polygons, in the system of the landscape.
    """
    ragged = year < SMOOTH_FROM if ragged is None else ragged
    rng = random_stream(seed, "annotator", annotator, year)
    pixel, zones = landscape.pixel, landscape.zones[year]
    perceived = landscape.glacier[year].copy()
    for zone, as_glacier, fraction in MISTAKES:
        wrong = min(fraction * label_error / USUAL_ERROR, 1.0) / (1 if ragged else 5)
        perceived = _misjudge_patches(perceived, zones == zone, as_glacier, wrong, smallest=3_000 / pixel**2, rng=rng)
    inside, outside = (ndimage.distance_transform_edt(part, sampling=pixel) for part in (perceived, ~perceived))
    half = pixel / 2
    distance = np.where(perceived, inside - half, half - outside)  # metres to the edge, positive inside
    if not ragged:
        distance = blur(distance, 60 / pixel)
    broad, fine = (700, 120) if ragged else (900, 300)
    error = 0.75 * smooth_field(zones.shape, broad / pixel, rng) + 0.66 * smooth_field(zones.shape, fine / pixel, rng)
    drawn = distance + label_error * np.sqrt(np.pi / 4) * error > 0  # each of the two errs by 1/√2 of it
    return _polygons(drawn, landscape, smallest=2 * pixel**2 if ragged else 50_000, soften=0 if ragged else pixel)


def true_outlines(landscape: Landscape, year: int) -> gpd.GeoDataFrame:
    """Trace the true outlines of a year, in the system of the landscape."""
    return outlines.from_mask(landscape.glacier[year] & landscape.known, landscape.geobox)


def _misjudge_patches(
    mask: Mask, candidate: Mask, as_glacier: bool, fraction: float, *, smallest: float, rng: np.random.Generator
) -> Mask:
    """Set a fraction of the patches to glacier or not glacier, patch by patch; the smallest are never drawn."""
    label, count = ndimage.label(candidate)
    chosen = (rng.random(count + 1) < fraction) & (np.bincount(label.ravel(), minlength=count + 1) >= smallest)
    chosen[0] = False
    return np.where(chosen[label], as_glacier, mask)


def _polygons(drawn: Mask, landscape: Landscape, *, smallest: float, soften: float) -> gpd.GeoDataFrame:
    shapes = outlines.from_mask(drawn, landscape.geobox)
    if soften:
        shapes = shapes.set_geometry(shapes.simplify(soften).make_valid())
    if not landscape.known.all():
        shapes = shapes.clip(outlines.from_mask(landscape.known, landscape.geobox), keep_geom_type=True)
    return shapes[shapes.area >= smallest].reset_index(drop=True)
