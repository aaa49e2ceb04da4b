"""glaciersar.inference.histogram"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glaciersar.inference.histogram import ProbabilityHistogram, bin_of
from tests.support.probabilities import pixels


def test_histograms_of_parts_add_up_to_the_histogram_of_the_whole(rng):
    p, truth = pixels(rng)
    valid = rng.random(p.size) < 0.7
    whole = ProbabilityHistogram.of(p, truth, valid)
    parts = sum(
        (ProbabilityHistogram.of(p[k::3], truth[k::3], valid[k::3]) for k in range(3)), ProbabilityHistogram.empty()
    )
    assert (parts.counts == whole.counts).all()
    np.testing.assert_allclose(parts.total, whole.total)
    assert whole.counts.sum() == valid.sum()
    assert whole.counts[1].sum() == (truth & valid).sum()


@given(arrays(np.float32, 50, elements=st.floats(0, 1, width=32)))
def test_a_bin_of_a_histogram_holds_like_probabilities_and_never_both_calls(p):
    index = bin_of(p.astype(float))
    for place in np.unique(index):
        together = p[index == place]
        assert np.ptp(together) <= 0.002
        assert len(np.unique(together > 0.5)) == 1
