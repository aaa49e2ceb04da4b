"""Mapping as released against the authors' own scripts, run on random weights: ../shared/reference."""

import numpy as np
import pytest

from glaciersar import released
from glaciersar.mapping import gaussian_window
from glaciersar.models.keras import from_keras


@pytest.fixture
def case(shared):
    """A function that opens a model with its fixture."""
    folder = shared / "reference"
    return lambda name: (
        from_keras(folder / f"{name}.h5"),
        np.load(folder / f"tiled_{name.removeprefix('icemapper_')}.npz"),
    )


def ours(array):  # (T, H, W, F) -> (F, T, H, W)
    return array.transpose(3, 0, 1, 2).copy()


def theirs(probabilities):  # (2, H, W) -> (H, W, 2)
    return np.moveaxis(probabilities, 0, -1)


def test_the_blending_kernel_is_theirs_but_for_a_constant(shared):
    kernel = np.load(shared / "reference/gaussian_kernel_384.npz")
    for name, size in (("kernel", 384), ("kernel32", 32)):
        ratio = kernel[name] / gaussian_window(size).numpy()
        np.testing.assert_allclose(ratio, np.sqrt(np.pi / 2) / 0.5, rtol=1e-13)


def test_scoring_agrees_and_leaves_the_same_columns_without_a_value(case):
    model, found = case("icemapper_v1_w4_f1")
    probabilities = theirs(released.map_fitting(model, ours(found["arr"]), window=int(found["patch_size"])))
    expected = found["predict_and_evaluate"]
    assert probabilities.dtype == expected.dtype == np.float64
    assert np.isnan(expected[:, 96:]).all()
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=5e-6, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "given", "mapped"),
    [
        ("icemapper_v1_w4_f1", "arr", "apply_script"),
        ("icemapper_v1_w4_f1", "arr_nodata", "apply_script_nodata"),
        ("icemapper_v2_w4_f2", "arr", "apply_script"),
    ],
)
def test_mapping_agrees_at_every_pixel_with_nodata_and_two_features(case, name, given, mapped):
    model, found = case(name)
    probabilities = theirs(released.map_overhanging(model, ours(found[given]), window=int(found["patch_size"])))
    assert probabilities.dtype == found[mapped].dtype == np.float32
    np.testing.assert_allclose(probabilities, found[mapped], rtol=0, atol=5e-6)
