"""Reference outlines as a person draws them, and how far two people agree."""

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar import outlines
from glaciersar.simulate import noise
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.rounding import blur
from glaciersar.simulate.zones import Zone

Mask = NDArray[np.bool_]

DEVIATION = 35.0  # mean distance between the edges of two people, metres; ten annotators: 38 m (arXiv 2501.05281)
MISTAKES = ((Zone.SNOW_PATCH, True, 0.35), (Zone.MORAINE, True, 0.06), (Zone.DEBRIS, False, 0.5))
"""What a ragged outline gets wrong: the zone, whether it is drawn as glacier, and the share of its patches."""
SMOOTH_FROM = 2018  # earlier outlines are ragged, later ones generalised, as in the published tiles


def annotate(landscape: Landscape, year: int, *, annotator: str, seed: int) -> gpd.GeoDataFrame:
    """Draw the outlines of a year by hand.

    Before 2018 they are ragged: late snow is taken for ice, debris is left out, edges are jagged. Later ones are
    smooth: small patches are dropped, most debris is kept, corners are rounded.

    Args:
        landscape: The ground with its true glaciers.
        year: One of its years.
        annotator: Name of the person; another name draws with other errors.
        seed: Seed of the landscape.

    Returns:
        Polygons, EPSG:32633.
    """
    ragged = year < SMOOTH_FROM
    rng = noise.random_stream(seed, "annotator", annotator, year)
    pixel, zones = landscape.pixel, landscape.zones[year]
    seen = landscape.glacier[year].copy()
    for zone, to, share in MISTAKES:
        seen = _change(seen, zones == zone, to, share if ragged else share / 5, smallest=3_000 / pixel**2, rng=rng)
    inside, outside = (ndimage.distance_transform_edt(part, sampling=pixel) for part in (seen, ~seen))
    half = pixel / 2
    distance = np.where(seen, inside - half, half - outside)  # metres to the edge, positive inside
    if not ragged:
        distance = blur(distance, 60 / pixel)
    broad, fine = (700, 120) if ragged else (900, 300)
    error = 0.75 * noise.smooth_field(seen.shape, broad / pixel, rng) + 0.66 * noise.smooth_field(
        seen.shape, fine / pixel, rng
    )
    drawn = distance + DEVIATION * np.sqrt(np.pi / 4) * error > 0  # both err, so each by 1/√2 of it
    return _polygons(drawn, landscape, smallest=2 * pixel**2 if ragged else 50_000, soften=0 if ragged else pixel)


def true_outlines(landscape: Landscape, year: int) -> gpd.GeoDataFrame:
    """Trace the true outlines of a year, EPSG:32633."""
    return outlines.from_mask(landscape.glacier[year] & landscape.known, landscape.geobox)


def _change(mask: Mask, candidate: Mask, to: bool, share: float, *, smallest: float, rng: np.random.Generator) -> Mask:
    """Set a share of the patches of a kind to glacier or not glacier, patch by patch; nobody draws the smallest."""
    label, count = ndimage.label(candidate)
    chosen = (rng.random(count + 1) < share) & (np.bincount(label.ravel(), minlength=count + 1) >= smallest)
    chosen[0] = False
    return np.where(chosen[label], to, mask)


def _polygons(drawn: Mask, landscape: Landscape, *, smallest: float, soften: float) -> gpd.GeoDataFrame:
    shapes = outlines.from_mask(drawn, landscape.geobox)
    if soften:
        shapes = shapes.set_geometry(shapes.simplify(soften).make_valid())
    if not landscape.known.all():
        shapes = shapes.clip(outlines.from_mask(landscape.known, landscape.geobox), keep_geom_type=True)
    return shapes[shapes.area >= smallest].reset_index(drop=True)
