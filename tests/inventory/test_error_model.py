"""glaciersar.inventory.error_model"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.inventory import block_sums, error_model
from glaciersar.inventory.coverage_landscapes import landscape_residuals
from tests.support import erring_maps
from tests.support.erring_maps import DEVIATIONS, STAYS

ALONE = error_model.ErrorModel(
    stays=dict.fromkeys(error_model.LEVELS, 0.0),
    year={"map": 0.0, "tile": 0.0, "block": 0.0, "pixels": 0.04},
    count=dict.fromkeys(error_model.LEVELS, 1e6),
    landscapes=10**6,
    paired=True,
)


def draw_known(rng, *, tiles=4, landscapes=300, years=(2016, 2020), deviations=(0.3, 0.2, 0.4, 0.1), stays=0.6):
    """Residuals drawn by the formula itself: 9 blocks on each tile, effects that stay and effects of one year."""
    rows = pd.MultiIndex.from_product([range(landscapes), range(tiles), range(9)], names=["landscape", "tile", "row"])
    table = rows.to_frame(index=False).assign(orbit=14, column=0)
    keys = [["landscape"], ["landscape", "tile"], ["landscape", "tile", "row"], ["landscape", "tile", "row"]]

    def effects():
        drawn = []
        for names, deviation in zip(keys, deviations, strict=True):
            number = table.groupby(names).ngroup()
            drawn.append(deviation * rng.normal(size=number.max() + 1)[number])
        return np.array(drawn)

    lasting, parts, spread = effects(), [], rng.uniform(0.05, 1.5, len(table))
    for year in years:
        total = np.sqrt(stays) * lasting + np.sqrt(1 - stays) * effects()
        error = spread * total[:3].sum(0) + np.sqrt(spread) * total[3]
        parts.append(table.assign(year=year, spread=spread, error=error))
    return pd.concat(parts, ignore_index=True).astype({"landscape": str})


def test_the_variances_that_residuals_were_drawn_with_are_found_again(rng, capsys):
    model = error_model.fit_errors(draw_known(rng))
    assert not capsys.readouterr().out
    for level, deviation in zip(error_model.LEVELS, (0.3, 0.2, 0.4, 0.1), strict=True):
        whole = model.stays[level] + model.year[level]
        assert whole == pytest.approx(deviation**2, rel=0.2, abs=0.004), level
        assert model.stays[level] / whole == pytest.approx(0.6, abs=0.15), level
    assert model.paired
    assert model.landscapes == 300
    assert 250 < model.count["map"] <= 300 < model.count["tile"] <= 1200 < model.count["block"]


def test_maps_that_err_otherwise_than_by_the_formula_give_their_deviations_again(rng):
    model = error_model.fit_errors(landscape_residuals(erring_maps.draw_landscapes(rng, 60)))
    shared = model.table()["in all"]
    for level, deviation in DEVIATIONS.items():
        assert shared[level] == pytest.approx(deviation, rel=0.35), level
    stays = sum(model.stays.values()) - model.stays["pixels"]
    assert stays / (shared[:3] ** 2).sum() == pytest.approx(STAYS, abs=0.2)


def test_landscapes_of_one_tile_give_all_that_a_tile_shares_to_the_map(rng):
    model = error_model.fit_errors(draw_known(rng, tiles=1, landscapes=600))
    assert model.stays["tile"] == model.year["tile"] == 0
    assert model.stays["map"] + model.year["map"] == pytest.approx(0.3**2 + 0.2**2, rel=0.2)


def test_without_a_place_seen_in_two_years_nothing_stays_and_that_is_told(rng, capsys):
    known = draw_known(rng, landscapes=40)
    known.loc[known["year"] == 2020, "orbit"] = 174  # another orbit is another map
    model = error_model.fit_errors(known)
    assert "count as independent" in capsys.readouterr().out
    assert not model.paired
    assert set(model.stays.values()) == {0.0}
    assert model.year["map"] > 0


def test_what_large_errors_in_one_landscape_tell_does_not_depend_on_the_order_of_the_rows(rng):
    known = draw_known(rng, landscapes=20)
    mixed = known.sample(frac=1, random_state=1)
    one, other = error_model.fit_errors(known), error_model.fit_errors(mixed)
    pd.testing.assert_frame_equal(one.table(), other.table())


def one_map(spread, glacier=0):
    n = len(spread)
    table = {"glacier": glacier, "row": np.arange(n) // 8, "column": np.arange(n) % 8, "mapped": 10.24}
    return pd.DataFrame(table | {"expected": 5.0, "spread": spread, "true": np.nan})


def draw(model, *maps):
    return error_model.draw_errors(model, maps, draws=40_000, rng=np.random.default_rng(3))


def with_variances(*, stays=(0.0,) * 4, year=(0.0,) * 4, count=1e6):
    names = error_model.LEVELS
    parts = [dict(zip(names, values, strict=True)) for values in (stays, year, (count,) * 4)]
    return error_model.ErrorModel(stays=parts[0], year=parts[1], count=parts[2], landscapes=5, paired=True)


def test_errors_shared_by_a_map_add_up_and_those_of_pixels_partly_cancel(rng):
    blocks = one_map(rng.uniform(0.1, 0.9, 64))
    spread = blocks["spread"]
    by_tile = spread.groupby(error_model.tile_numbers(blocks)).sum()
    assert len(by_tile) > 4
    expected = [0.2 * spread.sum(), 0.2 * np.sqrt((by_tile**2).sum()), 0.2 * np.sqrt((spread**2).sum())]
    expected.append(0.2 * np.sqrt(spread.sum()))
    for level, deviation in enumerate(expected):
        variances = np.zeros(4)
        variances[level] = 0.04
        assert draw(with_variances(year=variances), blocks).std() == pytest.approx(deviation, rel=0.02)


def test_a_block_in_two_parts_errs_as_the_whole(rng):
    blocks = one_map(np.full(30, 0.5))
    parts = pd.concat([blocks.assign(spread=0.2, glacier=0), blocks.assign(spread=0.3, glacier=1)])
    model = with_variances(year=(0.01, 0.02, 0.03, 0.04))
    assert draw(model, parts).std() == pytest.approx(draw(model, blocks).std(), rel=0.02)


def test_what_stays_cancels_between_years_and_what_is_of_one_year_does_not(rng):
    blocks = one_map(rng.uniform(0.1, 0.9, 20))
    stays, year = (0.03, 0.0, 0.02, 0.01), (0.01, 0.0, 0.0, 0.01)
    errors = draw(with_variances(stays=stays, year=year), blocks, blocks)
    spread = blocks["spread"]
    alone = 0.01 * spread.sum() ** 2 + 0.01 * spread.sum()
    whole = alone + 0.03 * spread.sum() ** 2 + 0.02 * (spread**2).sum() + 0.01 * spread.sum()
    assert errors.std(axis=0) == pytest.approx(np.sqrt([whole, whole]), rel=0.02)
    assert (errors[:, 1] - errors[:, 0]).std() == pytest.approx(np.sqrt(2 * alone), rel=0.02)


def test_few_landscapes_make_the_interval_that_of_student(rng):
    blocks = one_map(np.full(4, 0.5))
    errors = draw(with_variances(year=(0.04, 0, 0, 0), count=3.0), blocks)
    assert np.quantile(errors, 0.975) == pytest.approx(0.2 * 2 * stats.t(3).ppf(0.975), rel=0.05)


def test_a_glacier_that_is_there_in_one_year_only_errs_in_that_year_only():
    errors = draw(ALONE, one_map(np.full(4, 0.5)), one_map(np.empty(0)))
    assert errors[:, 0].std() > 0.1
    assert not errors[:, 1].any()


def test_residuals_are_grouped_by_landscape_year_and_orbit(rng):
    box = erring_maps.landscape_box(0, 1)
    p = rng.random((40, 40))
    blocks = block_sums.sum_blocks(p, box, truth=rng.random((40, 40)) < p)
    names = ["SVAL-5-5_2016_ro14", "SVAL-6-6_2016_ro14", "SVAL-5-5_2020_ro14", "SVAL-9-5_2016_ro14"]
    known = error_model.residuals(dict.fromkeys(names, blocks))
    maps = known.groupby(["landscape", "year", "orbit"]).size()
    assert maps.index.tolist() == [("SVAL-5-5", 2016, 14), ("SVAL-5-5", 2020, 14), ("SVAL-9-5", 2016, 14)]
    np.testing.assert_allclose(
        known.groupby("year")["error"].sum(), np.array([3, 1]) * (blocks["true"] - blocks["expected"]).sum()
    )


def test_what_gives_no_residuals_is_refused_in_a_sentence(rng):
    unknown = block_sums.sum_blocks(rng.random((40, 40)), erring_maps.landscape_box(0, 1))
    with pytest.raises(InputError, match="without a truth"):
        error_model.residuals({"SVAL-5-5_2016_ro14": unknown})
    with pytest.raises(InputError, match="without any doubt"):
        error_model.residuals({"SVAL-5-5_2016_ro14": unknown.assign(spread=0.0, true=1.0)})
    with pytest.raises(InputError, match="not named like"):
        error_model.residuals({"here": unknown})
