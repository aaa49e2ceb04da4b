"""glaciersar.evaluation.baselines"""

import h5py
import numpy as np
import pytest
from scipy import ndimage

from glaciersar import radiometry
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.evaluation import baselines
from glaciersar.evaluation.baselines import SEASONS, Threshold
from glaciersar.evaluation.metrics import Confusion
from glaciersar.grid import Tile
from tests.support.tiles import write_tiles

TILES = {Tile(column=6, row=6): 0.5, Tile(column=7, row=6): 0.25}
OTHERS = {Tile(column=12, row=6): 0.4}


def blur_levels(path, rng):
    """Add noise to a dataset file, so that no threshold maps it without error."""
    with h5py.File(path, "a") as file:
        for group in file.values():
            noise = rng.normal(0, 2.5, group["grd"].shape)
            group["grd"][...] = radiometry.scale(radiometry.unscale(group["grd"][...]) + noise)


def pooled_iou(path, rule):
    return sum(
        (Confusion.of(r.truth, r.found, r.valid) for r in baselines.map_by_threshold(rule, path)), Confusion()
    ).iou


@pytest.mark.parametrize(("glacier", "land"), [(-12.0, -8.0), (-8.0, -11.0)])
def test_no_other_threshold_has_a_higher_pooled_iou(tmp_path, rng, glacier, land):
    write_tiles(tmp_path / "train.h5", TILES, glacier_db=glacier, land_db=land)
    blur_levels(tmp_path / "train.h5", rng)
    best = baselines.fit_threshold(tmp_path / "train.h5")
    assert best.above == (glacier > land)
    found = pooled_iou(tmp_path / "train.h5", best)
    assert 0.5 < found < 1
    for level in np.arange(-16, -4, 0.25):
        for above in (True, False):
            assert pooled_iou(tmp_path / "train.h5", Threshold(level=level, above=above)) <= found + 1e-9


def test_a_threshold_between_two_levels_maps_without_error(tmp_path):
    write_tiles(tmp_path / "train.h5", TILES)
    write_tiles(tmp_path / "test.h5", OTHERS)
    rule = baselines.fit_threshold(tmp_path / "train.h5")
    assert not rule.above
    assert pooled_iou(tmp_path / "test.h5", rule) == 1


def test_winter_backscatter_is_that_of_the_winter_dates_alone(rng):
    db = rng.normal(-10, 2, (1, 15, 4, 4)).astype(np.float32)
    expected = db[0, :5].mean(0)
    db[:, 5:] += 5
    np.testing.assert_allclose(baselines.winter_backscatter(radiometry.scale(db)), expected, atol=1e-3)


def test_the_seasons_hold_every_date_once():
    assert [date for dates in SEASONS.values() for date in range(15)[dates]] == list(range(15))


def test_statistics_of_a_pixel_are_those_of_its_dates(rng):
    series = rng.random((2, 15, 6, 7), dtype=np.float32)
    found = baselines.pixel_statistics(series, np.ones((6, 7), bool), smooth=1)
    assert found.shape == (6, 7, 2 * 17)
    dates = series[1, :, 2, 3].astype(float)
    winter, early, late, autumn = (dates[:5].mean(), dates[5:8].mean(), dates[8:11].mean(), dates[11:].mean())
    expected = [dates.min(), dates.max(), dates.mean(), dates.std(), *np.quantile(dates, (0.25, 0.5, 0.75))]
    expected += [winter, early, late, autumn, early - winter, late - winter, autumn - winter]
    expected += [late - early, autumn - early, autumn - late]
    np.testing.assert_allclose(found[2, 3, 1::2], expected, atol=1e-6)


@pytest.mark.parametrize("smooth", [3, 5])
def test_means_of_surroundings_are_of_the_pixels_that_radar_sees(rng, smooth):
    series, valid = rng.random((1, 15, 9, 8), dtype=np.float32), rng.random((9, 8)) > 0.3
    found = baselines.pixel_statistics(series, valid, smooth=smooth)
    minimum = np.where(valid, series[0].min(0), np.nan)
    expected = ndimage.generic_filter(minimum, np.nanmean, smooth, mode="constant", cval=np.nan)
    np.testing.assert_allclose(found[..., 17][valid], expected[valid], atol=1e-5)


def test_what_has_no_window_or_not_the_dates_of_a_year_is_refused(rng):
    series, valid = rng.random((1, 15, 6, 7), dtype=np.float32), np.ones((6, 7), bool)
    with pytest.raises(InputError, match="smooth=4 found, one of 1, 3, 5 expected"):
        baselines.pixel_statistics(series, valid, smooth=4)
    with pytest.raises(InputError, match="14 dates found, 15 expected"):
        baselines.pixel_statistics(series[:, 1:], valid)


def test_a_file_without_glacier_is_refused(tmp_path):
    write_tiles(tmp_path / "train.h5", dict.fromkeys(TILES, 0))
    with pytest.raises(InputError, match=r"train\.h5: no pixel of glacier found"):
        baselines.fit_threshold(tmp_path / "train.h5")
    pytest.importorskip("sklearn")
    with pytest.raises(InputError, match=r"train\.h5: 760 pixels of one class found"):
        baselines.fit_booster(tmp_path / "train.h5")


@pytest.fixture
def folder(tmp_path, rng):
    """Glacier differs from land in its autumn alone, on training and test tiles."""
    pytest.importorskip("sklearn")
    for name, tiles in (("train", TILES), ("test", OTHERS)):
        path = tmp_path / f"{name}.h5"
        write_tiles(path, tiles, glacier_db=-10, land_db=-10)
        with h5py.File(path, "a") as file:
            for group in file.values():
                glacier = group["outlines"][..., 1] > 0.5
                group["grd"][22:, ..., 0] -= np.float32(0.05) * glacier
        blur_levels(path, rng)
    return tmp_path


def test_boosting_sees_what_a_threshold_of_winter_does_not(folder):
    scores = baselines.score_baselines(folder)["iou"].xs("pooled", level="tile")
    assert scores["threshold"] < 0.6
    assert scores["boosting"] > 0.9


def test_boosting_again_with_the_same_seed_gives_the_same_map(folder):
    first, again = (baselines.fit_booster(folder / "train.h5", seed=3, iterations=20) for _ in range(2))
    series = baselines.pixel_statistics(WholeTiles(folder / "test.h5")[0][0].numpy(), np.ones((20, 20), bool))
    one, two = (found.classifier.predict_proba(series.reshape(400, -1)) for found in (first, again))
    np.testing.assert_array_equal(one, two)
    (result,) = baselines.map_by_booster(first, folder / "test.h5")
    assert (result.found | result.truth).any()
    assert not result.valid[0].any()


def test_each_tile_gives_the_same_number_of_pixels(folder, monkeypatch):
    ensemble, fitted = pytest.importorskip("sklearn.ensemble"), {}

    class Watched(ensemble.HistGradientBoostingClassifier):
        def fit(self, values, target):
            fitted.update(values=values, target=target)

    monkeypatch.setattr(ensemble, "HistGradientBoostingClassifier", Watched)
    baselines.fit_booster(folder / "train.h5", pixels=101)
    assert fitted["values"].shape == (100, 34)
    assert np.isfinite(fitted["values"]).all()
    assert len(np.unique(fitted["values"], axis=0)) == 100  # no pixel twice


def test_a_tile_in_train_and_test_is_refused(folder):
    write_tiles(folder / "test.h5", TILES)
    with pytest.raises(InputError, match="SVAL-6-6"):
        baselines.score_baselines(folder)
