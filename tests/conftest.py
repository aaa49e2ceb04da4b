"""What several tests share."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import settings

# the same examples in every run, and no limit of time; `--hypothesis-profile=default` looks for new ones
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
matplotlib.use("agg")
torch.set_num_threads(1)  # tiny networks run fastest on one


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240707)


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close the figures that a test leaves open: Matplotlib warns of more than twenty in a process."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and reference fixtures beside the checkout; never committed."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the real data of ../shared, which is not beside this checkout")
    return folder


@contextmanager
def _full_disk(room: int = 0) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk():
    """A context in which no file can grow beyond `room` bytes, which writes see as they see a full disk."""
    return _full_disk


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    root = os.geteuid() == 0
    folder.chmod(0o500)
    if root:
        os.seteuid(65534)  # nobody: root may write anywhere
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.fixture
def read_only():
    """A context in which a folder may not be written."""
    return _read_only
