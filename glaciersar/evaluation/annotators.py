"""Inter-annotator agreement: how far two annotators of the same glaciers agree, a reference and no upper bound."""

from pathlib import Path

import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar import outlines
from glaciersar.evaluation.metrics import Confusion

LAYERS = ("reference", "second_annotator", "truth")


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
