"""Outlines that people drew, or that are true, scored beside models: what a score can be compared with."""

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd

from glaciersar import outlines
from glaciersar.evaluation import metrics, scoring

SECOND = "second annotator"
TRUTH = "truth"
LAYERS = {SECOND: "second_annotator", TRUTH: "truth"}
"""Names, and the layers of outlines.gpkg."""


def read_drawn(archive: str | Path | None, *, annotator: str | Path = "") -> dict[str, gpd.GeoDataFrame]:
    """Read the outlines that stand beside the reference: of a second annotator, and the truth where it is known.

    Args:
        archive: outlines.gpkg of a simulated archive; None, or a file that is not there, for real radar.
        annotator: Outlines of a second annotator, instead of those of the archive; empty for none.

    Returns:
        Outlines by the names "second annotator" and "truth", as far as there are any.
    """
    drawn = {}
    if archive and Path(archive).exists():
        drawn = {name: outlines.read_outlines(archive, layer=layer) for name, layer in LAYERS.items()}
    return drawn | ({SECOND: outlines.read_outlines(annotator)} if annotator else {})


def add_drawn(scores: pd.DataFrame, drawn: Mapping[str, gpd.GeoDataFrame], test: str | Path) -> pd.DataFrame:
    """Add what outlines score against the reference to the scores of models, as if they were maps.

    Args:
        scores: From `scoring.score_models`.
        drawn: From `read_drawn`.
        test: The dataset file.

    Returns:
        The frame of `scoring.score_models`, with rows for the outlines below.
    """
    truth = drawn.get(TRUTH)
    others = {name: scoring.score_outlines(own, test, truth=truth) for name, own in drawn.items()}
    return pd.concat([scores, pd.concat(others, names=["model"])]) if others else scores


def annotator_agreement(scores: pd.DataFrame) -> float | None:
    """Take the pooled IoU of the second annotator from the frame of `add_drawn`; None where there is no such row.

    It is a reference and no upper bound: a model can learn the habits of the annotator who drew the reference.
    """
    rows = scores[scores.index.get_level_values("model") == SECOND]
    return None if rows.empty else float(metrics.headline_scores(rows.droplevel("model"))["iou"])
