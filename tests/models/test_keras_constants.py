"""glaciersar.models.keras_constants"""

import numpy as np

from glaciersar.models.keras_constants import tabulate_constants


def test_the_constants_are_those_of_keras_2_and_not_the_defaults_of_pytorch():
    table = tabulate_constants()
    np.testing.assert_allclose(table["here and in Keras"], [0.3, 0.2, 1e-3, 0.01, 8, 0, 1], rtol=1e-5)
    np.testing.assert_allclose(table["PyTorch's default"], [0.01, 1 / 6, 1e-5, 0.1, 7, 1, np.nan], rtol=1e-5)
