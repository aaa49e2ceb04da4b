"""glaciersar.inference.strips"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.sliding_window import Tiling, WindowLayout
from glaciersar.inference.strips import join_strips, map_strip, rows_of_strip
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import write_folder, write_raster, year_of_dates
from tests.support.streams import GRID, SHARPER, TILES, contents, give_up, values

ROWS = len(WindowLayout.over(tuple(GRID.shape), TILES).tops)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return models.build("unet3d", width=2).eval()


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """A series of which one part has no radar, and another in one date only."""
    folder = write_folder(tmp_path_factory.mktemp("scenes"), GRID, year_of_dates(3), np.random.default_rng(1))
    for k, path in enumerate(sorted(folder.iterdir())):
        power = values(path)
        power[20:75, (60 if k else 30) :] = np.nan
        write_raster(path, power, GRID)
    return choose_series(find_scenes(folder), polarisation="HH", dates=0)


@pytest.fixture
def mapped_in(network, chosen, tmp_path):
    """Map into some strips; gives their files."""

    def run(count, folder="strips", network=network, **settings):
        arguments = {"tiling": TILES, "weights": "of a test", **settings}
        paths = [tmp_path / folder / f"{k}-of-{count}.zip" for k in range(1, count + 1)]
        for k, path in enumerate(paths, 1):
            map_strip(network, chosen, GRID, "HH", path, strip=k, strips=count, **arguments)
        return paths

    return run


@pytest.mark.parametrize(
    ("tiling", "count"),
    [
        (TILES, 1),
        (TILES, 3),
        (TILES, ROWS),
        (Tiling(window=40, overlap=0.0), 3),
        (Tiling(window=24, overlap=0.8, halo=2, sigma=0.4), 5),  # a pixel lies in windows of three strips
    ],
)
def test_strips_are_joined_to_the_files_of_one_run_to_the_byte(network, chosen, tmp_path, mapped_in, tiling, count):
    whole, _ = map_scenes(
        network, chosen, GRID, "HH", tmp_path / "whole" / "probability.tif", tiling=tiling, weights="of a test"
    )
    strips = mapped_in(count, tiling=tiling)
    joined = join_strips(reversed(strips), tmp_path / "joined" / "probability.tif")
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    told = vars(joined) | {"probability": whole.probability, "glacier": whole.glacier}
    assert told == vars(whole)
    assert 0 < joined.valid < joined.pixels
    assert joined.filled > 0


def test_confidence_and_steps_of_8_bits_are_chosen_when_strips_are_joined(network, chosen, tmp_path, mapped_in):
    settings = {"dtype": "uint8", "calibration": SHARPER}
    path = tmp_path / "whole" / "probability.tif"
    map_scenes(network, chosen, GRID, "HH", path, tiling=TILES, weights="of a test", **settings)
    join_strips(mapped_in(3), tmp_path / "joined" / "probability.tif", **settings)
    assert len(contents(tmp_path / "joined")) == 3
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


def test_a_join_that_was_killed_goes_on_where_it_was(network, chosen, tmp_path, mapped_in, monkeypatch, capsys):
    strips, path = mapped_in(2), tmp_path / "joined" / "probability.tif"
    monkeypatch.setattr("glaciersar.inference.resumable.finish_rasters", lambda *_: give_up())
    with pytest.raises(InputError):
        join_strips(strips, path)
    monkeypatch.undo()
    join_strips(strips, path)
    assert f"{ROWS} rows of it kept" in capsys.readouterr().out
    map_scenes(network, chosen, GRID, "HH", tmp_path / "whole" / path.name, tiling=TILES, weights="of a test")
    assert contents(path.parent) == contents(tmp_path / "whole")


@given(rows=st.integers(1, 200), data=st.data())
def test_every_row_of_windows_is_in_one_strip_and_strips_are_alike(rows, data):
    strips = data.draw(st.integers(1, rows))
    found = [rows_of_strip(rows, k, strips) for k in range(1, strips + 1)]
    assert [row for strip in found for row in strip] == [*range(rows)]
    assert {len(strip) for strip in found} <= {rows // strips, rows // strips + 1}


@pytest.mark.parametrize(
    ("strip", "strips", "message"),
    [
        (1, ROWS + 1, rf"strips={ROWS + 1} found, 1 to {ROWS} expected: the map has {ROWS} rows of windows"),
        (1, 0, "strips=0 found"),
        (0, 2, "strip=0 found, 1 to 2 expected"),
        (3, 2, "strip=3 found"),
    ],
)
def test_a_strip_that_the_map_does_not_have_is_refused(network, chosen, tmp_path, strip, strips, message):
    with pytest.raises(InputError, match=message):
        map_strip(network, chosen, GRID, "HH", tmp_path / "new" / "1.zip", strip=strip, strips=strips, tiling=TILES)
    assert not (tmp_path / "new").exists()


def test_missing_doubled_and_foreign_strips_are_named(tmp_path, mapped_in):
    first, second, third = mapped_in(3)
    other = mapped_in(3, folder="other", tiling=Tiling(window=32, overlap=0.3))[1]
    torch.manual_seed(4)
    stranger = mapped_in(3, folder="stranger", network=models.build("unet3d", width=2).eval())[2]
    fewer = mapped_in(2, folder="fewer")[1]
    out = tmp_path / "joined" / "probability.tif"
    for strips, message in (
        ([], "no strip given"),
        ([first, third], r"1-of-3\.zip: strip 2 of 3 missing"),
        ([second], "strip 1, 3 of 3 missing"),
        ([first, second, third, second], r"2-of-3\.zip: strip 2 found twice"),
        ([first, other, third], r"other/2-of-3\.zip: another tiling than in .*1-of-3\.zip found"),
        ([first, second, stranger], r"stranger/3-of-3\.zip: another inputs than"),
        ([first, fewer], r"fewer/2-of-2\.zip: another strips than"),
        ([first, second, tmp_path / "3.zip"], r"3\.zip: no such file, a strip of a map expected"),
        ([first, second, Path(__file__)], r"test_strips\.py: no whole strip of a map found"),
    ):
        with pytest.raises(InputError, match=message):
            join_strips(strips, out)
    assert not out.exists()
    join_strips([first, second, third], out)


def test_strips_that_other_numbers_of_threads_mapped_are_refused(tmp_path, mapped_in):
    """A convolution adds in another order then, and the map would be no one's."""
    first, before = mapped_in(2)[0], torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        second = mapped_in(2, folder="other")[1]
    finally:
        torch.set_num_threads(before)
    with pytest.raises(InputError, match="another threads than in"):
        join_strips([first, second], tmp_path / "probability.tif")


