"""One small landscape that holds every zone."""

import pytest

from glaciersar.simulate import backscatter_levels, radar
from tests.support import landscapes

SEED = 8


@pytest.fixture(scope="session")
def box():
    return landscapes.BOX


@pytest.fixture(scope="session")
def landscape():
    return landscapes.draw(SEED)


@pytest.fixture(scope="session")
def series(landscape):
    """Orbit 14 in 2016, ready to simulate images."""
    return radar.prepare_series(landscape, 2016, 14, levels=backscatter_levels.read_levels(), looks=10.7, seed=SEED)
