"""tools.kills.moments"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.kills.moments import Moment, draw_moments


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=8), st.integers(1, 40), st.integers(0, 1000))
def test_moments_lie_within_their_steps_in_order(durations, count, seed):
    moments = draw_moments(np.cumsum(durations).tolist(), count, np.random.default_rng(seed))
    assert len(moments) == count
    assert moments == sorted(moments)
    assert all(0 <= moment.seconds <= durations[moment.finished] + 1e-6 for moment in moments)


def test_a_step_has_as_many_moments_as_it_takes_of_the_whole():
    moments = draw_moments([30.0, 40.0, 100.0], 10_000, np.random.default_rng(1))
    shares = np.bincount([moment.finished for moment in moments], minlength=3) / len(moments)
    np.testing.assert_allclose(shares, [0.3, 0.1, 0.6], atol=0.02)


def test_a_moment_comes_at_its_seconds_or_with_the_next_step():
    moment = Moment(2, 5.0)
    assert not moment.has_come(1, 100.0)
    assert not moment.has_come(2, 4.9)
    assert moment.has_come(2, 5.0)
    assert moment.has_come(3, 0.0)
