"""What several tests of the inventory share."""

import pytest

from tests.support.probability_maps import random_map


@pytest.fixture
def probability(rng):
    return random_map(rng)
