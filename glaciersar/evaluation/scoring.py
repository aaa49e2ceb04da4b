"""Score models, outlines and whole maps against reference outlines.

Inter-annotator agreement is scored the same way. It is a reference and no upper bound: a model can learn the habits of
the annotator who drew the reference.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar import outlines
from glaciersar.dataset.hdf5 import check_no_leakage
from glaciersar.dataset.patches import WholeTiles
from glaciersar.dataset.summary import pixel_size
from glaciersar.evaluation.mapped_tiles import iter_mean_maps, iter_tile_maps, recipe_of
from glaciersar.evaluation.metrics import Confusion, TileResult, headline_scores, score_tiles
from glaciersar.grid import SUBSETS, Group
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.histogram import ProbabilityHistogram
from glaciersar.io import rasters
from glaciersar.io.atomic import require_file
from glaciersar.models import Network, pretrained

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
    "iou_truth": "IoU against truth",
}
"""What the table of models shows: name in `metrics.headline_scores`, and its heading. The last needs a known truth."""


def map_tiles(
    model: Network,
    path: str | Path,
    *,
    window: int = 384,
    progress: bool = False,
    dates: Sequence[int] | None = None,
    names: Collection[str] | None = None,
    device: str = "auto",
) -> Iterator[TileResult]:
    """Map every tile of a dataset file, one at a time, beside its reference, by the recipe of the model.

    Args:
        model: From `pretrained.load`; without a recipe in its metadata it is mapped by the corrected one.
        path: The dataset file.
        window: Side of a mapping window, pixels; a smaller tile is mapped in one piece.
        progress: Show a progress bar.
        dates: Which of a tile's dates it is mapped from, as for `iter_tile_maps`.
        names: Tiles to map; None maps all.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.
    """
    masked = recipe_of(model).nodata_masked
    maps = iter_tile_maps(model, path, window=window, progress=progress, names=names, dates=dates, device=device)
    for name, probability, glacier in maps:
        yield TileResult(
            name=name,
            truth=glacier[1] > 0.5,
            found=probability > 0.5,  # NaN is not above: background
            valid=glacier.sum(0) > 0 if masked else None,
        )


def histogram_tiles(
    model: Networks, path: str | Path, *, window: int = 384, progress: bool = False, device: str = "auto"
) -> ProbabilityHistogram:
    """Map every tile of a dataset file and count its pixels by probability and class, for a calibration.

    Pixels without radar data, and those that the model's recipe does not map, are not counted.

    Args:
        model: From `pretrained.load`; or several, whose mean is counted.
        path: The dataset file: val.h5 to calibrate, test.h5 to test the calibration.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.
    """
    histogram = ProbabilityHistogram.empty()
    for _, probability, glacier in iter_mean_maps(model, path, window=window, progress=progress, device=device):
        seen = (glacier.sum(0) > 0) & np.isfinite(probability)
        histogram += ProbabilityHistogram.of(probability, glacier[1] > 0.5, seen)
    return histogram


def map_selected_tiles(
    folder: str | Path, path: str | Path, names: Sequence[str], *, window: int = 384, device: str = "auto"
) -> dict[str, NDArray[np.floating]]:
    """Map some tiles of a dataset file with the trained weights in a folder, as `map_tiles` does.

    Returns:
        Probability (H, W) by name; NaN where the recipe does not map a pixel.
    """
    model = pretrained.load(require_file(Path(folder) / "weights.safetensors", made_by="04-train"))
    maps = iter_tile_maps(model, path, window=window, progress=False, names=names, device=device)
    return {name: probability for name, probability, _ in maps}


def tile_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of single tiles of the frame of `score_models`, with columns model and tile."""
    rows = scores.reset_index()
    return rows[~rows["tile"].isin(("pooled", "mean", "std"))]


