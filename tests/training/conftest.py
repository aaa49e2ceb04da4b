"""What several tests of training share."""

import pytest

from tests.training.test_loop import write_data


@pytest.fixture
def data(tmp_path, rng):
    return write_data(tmp_path / "data", rng)
