"""glaciersar.dataset.build in several processes; builds that are killed and begun again"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from glaciersar.dataset import build as building
from glaciersar.dataset.build import make_tile
from glaciersar.errors import InputError
from glaciersar.grid import SUBSETS, Tile
from glaciersar.io import lock
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, write_catalog, year_of_dates
from tests.support.building import build

pytestmark = pytest.mark.slow

PIXEL = 200.0  # 50 × 50 a tile
TILES = [Tile(column=10 + k % 3, row=38 + k // 3) for k in range(6)]
SPLIT = {tile: SUBSETS[k % 3] for k, tile in enumerate(TILES)}
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_800_000), "EPSG:32633", resolution=PIXEL, tight=True)


def make(archive, out, **changes):
    arguments = {"reference": glaciers(TILES), "split": SPLIT, "pixel": PIXEL} | changes
    return build(out, find_scenes(archive), **arguments)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("archive")
    return write_catalog(folder, GRID, year_of_dates(16, step_days=23), rng, polarisations=("HH",))


@pytest.fixture(scope="module")
def whole(archive, tmp_path_factory):
    return contents(make(archive, tmp_path_factory.mktemp("whole")))


START = """
import os, signal, sys

def kill(where, name, call, calls=[0]):
    plain = getattr(where, name)
    def killing(*args, **kwargs):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*args, **kwargs)
    setattr(where, name, killing)

if __name__ == "__main__":
    sys.path.insert(0, {tests!r})
    from pathlib import Path
    import h5py
    from tests.dataset.test_build_parallel import building, make
    *others, (before, out) = zip({before!r}, {outs!r}, strict=True)
    for other, there in others:  # in copies of this process: to start one takes longer than to build
        if not os.fork():
            before, out = other, there
            break
        print(os.WTERMSIG(os.wait()[1]), flush=True)
    exec(before)
    make(Path({archive!r}), Path(out), workers={workers})
"""


def start(archive, *outs, before=("",), workers=1):
    """Build in processes of their own, from a script, as a user does."""
    tests, folders = str(Path(__file__).parents[2]), [str(out) for out in outs]
    code = START.format(tests=tests, archive=str(archive), outs=folders, before=before, workers=workers)
    for out in outs:
        out.mkdir(parents=True)
    script = outs[0].with_suffix(".py")
    script.write_text(code)
    return subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_files_are_the_same_to_the_byte_for_any_number_of_workers(archive, whole, tmp_path):
    assert sorted(whole) == ["test.h5", "train.h5", "val.h5"]
    assert contents(make(archive, tmp_path / "data", workers=2)) == whole


KILLS = {
    "kill(h5py.Group, 'create_dataset', 6)": 2,  # the labels of the third tile: its file is half-written
    "kill(h5py.Group, 'create_dataset', 1)": 0,
    "kill(h5py.Group, 'create_group', 4)": 6,  # all tiles are finished, val.h5 is half-written
    "kill(Path, 'replace', 7)": 6,  # train.h5 is written, and not yet whole by name
}


@pytest.fixture(scope="module")
def killed(archive, tmp_path_factory):
    """The folders of builds that were killed, each in a process of its own, by how."""
    folders = {before: tmp_path_factory.mktemp("killed") / "data" for before in KILLS}
    process = start(archive, *folders.values(), before=list(folders))
    said, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, errors
    assert said.split() == [str(signal.SIGKILL.value)] * (len(KILLS) - 1), errors
    return folders


@pytest.mark.parametrize(("before", "kept"), KILLS.items())
def test_a_build_that_was_killed_goes_on_and_is_the_same_to_the_byte(archive, whole, killed, capsys, before, kept):
    out = killed[before]
    finished = [path for path in out.glob(".unfinished/SVAL*.h5") if not path.name.startswith(".")]
    assert len(finished) == kept
    assert not list(out.glob("[!.]*"))
    assert (out / lock.LOCK).exists()  # which stops nobody, as its process is gone
    assert any(path.name.startswith(".") for path in out.glob(".unfinished/.*")) or kept == 6
    times = {path: path.stat().st_mtime_ns for path in finished}
    capsys.readouterr()
    made = []
    plain, building.make_tile = building.make_tile, lambda job, path: (made.append(path), plain(job, path))
    try:
        make(archive, out)
    finally:
        building.make_tile = plain
    assert (f"{kept} of 6 tiles found finished" in capsys.readouterr().out) == (kept > 0)
    assert len(made) == 6 - kept
    assert not set(made) & set(times)
    assert contents(out) == whole


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def proc_text(pid, what):
    """Read a file of /proc; empty for a process that is gone, even if it goes between opening and reading."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def running(pid):
    state = proc_text(pid, "stat").rpartition(")")[2].split()
    return bool(state) and "Z" not in state[0]


