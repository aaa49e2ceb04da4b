"""glaciersar.radiometry"""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glaciersar import radiometry
from glaciersar.errors import InputError

series = arrays(
    np.float32,
    (4, 3, 3),
    elements=st.one_of(st.floats(2**-13, 10, width=32), st.sampled_from([np.nan, np.inf, -np.inf])),
)


@given(arrays(np.float64, 9, elements=st.floats(-90, 40)))
def test_power_and_decibels_are_inverse(decibel):
    assert radiometry.to_decibel(radiometry.to_power(decibel)) == pytest.approx(decibel)


def test_decibels_of_known_powers():
    assert radiometry.to_decibel(np.array([1, 10, 0.5, 0, -3])) == pytest.approx([0, 10, -3.0103, -100, -100])
    assert np.isnan(radiometry.to_decibel(np.array([np.nan]))).all()


@pytest.mark.parametrize("feature", ["grd", "rtc", "insar"])
def test_scaling_maps_the_published_range_to_zero_and_one(feature):
    low, high = radiometry.RANGES[feature]
    values = np.linspace(low, high, 5)
    assert radiometry.scale(values, feature=feature) == pytest.approx(np.linspace(0, 1, 5), abs=1e-6)
    assert radiometry.unscale(radiometry.scale(values, feature=feature), feature=feature) == pytest.approx(
        values, abs=1e-4
    )
    assert radiometry.scale(values, feature=feature).dtype == np.float32


def test_an_unknown_feature_is_refused():
    with pytest.raises(InputError, match="'ndvi' is unknown; expected one of grd, rtc, insar"):
        radiometry.scale(np.zeros(1), feature="ndvi")


@given(st.integers(0, 2**32), st.floats(-25, 0), st.sampled_from([1, 4.4, 40]))
def test_units_of_speckled_backscatter_are_told_apart(seed, level, looks):
    power = radiometry.to_power(level) * np.random.default_rng(seed).gamma(looks, 1 / looks, 2000)
    decibel = radiometry.to_decibel(power)
    if looks > 10:
        decibel += np.random.default_rng(seed).normal(0, 4, 2000)  # no ground is so even that it stays above −1 dB
    radiometry.check_units(power, units="linear", name="a.tif")
    radiometry.check_units(decibel, units="db", name="a.tif")
    with pytest.raises(InputError, match=r"a\.tif: .* look like decibels"):
        radiometry.check_units(decibel - 3, units="linear", name="a.tif")
    with pytest.raises(InputError, match=r"a\.tif: .* look like linear power"):
        radiometry.check_units(power, units="db", name="a.tif")


def test_power_with_overshot_noise_is_not_taken_for_decibels(rng):
    noisy = rng.normal(0.001, 0.002, 1000)
    radiometry.check_units(noisy, units="linear", name="a.tif")
    with pytest.raises(InputError, match="linear power"):
        radiometry.check_units(noisy, units="db", name="a.tif")


@pytest.mark.parametrize("units", ["linear", "db"])
def test_digital_numbers_are_refused_in_any_units(rng, units):
    with pytest.raises(InputError, match="digital numbers"):
        radiometry.check_units(rng.rayleigh(120, 1000), units=units, name="a.tif")


def test_a_scene_without_a_value_is_refused():
    with pytest.raises(InputError, match=r"a\.tif: .*all nodata"):
        radiometry.check_units(np.full(9, np.nan), units="linear", name="a.tif")


def test_unknown_units_are_refused():
    with pytest.raises(InputError, match="units='dB' found"):
        radiometry.check_units(np.ones(9), units="dB", name="a.tif")


@given(series)
def test_a_prepared_series_is_finite_and_keeps_what_was_measured(power):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = radiometry.prepare(power)
    seen = np.isfinite(power)
    assert np.isfinite(prepared.series).all()
    assert prepared.series.dtype == np.float32
    assert (prepared.valid == seen.any(axis=0)).all()
    measured = radiometry.scale(radiometry.to_decibel(power))
    assert prepared.series[seen] == pytest.approx(measured[seen], abs=1e-6)
    assert (prepared.series[:, ~prepared.valid] == 0).all()
    missing = (~seen & prepared.valid).sum()
    assert prepared.filled_fraction == pytest.approx(missing / max(prepared.valid.sum() * 4, 1))


def test_coherence_is_not_prepared_as_if_it_were_power():
    with pytest.raises(
        InputError,
        match=r"feature 'insar' found, one made of backscatter power \(grd, rtc, grd_cross, rtc_cross\) expected",
    ):
        radiometry.prepare(np.full((2, 3, 3), 0.5), feature="insar")


def test_a_missing_date_takes_the_mean_in_decibels_of_the_others():
    power = np.array([0.1, np.nan, 0.001], np.float32).reshape(3, 1, 1)  # −10 dB, –, −30 dB
    prepared = radiometry.prepare(power)
    assert radiometry.unscale(prepared.series[1, 0, 0]) == pytest.approx(-20, abs=1e-3)
    assert prepared.filled_fraction == pytest.approx(1 / 3)


def test_what_is_missing_takes_the_mean_of_the_nearest_dates_before_and_after(rng):
    power = rng.uniform(0.01, 1, (12, 9, 7))
    power[rng.random(power.shape) < 0.6] = np.nan
    decibel = pd.DataFrame(radiometry.to_decibel(power).reshape(12, -1))
    before, after = decibel.ffill(), decibel.bfill()
    expected = ((before.fillna(after) + after.fillna(before)) / 2).to_numpy().reshape(power.shape)
    prepared = radiometry.prepare(power)
    found = np.where(prepared.valid, radiometry.unscale(prepared.series), np.nan)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_noise_subtraction_overshot_is_raised_to_the_noise_floor(rng):
    power = rng.uniform(1e-3, 1, (4, 6, 6))
    power[1, 2, 3], power[2, 0, 0] = -1e-4, 1e-9
    prepared = radiometry.prepare(power)
    floor = radiometry.scale(np.array(-40.0))
    assert prepared.series[1, 2, 3] == prepared.series[2, 0, 0] == pytest.approx(floor)
    assert prepared.series.min() == pytest.approx(floor)
    assert prepared.filled_fraction == 0


@pytest.mark.parametrize("feature", ["grd", "rtc"])
def test_a_cross_polarised_feature_is_scaled_as_its_co_polarised_one(feature):
    power = np.array([1e-4, 0.01, np.nan, 0.3]).reshape(4, 1, 1)
    cross, co = (radiometry.prepare(power, feature=name) for name in (f"{feature}_cross", feature))
    np.testing.assert_array_equal(cross.series, co.series)


@given(series, series)
def test_stacked_features_are_valid_where_each_is(one, other):
    parts = [radiometry.prepare(power) for power in (one, other)]
    stacked = radiometry.stack_features(parts)
    assert stacked.series.shape == (2, 4, 3, 3)
    for part, own in zip(parts, stacked.series, strict=True):
        np.testing.assert_array_equal(own, part.series)
    valid = np.isfinite(one).any(axis=0) & np.isfinite(other).any(axis=0)
    np.testing.assert_array_equal(stacked.valid, valid)
    assert not stacked.filled[~valid].any()
    most = np.maximum(*((~np.isfinite(power)).sum(axis=0) for power in (one, other)))
    np.testing.assert_array_equal(stacked.filled[valid], most[valid])
    assert stacked.filled_fraction == pytest.approx(most[valid].sum() / max(valid.sum() * 4, 1))
