"""Import every module, train, map and score with the core dependencies alone: `python core_only.py FOLDER [blocked …]`.

Nothing outside the package is imported that an installation without extras lacks, so that it runs there, too. The
names after the folder are libraries to hide, as if they were not installed.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

FILES = ("train.h5", "val.h5", "test.h5")


def hide(libraries: set[str]) -> None:
    """Make libraries look as if they were not installed, for imports and for `importlib.util.find_spec`."""

    class Without:
        def __init__(self, finder: Any) -> None:
            self.finder = finder

        def find_spec(self, name: str, *where: Any) -> ModuleSpec | None:
            return None if name.partition(".")[0] in libraries else self.finder.find_spec(name, *where)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.finder, name)

    sys.meta_path = [Without(finder) for finder in sys.meta_path if hasattr(finder, "find_spec")]


def import_every_module() -> int:
    import glaciersar

    names = [found.name for found in pkgutil.walk_packages(glaciersar.__path__, "glaciersar.")]
    for name in names:
        importlib.import_module(name)
    return len(names)


def write_dataset(path: Path, tile: str, side: int = 20, dates: int = 16) -> None:
    """Write one tile, whose glacier is bright in every date."""
    import h5py
    import numpy as np

    glacier = np.add.outer(np.arange(side), np.arange(side)) > side
    with h5py.File(path, "w") as file:
        group = file.create_group(tile)
        group["grd"] = np.broadcast_to(0.65 + 0.1 * glacier[..., None], (dates, side, side, 1)).astype(np.float32)
        group["outlines"] = np.stack([~glacier, glacier], -1).astype(np.float32)
        sizes = {"height": side, "width": side, "orig_height": side, "orig_width": side}
        group.attrs.update(sizes | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": np.arange(15)})


def train_map_and_score(folder: Path) -> float:
    """Give the IoU of a tiny network on a tile it has not seen."""
    import torch

    from glaciersar.dataset.patches import WholeTiles
    from glaciersar.evaluation.scoring import score_models, summarize_scores
    from glaciersar.grid import Tile
    from glaciersar.inference.sliding_window import Tiling, map_array, write_map
    from glaciersar.models import pretrained
    from glaciersar.training.config import TrainConfig
    from glaciersar.training.loop import train

    torch.set_num_threads(1)
    for column, name in enumerate(FILES, start=5):
        write_dataset(folder / name, f"SVAL-{column}-6_2020_ro14")
    config = TrainConfig(
        width=2, patch=16, batch=2, epochs=2, steps_per_epoch=4, learning_rate=5e-3, restarts=[2], threads=1
    )
    train(config, folder, folder / "models" / "unet3d", progress=False)
    network = pretrained.load(folder / "models" / "unet3d" / "weights.safetensors")
    series = WholeTiles(folder / "test.h5")[0][0]
    tile = Tile(column=7, row=6)
    write_map(folder / "map.tif", map_array(network, series, tiling=Tiling(window=20)), tile.geobox(pixel=500))
    scores = score_models(folder / "models", ["unet3d"], folder / "test.h5", window=20)
    assert list(summarize_scores(scores).index) == ["unet3d"]
    return float(scores["iou"]["unet3d", "pooled"])


def refusals(folder: Path) -> list[str]:
    """Collect what is said where a step needs a library that is not installed."""
    from datetime import UTC, datetime

    import geopandas as gpd
    import shapely

    from glaciersar import models, notebooks
    from glaciersar.errors import InputError
    from glaciersar.evaluation.baselines import fit_booster
    from glaciersar.inference.backends import make_predictor
    from glaciersar.inventory.attributes import write_outlines
    from glaciersar.models.export import write_onnx
    from glaciersar.plots.web_map import draw_web_map
    from glaciersar.scenes.search import find_scenes
    from glaciersar.scenes.stac import search_items
    from glaciersar.simulate.archive import simulate_archive
    from glaciersar.simulate.settings import ArchiveSettings

    network = models.build("unet2d", width=2)
    outlines = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=32633)
    (folder / "item.json").write_text('{"type": "Feature"}')
    start = datetime(2020, 1, 1, tzinfo=UTC)
    steps: dict[str, Callable[[], object]] = {
        "simulate": lambda: simulate_archive(folder / "archive", ArchiveSettings(), progress=False),
        "catalogue": lambda: find_scenes(folder / "item.json"),
        "search": lambda: search_items("https://localhost:9", None, start, start, None, progress=False),
        "notebook": lambda: notebooks.run_notebook(folder / "book.ipynb", folder),
        "baseline": lambda: fit_booster(folder / "train.h5"),
        "openvino": lambda: make_predictor(network, backend="openvino"),
        "onnx": lambda: write_onnx(network, folder / "network.onnx"),
        "parquet": lambda: write_outlines(folder / "outlines.parquet", outlines),
        "web map": lambda: draw_web_map({"outlines": outlines}),
    }
    said = []
    for name, step in steps.items():
        try:
            step()
            said.append(f"{name}: done")
        except InputError as error:
            said.append(f"{name}: {error}")
    return said


def main() -> None:
    folder, *hidden = sys.argv[1:]
    hide(set(hidden))
    print(f"{import_every_module()} modules imported")
    print(f"IoU {train_map_and_score(Path(folder)):.2f}")
    print(*refusals(Path(folder)), sep="\n")
    print("imported although hidden:", *(set(hidden) & set(sys.modules)))


if __name__ == "__main__":
    main()
