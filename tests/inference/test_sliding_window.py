from itertools import pairwise

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.inference import backends, sliding_window
from glaciersar.inference.sliding_window import Tiling
from tests.support.networks import PixelModel


@given(length=st.integers(1, 500), window=st.integers(1, 200), share=st.floats(0, 0.99))
def test_windows_cover_every_pixel_overlap_enough_and_none_hangs_over(length, window, share):
    overlap = min(round(share * window), window - 1)
    side, starts = sliding_window.window_offsets(length, window, overlap)
    assert side <= window
    assert starts[0] == 0
    assert starts[-1] + side == length
    assert all(after - before <= side - overlap for before, after in pairwise(starts))
    assert len(starts) == 1 or starts == sorted(set(starts))


@given(length=st.integers(1, 3000), window=st.integers(128, 640), overlap=st.integers(0, 100))
def test_large_windows_start_where_the_networks_halve_the_sides(length, window, overlap):
    _, starts = sliding_window.window_offsets(length, window, overlap)
    assert not any(start % 8 for start in starts)


@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
@torch.no_grad()
def test_far_from_its_margin_a_window_gives_what_the_whole_raster_gives(name):
    torch.manual_seed(0)
    model = models.build(name, width=2).eval()
    series = torch.rand(1, 3, 237, 120)
    whole = model(series[None]).softmax(1)[0, 1].numpy()
    in_windows = sliding_window.map_array(model, series, tiling=Tiling(window=190, overlap=0.6, halo=56))
    np.testing.assert_allclose(in_windows, whole, atol=1e-4)


def test_windows_that_fit_are_placed_as_the_authors_place_them():
    assert sliding_window.window_offsets(1152, 384, 192) == (384, [0, 192, 384, 576, 768])


def test_the_window_is_the_gaussian_of_the_paper_code():
    window = sliding_window.gaussian_window(384).numpy()
    assert window[0, 0] / window[192, 192] == pytest.approx(0.045910 / 2.50656, rel=1e-4)
    assert window[0, 192] / window[192, 192] == pytest.approx(0.339231 / 2.50656, rel=1e-4)


class EdgeModel(PixelModel):
    """Calls glacier the outermost two pixels of each window."""

    def forward(self, x):
        glacier = torch.full(x[:, 0, 0].shape, 9.0)
        glacier[:, 2:-2, 2:-2] = -9.0
        return torch.stack((torch.zeros_like(glacier), glacier), 1)


def test_a_halo_takes_the_margin_of_a_window_only_where_no_other_window_has_better():
    series = torch.zeros(1, 2, 60, 50)
    edge = np.ones((60, 50), bool)
    edge[2:-2, 2:-2] = False
    found = sliding_window.map_array(EdgeModel(), series, tiling=Tiling(window=20, overlap=0.25, halo=2)) > 0.5
    np.testing.assert_array_equal(found, edge)
    without = sliding_window.map_array(EdgeModel(), series, tiling=Tiling(window=20, overlap=0.0)) > 0.5
    assert without[2:-2, 2:-2].any()


@pytest.mark.parametrize("shape", [(40, 56), (32, 32), (7, 50), (33, 31)])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_blending_leaves_a_pixelwise_model_as_it_is(rng, shape, overlap):
    series = rng.normal(size=(1, 3, *shape)).astype(np.float32)
    found = sliding_window.map_array(PixelModel(), series, tiling=Tiling(window=32, overlap=overlap))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-series[0, 0])), atol=1e-6)


def test_where_radar_does_not_see_there_is_no_probability_and_no_work(rng):
    class CountingModel(PixelModel):
        windows = 0

        def forward(self, x):
            self.windows += 1
            return super().forward(x)

    valid = np.zeros((64, 64), bool)
    valid[3:9, 50:60] = True
    model = CountingModel()
    series = rng.normal(size=(1, 3, 64, 64)).astype(np.float32)
    found = sliding_window.map_array(model, series, valid=valid, tiling=Tiling(window=16, overlap=0.0))
    np.testing.assert_array_equal(np.isfinite(found), valid)
    assert model.windows == 1


