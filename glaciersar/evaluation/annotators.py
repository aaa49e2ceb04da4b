"""Inter-annotator agreement: how far two annotators of the same glaciers agree, a reference and no upper bound."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion

LAYERS = ("reference", "second_annotator", "truth")
STEP = 50.0  # metres along a boundary between two measurements
SAME_EDGE = 250.0  # metres: a boundary with no other nearer was drawn by one annotator only
TOUCH = 1.0  # metres: a boundary this near to the edge of the landscape is that edge


@dataclass(frozen=True, kw_only=True)
class BoundaryDisagreement:
    """How far the boundaries of two annotators lie apart where both drew one."""

    deviation: float
    """Standard deviation of the distance, metres, outwards positive and inwards negative: 1.4826 times the median of
    its size (Höhle and Höhle 2009, ISPRS Journal 64), which patches that only one of them drew hardly change."""
    mean: float
    """Mean of the distance without its sign, metres."""
    matched: float
    """Fraction of the boundaries with one of the other annotator within 250 m."""


def inter_annotator_agreement(path: str | Path) -> pd.DataFrame:
    """Measure how far the two annotators agree: a reference for a model's scores and no upper bound.

    Args:
        path: outlines.gpkg of a simulated archive.

    Returns:
        A row for each landscape and year, and a last one for each year over all landscapes ("all"), with columns
        landscape, year, iou (second annotator against reference), truth_iou (reference against truth).
    """
    layers = {name: outlines.read_outlines(path, layer=name) for name in LAYERS}
    joined = {name: layer.dissolve(by=["landscape", "year"]).geometry for name, layer in layers.items()}
    counted: dict[tuple[str, int], list[Confusion]] = {}
    for landscape, year in joined["truth"].index:
        reference, second, truth = (joined[name].get((landscape, year), shapely.Polygon()) for name in LAYERS)
        areas = [_areas(reference, second), _areas(truth, reference)]
        counted[landscape, year] = areas
        pooled = counted.get(("all", year), [Confusion(), Confusion()])
        counted["all", year] = [before + now for before, now in zip(pooled, areas, strict=True)]
    rows = [(*key, between.iou, against_truth.iou) for key, (between, against_truth) in counted.items()]
    table = pd.DataFrame(rows, columns=["landscape", "year", "iou", "truth_iou"])
    return table.sort_values("landscape", key=lambda names: names == "all", kind="stable", ignore_index=True)


def _areas(truth: BaseGeometry, found: BaseGeometry) -> Confusion:
    """Count square metres as if they were pixels; the area outside both is not counted."""
    both, missed, excess = truth.intersection(found), truth.difference(found), found.difference(truth)
    return Confusion(tp=round(both.area), fn=round(missed.area), fp=round(excess.area))


def boundary_disagreement(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> BoundaryDisagreement:
    """Measure the distance between the boundaries that two annotators drew, every 50 m along both.

    A boundary without one of the other within 250 m is a patch that only one of them took for glacier; it is no
    shift of a boundary and is left out. So is the edge of a landscape, where outlines are cut: the bounding box of all
    that both drew there, which is that edge on each side that the ice reaches.

    Args:
        one: Outlines in a system of metres, with columns landscape and year if there are several.
        other: The same of another annotator.

    Raises:
        InputError: No boundary of one lies near one of the other.
    """
    names = [name for name in ("landscape", "year") if name in one and name in other]
    layers = [_joined(layer, names) for layer in (one, other.to_crs(one.crs))]
    distances = [
        _boundary_distances(layers[k][key], layers[1 - k][key], box)
        for key in layers[0].keys() & layers[1].keys()
        for box in [shapely.box(*shapely.total_bounds([layer[key] for layer in layers]))]
        for k in (0, 1)
    ]
    found = np.sort(np.concatenate([np.empty(0), *distances]))  # sums in one order, whatever that of the keys
    near = found[np.abs(found) <= SAME_EDGE]
    if not near.size:
        raise InputError(f"no boundary of one annotator within {SAME_EDGE:g} m of the other's found, some expected")
    deviation, mean = 1.4826 * np.median(np.abs(near)), np.abs(near).mean()  # about 0: a shift is a disagreement, too
    return BoundaryDisagreement(deviation=float(deviation), mean=float(mean), matched=near.size / found.size)


def archive_disagreement(path: str | Path) -> BoundaryDisagreement:
    """Measure `boundary_disagreement` on the two annotators of a simulated archive.

    Args:
        path: Its outlines.gpkg.

    Raises:
        InputError: There is no such file; real radar has no second annotator.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: no outlines of two annotators found; expected them, or disagreement given in metres")
    one, other = (outlines.read_outlines(path, layer=name) for name in LAYERS[:2])
    return boundary_disagreement(one, other)


def _joined(layer: gpd.GeoDataFrame, names: list[str]) -> dict[Hashable, BaseGeometry]:
    """Join the outlines of each landscape and year."""
    if not names:
        return {(): layer.union_all()}
    return dict(layer.dissolve(by=names).geometry.items())


def _boundary_distances(one: BaseGeometry, other: BaseGeometry, box: BaseGeometry) -> NDArray[np.float64]:
    """Measure the signed distances from points along the boundary of one to that of the other, metres; outside is +."""
    lines = shapely.get_parts(shapely.line_merge(one.boundary.difference(shapely.boundary(box).buffer(TOUCH))))
    if not lines.size or other.is_empty:
        return np.empty(0)
    counts = np.maximum(shapely.length(lines) // STEP, 1).astype(int)
    places = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    points = shapely.line_interpolate_point(np.repeat(lines, counts), places, normalized=True)
    corners, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(other)), return_index=True)
    pieces = shapely.linestrings(np.stack((corners[:-1], corners[1:]), axis=1)[ring[:-1] == ring[1:]])
    nearest = pieces[shapely.STRtree(pieces).nearest(points)]
    shapely.prepare(other)
    distance: NDArray[np.float64] = shapely.distance(points, nearest)
    return np.where(shapely.contains(other, points), -distance, distance)
