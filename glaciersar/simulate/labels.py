"""Reference outlines as a person draws them, and how far two people agree."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from glaciersar import outlines
from glaciersar.metrics import Confusion
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
    rng = noise.stream(seed, "annotator", annotator, year)
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
    error = 0.75 * noise.smooth(seen.shape, broad / pixel, rng) + 0.66 * noise.smooth(seen.shape, fine / pixel, rng)
    drawn = distance + DEVIATION * np.sqrt(np.pi / 4) * error > 0  # both err, so each by 1/√2 of it
    return _polygons(drawn, landscape, smallest=2 * pixel**2 if ragged else 50_000, soften=0 if ragged else pixel)


def truth(landscape: Landscape, year: int) -> gpd.GeoDataFrame:
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


def ceiling(path: str | Path) -> pd.DataFrame:
    """Measure how far the two annotators agree: the score that no model should pass.

    Args:
        path: outlines.gpkg of a simulated archive.

    Returns:
        A row for each landscape and year, and a last one for each year over all landscapes ("all"), with columns
        landscape, year, iou (second annotator against reference), truth_iou (reference against truth).
    """
    layers = {name: outlines.read(path, layer=name) for name in ("reference", "second_annotator", "truth")}
    joined = {name: layer.dissolve(by=["landscape", "year"]).geometry for name, layer in layers.items()}
    counted: dict[tuple[str, int], list[Confusion]] = {}
    for landscape, year in joined["truth"].index:
        reference, second, true = (
            joined[name].get((landscape, year), shapely.Polygon())
            for name in ("reference", "second_annotator", "truth")
        )
        areas = [_areas(reference, second), _areas(true, reference)]
        counted[landscape, year] = areas
        pooled = counted.get(("all", year), [Confusion(), Confusion()])
        counted["all", year] = [before + now for before, now in zip(pooled, areas, strict=True)]
    rows = [(*key, between.iou, right.iou) for key, (between, right) in counted.items()]
    table = pd.DataFrame(rows, columns=["landscape", "year", "iou", "truth_iou"])
    return table.sort_values("landscape", key=lambda names: names == "all", kind="stable", ignore_index=True)


def _areas(truth: BaseGeometry, found: BaseGeometry) -> Confusion:
    """Count square metres as if they were pixels; how much lies outside both is not known."""
    both, missed, more = truth.intersection(found), truth.difference(found), found.difference(truth)
    return Confusion(tp=round(both.area), fn=round(missed.area), fp=round(more.area))
