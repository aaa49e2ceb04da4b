"""Simulated speckle and its persistence beside a real Sentinel-1 series: California, where there are no glaciers."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from glaciersar.simulate import backscatter_levels, radar
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.zones import Zone

HILLS, OCEAN = "292320-IW2", "292320-IW1"


def series(shared, burst):
    """(T, H, W) linear power VV."""
    paths = sorted((shared / "data/sentinel1-rtc-california").glob(f"*/*_T137-{burst}_*_VV.tif"))
    images = []
    for path in paths:
        with rasterio.open(path) as file:
            images.append(file.read(1))
    return np.stack(images)


def windows(image, side=10):
    height, width = (n // side * side for n in image.shape)
    return (
        image[:height, :width]
        .reshape(height // side, side, width // side, side)
        .swapaxes(1, 2)
        .reshape(-1, side * side)
    )


def equivalent_looks(images):
    """mean² / variance in the windows where it is largest: there the ground is even and only speckle varies."""
    found = []
    for image in images:
        block = windows(image)
        block = block[np.isfinite(block).all(axis=1) & (block > 0).all(axis=1)]
        found.append(np.quantile(block.mean(axis=1) ** 2 / block.var(axis=1), 0.9))
    return float(np.median(found))


def date_to_date(images):
    decibel = 10 * np.log10(np.maximum(images, 1e-5)).reshape(len(images), -1)
    decibel = decibel[:, np.isfinite(decibel).all(axis=0)]
    return float(np.median([np.corrcoef(a, b)[0, 1] for a, b in pairwise(decibel)]))


def simulated(zone, looks, *, even=False):
    """Twelve dates of 100 × 100 pixels over hills of one zone, or over the sea."""
    side, pixel = 100, 30.0
    box = GeoBox.from_bbox((600_000, 8_700_000, 603_000, 8_703_000), "EPSG:32633", resolution=pixel)
    row, column = np.mgrid[:side, :side]
    hills = 40 * (np.sin(row / 9) * np.cos(column / 11) + 1)
    surface = np.where(even or zone == Zone.WATER, 0, hills).astype(np.float32)
    zones = np.full((side, side), zone, np.uint8)
    landscape = Landscape(
        name="plain",
        geobox=box,
        surface=surface,
        ela=400,
        glacier={2016: zones < 6},
        zones={2016: zones},
        known=zones > 0,
    )
    assumed = backscatter_levels.read_levels()
    if even:
        assumed = replace(assumed, texture=np.zeros_like(assumed.texture))
    prepared = radar.prepare_series(landscape, 2016, 14, levels=assumed, looks=looks, seed=3)
    days = [date(2016, 9, 10) + timedelta(days=6 * k) for k in range(12)]
    return np.stack([radar.observe(prepared, day, key=day.toordinal())["HH"] for day in days])


def test_equivalent_looks_found_in_the_real_series_come_out_of_the_simulator_at_the_same_looks(shared):
    real = equivalent_looks(series(shared, OCEAN))
    assert 2 < real < 200  # multi-looked on the way to 30 m
    # the simulated sea lies in the noise, so ask for land without texture instead
    assert equivalent_looks(simulated(Zone.TUNDRA, real, even=True)) == pytest.approx(real, rel=0.3)


def test_land_looks_alike_from_date_to_date_as_the_real_hills_do(shared):
    real = date_to_date(series(shared, HILLS))
    assert 0.6 < real < 0.95
    assert date_to_date(simulated(Zone.ROCK, 10.7)) == pytest.approx(real, abs=0.2)


def test_open_water_is_new_on_each_date_as_the_real_ocean_is(shared):
    assert abs(date_to_date(series(shared, OCEAN))) < 0.2
    assert abs(date_to_date(simulated(Zone.WATER, 10.7))) < 0.2
