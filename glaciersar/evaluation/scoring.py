"""Score models on test tiles, beside the agreement of two annotators that no model should pass."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from glaciersar import outlines
from glaciersar.dataset.hdf5 import check_no_leakage
from glaciersar.dataset.patches import WholeTiles
from glaciersar.dataset.summary import pixel_size
from glaciersar.evaluation.metrics import Confusion, TileResult, headline_scores, score_tiles
from glaciersar.grid import SUBSETS, TILE_SIZE, Group
from glaciersar.inference.as_released import map_inner_windows
from glaciersar.inference.histogram import ProbabilityHistogram
from glaciersar.inference.sliding_window import Tiling, map_array
from glaciersar.io import rasters
from glaciersar.io.atomic import require_file
from glaciersar.models import Network, pretrained
from glaciersar.models.features import features_of
from glaciersar.recipe import CORRECTED, Recipe, find_recipe

COLUMNS = {
    "iou": "IoU, pooled",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "accuracy": "accuracy",
    "mean_iou": "IoU, mean of tiles",
    "std_iou": "± std",
    "boundary_median": "boundary, median (m)",
    "boundary_p95": "boundary, 95 % (m)",
}
"""What the table of models shows: name in `metrics.headline_scores`, and its heading."""


def map_tiles(model: Network, path: str | Path, *, window: int = 384, progress: bool = False) -> Iterator[TileResult]:
    """Map every tile of a dataset file, one at a time, beside its reference, by the recipe of the model.

    Args:
        model: From `pretrained.load`; where its metadata names no recipe, the corrected one holds.
        path: The dataset file.
        window: Side of a mapping window, pixels; a smaller tile is mapped in one piece.
        progress: Show a progress bar.
    """
    masked = _recipe(model).nodata_masked
    for name, probability, glacier in iter_tile_maps(model, path, window=window, progress=progress):
        yield TileResult(
            name=name,
            truth=glacier[1] > 0.5,
            found=probability > 0.5,  # NaN is not above: background
            valid=glacier.sum(0) > 0 if masked else None,
        )


def iter_tile_maps(
    model: Network, path: str | Path, *, window: int, progress: bool
) -> Iterator[tuple[str, NDArray[np.floating], NDArray[np.floating]]]:
    """Map every tile of a dataset file: its name, the probability (H, W) and the labels (2, H, W), without padding."""
    tiles = WholeTiles(path, features=features_of(model), padded=not _recipe(model).margins_covered)
    for index in tqdm(range(len(tiles)), desc=f"mapping tiles, {model.name}", disable=not progress):
        series, labels, name = tiles[index]
        inner = tiles.entries[index].inner if tiles.padded else (...,)
        yield name, _map(model, series, window=window)[inner], labels.numpy()[:, *inner]


def histogram_tiles(
    model: Network, path: str | Path, *, window: int = 384, progress: bool = False
) -> ProbabilityHistogram:
    """Map every tile of a dataset file and count its pixels by probability and truth, for a calibration.

    Pixels that radar does not see, and those that the recipe of the model leaves out, are not counted.

    Args:
        model: From `pretrained.load`.
        path: The dataset file: val.h5 to calibrate on, test.h5 to judge on.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.
    """
    tally = ProbabilityHistogram.empty()
    for _, probability, glacier in iter_tile_maps(model, path, window=window, progress=progress):
        seen = (glacier.sum(0) > 0) & np.isfinite(probability)
        tally += ProbabilityHistogram.of(probability, glacier[1] > 0.5, seen)
    return tally


def map_selected_tiles(
    folder: str | Path, path: str | Path, names: Sequence[str], *, window: int = 384
) -> dict[str, NDArray[np.floating]]:
    """Map some tiles of a dataset file with the trained weights in a folder, as `map_tiles` does.

    Returns:
        Probability (H, W) by name; NaN where the recipe leaves pixels out.
    """
    model = pretrained.load(require_file(Path(folder) / "weights.safetensors", made_by="03-train"))
    tiles = WholeTiles(path, features=features_of(model), padded=not _recipe(model).margins_covered)
    maps = {}
    for index, entry in enumerate(tiles.entries):
        if entry.name in names:
            probability = _map(model, tiles[index][0], window=window)
            maps[entry.name] = probability[entry.inner] if tiles.padded else probability
    return maps


def _recipe(model: Network) -> Recipe:
    return find_recipe(model.metadata.get("recipe", CORRECTED.name))


def _map(model: Network, series: Tensor, *, window: int) -> NDArray[np.floating]:
    """Map the probability of glacier (H, W) by the recipe of the model."""
    if _recipe(model).margins_covered:
        # as exact as can be: scores must not depend on what the machine multiplies fast
        return map_array(model, series, tiling=Tiling(window=window, overlap=0.5), backend="torch", precision="float32")
    return map_inner_windows(model, series, window=min(window, *series.shape[-2:]))[1]


def tile_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of single tiles of the frame of `score_models`, with columns model and tile."""
    rows = scores.reset_index()
    return rows[~rows["tile"].isin(("pooled", "mean", "std"))]