def test_a_strip_that_is_cut_or_altered_is_never_joined(tmp_path, mapped_in):
    first, second = mapped_in(2)
    whole = second.read_bytes()
    rng = np.random.default_rng(1)
    for k in rng.integers(0, len(whole), 60):
        spoilt = bytearray(whole)
        spoilt[k] ^= int(rng.integers(1, 256))
        second.write_bytes(spoilt if k % 2 else whole[:k])
        out = tmp_path / f"joined-{k}" / "probability.tif"
        try:
            join_strips([first, second], out)
        except InputError:
            assert not out.exists()
        else:  # a byte that nothing reads, such as the time of a member
            second.write_bytes(whole)
            join_strips([first, second], tmp_path / "right" / "probability.tif")
            assert out.read_bytes() == (tmp_path / "right" / "probability.tif").read_bytes()


def test_a_record_that_was_altered_is_refused_in_a_sentence(tmp_path, mapped_in):
    (path,) = mapped_in(1)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = json.loads(members["strip.json"])
    for change in (
        {"shape": [10]},
        {"shape": [10**12, 10]},
        {"shape": [90, 130]},
        {"strip": "one"},
        {"strip": 2},
        {"tiling": {"window": -1}},
        {"tiling": None},
        {"predictor": {}},
        {"tags": {"model": 1}},
        {"crs": "nowhere"},
        {"dates": 0},
        {"dates": "3"},
        {"windows": []},
        {"more": 1},
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (members | {"strip.json": json.dumps(record | change).encode()}).items():
                archive.writestr(name, content)
        with pytest.raises(InputError, match=r"1-of-1\.zip|window=-1"):
            join_strips([path], tmp_path / "joined" / "probability.tif")


def test_memory_that_is_too_small_asks_for_smaller_windows_in_all_strips(network, chosen, tmp_path, monkeypatch):
    def give_out(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("glaciersar.inference.predictor.Predictor.planes", give_out)
    with pytest.raises(InputError, match="windows of 32 pixels need more memory than the GPU has"):
        map_strip(network, chosen, GRID, "HH", tmp_path / "1.zip", strip=1, strips=2, tiling=TILES)
    assert not list(tmp_path.iterdir())
