"""What mapping as released leaves out, and its kernel, against the authors' own: ../shared/reference."""

import numpy as np
import pytest

from glaciersar.inference.as_released import map_inner_windows, map_overhanging
from glaciersar.inference.sliding_window import Tiling, gaussian_window, map_array
from glaciersar.models.keras import from_keras


@pytest.fixture
def case(shared):
    """A model, a series (F, T, H, W), and what the authors' scripts made of it."""
    folder = shared / "reference"
    found = np.load(folder / "tiled_v1_w4_f1.npz")
    return from_keras(folder / "icemapper_v1_w4_f1.h5"), found["arr"].transpose(3, 0, 1, 2).copy(), found


def test_the_blending_kernel_is_theirs_but_for_a_constant(shared):
    kernel = np.load(shared / "reference/gaussian_kernel_384.npz")
    for name, size in (("kernel", 384), ("kernel32", 32)):
        ratio = kernel[name] / gaussian_window(size).numpy()
        np.testing.assert_allclose(ratio, np.sqrt(np.pi / 2) / 0.5, rtol=1e-13)


def test_the_last_four_columns_have_no_value_as_released_and_one_as_corrected(case):
    model, series, _ = case
    as_released = map_inner_windows(model, series, window=32)
    assert np.isnan(as_released[:, :, 96:]).all()
    assert np.isfinite(as_released[:, :, :96]).all()
    assert np.isfinite(map_array(model, series, tiling=Tiling(window=32, overlap=0.5))).all()


def test_where_their_windows_fit_the_corrected_map_is_theirs(case):
    model, series, found = case
    corrected = map_array(model, series[..., :96], tiling=Tiling(window=32, overlap=0.5))
    np.testing.assert_allclose(corrected, found["predict_and_evaluate"][:, :96, 1], rtol=0, atol=5e-6)


def test_sums_are_as_precise_as_theirs(case):
    model, series, found = case
    assert map_inner_windows(model, series, window=32).dtype == found["predict_and_evaluate"].dtype == np.float64
    assert map_overhanging(model, series, window=32).dtype == found["apply_script"].dtype == np.float32
