"""A full disk and a folder that may not be written: one sentence, nothing half-written, and later all goes on."""

import shutil
import subprocess

import numpy as np
import pytest
import torch

from glaciersar import models, notebooks
from glaciersar.errors import InputError
from glaciersar.evaluation import parts
from glaciersar.grid import SUBSETS, Tile
from glaciersar.models import pretrained
from glaciersar.scenes.search import find_scenes
from glaciersar.training.loop import train
from tests.support import streams
from tests.support.archives import glaciers, write_catalog, year_of_dates
from tests.support.building import build
from tests.support.notebooks import write_notebook
from tests.support.tiles import write_tiles
from tests.training.test_loop import CONFIG, write_data

pytestmark = pytest.mark.slow

TILES = [Tile(column=10 + k, row=38) for k in range(3)]


class Building:
    """A dataset of three tiles, 75 kB each."""

    limits = (4_000, 40_000, 150_000)  # while the first tile is begun and written, and while the files are joined

    def prepare(self, folder):
        rng = np.random.default_rng(1)
        grid = TILES[0].geobox(pixel=200).pad_wh(150, 50)
        write_catalog(folder / "archive", grid, year_of_dates(16, step_days=23), rng, polarisations=("HH",))

    def run(self, folder, out):
        split = dict(zip(TILES, SUBSETS, strict=True))
        build(out, find_scenes(folder / "archive/catalog.json"), glaciers(TILES), split, pixel=200.0)


class Training:
    limits = (1_000, 20_000)

    def prepare(self, folder):
        write_data(folder / "data", np.random.default_rng(1))

    def run(self, folder, out):
        train(CONFIG, folder / "data", out, progress=False)


class Mapping:
    limits = (20_000, 70_000)

    def prepare(self, folder):
        pass

    def run(self, folder, out):
        streams.run(out / "probability.tif")


class Scoring:
    limits = (100,)

    def prepare(self, folder):
        write_tiles(folder / "test.h5", {Tile(column=5 + k, row=6): 0.5 for k in range(2)})
        torch.manual_seed(3)
        pretrained.save(models.build("unet2d", width=4), folder / "weights.safetensors")

    def run(self, folder, out):
        parts.map_part(folder / "weights.safetensors", folder / "test.h5", (1, 1), out, window=16)


class Notebook:
    limits = (200,)

    def prepare(self, folder):
        write_notebook(folder / "04-train.ipynb", "print(model)")

    def run(self, folder, out):
        notebooks.run_notebook(folder / "04-train.ipynb", out, progress=False)


WORK = {"build": Building(), "training": Training(), "mapping": Mapping(), "scoring": Scoring(), "notebook": Notebook()}
CASES = [(name, limit) for name, work in WORK.items() for limit in work.limits]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Prepare each kind of work once, and do it on a disk with room."""
    folders = {}
    for name, work in WORK.items():
        folders[name] = tmp_path_factory.mktemp(name)
        work.prepare(folders[name])
        work.run(folders[name], folders[name] / "whole")
    return folders


def contents(out):
    """Read the files that two runs have in common: no times."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and "tfevents" not in path.name]
    return {path.name: path.read_bytes() for path in files if path.suffix != ".ipynb"}


def check_refused(error):
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)


def check_nothing_broken(out, whole):
    """Nothing lies there by its final name that is not whole; what is hidden is for the next run."""
    for path in out.rglob("*") if out.exists() else ():
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts):
            assert path.name in ("log.csv", "checkpoint.safetensors", "weights.safetensors") or "tfevents" in path.name
            assert path.name not in whole or path.stat().st_size or "tfevents" in path.name
    assert not list(out.rglob(".*-*.safetensors"))


def check_goes_on(work, folder, out):
    work.run(folder, out)
    assert contents(out) == contents(folder / "whole")
    assert not [path for path in out.rglob(".*") if path.name != ".lock"]


@pytest.mark.parametrize(("name", "limit"), CASES)
def test_where_files_cannot_grow_it_is_a_sentence_and_later_goes_on(name, limit, ready, tmp_path, full_disk):
    work, folder, out = WORK[name], ready[name], tmp_path / "out"
    with full_disk(room=limit), pytest.raises(InputError) as error:
        work.run(folder, out)
    check_refused(error)
    check_nothing_broken(out, contents(folder / "whole"))
    check_goes_on(work, folder, out)


@pytest.fixture
def small_disk(tmp_path):
    """A file system in memory, of 8 blocks."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


@pytest.mark.parametrize("name", WORK)
def test_on_a_disk_that_is_full_it_is_a_sentence_and_later_goes_on(name, ready, small_disk):
    work, folder, out = WORK[name], ready[name], small_disk / "out"
    (small_disk / "else").write_bytes(b"0" * 32_768)
    with pytest.raises(InputError) as error:
        work.run(folder, out)
    check_refused(error)
    check_nothing_broken(out, contents(folder / "whole"))
    remount(small_disk, "size=100m")
    check_goes_on(work, folder, out)


@pytest.mark.parametrize("name", WORK)
def test_on_a_disk_that_is_read_only_it_is_a_sentence_and_later_goes_on(name, ready, small_disk):
    work, folder, out = WORK[name], ready[name], small_disk / "out"
    remount(small_disk, "ro,size=100m")
    with pytest.raises(InputError) as error:
        work.run(folder, out)
    check_refused(error)
    remount(small_disk, "rw,size=100m")
    assert not list(small_disk.iterdir())
    check_goes_on(work, folder, out)
