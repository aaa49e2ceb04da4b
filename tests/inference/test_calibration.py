"""glaciersar.inference.calibration"""

import json

import numpy as np
import pytest
import torch
from scipy.optimize import isotonic_regression
from torchmetrics.functional.classification import binary_calibration_error

from glaciersar.errors import InputError
from glaciersar.inference import calibration
from glaciersar.inference.histogram import ProbabilityHistogram
from tests.support.probabilities import pixels


@pytest.mark.parametrize("bins", [10, 100])
def test_the_error_of_a_histogram_agrees_with_torchmetrics_on_the_pixels(rng, bins):
    p, truth = pixels(rng)
    found = calibration.calibration_error(calibration.reliability_table(ProbabilityHistogram.of(p, truth), bins=bins))
    expected = float(binary_calibration_error(torch.from_numpy(p), torch.from_numpy(truth.astype(int)), n_bins=bins))
    assert expected > 0.02
    assert found == pytest.approx(expected, abs=1e-3)


def test_temperature_scaling_finds_the_temperature_that_spoilt_the_probabilities(rng):
    for true in (0.5, 1.0, 2.0):
        assert calibration.fit_temperature(
            ProbabilityHistogram.of(*pixels(rng, temperature=true))
        ).temperature == pytest.approx(true, rel=0.03)


def test_isotonic_scaling_of_a_histogram_agrees_with_isotonic_regression_of_every_pixel(rng):
    p, truth = pixels(rng)
    order = np.argsort(p)
    expected = isotonic_regression(truth[order].astype(float)).x
    found = calibration.fit_isotonic(ProbabilityHistogram.of(p, truth))(p[order])
    assert np.abs(found - expected).mean() < 0.003
    assert (np.diff(found) >= 0).all()


def test_isotonic_scaling_keeps_the_expected_area_of_what_it_was_fitted_on(rng):
    p, truth = pixels(rng)
    assert calibration.fit_isotonic(ProbabilityHistogram.of(p, truth))(p).sum() == pytest.approx(truth.sum(), rel=0.002)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_every_method_lowers_the_error_on_pixels_it_has_not_seen(rng, method):
    seen, unseen = ProbabilityHistogram.of(*pixels(rng)), ProbabilityHistogram.of(*pixels(rng))
    table = calibration.compare_calibrations(seen, unseen)
    assert table.loc[method, "ece_10"] < table.loc["none", "ece_10"] / 3
    assert table.loc[method, "log_loss"] < table.loc["none", "log_loss"]
    assert table.loc[method, "area"] == pytest.approx(1, abs=0.05)


def test_the_kernel_ridge_solves_its_normal_equations(rng):
    histogram = ProbabilityHistogram.of(*pixels(rng))
    points = calibration.reliability_table(histogram, bins=100, measure=calibration.entropy_confidence)
    at, share = points["confidence"].to_numpy(), points["accuracy"].to_numpy()
    kernel = np.exp(-np.abs(np.subtract.outer(at, at)))
    fitted = kernel @ np.linalg.solve(kernel + 0.01 * np.eye(len(at)), share)
    rule = calibration.fit_kernel_ridge(histogram)
    np.testing.assert_allclose(np.interp(at, rule.at, rule.value), fitted, atol=1e-9)


def test_calibration_leaves_nan_and_the_shape_alone(rng):
    histogram = ProbabilityHistogram.of(*pixels(rng))
    values = np.array([[0.0, 0.3, np.nan], [1.0, 0.5, 0.8]], np.float32)
    for rule in (
        calibration.UNCALIBRATED,
        *(calibration.fit_calibration(histogram, method) for method in calibration.METHODS),
    ):
        for found in (rule(values), rule.confidence(values)):
            assert found.shape == (2, 3)
            assert np.isnan(found).tolist() == [[False, False, True], [False, False, False]]
            assert (found[~np.isnan(found)] >= 0).all()
            assert (found[~np.isnan(found)] <= 1).all()


