"""What several tests of the dataset share."""

import pytest

from tests.support.spoiling import Place


@pytest.fixture
def place(tmp_path, rng):
    return Place(tmp_path, rng)
