import numpy as np
import pytest
from scipy import special, stats

from glaciersar.simulate import speckle


@pytest.fixture(params=[2.7, 4.4, 10.7])
def looks(request):
    return request.param


@pytest.fixture
def field(rng, looks):
    return speckle.gamma(speckle.gaussian((700, 700), rng), looks)


def test_speckle_has_mean_one_and_variance_one_over_the_looks(field, looks):
    assert field.mean() == pytest.approx(1, abs=0.01)
    assert field.var() == pytest.approx(1 / looks, rel=0.03)


def test_speckle_is_gamma_distributed(field, looks):
    apart = field[::4, ::4].ravel()  # uncorrelated samples
    assert stats.kstest(apart, stats.gamma(looks, scale=1 / looks).cdf).pvalue > 1e-3


def test_speckle_in_decibels_spreads_as_the_trigamma_says(field, looks):
    expected = 10 / np.log(10) * np.sqrt(special.polygamma(1, looks))
    assert (10 * np.log10(field)).std() == pytest.approx(expected, rel=0.03)


def test_speckle_is_correlated_over_two_pixels_and_no_more(field):
    centred = field - field.mean()
    power = np.abs(np.fft.fft2(centred)) ** 2
    correlation = np.fft.ifft2(power).real
    correlation /= correlation[0, 0]
    for near, far in ((correlation[0, 1], correlation[0, 2:6]), (correlation[1, 0], correlation[2:6, 0])):
        assert 0.4 < near < 0.55
        assert np.abs(far).max() < 0.03
