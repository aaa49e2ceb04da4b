"""A small raster to map by windows, and a network that looks at single pixels."""

from dataclasses import replace

import numpy as np
import rasterio
import torch
from odc.geo.geobox import GeoBox

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.inference import backends, large_raster
from glaciersar.inference.calibration import TemperatureCalibration
from glaciersar.inference.sliding_window import Tiling
from glaciersar.io import rasters

GRID = GeoBox.from_bbox((600_000, 8_700_000, 601_300, 8_701_000), "EPSG:32633", resolution=10)  # 100 × 130
SHARPER = TemperatureCalibration(temperature=0.5)
TILES = Tiling(window=32, overlap=0.2)


class PixelModel(torch.nn.Module):
    """Computes each pixel from its own first value alone; counts its windows."""

    windows = 0

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):  # (B, F, T, H, W) -> (B, 2, H, W)
        self.windows += 1
        glacier = (x[:, 0, 0] - 0.665) * 60 * self.gain  # 0.665 is -20 dB
        return torch.stack((torch.zeros_like(glacier), glacier), 1)


class Source:
    """A prepared series in memory that is read by windows, with a hole and a missing date; may fail at some window."""

    def __init__(self, *, dates=3, fail_at=None, fail=None):
        rng = np.random.default_rng(1)
        power = radiometry.to_power(rng.normal(-20, 6, (dates, *GRID.shape))).astype(np.float32)
        power[:, 20:70, 40:110] = np.nan
        power[0, 80:, :60] = np.nan
        self.power, self.reads, self.fail_at, self.fail = power, 0, fail_at, fail

    def whole(self):
        return radiometry.prepare(self.power)

    def __call__(self, part):
        self.reads += 1
        if self.reads == self.fail_at:
            self.fail()
        left, top = part.affine.c - GRID.affine.c, GRID.affine.f - part.affine.f
        row, column = round(top / 10), round(left / 10)
        return radiometry.prepare(self.power[:, row : row + part.shape[0], column : column + part.shape[1]])


def ready(model):
    return backends.make_predictor(model, backend="torch", precision="float32")


def run(path, *, network=None, source=None, tiling=TILES, **settings):
    """Map the small raster; fields of the tiling may stand among the settings."""
    changed = {name: settings.pop(name) for name in vars(tiling) if name in settings}
    settings = {"inputs": {}, "tiling": replace(tiling, **changed)} | settings
    return large_raster.map_raster(ready(network or PixelModel()), source or Source(), GRID, path, **settings)


def values(path):
    with rasterio.open(path) as file:
        return file.read(1)


def shares(path):
    with rasters.open_map(path) as file:
        return rasters.read_window(file, rasterio.windows.Window(0, 0, file.width, file.height))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def give_up():
    raise InputError("a raster that cannot be read")
