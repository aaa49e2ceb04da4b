"""glaciersar.inventory.interval_coverage"""

import numpy as np
import pandas as pd
import pytest
import torch

from glaciersar import models
from glaciersar.inventory import area, block_sums, interval_coverage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return models.build("unet2d", width=4)


def landscapes(model, count, seed=1, years=(2020,)):
    places = {"pixel": 200, "years": years, "relative_orbit": 14, "dates": 2}
    return list(interval_coverage.map_landscapes(model, landscapes=count, **places, seed=seed))


def test_landscapes_are_the_same_whatever_their_number_and_others_with_another_seed(model):
    one, two, other = ([k[2020] for k in landscapes(model, *which)] for which in ((1,), (2,), (1, 2)))
    assert one[0][0].shape == (50, 50)
    assert np.array_equal(one[0][0], two[0][0])
    assert all(np.array_equal(one[0][1][name], two[0][1][name]) for name in ("truth", "reference"))
    assert not np.array_equal(two[0][0], two[1][0])
    assert not np.array_equal(one[0][0], other[0][0])


def test_a_landscape_seen_in_two_years_is_the_one_seen_in_one_of_them(model):
    (alone,), (both,) = landscapes(model, 1), landscapes(model, 1, years=(2016, 2020))
    assert sorted(both) == [2016, 2020]
    assert np.array_equal(both[2020][0], alone[2020][0])
    assert not np.array_equal(both[2016][0], both[2020][0])
    assert both[2020][1]["truth"].sum() < both[2016][1]["truth"].sum()  # glaciers retreat


def known_landscapes(rng, count=200, years=(2020,)):
    """Maps whose probabilities are right, in patches of 1 km that err together, each year on its own."""
    for _ in range(count):
        found = {}
        for year in years:
            p = rng.beta(0.4, 0.4, (10, 10)).astype(np.float32)
            truth = rng.random((10, 10)) < p
            whole, drawn = (np.kron(part, np.ones((5, 5), part.dtype)) for part in (p, truth))
            found[year] = (whole, {"truth": drawn.astype(bool), "reference": drawn.astype(bool)})
        yield found


@pytest.fixture(scope="module")
def known():
    """Residuals of validation scenes that err as `known_landscapes` do."""
    transform = interval_coverage.TILE.geobox(pixel=200).affine
    scenes = (years[2020] for years in known_landscapes(np.random.default_rng(5), 100))
    return area.residuals(
        {str(k): block_sums.sum_blocks(p, transform, truth=m["truth"]) for k, (p, m) in enumerate(scenes)}
    )


def test_the_interval_of_residuals_covers_what_errs_like_the_validation_scenes(rng, known):
    added = interval_coverage.sum_landscapes(known_landscapes(rng), pixel=200)
    table = interval_coverage.interval_coverage(
        interval_coverage.measure_areas(added, known, disagreement=50, draws=300, seed=1)
    )
    assert 0.9 < table.loc["residuals", "coverage"] < 0.985  # three standard errors
    assert table.loc["blocks", "coverage"] > 0.99
    assert table.loc["residuals", "width"] < table.loc["blocks", "width"]


def test_the_interval_of_a_change_covers_it_where_each_year_errs_on_its_own(rng, known):
    added = interval_coverage.sum_landscapes(known_landscapes(rng, years=(2016, 2020)), pixel=200)
    found = interval_coverage.measure_changes(added, known, draws=300, seed=1)
    true = [years[2020].known["truth"] - years[2016].known["truth"] for years in added]
    np.testing.assert_allclose(found["truth"], np.array(true) / 4)
    assert 0.9 < interval_coverage.interval_coverage(found).loc["residuals", "coverage"] < 0.985


def test_maps_are_added_up_as_they_are():
    probability = np.full((50, 50), 0.25, np.float32)
    probability[10:20, 10:30] = 0.75
    masks = {"truth": probability > 0.5, "reference": probability > 0}
    (years,) = interval_coverage.sum_landscapes([{2020: (probability, masks)}], pixel=200)
    assert years[2020].known == {"truth": pytest.approx(8), "reference": pytest.approx(100)}
    assert years[2020].perimeter == pytest.approx(12)
    assert years[2020].blocks["expected"].sum() == pytest.approx(8 * 0.75 + 92 * 0.25)


@pytest.mark.parametrize("pixel", [16, 20, 40, 80, 200])
def test_the_interval_of_a_landscape_all_of_ice_holds_its_truth(pixel, known):
    ice = np.ones(interval_coverage.TILE.geobox(pixel=pixel).shape, bool)
    added = interval_coverage.sum_landscapes(
        [{2020: (ice - np.float32(0.001), {"truth": ice, "reference": ice})}], pixel=pixel
    )
    table = interval_coverage.interval_coverage(
        interval_coverage.measure_areas(added, known, disagreement=500, draws=300, seed=1)
    )
    assert table.loc["residuals", "coverage"] == table.loc["boundary", "coverage"] == 1


def test_the_fraction_of_intervals_that_hold_the_truth_is_counted():
    frame = pd.DataFrame({"truth": [1.0, 2.0, 3.0, 4.0], "expected": [2.0, 3.0, 4.0, 1.0]})
    for name in ("blocks", "residuals"):
        frame[f"low_{name}"], frame[f"high_{name}"] = [0.0, 0.0, 0.0, 5.0], [1.0, 3.0, 2.0, 6.0]
    table = interval_coverage.interval_coverage(frame)
    assert table.index.tolist() == ["blocks", "residuals"]
    assert table["coverage"].tolist() == [0.5] * 2
    assert table["standard_error"].tolist() == [0.25] * 2
    assert table["width"].tolist() == [1.5] * 2
    assert table["bias"].tolist() == [0.0] * 2
    assert table["error"].tolist() == [pytest.approx(np.sqrt(3))] * 2


def test_a_network_of_two_polarisations_is_shown_both():
    both = models.build("unet2d", width=4, features=2)
    both.metadata = {"feature_names": "grd,grd_cross"}
    reverse = models.build("unet2d", width=4, features=2)
    reverse.load_state_dict(both.state_dict())
    reverse.metadata = {"feature_names": "grd_cross,grd"}
    one, other = (landscapes(model, 1)[0][2020][0] for model in (both, reverse))
    assert not np.array_equal(one, other)  # each weight sees another polarisation
