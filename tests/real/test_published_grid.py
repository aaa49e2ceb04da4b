"""glaciersar.grid and glaciersar.radiometry against what the paper's authors published"""

import json
import re

import geopandas as gpd
import pytest

from glaciersar import radiometry
from glaciersar.grid import SUBSETS, SVAL, Tile, neighbours_sharing_a_subset


@pytest.fixture(scope="module")
def published(shared):
    return gpd.read_file(shared / "data/svalbard/published-tiles-10km.geojson")


def tile_of(codename):
    column, row = map(int, re.fullmatch(r"SVAL-(\d+)-(\d+)", codename).groups())
    return Tile(column=column, row=row)


def test_every_published_tile_has_our_name_and_bounds(published):
    assert len(published) == 747
    assert published.crs == SVAL.crs
    for codename, shape in zip(published.codename, published.geometry, strict=True):
        assert tile_of(codename).name == codename
        assert tile_of(codename).bounds == pytest.approx(shape.bounds, abs=1e-3)


def test_the_published_split_pays_no_heed_to_space(published):
    split = {tile_of(codename): subset for codename, subset in zip(published.codename, published.subset, strict=True)}
    assert [list(split.values()).count(subset) for subset in SUBSETS] == [448, 149, 150]
    observed, expected = neighbours_sharing_a_subset(split)
    assert observed == pytest.approx(0.434, abs=5e-4)
    assert expected == pytest.approx(0.440, abs=5e-4)


def test_the_scaling_is_the_authors(shared):
    stats = json.loads((shared / "reference/data_stats.json").read_text())
    assert {
        feature: (low, stats["maxs"][feature]) for feature, low in stats["mins"].items()
    } == radiometry.PUBLISHED_RANGES
