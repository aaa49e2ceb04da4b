"""glaciersar.evaluation.scoring"""

import dataclasses

import geopandas as gpd
import h5py
import numpy as np
import pytest
import shapely
import torch

from glaciersar import models, outlines
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.evaluation import scoring
from glaciersar.evaluation.metrics import Confusion
from glaciersar.grid import SVAL, Tile
from glaciersar.inference import as_released, sliding_window
from glaciersar.inference.calibration import TemperatureCalibration
from glaciersar.inference.histogram import BINS
from glaciersar.inference.sliding_window import Tiling
from glaciersar.inventory import block_sums
from glaciersar.models import pretrained
from glaciersar.training import checkpoints
from tests.support.archives import write_dataset
from tests.support.keras_files import write_keras
from tests.support.tiles import PIXEL, write_tiles

TILES = {Tile(column=6, row=6): 0.5, Tile(column=7, row=6): 0.25}


@pytest.fixture
def run(tmp_path):
    write_tiles(tmp_path / "test.h5", TILES)
    for name in ("unet3d", "unet2d"):
        (tmp_path / "models" / name).mkdir(parents=True)
        pretrained.save(models.build(name, width=4), tmp_path / "models" / name / "weights.safetensors")
    return tmp_path


def test_a_model_is_scored_as_its_own_maps_say(run):
    scores = scoring.score_models(run / "models", ["unet3d", "unet2d"], run / "test.h5", window=64)
    model = pretrained.load(run / "models/unet3d/weights.safetensors")
    total = Confusion()
    tiles = WholeTiles(run / "test.h5")
    for series, labels, _ in (tiles[index] for index in range(2)):
        found = sliding_window.map_array(model, series, tiling=Tiling(window=64)) > 0.5
        total += Confusion.of(labels[1].numpy() > 0.5, found, labels.sum(0).numpy() > 0)
    assert scores.loc[("unet3d", "pooled"), ["tp", "fp", "fn", "tn"]].tolist() == [
        total.tp,
        total.fp,
        total.fn,
        total.tn,
    ]
    assert total.tp + total.fp + total.fn + total.tn == 2 * 20 * 19  # the row without radar does not count
    assert list(scoring.summarize_scores(scores).index) == ["unet3d", "unet2d"]
    assert set(scoring.tile_scores(scores)["tile"]) == {"SVAL-6-6_2020_ro14", "SVAL-7-6_2020_ro14"}