def test_one_window_gives_the_model_itself(rng):
    model = models.build("unet3d", width=4).eval()
    series = torch.from_numpy(rng.random((1, 5, 24, 40), dtype=np.float32))
    with torch.inference_mode():
        expected = model(series[None]).softmax(1)[0, 1].numpy()
    np.testing.assert_allclose(sliding_window.map_array(model, series, tiling=Tiling(window=64)), expected, atol=1e-6)


def test_mapping_puts_dropout_to_rest(rng):
    model = models.build("unet3d", width=4, dropout=0.5).train()
    series = rng.random((1, 4, 16, 16), dtype=np.float32)
    np.testing.assert_array_equal(sliding_window.map_array(model, series), sliding_window.map_array(model, series))


def test_a_prepared_network_maps_as_the_network_itself(rng):
    model = models.build("unet3d", width=4)
    series = rng.random((1, 4, 40, 24), dtype=np.float32)
    predictor = backends.make_predictor(model, precision="float32", backend="torch")
    np.testing.assert_array_equal(
        sliding_window.map_array(predictor, series, tiling=Tiling(window=16)),
        sliding_window.map_array(model, series, tiling=Tiling(window=16)),
    )


@pytest.mark.parametrize(
    "setting",
    [{"overlap": 1.0}, {"window": 0}, {"sigma": 0.0}, {"halo": -1}],
)
def test_a_tiling_that_cannot_be_is_refused_by_the_name_of_its_field(setting):
    with pytest.raises(InputError, match=next(iter(setting))):
        Tiling(**setting)


@pytest.mark.parametrize("setting", [{"backend": "tpu"}, {"precision": "int8"}])
def test_a_setting_that_cannot_be_is_refused_by_its_name(rng, setting):
    with pytest.raises(InputError, match=next(iter(setting))):
        sliding_window.map_array(PixelModel(), rng.random((1, 4, 16, 16), dtype=np.float32), **setting)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[0], "shape"),
        (lambda s: np.where(s > 0.9, np.nan, s), "NaN"),
    ],
)
def test_a_series_that_no_model_can_take_is_refused(rng, change, message):
    with pytest.raises(InputError, match=message):
        sliding_window.map_array(PixelModel(), change(rng.random((1, 4, 16, 16), dtype=np.float32)))


def test_a_map_is_written_where_it_lies_with_its_nodata(tmp_path, rng):
    geobox = Tile(column=10, row=38).geobox(pixel=100)
    probability = rng.random((100, 100), dtype=np.float32)
    probability[:10] = np.nan
    path = sliding_window.write_map(tmp_path / "map.tif", probability, geobox, model="unet3d")
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32633
        assert tuple(file.bounds) == Tile(column=10, row=38).bounds
        assert file.tags()["model"] == "unet3d"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(file.read(1), probability)


def test_a_map_of_another_shape_than_its_grid_is_refused_and_not_written(tmp_path):
    with pytest.raises(InputError, match="a map of 9 × 9 found, a grid of 100 × 100 expected"):
        sliding_window.write_map(
            tmp_path / "map.tif", np.zeros((9, 9), np.float32), Tile(column=1, row=1).geobox(pixel=100)
        )
    assert not list(tmp_path.iterdir())


def test_weights_that_fall_off_steeply_leave_no_pixel_out(rng):
    series = rng.random((1, 4, 40, 40), dtype=np.float32)
    found = sliding_window.map_array(PixelModel(), series, tiling=Tiling(window=20, overlap=0.2, sigma=0.02))
    np.testing.assert_allclose(
        found, sliding_window.map_array(PixelModel(), series, tiling=Tiling(window=40)), atol=1e-6
    )
