import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference import as_released, sliding_window
from glaciersar.inference.sliding_window import Tiling
from tests.support.networks import PixelModel


@pytest.mark.parametrize(("shape", "covered"), [((80, 100), (80, 96)), ((48, 63), (48, 48)), ((32, 32), (32, 32))])
def test_only_windows_that_fit_count_and_what_they_leave_over_is_nan(rng, shape, covered):
    series = rng.normal(size=(1, 3, *shape)).astype(np.float32)
    background, glacier = as_released.map_inner_windows(PixelModel(), series, window=32)
    inside = np.zeros(shape, bool)
    inside[: covered[0], : covered[1]] = True
    np.testing.assert_array_equal(np.isfinite(glacier), inside)
    np.testing.assert_allclose(glacier[inside], (1 / (1 + np.exp(-series[0, 0])))[inside], atol=1e-6)
    np.testing.assert_allclose((background + glacier)[inside], 1, atol=1e-6)


def test_where_the_windows_fit_the_corrected_map_is_the_same(rng):
    torch.manual_seed(3)
    model = models.build("unet3d", width=4).eval()
    series = rng.random((1, 4, 48, 64), dtype=np.float32)
    found = as_released.map_inner_windows(model, series, window=32)[1]
    np.testing.assert_allclose(
        sliding_window.map_array(model, series, tiling=Tiling(window=32, overlap=0.5)), found, atol=1e-6
    )


def test_windows_that_hang_over_cover_all_and_see_zeros_beyond_the_edge(rng):
    class Mean(PixelModel):
        def forward(self, x):
            glacier = x[:, 0, 0].mean((1, 2), keepdim=True).expand(x[:, 0, 0].shape) * self.gain
            return torch.stack((torch.zeros_like(glacier), glacier), 1)

    found = as_released.map_overhanging(Mean(), np.ones((1, 2, 16, 24), np.float32), window=16)[1]
    assert found.shape == (16, 24)
    assert found[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))  # only windows full of ones lie here
    shares = np.array([1, 0.5, 0.5, 0.25])  # of ones in the windows over the last corner
    low, high = 1 / (1 + np.exp(-shares.min())), 1 / (1 + np.exp(-shares.max()))
    assert low < found[-1, -1] < high


def test_nodata_becomes_zero_but_negative_values_and_exactly_100_stay(rng):
    values = np.array([np.nan, np.inf, -np.inf, 100.1, 100.0, -9999.0, 0.5, 0.0], np.float32)
    seen = []

    class Recorder(PixelModel):
        def forward(self, x):
            seen.append(x[0, 0, 0].clone())
            return super().forward(x)

    as_released.map_overhanging(Recorder(), np.tile(values, (8, 1))[None, None], window=8)
    np.testing.assert_array_equal(seen[0], np.tile([0, 0, 0, 0, 100, -9999, 0.5, 0], (8, 1)))


@pytest.mark.parametrize("mapped", [as_released.map_inner_windows, as_released.map_overhanging])
def test_a_window_that_cannot_be_is_refused(rng, mapped):
    series = rng.random((1, 2, 16, 24), dtype=np.float32)
    with pytest.raises(InputError, match="window=1 found, 2"):
        mapped(PixelModel(), series, window=1)
    with pytest.raises(InputError, match="window=17 found, 2 to 16 expected"):
        as_released.map_inner_windows(PixelModel(), series, window=17)
