"""glaciersar.inventory.from_map"""

import numpy as np
import pytest

from glaciersar import outlines
from glaciersar.inventory.attributes import add_attributes
from glaciersar.inventory.from_map import outline_glaciers
from glaciersar.inventory.vectorize import simplify_outlines, trace_glaciers
from tests.support.archives import write_raster
from tests.support.probability_maps import GRID, PIXEL


@pytest.fixture
def path(tmp_path, probability):
    return write_raster(tmp_path / "probability.tif", probability, GRID, nodata=np.nan)


def test_outlines_hold_the_glacier_of_the_map(path, probability):
    glaciers = outline_glaciers(path, smallest=0)
    mask = probability > 0.5
    apart = outlines.to_mask(glaciers, GRID) != mask
    assert apart.mean() < 0.01  # corners are cut
    assert glaciers["area_km2"].sum() == pytest.approx(mask.sum() * PIXEL, rel=0.01)
    assert glaciers.attrs["raster_km2"] == pytest.approx(mask.sum() * PIXEL, rel=1e-3)
    assert glaciers.geometry.is_valid.all()
    assert (glaciers["confidence"].dropna() > 0.5).all()


def test_the_largest_comes_first_and_small_ones_are_left_out(path):
    areas = outline_glaciers(path, smallest=2e6)["area_km2"]
    assert areas.is_monotonic_decreasing
    assert len(areas) < len(outline_glaciers(path))
    assert areas.min() > 1.8


def test_they_are_those_of_the_single_steps(path):
    steps = add_attributes(simplify_outlines(trace_glaciers(path, threshold=0.7), pixel=50.0), path)
    found = outline_glaciers(path, threshold=0.7)
    assert sorted(found["area_km2"]) == sorted(steps["area_km2"])
    assert list(found) == list(steps)


def test_a_map_without_glacier_has_no_outline(tmp_path):
    path = write_raster(tmp_path / "p.tif", np.full(GRID.shape, 0.1, np.float32), GRID)
    assert outline_glaciers(path).empty
