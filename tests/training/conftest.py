"""What several tests of training share."""

import pytest

from tests.training.test_loop import write_dataset


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    write_dataset(folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14"], rng)
    write_dataset(folder / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    return folder