def test_confidence_is_that_of_the_call(rng):
    rule = calibration.fit_temperature(ProbabilityHistogram.of(*pixels(rng)))
    p = np.array([0.1, 0.9])
    np.testing.assert_allclose(rule.confidence(p), [1 - rule(p)[0], rule(p)[1]])


def test_shannon_confidence_is_none_at_a_coin_toss_and_whole_at_certainty():
    np.testing.assert_allclose(calibration.entropy_confidence(np.array([0.5, 0.0, 1.0])), [0, 1, 1], atol=1e-5)
    p = np.linspace(0.01, 0.5, 20)
    assert (np.diff(calibration.entropy_confidence(p)) < 0).all()
    np.testing.assert_allclose(calibration.entropy_confidence(p), calibration.entropy_confidence(1 - p))


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_calibration_is_read_as_it_was_written_to_the_last_bit(tmp_path, rng, method):
    rule = calibration.fit_calibration(ProbabilityHistogram.of(*pixels(rng)), method)
    calibration.write_calibration(tmp_path / "rule.json", rule, fitted_on="val.h5")
    assert calibration.read_calibration(tmp_path / "rule.json") == rule
    assert json.loads((tmp_path / "rule.json").read_text())["about"] == {"fitted_on": "val.h5"}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ('"method": "none", "temperature": 1.0, "at": [], "value": []', calibration.UNCALIBRATED),
        (
            '"method": "temperature", "temperature": 1.5, "at": [], "value": []',
            calibration.TemperatureCalibration(temperature=1.5),
        ),
        (
            '"method": "isotonic", "temperature": 1.0, "at": [-8, 8], "value": [0.5, 1]',
            calibration.IsotonicCalibration(at=(-8.0, 8.0), value=(0.5, 1.0)),
        ),
        (
            '"method": "shannon", "temperature": 1.0, "at": [0, 1], "value": [0.5, 1]',
            calibration.KernelRidgeCalibration(at=(0.0, 1.0), value=(0.5, 1.0)),
        ),
    ],
)
def test_a_file_of_every_method_is_read(tmp_path, content, rule):
    (tmp_path / "rule.json").write_text(f'{{{content}, "about": {{}}}}')
    assert calibration.read_calibration(tmp_path / "rule.json") == rule


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        ("{", "no calibration"),
        ("[1]", "no calibration"),
        ('{"method": "isotonic"}', "no calibration"),
        ('{"method": "isotonic", "temperature": 1, "at": [1, 0], "value": [0, 1]}', "2 knots"),
        ('{"method": "guess", "temperature": 1, "at": [], "value": []}', "'guess'"),
        ('{"method": [], "temperature": 1, "at": [0], "value": [0]}', "a calibration expected"),
        ('{"method": "temperature", "temperature": 0, "at": [], "value": []}', "a calibration expected"),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence_that_names_the_file(tmp_path, content, found):
    path = tmp_path / "rule.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=found) as error:
        calibration.read_calibration(path)
    assert "rule.json" in str(error.value)


def test_a_calibration_that_was_changed_after_it_was_written_is_refused(tmp_path):
    path = tmp_path / "rule.json"
    calibration.write_calibration(path, calibration.TemperatureCalibration(temperature=1.5), fitted_on="val.h5")
    path.write_text(path.read_text().replace("1.5", "1.7"))
    with pytest.raises(InputError, match=r"rule\.json: content with checksum .* expected as noted in it"):
        calibration.read_calibration(path)


def test_bad_input_is_refused(rng):
    with pytest.raises(InputError, match="NaN or not within 0 and 1"):
        ProbabilityHistogram.of(np.array([0.5, np.nan]), np.array([True, False]))
    with pytest.raises(InputError, match="NaN or not within 0 and 1"):
        ProbabilityHistogram.of(np.array([1.5]), np.array([True]))
    with pytest.raises(InputError, match="no valid pixel"):
        calibration.fit_calibration(ProbabilityHistogram.empty(), "isotonic")
    with pytest.raises(InputError, match="one of isotonic, temperature, shannon expected"):
        calibration.fit_calibration(ProbabilityHistogram.of(*pixels(rng)), "platt")
