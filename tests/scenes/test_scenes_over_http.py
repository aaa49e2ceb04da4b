"""glaciersar.scenes over HTTP, from search to dataset: search an API, write a manifest, read, build; with faults."""

import json

import h5py
import numpy as np
import pytest

from glaciersar import outlines
from glaciersar.dataset.covered import covered_tiles
from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, record_checksums, verify_checksums, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes, search_scenes
from tests.support.archives import write_raster
from tests.support.building import build

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]
ASKED = {"collection": "landscape-00", "year": 2020, "relative_orbit": 14, "polarisation": "HH"}
FAULTS = ["429", "500", "502", "503", "504", "cut", "mute"]


@pytest.fixture
def wanted(simulated):
    """What the series is, read from the disk."""
    scenes = find_scenes(simulated)
    return read_series(scenes, covering_geobox(scenes, "HH"), "HH")


def read(path, grid):
    return read_series(read_manifest(path), grid, "HH")


def test_a_series_over_http_is_the_series_on_the_disk(stac, web, tmp_path, wanted):
    found = search_scenes(stac.url, **ASKED)
    path = write_manifest(record_checksums(found), tmp_path / "scenes.json")
    grid = covering_geobox(read_manifest(path), "HH")
    series = read(path, grid)
    np.testing.assert_array_equal(series.power, wanted.power)
    assert series.times == wanted.times
    assert series.geobox == wanted.geobox
    assert verify_checksums(read_manifest(path)).empty
    assert all(found.etag and found.size for scene in read_manifest(path) for found in scene.checksums.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_fault_at_every_step_nothing_is_lost_and_nothing_wrong(stac, web, tmp_path, wanted, fault):
    stac.faults += [("POST /search", fault)]
    found = search_scenes(stac.url, **ASKED)
    web.faults += [("HEAD", fault)] if fault != "cut" else []  # a HEAD has no body to cut
    path = write_manifest(record_checksums(found[:12]), tmp_path / "scenes.json")
    web.faults += [("GET", fault), (found[5].id, fault)]
    series = read(path, wanted.geobox)
    np.testing.assert_array_equal(series.power, wanted.power[:12])
    assert not stac.faults
    assert not web.faults


@pytest.fixture(scope="module")
def make(simulated):
    """Build the one tile into train.h5; return its content, its incidence and the names of the files beside it."""
    reference = outlines.read_outlines(simulated.parent / "outlines.gpkg", layer="reference")
    split = dict.fromkeys(covered_tiles(find_scenes(simulated), "HH"), "train")

    def make(scenes, out, **changes):
        with h5py.File(build(out, scenes, reference, split, **{"pixel": 250.0} | changes) / "train.h5") as file:
            (tile,) = file.values()
            return file.attrs["content"], tile["incidence"][()].tobytes(), sorted(path.name for path in out.iterdir())

    return make


@pytest.fixture(scope="module")
def built(make, simulated, tmp_path_factory):
    """What the tile is, built from the disk."""
    return make(find_scenes(simulated)[::2], tmp_path_factory.mktemp("built"))


@pytest.mark.usefixtures("short_timeout")
@pytest.mark.parametrize("fault", ["429", "500", "slow", "cut", "mute", "403"])
def test_a_tile_built_over_http_is_the_tile_built_from_the_disk(stac, signing, tmp_path, make, built, fault):
    found = search_scenes(stac.url, **ASKED)[::2]
    path = write_manifest(record_checksums(found), tmp_path / "scenes.json")
    signing.faults += [(f"GET .*{found[3].id}/hh", fault), ("GET .*/incidence", fault)]
    signing.faults += [(f"GET .*{found[9].id}/hh", fault)] * 2
    signing.token = "two"  # the signatures run out before the first raster is read
    assert make(read_manifest(path), tmp_path / "data") == built
    assert not signing.faults


def test_a_build_that_stopped_at_a_raster_it_could_not_have_goes_on(stac, web, tmp_path, make, built, monkeypatch):
    found = search_scenes(stac.url, **ASKED)[::2]
    monkeypatch.setattr(http, "TRIES", 1)
    web.lasting += [(f"GET .*{found[9].id}/hh", "500")]
    with pytest.raises(InputError, match=r"hh\.tif: cannot be read"):
        make(found, tmp_path / "data")
    assert not list((tmp_path / "data").glob("*.h5"))
    web.lasting.clear()
    assert make(found, tmp_path / "data") == built


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("404", r"hh\.tif: cannot be read"),
        ("403", r"hh\.tif: cannot be read"),
        ("500", r"hh\.tif: cannot be read"),
        ("cut", r"hh\.tif: cannot be read"),
        ("html", r"hh\.tif: cannot be read"),
    ],
)
def test_a_raster_that_cannot_be_had_ends_in_one_sentence(stac, web, tmp_path, wanted, fault, sentence, monkeypatch):
    path = write_manifest(search_scenes(stac.url, **ASKED)[:3], tmp_path / "scenes.json")
    web.lasting += [(read_manifest(path)[1].id, fault)]
    monkeypatch.setattr(http, "TRIES", 1)
    with pytest.raises(InputError, match=sentence) as caught:
        read(path, wanted.geobox)
    assert "\n" not in str(caught.value)


def test_a_manifest_without_all_checksums_is_not_written(stac, web, tmp_path):
    path = write_manifest(search_scenes(stac.url, **ASKED)[:3], tmp_path / "scenes.json")
    before = path.read_bytes()
    web.lasting += [("HEAD", "404")]
    with pytest.raises(
        InputError, match=r"hh\.tif: vanished, a raster expected \(\d+ of \d+ rasters cannot be checked\)"
    ):
        write_manifest(record_checksums(search_scenes(stac.url, **ASKED)[:2]), path)
    assert path.read_bytes() == before


def test_a_rerun_uses_the_manifest_and_tells_what_has_changed(stac, web, simulated, tmp_path, wanted):
    path = write_manifest(record_checksums(search_scenes(stac.url, **ASKED)[:4]), tmp_path / "scenes.json")
    searches = stac.count("POST /search")
    again = search_scenes(path, year=2020)
    assert again == read_manifest(path)
    assert stac.count("POST /search") == searches  # the archive was not searched again
    changed, vanished = (simulated.parent / again[k].hrefs["HH"][0].removeprefix(f"{web.url}/") for k in (1, 2))
    kept = {path: path.read_bytes() for path in (changed, vanished)}
    try:
        write_raster(changed, wanted.power[1] * 2, wanted.geobox)
        vanished.unlink()
        found = verify_checksums(again)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert list(zip(found["scene"], found["what"], strict=True)) == [
        (again[1].id, "changed"), (again[2].id, "vanished"),
    ]  # fmt: skip
    assert "etag" in found["found"].iloc[0]


def test_the_manifest_is_small_and_readable(stac, web, tmp_path):
    path = write_manifest(record_checksums(search_scenes(stac.url, **ASKED)), tmp_path / "scenes.json")
    content = json.loads(path.read_text())
    assert path.stat().st_size / len(content["features"]) < 3000
    assert content["features"][0]["properties"]["sat:relative_orbit"] == 14
