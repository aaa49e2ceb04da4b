"""Map one tile by several models, for a picture of them side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from glaciersar.evaluation.mapped_tiles import iter_tile_maps
from glaciersar.evaluation.scoring import map_outlines
from glaciersar.io.atomic import require_file
from glaciersar.models import pretrained


def map_tile_by_models(
    folder: str | Path,
    models: Sequence[str],
    path: str | Path,
    tile: str,
    *,
    window: int = 384,
    outlines: Mapping[str, gpd.GeoDataFrame | None] | None = None,
    device: str = "auto",
) -> dict[str, NDArray[np.floating]]:
    """Map a tile by each of some models, as `scoring.score_models` does.

    Args:
        folder: Holds NAME/weights.safetensors for each model of the run.
        models: Models of the run, or weights in `pretrained.PUBLISHED` or `SHIPPED`.
        path: The dataset file.
        tile: Name of the group.
        window: Side of a mapping window, pixels.
        outlines: Outlines that are shown as maps too, such as a second annotator's, by name; None is left out.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.

    Returns:
        Probability (H, W) of glacier by model, NaN where a recipe does not map a pixel; 0 or 1 for outlines.
    """
    maps = {}
    for name in models:
        known = name in pretrained.PUBLISHED or name in pretrained.SHIPPED
        weights = name if known else require_file(Path(folder) / name / "weights.safetensors", made_by="04-train")
        model = pretrained.load(weights)
        found = iter_tile_maps(model, path, window=window, progress=False, names=[tile], device=device)
        maps[name] = next(probability for _, probability, _ in found)
    for name, drawn in (outlines or {}).items():
        if drawn is not None:
            mask = next(result.found for result in map_outlines(drawn, path) if result.name == tile)
            maps[name] = mask.astype(np.float32)
    return maps
