"""Compare a map with the truth where the truth is known, as that of a simulated archive is."""

import math
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from glaciersar.evaluation.scoring import score_map
from glaciersar.io.rasters import read_overview
from glaciersar.outlines import read_outlines, to_mask

TRUTH = "outlines.gpkg", "truth"
"""File and layer in which the simulator leaves the true glaciers beside its scenes."""


@dataclass(frozen=True, kw_only=True)
class TruthComparison:
    """How a map agrees with the truth; printed, it is a sentence."""

    glacier: NDArray[np.bool_] | None
    """(H, W) true glaciers on the grid of the map's overview; None where nobody knows them."""
    iou: float
    """Of glacier, over all pixels of the map; NaN without a truth."""

    def __str__(self) -> str:
        if self.glacier is None:
            return "no truth is known of this place, so there is no score"
        return f"IoU with the truth: {self.iou:.2f} (simulated radar)"


def compare_with_truth(probability: str | Path, archive: str | Path) -> TruthComparison:
    """Compare a map with the true glaciers of the archive that it was made from, if the archive knows them.

    Args:
        probability: The map, as `inference.region.map_region` writes it.
        archive: Folder or catalogue of its scenes; without a layer of true outlines, such as any folder of real
            scenes, there is nothing to compare.
    """
    name, layer = TRUTH
    path = (Path(archive).parent if Path(archive).is_file() else Path(archive)) / name
    if not path.exists() or layer not in set(gpd.list_layers(path)["name"]):
        return TruthComparison(glacier=None, iou=math.nan)
    truth = read_outlines(path, layer=layer)
    _, grid = read_overview(probability)
    return TruthComparison(glacier=to_mask(truth, grid), iou=score_map(probability, truth).iou)
