"""A small raster to map by windows, and a network that looks at single pixels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch import Tensor

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.inference import backends, large_raster
from glaciersar.inference.calibration import TemperatureCalibration
from glaciersar.inference.map_product import MapReport
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.sliding_window import Tiling
from glaciersar.io import rasters
from glaciersar.radiometry import Prepared

GRID = GeoBox.from_bbox((600_000, 8_700_000, 601_300, 8_701_000), "EPSG:32633", resolution=10)  # 100 × 130
SHARPER = TemperatureCalibration(temperature=0.5)
TILES = Tiling(window=32, overlap=0.2)


class PixelModel(torch.nn.Module):
    """Computes each pixel from its own first value alone; counts its windows."""

    windows = 0

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:  # (B, F, T, H, W) -> (B, 2, H, W)
        self.windows += 1
        glacier = (x[:, 0, 0] - 0.665) * 60 * self.gain  # 0.665 is -20 dB
        return torch.stack((torch.zeros_like(glacier), glacier), 1)


class Source:
    """A prepared series in memory that is read by windows, with a hole and a missing date; may fail at some window."""

    def __init__(self, *, dates: int = 3, fail_at: int | None = None, fail: Callable[[], object] | None = None) -> None:
        rng = np.random.default_rng(1)
        power = radiometry.to_power(rng.normal(-20, 6, (dates, *GRID.shape))).astype(np.float32)
        power[:, 20:70, 40:110] = np.nan
        power[0, 80:, :60] = np.nan
        self.power, self.reads, self.fail_at, self.fail = power, 0, fail_at, fail

    def whole(self) -> Prepared:
        return radiometry.prepare(self.power)

    def __call__(self, part: GeoBox) -> Prepared:
        self.reads += 1
        if self.reads == self.fail_at:
            assert self.fail is not None
            self.fail()
        left, top = part.affine.c - GRID.affine.c, GRID.affine.f - part.affine.f
        row, column = round(top / 10), round(left / 10)
        return radiometry.prepare(self.power[:, row : row + part.shape[0], column : column + part.shape[1]])


def ready(model: torch.nn.Module) -> Predictor:
    return backends.make_predictor(model, backend="torch", precision="float32")


def run(
    path: Path,
    *,
    network: torch.nn.Module | None = None,
    source: Source | None = None,
    tiling: Tiling = TILES,
    **settings: Any,
) -> MapReport:
    """Map the small raster; fields of the tiling may stand among the settings."""
    changed = {name: settings.pop(name) for name in vars(tiling) if name in settings}
    arguments: dict[str, Any] = {"inputs": {}, "tiling": replace(tiling, **changed)} | settings
    return large_raster.map_raster(ready(network or PixelModel()), source or Source(), GRID, path, **arguments)


def values(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as file:
        read: NDArray[Any] = file.read(1)
    return read


def shares(path: Path) -> NDArray[np.float32]:
    with rasters.open_map(path) as file:
        return rasters.read_window(file, rasterio.windows.Window(0, 0, file.width, file.height))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def give_up() -> Never:
    raise InputError("a raster that cannot be read")