def score_models(
    folder: str | Path,
    names: Sequence[str],
    test: str | Path,
    *,
    window: int = 384,
    progress: bool = False,
    dates: Sequence[int] | None = None,
    truth: gpd.GeoDataFrame | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Score trained models on test tiles, each on the features and dates it was trained on.

    Args:
        folder: Holds NAME/weights.safetensors for each model of the run.
        names: Models of the run, or weights in `pretrained.PUBLISHED`, mapped by the corrected recipe, or `SHIPPED`.
        test: The dataset file.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.
        dates: Which dates all of them are shown instead, as for `iter_tile_maps`.
        truth: True outlines of a simulated archive, as for `score_results`.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.

    Returns:
        The frames of `score_results`, indexed by model and tile.
    """
    check_no_leakage(Path(test).parent, subsets=[s for s in SUBSETS if (Path(test).parent / f"{s}.h5").exists()])
    weights = {
        name: name
        if name in pretrained.PUBLISHED or name in pretrained.SHIPPED
        else require_file(Path(folder) / name / "weights.safetensors", made_by="04-train")
        for name in names
    }
    pixel = pixel_size(require_file(test, made_by="02-dataset"))
    frames = {}
    for name, found in weights.items():
        model = pretrained.load(found)
        results = map_tiles(model, test, window=window, progress=progress, dates=dates, device=device)
        frames[name] = score_results(results, pixel=pixel, truth=truth)
    return pd.concat(frames, names=["model"])


def score_results(
    results: Iterable[TileResult], *, pixel: float, truth: gpd.GeoDataFrame | None = None
) -> pd.DataFrame:
    """Score maps against the reference and, where it is known, against the truth.

    Args:
        results: One a tile, named as its group; read one at a time.
        pixel: Side of a pixel, metres.
        truth: True outlines with a column `year`.

    Returns:
        The frame of `metrics.score_tiles`, with a column iou_truth where the truth is given.
    """
    if truth is None:
        return score_tiles(results, pixel=pixel)
    counts: dict[str, Confusion] = {}

    def counted() -> Iterator[TileResult]:
        for result in results:
            true = _draw(truth, result.name, result.truth.shape[-1])
            counts[result.name] = Confusion.of(true, result.found > 0.5, result.valid)
            yield result

    frame = score_tiles(counted(), pixel=pixel)
    by_tile = pd.Series({name: count.iou for name, count in counts.items()})
    pooled = sum(counts.values(), Confusion()).iou
    return frame.assign(
        iou_truth=pd.concat([by_tile, pd.Series({"pooled": pooled, "mean": by_tile.mean(), "std": by_tile.std()})])
    )


def _draw(drawn: gpd.GeoDataFrame, name: str, side: int) -> NDArray[np.bool_]:
    """Draw the outlines of a group's year onto the pixels of its tile, (side, side)."""
    group = Group.parse(name)
    of_year = outlines.outlines_of_year(drawn, group.year)
    return outlines.to_mask(of_year, group.tile.geobox(pixel=group.tile.grid.tile_size / side))


def map_outlines(other: gpd.GeoDataFrame, test: str | Path) -> Iterator[TileResult]:
    """Take other outlines as the map of every tile of a dataset file; each takes its year's where they have years."""
    tiles = WholeTiles(test)
    for _, labels, name in (tiles[index] for index in range(len(tiles))):
        glacier = labels.numpy()
        mask = _draw(other, name, glacier.shape[-1])
        yield TileResult(name=name, truth=glacier[1] > 0.5, found=mask, valid=glacier.sum(0) > 0)


def score_outlines(other: gpd.GeoDataFrame, test: str | Path, *, truth: gpd.GeoDataFrame | None = None) -> pd.DataFrame:
    """Score other outlines against the reference of the test tiles, as if they were a model's map.

    A second annotator's outlines give the inter-annotator agreement, a reference and no upper bound.

    Args:
        other: Outlines; with a column `year`, each tile takes its own year's.
        test: A dataset file written by `dataset.build`, whose groups name their tile and year.
        truth: True outlines of a simulated archive, as for `score_results`.

    Returns:
        The frame of `score_results`.
    """
    return score_results(map_outlines(other, test), pixel=pixel_size(test), truth=truth)


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
        inside: (H, W) pixels to count; by default all.
        side: Side of a window, pixels.
    """
    counts = Confusion()
    with rasters.open_map(path) as file:
        geobox, drawn = rasters.geobox_of(file), drawn.to_crs(file.crs)
        for window in rasters.iter_windows(file, side=side):
            here, probability = window.toslices(), rasters.read_window(file, window)
            part = geobox[here]
            left, bottom, right, top = part.boundingbox.bbox
            truth = outlines.to_mask(drawn.cx[left:right, bottom:top], part)
            valid = np.isfinite(probability) & (True if inside is None else inside[here])
            counts += Confusion.of(truth, probability > 0.5, valid)
    return counts


def summarize_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Reduce the frame of `score_models` to one row a model, with the headings of the table."""
    rows = {str(model): headline_scores(frame.droplevel(0)) for model, frame in scores.groupby(level=0, sort=False)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table[[name for name in COLUMNS if name in table]].rename(columns=COLUMNS).rename_axis("model")