def score_models(
    folder: str | Path, names: Sequence[str], test: str | Path, *, window: int = 384, progress: bool = False
) -> pd.DataFrame:
    """Score trained models on test tiles, each on the features it was trained on.

    Args:
        folder: Holds NAME/weights.safetensors for each model of the run.
        names: Models of the run, or weights in `pretrained.PUBLISHED`, which are mapped by the corrected recipe.
        test: The dataset file.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.

    Returns:
        The frames of `metrics.score_tiles`, indexed by model and tile.
    """
    check_no_leakage(Path(test).parent, subsets=[s for s in SUBSETS if (Path(test).parent / f"{s}.h5").exists()])
    weights = {
        name: name
        if name in pretrained.PUBLISHED
        else require_file(Path(folder) / name / "weights.safetensors", made_by="03-train")
        for name in names
    }
    pixel = pixel_size(require_file(test, made_by="02-dataset"))
    frames = {}
    for name, found in weights.items():
        results = map_tiles(pretrained.load(found), test, window=window, progress=progress)
        frames[name] = score_tiles(results, pixel=pixel)
    return pd.concat(frames, names=["model"])


def score_outlines(other: gpd.GeoDataFrame, test: str | Path) -> pd.DataFrame:
    """Score other outlines against the reference of the test tiles, as if they were a model's map.

    A second annotator's outlines give the inter-annotator agreement, a reference and no upper bound.

    Args:
        other: Outlines; with a column `year`, each tile takes its own year's.
        test: A dataset file written by `dataset.build`.

    Returns:
        The frame of `metrics.score_tiles`.
    """

    def results() -> Iterator[TileResult]:
        tiles = WholeTiles(test)
        for _, labels, name in (tiles[index] for index in range(len(tiles))):
            glacier = labels.numpy()
            group = Group.parse(name)
            drawn = outlines.outlines_of_year(other, group.year)
            mask = outlines.to_mask(drawn, group.tile.geobox(pixel=TILE_SIZE / glacier.shape[-1]))
            yield TileResult(name=name, truth=glacier[1] > 0.5, found=mask, valid=glacier.sum(0) > 0)

    return score_tiles(results(), pixel=pixel_size(test))


def score_map(
    path: str | Path,
    drawn: gpd.GeoDataFrame,
    *,
    inside: NDArray[np.bool_] | None = None,
    side: int = rasters.WINDOW_SIDE,
) -> Confusion:
    """Count the pixels of a probability map of any size against outlines, window by window.

    Args:
        path: As `large_raster` or `sliding_window.write_map` write it; pixels without data are not counted.
        drawn: The outlines, in any CRS.
        inside: (H, W) pixels to count, if not all.
        side: Of a window, pixels.
    """
    counts = Confusion()
    with rasters.open_map(path) as file:
        geobox, drawn = rasters.geobox_of(file), drawn.to_crs(file.crs)
        for window in rasters.iter_windows(file, side=side):
            here, probability = window.toslices(), rasters.read_window(file, window)
            part = geobox[here]
            left, bottom, right, top = part.boundingbox.bbox
            truth = outlines.to_mask(drawn.cx[left:right, bottom:top], part)
            counted = np.isfinite(probability) & (True if inside is None else inside[here])
            counts += Confusion.of(truth, probability > 0.5, counted)
    return counts


def summarize_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Condense the frame of `score_models` to one row a model, with the headings of the table."""
    rows = {str(model): headline_scores(frame.droplevel(0)) for model, frame in scores.groupby(level=0, sort=False)}
    return pd.DataFrame.from_dict(rows, orient="index")[list(COLUMNS)].rename(columns=COLUMNS).rename_axis("model")
