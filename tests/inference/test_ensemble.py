"""glaciersar.inference.ensemble"""

import weakref

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference import ensemble, sliding_window
from glaciersar.inference.calibration import UNCALIBRATED, TemperatureCalibration
from glaciersar.inference.large_raster import map_raster, map_scenes
from glaciersar.inference.strips import join_strips, map_strip
from glaciersar.models import pretrained
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import write_folder, year_of_dates
from tests.support.streams import GRID, SHARPER, TILES, Source, contents, give_up, shares, values


def network(seed, model="unet3d", **settings):
    torch.manual_seed(seed)
    return models.build(model, width=2, **settings).eval()


@pytest.fixture(scope="module")
def three():
    return [network(seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("scenes"), GRID, year_of_dates(3), np.random.default_rng(1))
    return choose_series(find_scenes(folder), polarisation="HH", dates=0)


def map_source(networks, path, source=None, **settings):
    predictor = ensemble.make_predictor(networks, backend="torch", precision="float32")
    return map_raster(predictor, source or Source(), GRID, path, tiling=TILES, inputs={}, **settings)


def test_mean_and_spread_are_those_of_numpy(three):
    series = torch.rand(2, 1, 3, 16, 24)
    each = [ensemble.make_predictor(one) for one in three]
    together = ensemble.make_predictor(three)
    maps = np.stack([one(series).numpy() for one in each]).astype(float)
    mean, spread = together.planes(series).numpy().transpose(1, 0, 2, 3)
    np.testing.assert_allclose(mean, maps.mean(0), rtol=1e-6)
    np.testing.assert_allclose(spread, maps.std(0, ddof=1), rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(together(series).numpy(), mean)
    assert str(together).endswith("mean of 3 networks")


def test_an_ensemble_of_one_is_the_network_itself_to_the_byte(chosen, tmp_path, three):
    for name, networks in {"alone": three[0], "list": three[:1]}.items():
        map_scenes(networks, chosen, GRID, "HH", tmp_path / name / "probability.tif", tiling=TILES, calibration=SHARPER)
    assert contents(tmp_path / "alone") == contents(tmp_path / "list")
    assert sorted(contents(tmp_path / "alone")) == ["confidence.tif", "glacier.tif", "probability.tif"]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_identical_members_have_no_spread_and_the_mean_of_one(tmp_path, three, count):
    map_source(three[0], tmp_path / "one" / "probability.tif")
    mapped = map_source([three[0]] * count, tmp_path / "same" / "probability.tif")
    np.testing.assert_array_equal(values(mapped.probability), values(tmp_path / "one" / "probability.tif"))
    valid = Source().whole().valid
    np.testing.assert_array_equal(values(mapped.spread), np.where(valid, 0, np.nan))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_rasters_of_an_ensemble_are_the_mean_and_the_spread_of_its_members(tmp_path, three, dtype):
    each = [map_source(one, tmp_path / f"{k}.tif") for k, one in enumerate(three)]
    maps = np.stack([values(one.probability) for one in each]).astype(float)
    mapped = map_source(three, tmp_path / "probability_2020.tif", dtype=dtype, calibration=SHARPER)
    tolerance = 1e-6 if dtype == "float32" else 1 / 254
    np.testing.assert_allclose(shares(mapped.probability), maps.mean(0), atol=tolerance)
    in_one_window = np.s_[:20, :20]  # elsewhere windows are blended before, and spreads are no sums
    np.testing.assert_allclose(shares(mapped.spread)[in_one_window], maps.std(0, ddof=1)[in_one_window], atol=tolerance)
    assert [path.name for path in mapped.files] == [
        "probability_2020.tif",
        "glacier_2020.tif",
        "confidence_2020.tif",
        "spread_2020.tif",
    ]
    with rasterio.open(mapped.spread) as file:
        assert file.descriptions == ("standard deviation of the probability between 3 networks",)
        np.testing.assert_array_equal(file.read_masks(1) > 0, Source().whole().valid)


def test_a_raster_that_streams_is_the_mean_made_in_memory_bit_for_bit(tmp_path, three):
    mapped = map_source(three, tmp_path / "probability.tif")
    whole = Source().whole()
    expected = sliding_window.map_array(
        three, whole.series[None], valid=whole.valid, tiling=TILES, backend="torch", precision="float32"
    )
    np.testing.assert_array_equal(values(mapped.probability), expected)


def test_a_killed_ensemble_resumes_to_the_same_bytes(tmp_path, three):
    map_source(three, tmp_path / "whole" / "probability.tif")
    with pytest.raises(InputError, match="cannot be read"):
        map_source(three, tmp_path / "cut" / "probability.tif", Source(fail_at=9, fail=give_up))
    map_source(three, tmp_path / "cut" / "probability.tif")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_spread_of_an_earlier_map_does_not_stay_beside_that_of_one_network(tmp_path, three):
    map_source(three, tmp_path / "probability.tif")
    map_source(three[0], tmp_path / "probability.tif")
    assert not (tmp_path / "spread.tif").exists()


def test_strips_of_an_ensemble_are_joined_to_the_files_of_one_run(chosen, tmp_path, three):
    settings = {"tiling": TILES, "weights": "of a test"}
    whole, _ = map_scenes(three, chosen, GRID, "HH", tmp_path / "whole" / "probability.tif", **settings)
    strips = [tmp_path / f"{k}.zip" for k in (1, 2)]
    for k, path in enumerate(strips, 1):
        map_strip(three, chosen, GRID, "HH", path, strip=k, strips=2, **settings)
    joined = join_strips(strips, tmp_path / "joined" / "probability.tif")
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert joined.spread.name == "spread.tif"
    assert joined.predictor == whole.predictor
    with rasterio.open(joined.probability) as file:
        assert file.tags()["members"] == "3"
        assert file.tags()["model"] == "3 × unet3d"


def test_members_map_a_window_one_after_another_and_their_maps_are_not_kept():
    made = []

    def member(value):
        def run(series):
            assert not [map for map in made if map() is not None], "the map of an earlier member is kept"
            found = torch.full((1, 4, 4), value)
            made.append(weakref.ref(found))
            return found

        return run

    found = ensemble.mean_and_spread([member(value) for value in (0.1, 0.4, 0.7)], torch.zeros(1, 1, 1, 4, 4))
    np.testing.assert_allclose(found[0, 0], 0.4, rtol=1e-6)
    np.testing.assert_allclose(found[0, 1], 0.3, rtol=1e-6)


def test_members_that_take_other_features_or_dates_are_refused(chosen, tmp_path):
    pair, few = network(1, features=2), network(2)
    pair.metadata["feature_names"] = "grd,grd_cross"
    with pytest.raises(InputError, match="grd, grd_cross found beside those of grd, the same for all members"):
        ensemble.members_of([network(1), pair])
    few.metadata["dates"] = "2"
    with pytest.raises(InputError, match="that are shown 2 dates of 3 found beside those shown 3"):
        map_scenes([network(1), few], chosen, GRID, "HH", tmp_path / "probability.tif", tiling=TILES)
    with pytest.raises(InputError, match="no network found"):
        ensemble.members_of([])
    assert not list(tmp_path.iterdir())


def test_networks_of_several_kinds_map_together_and_are_named(tmp_path, three):
    together = [three[0], three[1], network(4, "unet2d_mean")]
    together[2].metadata["trained_on"] = "real radar"
    assert ensemble.describe_members(together) == {
        "model": "2 × unet3d, 1 × unet2d_mean",
        "trained_on": "unknown data, real radar",
        "members": "3",
    }
    assert np.nanmax(values(map_source(together, tmp_path / "probability.tif").spread)) > 0


def test_weights_that_are_given_twice_are_told(tmp_path, capsys):
    pretrained.save(network(1), tmp_path / "a.safetensors")
    pretrained.save(network(2), tmp_path / "b.safetensors")
    assert len(ensemble.load_networks(tmp_path / "a.safetensors")) == 1
    assert len(ensemble.load_networks([tmp_path / "a.safetensors", str(tmp_path / "b.safetensors")])) == 2
    assert not capsys.readouterr().out
    assert len(ensemble.load_networks([tmp_path / "a.safetensors"] * 2)) == 2
    assert "some have the same weights" in capsys.readouterr().out


@given(
    probability=st.floats(0, 1),
    spread=st.floats(0, 0.7),
    temperature=st.floats(0.3, 5),
)
def test_a_calibrated_spread_is_finite_and_follows_the_slope(probability, spread, temperature):
    p, s = np.array([probability]), np.array([spread])
    np.testing.assert_allclose(ensemble.calibrate_spread(UNCALIBRATED, p, s), s, atol=1e-12)
    found = ensemble.calibrate_spread(TemperatureCalibration(temperature=temperature), p, s)
    assert np.isfinite(found).all()
    assert (found >= 0).all()


def test_a_small_spread_is_calibrated_by_the_derivative():
    p, s = np.linspace(0.05, 0.95, 19), np.full(19, 1e-3)
    rule = TemperatureCalibration(temperature=2)
    logit = np.log(p / (1 - p)) / 2
    derivative = 0.5 / (p * (1 - p)) * np.exp(-logit) / (1 + np.exp(-logit)) ** 2
    np.testing.assert_allclose(ensemble.calibrate_spread(rule, p, s), s * derivative, rtol=1e-3)
    assert np.isnan(ensemble.calibrate_spread(rule, np.array([np.nan]), np.array([np.nan])))[0]
