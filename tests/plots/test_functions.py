"""glaciersar.plots.functions"""

import numpy as np
import pytest

from glaciersar.plots.functions import draw_functions
from tests.support.legends import stand_clear


@pytest.fixture
def figure():
    return draw_functions()


@pytest.fixture
def curves(figure):
    return {line.get_label(): line.get_xydata().astype(float).T for axis in figure.axes for line in axis.lines}


def test_the_legends_stand_clear_below_their_panels(figure, tmp_path):
    stand_clear(figure, tmp_path)


def test_the_gates_and_the_activation_are_the_formulas_beside_them(curves):
    z, hard = curves["clip(0.2 z + 0.5), here and in Keras"]
    np.testing.assert_allclose(hard, np.clip(0.2 * z + 0.5, 0, 1), atol=1e-6)
    z, theirs = curves["clip(z / 6 + 0.5), PyTorch"]
    np.testing.assert_allclose(theirs, np.clip(z / 6 + 0.5, 0, 1), atol=1e-6)
    z, leaky = curves["slope 0.3, here and in Keras"]
    np.testing.assert_allclose(leaky, np.where(z < 0, 0.3 * z, z), atol=1e-6)


@pytest.mark.parametrize(("label", "gamma"), [("γ = 0, cross-entropy", 0), ("γ = 2, hard labels", 2), ("γ = 5", 5)])
def test_the_loss_of_a_hard_label_is_the_published_formula(curves, label, gamma):
    p, loss = curves[label]
    np.testing.assert_allclose(loss, -((1 - p) ** gamma) * np.log(p), atol=1e-6)


def test_a_smoothed_label_charges_both_classes(curves):
    p, loss = curves["γ = 2, smoothed: used here"]
    np.testing.assert_allclose(loss, -0.95 * (1 - p) ** 2 * np.log(p) - 0.05 * p**2 * np.log(1 - p), atol=1e-6)
