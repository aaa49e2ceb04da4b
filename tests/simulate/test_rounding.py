import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from glaciersar.simulate.rounding import STEP, blur, evaluate, norm, rounded


@given(st.floats(-4000, 4000), st.floats(-1e-10, 1e-10))
def test_what_differs_in_the_last_digits_is_rounded_to_the_same_number(value, error):
    near_a_half = abs(value / STEP % 1 - 0.5) < 1e-5
    pair = rounded(np.array([value, value + error]))
    assert near_a_half or pair[0] == pair[1]
    assert np.abs(pair - value).max() <= STEP / 2 + 1e-9


def test_rounding_keeps_the_type_and_what_is_rounded_already(rng):
    for dtype in (np.float32, np.float64):
        once = rounded(rng.normal(size=(20, 30)).astype(dtype))
        assert once.dtype == dtype
        np.testing.assert_array_equal(rounded(once), once)
        np.testing.assert_array_equal(once / STEP % 1, 0)


@pytest.mark.parametrize("function", ["exp", "log", "sin"])
def test_a_function_is_right_to_the_last_digit_of_float32(function, rng):
    values = rng.uniform(0.1, 5, 500).astype(np.float32)
    wanted = [np.float32(getattr(math, function)(value)) for value in values.tolist()]
    np.testing.assert_array_equal(evaluate(getattr(np, function), values), wanted)


def test_a_norm_is_the_hypotenuse(rng):
    rows, columns = rng.normal(size=(2, 50))
    np.testing.assert_allclose(norm(rows, columns), np.hypot(rows, columns), rtol=1e-15)


@pytest.mark.parametrize("sigma", [0.1, 0.6, 2, 7.5])
def test_blur_is_the_gaussian_filter_of_scipy(sigma, rng):
    for dtype in (np.float32, np.float64):
        field = rng.normal(size=(40, 55)).astype(dtype)
        smooth = blur(field, sigma)
        assert smooth.dtype == dtype
        np.testing.assert_allclose(smooth, ndimage.gaussian_filter(field, sigma), atol=1e-6)
