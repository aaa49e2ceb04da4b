"""Map the tiles of a dataset file, one at a time, by the recipe of a model and on a device."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from glaciersar.dataset.date_sampling import DATES
from glaciersar.dataset.patches import WholeTiles
from glaciersar.inference.ahead import compute_ahead
from glaciersar.inference.as_released import map_inner_windows
from glaciersar.inference.backends import make_predictor, place
from glaciersar.inference.ensemble import Networks, members_of
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.sliding_window import Tiling, map_array
from glaciersar.inference.trained_dates import named_dates, trained_dates
from glaciersar.models import Network
from glaciersar.models.features import features_of
from glaciersar.recipe import CORRECTED, Recipe, find_recipe


def iter_tile_maps(
    model: Network,
    path: str | Path,
    *,
    window: int,
    progress: bool,
    names: Collection[str] | None = None,
    dates: Sequence[int] | None = None,
    device: str = "auto",
) -> Iterator[tuple[str, NDArray[np.floating], NDArray[np.floating]]]:
    """Map tiles of a dataset file, all or those with the given names, one at a time.

    Args:
        model: From `pretrained.load`.
        path: The dataset file.
        window: Side of a mapping window, pixels.
        progress: Show a progress bar.
        names: Tiles to map; None maps all.
        dates: Which of a tile's 15 dates the model is shown, 0 … 14, in their order: one of them, or all but a season.
            None shows those it was trained on. The nearest of these stand in place of those that are
            left out, so that it sees as many as in training.
        device: "auto", "cpu", "cuda" or "cuda:1", as for `backends.place`.

    Yields:
        Name, probability (H, W) and labels (2, H, W) of a tile, without padding.

    Raises:
        InputError: A date that does not exist, a number of dates that the model does not take, or no dates for a
            model that was trained on single ones.
    """
    shown = trained_dates(model, of=DATES) if dates is None else named_dates(model, dates)
    padded = not recipe_of(model).margins_covered
    tiles = WholeTiles(path, features=features_of(model), padded=padded, shown=shown)
    model = place(model, device)
    chosen = [index for index, entry in enumerate(tiles.entries) if names is None or entry.name in names]
    # float32 on torch: scores must not depend on which precision is fast on a machine
    predictor = make_predictor(model, backend="torch", precision="float32", device=device)
    read = compute_ahead(tiles.__getitem__, chosen) if predictor.on_gpu else map(tiles.__getitem__, chosen)
    title = f"mapping tiles, {model.name} ({predictor})"
    for index, tile in zip(chosen, tqdm(read, title, len(chosen), disable=not progress), strict=True):
        series, labels, name = tile
        inner = tiles.entries[index].inner if tiles.padded else (...,)
        yield name, _map(model, predictor, series, window=window)[inner], labels.numpy()[:, *inner]


def iter_mean_maps(
    models: Networks, path: str | Path, *, window: int, progress: bool, device: str = "auto"
) -> Iterator[tuple[str, NDArray[np.floating], NDArray[np.floating]]]:
    """Map all tiles by one network or several, each by its own recipe; yields their mean as `iter_tile_maps` does."""
    members = [
        iter_tile_maps(model, path, window=window, progress=progress, device=device) for model in members_of(models)
    ]
    for found in zip(*members, strict=True):
        name, _, labels = found[0]
        maps = [probability for _, probability, _ in found]
        yield name, maps[0] if len(maps) == 1 else np.mean(maps, 0, dtype=float).astype(np.float32), labels


def recipe_of(model: Network) -> Recipe:
    """Find the recipe of a model; without one in its metadata, the corrected one."""
    return find_recipe(model.metadata.get("recipe", CORRECTED.name))


def _map(model: Network, predictor: Predictor, series: Tensor, *, window: int) -> NDArray[np.floating]:
    """Map a series (F, T, H, W) by the model's recipe; gives the probability of glacier (H, W)."""
    if recipe_of(model).margins_covered:
        return map_array(predictor, series, tiling=Tiling(window=window, overlap=0.5))
    both = map_inner_windows(model, series, window=min(window, *series.shape[-2:]))
    glacier: NDArray[np.floating] = both[1]
    return glacier
