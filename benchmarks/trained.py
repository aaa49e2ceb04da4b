"""Networks that `make reproduce` trains, and wider ones; the test tiles (*simulated* radar) to judge their maps on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from glaciersar.dataset.patches import WholeTiles
from glaciersar.models import Network, pretrained

RUN = Path("runs/simulated")
WIDE = Path("runs/wide")
"""Networks of the published width, trained on the tiles of `RUN`: benchmarks/rounding.py tells how."""
NETWORKS = ("unet3d", "ulstm")
ABSENT = f"Left out: {RUN} is not there, which `make reproduce` makes."

Tile = tuple[Tensor, Tensor]
"""Series (F, T, H, W) and labels (2, H, W)."""


def load(name: str, run: Path = RUN) -> Network:
    """Read the trained weights of a network."""
    return pretrained.load(weights(name, run))


def weights(name: str, run: Path = RUN) -> Path:
    """Tell where a run keeps the trained weights of a network."""
    return run / "models" / name / "weights.safetensors"


def test_tiles() -> list[Tile]:
    """Read the test tiles; none if there is no run."""
    path = RUN / "dataset/test.h5"
    return [(series, labels) for series, labels, _ in WholeTiles(path)] if path.exists() else []


def called(probability: Callable[[Tensor], Tensor | np.ndarray], tiles: list[Tile]) -> np.ndarray:
    """Map each tile, (F, T, H, W) -> (H, W); tell which of the pixels that radar sees are called glacier, in a row."""
    maps = [np.asarray(probability(series)) > 0.5 for series, _ in tiles]
    return np.concatenate([glacier[_seen(labels)] for glacier, (_, labels) in zip(maps, tiles, strict=True)])


def truth(tiles: list[Tile]) -> np.ndarray:
    """Tell which of these pixels are glacier in the outlines."""
    return np.concatenate([(labels[1] > labels[0]).numpy()[_seen(labels)] for _, labels in tiles])


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Give the intersection over union of two sets of pixels."""
    return float(np.sum(one & other) / np.sum(one | other))


def _seen(labels: Tensor) -> np.ndarray:
    return (labels.sum(0) > 0).numpy()
