"""tools.fuzz.spoil"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.fuzz.spoil import spoil


@given(st.binary(min_size=1, max_size=5000), st.integers(0, 2**32))
def test_what_is_spoilt_is_another_content_and_the_same_by_the_same_seed(content, seed):
    spoilt = spoil(content, np.random.default_rng(seed))
    assert spoilt != content
    assert spoilt == spoil(content, np.random.default_rng(seed))


def test_half_of_the_flipped_bits_lie_near_the_beginning():
    content = bytes(100_000)
    places = []
    for seed in range(400):
        spoilt = spoil(content, np.random.default_rng(seed))
        if len(spoilt) == len(content):
            places += np.flatnonzero(np.frombuffer(spoilt, np.uint8)).tolist()
    assert 0.4 < np.mean(np.array(places) < 2048) < 0.6
