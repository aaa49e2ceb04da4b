"""tools.ensembles.count"""

import numpy as np
import pandas as pd
import pytest

from glaciersar.errors import InputError
from glaciersar.inventory.interval_coverage import interval_coverage
from tools.ensembles import count
from tools.ensembles.maps import MemberMaps

PIXEL = 400.0
SIDE = 25


def tile(rng, *, members=4, disagreement=0.5):
    """A tile of ice below a slope, that each member sees shifted in common and by itself."""
    height = np.linspace(-4, 4, SIDE)[:, None] + rng.normal(0, 0.5, (SIDE, SIDE))
    shared, own = rng.normal(0, 0.3), rng.normal(0, disagreement, (members, 1, 1))
    logit = height + shared + own + rng.normal(0, 0.2, (members, SIDE, SIDE))
    ice = rng.random((SIDE, SIDE)) < 1 / (1 + np.exp(-height))
    return MemberMaps(probability=(1 / (1 + np.exp(-logit))).astype(np.float32), reference=ice)


@pytest.fixture
def measured(rng):
    names = [f"SVAL-{row}-{column}_2020_ro14" for row in (11, 21, 31, 41) for column in (10, 20, 30)]
    val, test = ({name: tile(rng) for name in names} for _ in range(2))
    truth = {name: found.reference for name, found in test.items()}
    return {
        size: pd.concat(
            [count.measure(count.sum_ensemble(some, val, test, truth, pixel=PIXEL), draws=500) for some in chosen]
        )
        for size, chosen in count.ensembles_of(4).items()
    }


def test_ensembles_of_a_size_share_no_member():
    assert count.ensembles_of(4) == {1: [[0], [1], [2], [3]], 2: [[0, 1], [2, 3]], 4: [[0, 1, 2, 3]]}
    six = count.ensembles_of(6)
    assert {size: len(found) for size, found in six.items()} == {1: 6, 2: 3, 3: 2, 6: 1}
    assert all(len({k for one in found for k in one}) == sum(map(len, found)) for found in six.values())


def test_members_widen_every_interval_by_no_more_than_their_bound(measured, capsys):
    for size, rows in measured.items():
        width = {part: rows[f"high_{part}"] - rows[f"low_{part}"] for part in count.PARTS}
        assert len(rows) == 2 * 12 * (4 // size)
        assert (rows["deviation"] <= rows["spread"] + 1e-9).all()
        if size == 1:
            assert not rows["spread"].any()
            np.testing.assert_array_equal(width["bound"], width["residuals"])
        else:
            assert (rows["deviation"] > 0).all()
            assert (width["areas"] >= 0.97 * width["residuals"]).all()
            assert (width["bound"] >= 0.97 * width["areas"]).all()


def test_the_table_counts_what_lies_within(measured):
    table = count.tabulate(measured)
    rows = measured[4][measured[4]["source"] == "validation tiles"]
    held = (rows["low_bound"] <= rows["truth"]) & (rows["truth"] <= rows["high_bound"])
    assert table.loc[(4, "validation tiles", "bound"), "coverage"] == pytest.approx(held.mean())
    expected = interval_coverage(rows).loc["areas", "score"]
    assert table.loc[(4, "validation tiles", "areas"), "score"] == pytest.approx(expected)
    spreads = count.describe_spreads(measured)
    assert list(spreads.index) == [2, 4]
    assert spreads["rank"].between(-1, 1).all()


def test_few_tiles_are_refused(rng):
    val = {"SVAL-11-10_2020_ro14": tile(rng)}
    truth = {name: found.reference for name, found in val.items()}
    with pytest.raises(InputError, match="1 test tiles found, at least 5 expected"):
        count.measure(count.sum_ensemble([0, 1], val, val, truth, pixel=PIXEL), draws=10)
