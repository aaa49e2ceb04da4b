"""glaciersar.evaluation.metrics"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries
from torch import from_numpy, tensor
from torchmetrics.functional.classification import (
    binary_accuracy,
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
)

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import (
    Confusion,
    TileResult,
    boundary,
    boundary_distances,
    headline_scores,
    patch_iou,
    score_tiles,
    write_table,
)

masks = arrays(bool, (7, 9))


def test_pooled_scores_agree_with_torchmetrics_on_random_maps(rng):
    truth, found = rng.random((2, 5, 64, 64)) > 0.7
    counts = sum((Confusion.of(t, f) for t, f in zip(truth, found, strict=True)), Confusion())
    for name, oracle in {
        "iou": binary_jaccard_index,
        "precision": binary_precision,
        "recall": binary_recall,
        "f1": binary_f1_score,
        "accuracy": binary_accuracy,
    }.items():
        assert getattr(counts, name) == pytest.approx(float(oracle(from_numpy(found), tensor(truth).int())), abs=1e-6)


@given(truth=masks, found=masks, valid=masks)
def test_every_valid_pixel_is_counted_once_and_no_other(truth, found, valid):
    counts = Confusion.of(truth, found, valid)
    assert counts.tp + counts.fp + counts.fn + counts.tn == valid.sum()
    assert counts == Confusion.of(truth[valid], found[valid])
    inside, outside = counts, Confusion.of(truth, found, ~valid)
    assert inside + outside == Confusion.of(truth, found)


def test_a_score_of_nothing_is_not_a_number():
    nothing = Confusion(tn=9)
    assert np.isnan([nothing.iou, nothing.precision, nothing.recall, nothing.f1]).all()
    assert nothing.accuracy == 1
    assert np.isnan(Confusion().accuracy)


def test_a_patch_without_glacier_counts_one_and_false_alarms_alone_nothing():
    empty, full = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    assert patch_iou(empty, empty) == 1
    assert patch_iou(empty, full) == pytest.approx(0, abs=1e-7)
    assert patch_iou(full, full) == 1


@given(mask=masks)
def test_the_boundary_is_scikit_images_inner_one(mask):
    np.testing.assert_array_equal(boundary(mask), find_boundaries(mask, mode="inner", connectivity=1))


@given(truth=masks, found=masks, pixel=st.sampled_from([1.0, 10.0, 40.0]))
def test_boundary_distances_agree_with_all_pairs(truth, found, pixel):
    ours = boundary_distances(truth, found, pixel)
    one, other = (np.argwhere(find_boundaries(m, mode="inner", connectivity=1)) * pixel for m in (truth, found))
    if len(one) and len(other):
        pairs = cdist(one, other)
        np.testing.assert_allclose(ours, [*pairs.min(1), *pairs.min(0)])
    else:
        assert ours.size == 0


def test_a_map_moved_by_two_pixels_lies_twenty_metres_off():
    truth, found = np.zeros((2, 20, 20), bool)
    truth[:, :8], found[:, :10] = True, True
    assert set(boundary_distances(truth, found, 10)) == {20}


def test_the_edge_of_the_valid_area_is_no_boundary():
    mask, valid = np.zeros((2, 10, 10), bool)
    mask[:5], valid[:, :] = True, True
    valid[3:7] = False
    assert not boundary(mask, valid).any()
    assert boundary(mask).sum() == 10


def results(rng, count=3):
    for index in range(count):
        truth = rng.random((16, 16)) > 0.5
        yield TileResult(name=f"SVAL-1-{index}", truth=truth, found=truth ^ (rng.random((16, 16)) > 0.8))


def test_tiles_are_scored_each_and_together(rng):
    tiles = list(results(rng))
    frame = score_tiles(tiles, pixel=10)
    assert list(frame.index) == ["SVAL-1-0", "SVAL-1-1", "SVAL-1-2", "pooled", "mean", "std"]
    counts = [Confusion.of(tile.truth, tile.found) for tile in tiles]
    assert frame.loc["pooled", "iou"] == sum(counts, Confusion()).iou
    assert frame.loc["mean", "iou"] == pytest.approx(np.mean([c.iou for c in counts]))
    assert frame.loc["std", "iou"] == pytest.approx(np.std([c.iou for c in counts], ddof=1))
    distances = np.concatenate([boundary_distances(tile.truth, tile.found, 10) for tile in tiles])
    assert frame.loc["pooled", "boundary_p95"] == pytest.approx(np.percentile(distances, 95))
    assert frame.loc["pooled", "tp"] == frame["tp"][:3].sum()
    top = headline_scores(frame)
    assert top["tiles"] == 3
    assert (top["iou"], top["mean_iou"]) == (frame.loc["pooled", "iou"], frame.loc["mean", "iou"])


def test_a_probability_is_glacier_above_one_half_where_it_counts():
    truth = np.array([[True, True, False, False]])
    probability = np.array([[0.51, 0.5, 0.2, np.nan]])
    frame = score_tiles(
        [TileResult(name="a", truth=truth, found=probability, valid=np.array([[True, True, True, False]]))], pixel=10
    )
    assert frame.loc["a", ["tp", "fp", "fn", "tn"]].tolist() == [1, 0, 1, 1]
    with pytest.raises(InputError, match="a: 1 valid pixels without a probability found"):
        score_tiles([TileResult(name="a", truth=truth, found=probability)], pixel=10)


def test_a_tile_without_glacier_does_not_pull_the_mean_down():
    nothing = np.zeros((4, 4), bool)
    full = TileResult(name="full", truth=~nothing, found=~nothing)
    frame = score_tiles([full, TileResult(name="none", truth=nothing, found=nothing)], pixel=10)
    assert np.isnan(frame.loc["none", "iou"])
    assert frame.loc["mean", "iou"] == frame.loc["pooled", "iou"] == 1


def test_scoring_no_tile_is_refused():
    with pytest.raises(InputError, match="no tile to score"):
        score_tiles([], pixel=10)


def test_a_table_is_written_three_ways(tmp_path, rng):
    frame = score_tiles(results(rng), pixel=10)
    paths = write_table(frame, tmp_path / "scores", caption="Simulated, 100 % of R&D_tiles")
    assert [path.name for path in paths] == ["scores.csv", "scores.md", "scores.tex"]
    back = pd.read_csv(paths[0], index_col="tile").astype(float)
    pd.testing.assert_frame_equal(back, frame.astype(float), check_exact=True)
    text = paths[1].read_text("utf-8")
    assert text.startswith("Simulated, 100 % of R&D_tiles\n\n| tile ")
    assert f"{frame.loc['pooled', 'iou']:.3f}" in text
    assert "nan" not in text.lower()
    assert r"\caption{Simulated, 100 \% of R\&D\_tiles}" in paths[2].read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.md", "scores.tex"]
