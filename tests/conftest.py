"""What several tests share."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("agg")
torch.set_num_threads(1)  # tiny networks run fastest on one


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240707)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and reference fixtures beside the checkout; never committed."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the real data of ../shared, which is not beside this checkout")
    return folder
