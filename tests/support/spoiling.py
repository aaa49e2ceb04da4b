"""A small valid archive, and changes that make it invalid or unusual."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.grid import Tile
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, raster_of, write_catalog, write_raster, year_of_dates
from tests.support.building import build

PIXEL = 500.0  # 20 × 20 a tile
TILES = [Tile(column=10 + k, row=38) for k in range(3)]
SPLIT = dict(zip(TILES, ("train", "val", "test"), strict=True))
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=PIXEL, tight=True)
TIMES = year_of_dates(16, step_days=23)


class Place:
    """A valid archive, which a test changes."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self.folder, self.rng = folder, rng
        self.scenes = find_scenes(write_catalog(folder / "archive", GRID, TIMES, rng, polarisations=("HH",)))

    def build(self, **changes: Any) -> Path:
        usual = {"scenes": self.scenes, "reference": glaciers(TILES), "split": SPLIT, "pixel": PIXEL}
        arguments: dict[str, Any] = usual | changes
        return build(self.folder / "data", **arguments)

    def groups(self, **changes: Any) -> dict[str, dict[str, Any]]:
        """Build, and give the attributes and labels of each tile."""
        found = {}
        for path in sorted(self.build(**changes).iterdir()):
            with h5py.File(path) as file:
                for name, group in file.items():
                    found[name] = dict(group.attrs) | {key: group[key][()] for key in group}
        return found

    def rewrite(self, values: NDArray[Any], *, which: int = 5, **profile: Any) -> None:
        """Write other values into the raster of one date."""
        (href,) = self.scenes[which].hrefs["HH"]
        write_raster(Path(href), values, GRID, **profile)

    def values(self, which: int = 5) -> NDArray[Any]:
        return raster_of(Path(self.scenes[which].hrefs["HH"][0]))

    def read_outlines(self, frame: gpd.GeoDataFrame, name: str = "glaciers.gpkg") -> gpd.GeoDataFrame:
        frame.to_file(self.folder / name)
        return outlines.read_outlines(self.folder / name)


Change = Callable[[Place], dict[str, Any]]
"""Changes files of an archive; returns arguments of `Place.build`."""


def named(*names: str) -> Change:
    """Rasters of the first dates get names with sigma or gamma nought."""

    def change(place: Place) -> dict[str, Any]:
        scenes = list(place.scenes)
        for k, name in enumerate(names):
            path = place.folder / "named" / f"{name}_HH.tif"
            write_raster(path, place.values(k), GRID)
            scenes[k] = replace(scenes[k], hrefs={"HH": (str(path),)})
        return {"scenes": scenes}

    return change


def with_incidence(values: ArrayLike) -> Change:
    def change(place: Place) -> dict[str, Any]:
        path = write_raster(place.folder / "incidence.tif", np.full(GRID.shape, values, np.float32), GRID)
        return {"scenes": [replace(s, hrefs={**s.hrefs, "incidence": (str(path),)}) for s in place.scenes]}

    return change