def wait_for(condition):
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def workers_of(process):
    """Wait for the processes that a build starts."""
    wait_for(lambda: len(started(process)) == 2)
    return started(process)


def started(process):
    return [pid for pid in children(process.pid) if "spawn_main" in proc_text(pid, "cmdline")]


def test_killed_with_its_workers_at_work_it_goes_on_too_and_leaves_no_process(archive, whole, tmp_path):
    out = tmp_path / "data"
    process = start(archive, out, before=["kill(building.tqdm, 'update', 2)"], workers=2)  # when the second is finished
    workers = workers_of(process)
    _, said = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, said
    wait_for(lambda: not any(map(running, workers)))
    assert len(list(out.glob(".unfinished/SVAL*.h5"))) >= 2
    assert not list(out.glob("[!.]*"))
    make(archive, out)
    assert contents(out) == whole


def test_a_killed_worker_is_reported_and_nothing_is_lost(archive, whole, tmp_path):
    out = tmp_path / "data"
    process = start(archive, out, workers=2)
    workers = workers_of(process)
    wait_for(lambda: list(out.glob(".unfinished/SVAL*.h5")))  # a pool whose worker dies as the next starts never ends
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert "InputError: 6 tiles to make when one of 2 processes was killed; memory for as many tiles" in said
    make(archive, out)
    assert contents(out) == whole


def test_only_the_tiles_are_made_again_whose_rasters_changed(archive, tmp_path, monkeypatch, rng):
    own = write_catalog(tmp_path / "own", GRID, year_of_dates(16, step_days=23), rng, polarisations=("HH",))
    scenes = find_scenes(own)
    beside = find_scenes(
        write_catalog(
            tmp_path / "beside", GRID.translate_pix(150, 0), year_of_dates(16, step_days=23), rng, name="beside"
        )
    )
    tiles = [*TILES[:2], Tile(column=13, row=38)]
    made, plain = [], make_tile

    def failing(job, path):
        made.append(job.group.tile)
        if len(made) == 3:
            raise InputError("a raster that cannot be read")
        plain(job, path)

    monkeypatch.setattr(building, "make_tile", failing)
    changes = {"reference": glaciers(tiles), "split": dict(zip(tiles, SUBSETS, strict=True)), "pixel": PIXEL}
    with pytest.raises(InputError, match="cannot be read"):
        build(tmp_path / "data", [*scenes, *beside], **changes)
    assert made == tiles
    with rasterio.open(scenes[3].hrefs["HH"][0], "r+") as file:
        file.write(file.read(1) * 1.01, 1)
    build(tmp_path / "data", [*scenes, *beside], **changes)
    assert made == [*tiles, *tiles]  # the change is in the rasters of the first two; the third was not made before


def test_tiles_are_made_again_for_other_outlines_and_settings(archive, tmp_path, monkeypatch):
    made, plain = [], make_tile
    monkeypatch.setattr(building, "make_tile", lambda job, path: (made.append(job.group.tile), plain(job, path)))

    monkeypatch.setattr(h5py.File, "create_group", interrupt)

    def stopped(**changes):
        """Build up to the joining of the files; return how many tiles were made."""
        made.clear()
        with pytest.raises(KeyboardInterrupt):
            make(archive, tmp_path / "data", **changes)
        return len(made)

    assert stopped() == 6
    assert stopped() == 0
    moved = glaciers(TILES)
    moved.loc[0, "geometry"] = moved.geometry[0].buffer(-PIXEL)
    assert stopped(reference=moved) == 1
    assert stopped(spacing_days=23) == 6
    assert stopped(spacing_days=23, workers=1) == 0


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_second_build_into_a_folder_is_refused_and_disturbs_nothing(archive, whole, tmp_path, monkeypatch):
    out, plain, refused = tmp_path / "data", make_tile, []

    def meanwhile(job, path):
        with pytest.raises(InputError, match=r"data: another process writes there, one at a time expected"):
            make(archive, out, pixel=400)
        refused.append(path)
        plain(job, path)

    monkeypatch.setattr(building, "make_tile", meanwhile)
    assert contents(make(archive, out)) == whole
    assert len(refused) == 6


def test_no_workers_are_refused(archive, tmp_path):
    with pytest.raises(InputError, match="workers=0 found, at least 1 expected"):
        make(archive, tmp_path / "data", workers=0)


def test_a_disk_without_space_is_refused_before_any_tile_is_made(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(InputError, match=r"data: 0\.001 GB free found, 0\.00216 GB expected for 6 tiles"):
        make(archive, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 2_160_000}))
    make(archive, tmp_path / "data")


def test_a_process_that_makes_tiles_needs_no_torch():
    code = "import sys; import glaciersar.dataset.build; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert answer.stdout.strip() == "False"
