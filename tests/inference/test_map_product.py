from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glaciersar.inference import map_product
from glaciersar.inference.calibration import UNCALIBRATED

SHARES = arrays(np.float32, 50, elements=st.floats(0, 1, width=32) | st.just(np.float32(np.nan)))


@given(SHARES)
def test_eight_bits_keep_a_share_to_half_a_step_or_its_side_of_one_half(share):
    level = map_product.quantise(share)
    seen = np.isfinite(share)
    kept = level[seen].astype(np.float32) * np.float32(1 / map_product.STEPS)
    np.testing.assert_array_equal(level == map_product.NO_DATA, ~seen)
    assert ((kept >= 0) & (kept <= 1)).all()
    np.testing.assert_array_equal(kept > 0.5, share[seen] > 0.5)
    off = np.abs(kept - share[seen])
    assert (off <= np.where(np.abs(share[seen] - 0.5) < 0.002, 1.001, 0.501) / map_product.STEPS).all()


def test_rasters_are_named_after_the_probability():
    def names(path):
        return [band.path.as_posix() for band in map_product.rasters_of(Path(path), "uint8", UNCALIBRATED, {})]

    assert names("a/probability_2020.tif") == ["a/probability_2020.tif", "a/glacier_2020.tif", "a/confidence_2020.tif"]
    assert names("a/map.tif") == ["a/map.tif", "a/map_glacier.tif", "a/map_confidence.tif"]
    assert len(map_product.rasters_of(Path("map.tif"), "uint8", None, {})) == 2
