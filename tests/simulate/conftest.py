"""One small landscape that holds every kind of ground."""

import pytest
from odc.geo.geobox import GeoBox

from glaciersar.simulate import landscape, levels, radar

SEED = 8


@pytest.fixture(scope="session")
def box() -> GeoBox:
    """128 × 128 pixels of 60 m."""
    return GeoBox.from_bbox((600_000, 8_700_000, 607_680, 8_707_680), "EPSG:32633", resolution=60)


@pytest.fixture(scope="session")
def ground(box):
    return landscape.draw_landscape("here", box, years=(2016, 2020), seed=SEED)


@pytest.fixture(scope="session")
def seen(ground):
    """Orbit 14 in 2016, ready to take images."""
    return radar.prepare_pass(ground, 2016, 14, levels=levels.read_levels(), looks=10.7, seed=SEED)
