"""From outlines to an inventory at several places: *simulated* radar, one dataset, one training, maps, export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.evaluation.metrics import Confusion
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.geodesy import areas_km2
from glaciersar.grid import SUBSETS, Group, Tile
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.region import choose_region
from glaciersar.inference.sliding_window import write_map
from glaciersar.inventory.attributes import add_attributes
from glaciersar.inventory.export import Sources, write_inventory
from glaciersar.inventory.from_map import outline_glaciers
from glaciersar.inventory.vectorize import split_by_glacier
from glaciersar.models import Network, pretrained
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train
from tools.elsewhere import ground, places

YEAR, ORBIT, SEED = 2020, 14, 1
START = "unet3d-simulated"
"""Shipped weights that the training starts from."""
SMALLEST = 1600.0
"""m², of islands and holes that outlines keep: one pixel of 40 m."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is computed; the page takes the defaults, tests take less."""

    pixel: float = 80.0
    """Of the radar, metres."""
    steps: int = 240
    patch: int = 64
    batch: int = 4
    days: int = 24
    """Between two passes."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place with its block of tiles and its *simulated* scenes."""

    place: places.Place
    glaciers: gpd.GeoDataFrame
    """All outlines of the inventory, in degrees."""
    block: Sequence[Tile]
    geobox: GeoBox
    """Of the block, with the pixels of the radar."""
    scenes: Sequence[Scene]

    @property
    def whole(self) -> gpd.GeoDataFrame:
        """The outlines that lie wholly within the block, in its system."""
        placed = self.glaciers.to_crs(self.block[0].grid.crs)
        return placed[places.within(placed, places.square_of(self.block[0]))]


def simulate_site(place: places.Place, folder: str | Path, work: Path, sizes: Sizes) -> Site:
    """Simulate a year of radar over the block of a place.

    Args:
        place: One of `places.MAPPED`.
        folder: Of the real data.
        work: Folder for the made-up elevation model and the archive.
        sizes: How much.
    """
    glaciers = places.read_glaciers(folder, place)
    block = places.choose_block(glaciers)
    square = places.square_of(block[0])
    geobox = GeoBox.from_bbox(square.bounds, block[0].grid.crs, resolution=sizes.pixel, tight=True)
    surface = ground.make_surface(glaciers, place, geobox, seed=SEED)
    dem = ground.write_surface(work / f"{place.short}.tif", surface, geobox)
    settings = ArchiveSettings(
        dem=dem,
        outlines=Path(folder) / "outlines-elsewhere" / place.file,
        pixel=sizes.pixel,
        years=(YEAR,),
        relative_orbits=(ORBIT,),
        repeat_days=sizes.days,
        missing_share=0,
        seed=SEED,
    )
    catalog = simulate_archive(work / f"{place.short}-archive", settings, replace=True, progress=False)
    return Site(place=place, glaciers=glaciers, block=block, geobox=geobox, scenes=find_scenes(catalog))


def split_blocks(sites: Sequence[Site]) -> dict[Tile, str]:
    """Deal the tiles of each block: the two with most ice are trained on, the third is for the test, the last for val.

    Neighbours stand in different subsets, so scores are optimistic about another region.
    """
    split: dict[Tile, str] = {}
    for site in sites:
        placed = site.glaciers.to_crs(site.block[0].grid.crs)
        ice = {tile: float(placed.clip(tile.bounds).area.sum()) for tile in site.block}
        ordered = sorted(site.block, key=lambda tile: -ice[tile])
        split |= dict(zip(ordered, ("train", "train", "test", "val"), strict=True))
    return split


def build_and_train(sites: Sequence[Site], work: Path, sizes: Sizes) -> tuple[Network, Path]:
    """Build one dataset of the tiles of all places, each on its own grid, and fine-tune shipped weights on it.

    Returns:
        The network, and the folder of the dataset.
    """
    reference = pd.concat([site.glaciers[["geometry"]].to_crs(4326) for site in sites], ignore_index=True)
    scenes = [scene for site in sites for scene in site.scenes]
    config = DatasetConfig(years=(YEAR,), relative_orbits=(ORBIT,), pixel=sizes.pixel)
    data = build_dataset(work / "dataset", scenes, reference, split_blocks(sites), config, progress=False)
    start = pretrained.load(START)
    train(
        TrainConfig(
            model=start.name,
            width=start.width,
            weights=START,
            patch=sizes.patch,
            batch=sizes.batch,
            epochs=1,
            steps_per_epoch=sizes.steps,
            learning_rate=1e-3,
            restarts=(1.0,),
            warmup=min(10, sizes.steps // 2),
            dropout=0.0,
            precision="float32",
            threads=1,
        ),
        data,
        work / "model",
        progress=False,
    )
    return pretrained.load(work / "model/weights.safetensors"), data


def score_tiles(networks: Mapping[str, Network], data: Path) -> dict[str, dict[str, Confusion]]:
    """Count pixels of the test tiles by network, and by the name of their grid."""
    found: dict[str, dict[str, Confusion]] = {name: {} for name in networks}
    for name, network in networks.items():
        for result in map_tiles(network, data / f"{SUBSETS[2]}.h5"):
            grid = Group.parse(result.name).tile.grid.name
            counts = Confusion.of(result.truth, result.found > 0.5, result.valid)
            found[name][grid] = found[name].get(grid, Confusion()) + counts
    return found


def map_site(network: Network, site: Site, path: Path) -> Path:
    """Map the block of a place from its scenes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    region = choose_region(network, site.scenes)
    map_scenes(network, region.chosen, region.grid, region.polarisation, path, backend="torch", precision="float32")
    return path


def write_truth(site: Site, path: Path, *, pixel: float = 40.0) -> Path:
    """Write the inventory itself as a map: 1 within an outline, 0 elsewhere."""
    geobox = GeoBox.from_bbox(site.geobox.boundingbox, str(site.geobox.crs), resolution=pixel, tight=True)
    return write_map(path, outlines.to_mask(site.glaciers, geobox).astype(np.float32), geobox, dates=f"{YEAR}-07-15")


def write_glaciers(site: Site, path: Path, out: Path) -> gpd.GeoDataFrame:
    """Trace a map, split its ice by the inventory, and export the glaciers that lie wholly within the block.

    Args:
        site: The place.
        path: The map.
        out: Where to write, .gpkg or .shp.

    Returns:
        The exported glaciers with their attributes; those that a map does not show are missing.
    """
    left, bottom, right, top = site.geobox.boundingbox
    own = site.glaciers.to_crs(site.block[0].grid.crs).cx[left:right, bottom:top]
    divided = split_by_glacier(outline_glaciers(path, smallest=SMALLEST)[["geometry"]], own)
    divided = divided[divided["rgi_id"].isin(site.whole["rgi_id"])]
    found = add_attributes(divided, path)
    write_inventory(out, found, form=site.place.form, sources=Sources(analyst="glaciersar"))
    return found


def compare_areas(site: Site, found: gpd.GeoDataFrame) -> tuple[float, float, float]:
    """Sum areas over the glaciers that lie wholly within the block, km².

    Returns:
        The inventory's own, ours of the same outlines, and those of the map.
    """
    own = site.whole
    mapped = float(found["area_km2"].sum())
    return float(pd.to_numeric(own[site.place.area]).sum()), float(areas_km2(own).sum()), mapped
