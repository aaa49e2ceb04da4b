import numpy as np
import pytest

from glaciersar.simulate import random_fields


def correlation(field, lag, axis):
    a, b = (np.delete(field, np.s_[:lag] if first else np.s_[-lag:], axis=axis) for first in (True, False))
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def test_a_stream_depends_on_every_key_and_on_nothing_else():
    draws = {keys: random_fields.random_stream(3, *keys).random() for keys in [("a", 1), ("a", 2), ("b", 1), ("a",)]}
    assert len(set(draws.values())) == 4
    assert random_fields.random_stream(3, "a", 2).random() == draws["a", 2]
    assert random_fields.random_stream(4, "a", 2).random() != draws["a", 2]


@pytest.mark.parametrize("length", [2, 6])
def test_a_smooth_field_has_unit_variance_and_the_stated_correlation_length(rng, length):
    field = random_fields.smooth_field((400, 300), length, rng)
    assert field.std() == pytest.approx(1, abs=0.08)
    assert abs(field.mean()) < 0.1
    for axis in (0, 1):
        assert correlation(field, length, axis) == pytest.approx(np.exp(-1), abs=0.08)


def test_a_fractal_field_has_the_stated_spectral_exponent(rng):
    size = 512
    power = np.mean(
        [np.abs(np.fft.rfft(random_fields.fractal_field((size, size), 64, rng), axis=1)) ** 2 for _ in range(4)],
        axis=(0, 1),
    )
    frequency = np.fft.rfftfreq(size)
    band = (frequency > 4 / 64) & (frequency < 0.25)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-(3.2 - 1), abs=0.3)  # along a line the exponent of the plane is less by one


def test_opposite_edges_of_a_field_are_unrelated(rng):
    edges = [random_fields.smooth_field((64, 64), 8, rng)[:, [0, -1]] for _ in range(60)]
    left, right = np.concatenate(edges).T
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.3


def test_streaks_run_along_the_direction_given(rng):
    along_rows = random_fields.streaks((np.zeros((128, 128)), np.ones((128, 128))), 30, rng)
    assert correlation(along_rows, 8, axis=1) > 0.5
    assert abs(correlation(along_rows, 8, axis=0)) < 0.2
