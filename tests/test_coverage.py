"""glaciersar.coverage"""

import numpy as np
import pandas as pd
import pytest
import torch

from glaciersar import area, coverage, models


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return models.build("unet2d", width=4)


def landscapes(model, count, seed=1):
    return list(
        coverage.map_landscapes(model, landscapes=count, pixel=200, year=2020, relative_orbit=14, dates=2, seed=seed)
    )


def test_landscapes_are_the_same_whatever_their_number_and_others_with_another_seed(model):
    one, two, other = landscapes(model, 1), landscapes(model, 2), landscapes(model, 1, seed=2)
    assert one[0][0].shape == (50, 50)
    assert np.array_equal(one[0][0], two[0][0])
    assert all(np.array_equal(one[0][1][name], two[0][1][name]) for name in ("truth", "reference"))
    assert not np.array_equal(two[0][0], two[1][0])
    assert not np.array_equal(one[0][0], other[0][0])


def known_landscapes(rng, count=200):
    """Maps whose probabilities are right, in patches of 1 km that err together."""
    for _ in range(count):
        p = rng.beta(0.4, 0.4, (10, 10)).astype(np.float32)
        truth = rng.random((10, 10)) < p
        whole, drawn = (np.kron(part, np.ones((5, 5), part.dtype)) for part in (p, truth))
        yield whole, {"truth": drawn.astype(bool), "reference": drawn.astype(bool)}


def test_the_interval_of_residuals_covers_what_errs_like_the_validation_scenes(rng):
    transform = coverage.TILE.geobox(pixel=200).affine
    scenes = {
        str(k): area.add_up(p, transform, truth=masks["truth"])
        for k, (p, masks) in enumerate(known_landscapes(np.random.default_rng(5), 100))
    }
    found = coverage.measure(
        known_landscapes(rng), area.residuals(scenes), pixel=200, disagreement=50, draws=300, seed=1
    )
    table = coverage.summarise(found)
    assert 0.9 < table.loc["residuals", "coverage"] < 0.985  # three standard errors
    assert table.loc["blocks", "coverage"] > 0.99
    assert table.loc["residuals", "width"] < table.loc["blocks", "width"]


def test_the_share_of_intervals_that_hold_the_area_is_counted():
    frame = pd.DataFrame({"truth": [1.0, 2.0, 3.0, 4.0]})
    for name in ("blocks", "residuals", "boundary"):
        frame[f"low_{name}"], frame[f"high_{name}"] = [0.0, 0.0, 0.0, 5.0], [1.0, 3.0, 2.0, 6.0]
    table = coverage.summarise(frame)
    assert table["coverage"].tolist() == [0.5] * 3
    assert table["standard_error"].tolist() == [0.25] * 3
    assert table["width"].tolist() == [pytest.approx(1.5 / 2.5)] * 3
