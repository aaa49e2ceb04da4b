"""glaciersar.evaluation.parts"""

import shutil

import pandas as pd
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation import parts, scoring
from glaciersar.grid import Tile
from glaciersar.models import pretrained
from tests.support.tiles import PIXEL, write_tiles

SHARES = [0.5, 0.25, 0.7, 0.1, 0.4]


@pytest.fixture
def run(tmp_path):
    """Five tiles and a network whose maps are neither empty nor full."""
    write_tiles(tmp_path / "test.h5", {Tile(column=5 + k, row=6): share for k, share in enumerate(SHARES)})
    torch.manual_seed(3)
    pretrained.save(models.build("unet2d", width=4), tmp_path / "weights.safetensors")
    return tmp_path


def map_parts(run, count, folder="parts", **how):
    return [
        parts.map_part(run / "weights.safetensors", run / "test.h5", (k, count), run / folder, window=16, **how)
        for k in range(1, count + 1)
    ]


def whole(run):
    """Score all tiles in this process, by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    network = pretrained.load(run / "weights.safetensors")
    frame = scoring.score_results(scoring.map_tiles(network, run / "test.h5", window=16), pixel=PIXEL)
    torch.set_num_threads(before)
    return frame


@pytest.mark.parametrize("count", [2, 5])
def test_parts_are_scored_as_one_process_does_to_the_bit(run, count):
    map_parts(run, count)
    joined = scoring.score_results(parts.join_parts(run / "parts"), pixel=PIXEL)
    pd.testing.assert_frame_equal(joined, whole(run), check_exact=True)
    assert joined.loc["pooled", ["tp", "fp", "fn", "tn"]].sum() == 5 * 20 * 19  # each pixel with radar, once


def test_a_half_written_part_of_a_killed_run_is_no_part(run):
    map_parts(run, 2)
    (run / "parts/.part-1-of-2-a1b2c3.npz").write_bytes(b"PK")
    assert len(list(parts.join_parts(run / "parts"))) == 5


@pytest.mark.slow
def test_processes_score_as_one_does_and_keep_the_parts_that_are_there(run):
    (kept, *_) = map_parts(run, 2)
    (run / "parts/part-2-of-2.npz").unlink()
    before = kept.stat().st_mtime_ns
    how = {"parts": 2, "workers": 2, "window": 16}
    scores = parts.score_in_parts(run / "weights.safetensors", run / "test.h5", run / "parts", **how)
    pd.testing.assert_frame_equal(scores, whole(run), check_exact=True)
    assert kept.stat().st_mtime_ns == before


def test_the_file_of_a_part_of_other_settings_is_written_anew(run):
    (path,) = map_parts(run, 1)
    before = path.stat().st_mtime_ns
    map_parts(run, 1)
    assert path.stat().st_mtime_ns == before
    map_parts(run, 1, threads=2)
    assert path.stat().st_mtime_ns > before


def missing(run):
    (run / "parts/part-2-of-3.npz").unlink()


def doubled(run):
    shutil.copy(run / "parts/part-2-of-3.npz", run / "parts/part-4.npz")


def of_another_number(run):
    shutil.copy(map_parts(run, 2, "others")[1], run / "parts")


def of_another_network(run):
    torch.manual_seed(4)
    pretrained.save(models.build("unet2d", width=4), run / "weights.safetensors")
    shutil.copy(map_parts(run, 3, "others")[2], run / "parts")


def broken(run):
    path = run / "parts/part-2-of-3.npz"
    path.write_bytes(path.read_bytes()[:-40])


def none(run):
    shutil.rmtree(run / "parts")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, "part 2 of 3 missing, all expected"),
        (doubled, "part-4.npz: part 2 found again, as in part-2-of-3.npz"),
        (of_another_number, "parts differs from that of part-1-of-3.npz, parts of one run expected"),
        (of_another_network, "weights differs from that of part-1-of-3.npz, parts of one run expected"),
        (broken, "part-2-of-3.npz: no part of an evaluation found"),
        (none, "no part found, files part-K-of-N.npz expected"),
    ],
)
def test_what_does_not_make_one_whole_is_refused_before_the_first_tile(run, spoil, message):
    map_parts(run, 3)
    spoil(run)
    with pytest.raises(InputError) as caught:
        parts.join_parts(run / "parts")
    assert message in str(caught.value)


@pytest.mark.parametrize("part", [(0, 2), (3, 2), (1, 6)])
def test_a_part_that_does_not_exist_is_refused(run, part):
    with pytest.raises(InputError, match=r"test\.h5: part \d of \d found.* its 5 tiles"):
        parts.map_part(run / "weights.safetensors", run / "test.h5", part, run / "parts")
    assert not (run / "parts").exists()