def test_published_weights_are_scored_by_their_name_on_their_own_features(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GLACIERSAR_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(4)
    path = write_keras(models.build("unet3d_weighted", features=2, width=4), tmp_path / "there.h5")
    name = "ICEmapper_tweightedpool_rtcinsar"
    entry = dataclasses.replace(
        pretrained.PUBLISHED[name], url=path.as_uri(), blob=pretrained.git_blob_id(path.read_bytes())
    )
    monkeypatch.setitem(pretrained.PUBLISHED, name, entry)
    with pytest.raises(InputError, match=r"test\.h5: SVAL-6-6_2020_ro14: dataset rtc missing"):
        scoring.score_models(run / "models", [name], run / "test.h5", window=64)
    with h5py.File(run / "test.h5", "a") as file:
        for group in file.values():
            for shift, feature in ((0.1, "rtc"), (0.2, "insar")):
                group[feature] = group["grd"][...] + np.float32(shift)
                group.attrs[f"{feature}_base_time_idx"] = group.attrs["grd_base_time_idx"]
    scores = scoring.score_models(run / "models", [name, "unet3d"], run / "test.h5", window=64)
    assert list(scoring.summarize_scores(scores).index) == [name, "unet3d"]
    series, labels, tile = WholeTiles(run / "test.h5", features=("rtc", "insar"))[0]
    found = sliding_window.map_array(pretrained.load(path), series, tiling=Tiling(window=64)) > 0.5
    expected = Confusion.of(labels[1].numpy() > 0.5, found, labels.sum(0).numpy() > 0)
    assert scores.loc[(name, tile), ["tp", "fp", "fn", "tn"]].tolist() == [
        expected.tp,
        expected.fp,
        expected.fn,
        expected.tn,
    ]


def test_weights_that_ship_are_scored_by_their_name(run):
    name = pretrained.SHIPPED[0]
    scores = scoring.score_models(run / "models", [name], run / "test.h5", window=64)
    found = scoring.map_tiles(pretrained.load(name), run / "test.h5", window=64)
    expected = scoring.score_results(found, pixel=PIXEL)
    assert scores.loc[name].equals(expected)


def test_the_histogram_of_a_model_counts_the_pixels_that_its_confusion_counts(run):
    model = pretrained.load(run / "models/unet3d/weights.safetensors")
    histogram = scoring.histogram_tiles(model, run / "test.h5", window=64)
    scores = scoring.score_models(run / "models", ["unet3d"], run / "test.h5", window=64).loc[("unet3d", "pooled")]
    below, above = histogram.counts[:, : BINS // 2].sum(1), histogram.counts[:, BINS // 2 :].sum(1)
    assert [*below, *above] == scores[["tn", "fn", "fp", "tp"]].tolist()


def test_the_blocks_of_tiles_hold_the_calibrated_area_beside_that_of_the_reference(run):
    model = pretrained.load(run / "models/unet3d/weights.safetensors")
    rule = TemperatureCalibration(temperature=3.0)
    frames = block_sums.sum_tiles(model, run / "test.h5", calibration=rule, window=64)
    series, labels, name = WholeTiles(run / "test.h5")[0]
    seen = labels.sum(0).numpy() > 0
    expected = rule(sliding_window.map_array(model, series, tiling=Tiling(window=64)))[seen].sum() * PIXEL**2 / 1e6
    scale = frames[name]["mapped"].sum() / (seen.sum() * PIXEL**2 / 1e6)
    assert scale == pytest.approx(1, abs=1e-3)  # of EPSG:32633, about the same all over a tile
    assert frames[name]["expected"].sum() == pytest.approx(expected * scale, rel=1e-4)
    assert frames[name]["true"].sum() == pytest.approx(float(labels[1].sum()) * PIXEL**2 / 1e6 * scale, rel=1e-4)


def outlines_of(shares, year=2020):
    shapes = []
    for tile, share in shares.items():
        left, bottom, right, top = tile.bounds
        shapes.append(shapely.box(left, bottom, left + share * (right - left), top))
    return gpd.GeoDataFrame({"year": [year] * len(shapes)}, geometry=shapes, crs=SVAL.crs)


def test_the_same_outlines_agree_wholly_and_shifted_ones_by_the_share_in_common(run):
    same = scoring.score_outlines(outlines_of(TILES), run / "test.h5")
    assert same.loc["pooled", "iou"] == 1
    assert same.loc["pooled", "boundary_p95"] == 0
    wider = scoring.score_outlines(outlines_of({tile: share + 0.05 for tile, share in TILES.items()}), run / "test.h5")
    assert wider.loc["pooled", "iou"] == pytest.approx(15 / 17)
    assert wider.loc["pooled", "boundary_median"] == PIXEL


def test_outlines_of_another_year_are_refused_and_those_without_a_year_serve_all(run):
    with pytest.raises(InputError, match="outlines of 2016 found, of 2020 expected"):
        scoring.score_outlines(outlines_of(TILES, year=2016), run / "test.h5")
    undated = scoring.score_outlines(outlines_of(TILES).drop(columns="year"), run / "test.h5")
    assert undated.loc["pooled", "iou"] == 1


def test_a_test_tile_that_was_trained_on_is_refused(run):
    write_tiles(run / "train.h5", {Tile(column=6, row=6): 0.5})
    with pytest.raises(InputError, match="SVAL-6-6"):
        scoring.score_models(run / "models", ["unet3d"], run / "test.h5")


def test_named_tiles_are_mapped_by_name(run):
    maps = scoring.map_selected_tiles(run / "models/unet3d", run / "test.h5", ["SVAL-7-6_2020_ro14"])
    assert list(maps) == ["SVAL-7-6_2020_ro14"]
    assert maps["SVAL-7-6_2020_ro14"].shape == (20, 20)
    assert ((maps["SVAL-7-6_2020_ro14"] >= 0) & (maps["SVAL-7-6_2020_ro14"] <= 1)).all()


def test_a_model_without_weights_or_a_log_is_told_before_anything_is_mapped(run):
    with pytest.raises(InputError, match=r"ulstm/weights\.safetensors: not there yet; notebooks/04-train\.ipynb"):
        scoring.score_models(run / "models", ["unet3d", "ulstm"], run / "test.h5")
    with pytest.raises(InputError, match=r"log\.csv: not there yet"):
        checkpoints.read_log(run / "models/unet3d")


def test_a_model_trained_as_released_is_scored_as_released(tmp_path, rng):
    path = write_dataset(tmp_path / "test.h5", ["SVAL-6-6_2020_ro14"], rng, shape=(40, 44), padding=(2, 6))
    with h5py.File(path, "a") as file:
        group = file["SVAL-6-6_2020_ro14"]
        group["grd"][...] = rng.random(group["grd"].shape)
        labels = group["outlines"][...]
        labels[:10] = 0  # not seen
        group["outlines"][...] = labels
        glacier = labels[2:38, 6:38, 1] > 0.5
    pretrained.save(models.build("unet3d", width=4), tmp_path / "weights.safetensors", recipe="as_released")
    model = pretrained.load(tmp_path / "weights.safetensors")
    (result,) = scoring.map_tiles(model, path, window=16)
    whole = WholeTiles(path, padded=True)[0][0]
    found = as_released.map_inner_windows(model, whole, window=16)[1][2:38, 6:38]
    assert np.isnan(found).any(axis=0).sum() == 0  # 40 and 44 leave over four columns, which are padding
    (wider,) = scoring.map_tiles(model, path, window=24)
    left_over = as_released.map_inner_windows(model, whole, window=24)[1][2:38, 6:38]
    assert np.isnan(left_over).any()
    assert not wider.found[np.isnan(left_over)].any()
    np.testing.assert_array_equal(result.found, found > 0.5)
    np.testing.assert_array_equal(result.truth, glacier)
    assert result.valid is None  # what no radar sees counts as background
    probability = scoring.map_selected_tiles(tmp_path, path, ["SVAL-6-6_2020_ro14"], window=24)["SVAL-6-6_2020_ro14"]
    np.testing.assert_array_equal(probability, left_over)


def test_a_map_is_scored_window_by_window_as_in_one_piece(tmp_path, rng):
    geobox = Tile(column=10, row=38).geobox(pixel=100)
    left, top = geobox.affine.c, geobox.affine.f
    circle = shapely.Point(left + 4000, top - 5000).buffer(3000)
    drawn = gpd.GeoDataFrame(geometry=[circle, shapely.Point(left + 9000, top - 9000).buffer(700)], crs=SVAL.crs)
    probability = rng.random(geobox.shape, dtype=np.float32)
    probability[:10] = np.nan
    path = sliding_window.write_map(tmp_path / "probability.tif", probability, geobox)
    inside = rng.random(geobox.shape) > 0.3
    found, valid = probability > 0.5, np.isfinite(probability)
    truth = outlines.to_mask(drawn, geobox)
    elsewhere = drawn.to_crs("EPSG:32635")
    assert scoring.score_map(path, drawn, side=37) == Confusion.of(truth, found, valid)
    assert scoring.score_map(path, elsewhere, inside=inside, side=37) == Confusion.of(truth, found, valid & inside)
