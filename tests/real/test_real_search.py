"""glaciersar.scenes.search with a real STAC API server and the real items of Mount Baker (no glacier of Svalbard)"""

import json

import pytest

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.filenames import relative_orbit_of
from glaciersar.scenes.manifest import read_manifest, write_manifest
from glaciersar.scenes.search import find_scenes, search_scenes
from glaciersar.scenes.selection import choose_years
from glaciersar.scenes.temporal_coverage import measure_coverage
from tests.support.servers import serve, serve_stac

SUMMIT = "-121.81,48.78"


@pytest.fixture(scope="module")
def path(shared):
    return shared / "data/stac/sentinel1-rtc-mtbaker-257-items.json"


@pytest.fixture(scope="module")
def stac(path):
    with serve_stac(path) as web:
        yield web


def ids(scenes):
    return [scene.id for scene in scenes]


def test_the_real_items_come_through_an_api_as_from_the_file(stac, path):
    through = search_scenes(stac.url)
    assert len(through) == 257
    assert through == find_scenes(path)


def test_a_place_and_a_year_give_the_scenes_that_cover_it(stac, path):
    found = search_scenes(stac.url, place=SUMMIT, year=2020)
    assert len(found) == 79
    assert ids(found) == ids(search_scenes(path, place=SUMMIT, year=2020))
    assert len(search_scenes(stac.url, year=2020)) == 89
    box = "-121.9,48.7,-121.7,48.8"
    assert ids(search_scenes(stac.url, place=box, year=2020)) == ids(search_scenes(path, place=box, year=2020))


def test_orbit_state_and_polarisation_choose_among_them(stac):
    everything = search_scenes(stac.url, year=2020, place=SUMMIT)
    states = ("ascending", "descending")
    by_state = [search_scenes(stac.url, year=2020, place=SUMMIT, orbit_state=state) for state in states]
    assert sum(map(len, by_state)) == len(everything)
    assert len(search_scenes(stac.url, year=2020, place=SUMMIT, relative_orbit=137, polarisation="VV")) == 30
    with pytest.raises(
        InputError, match="no scene with polarisation HH, year 2020; found 79 scenes of VH, VV; years 2020"
    ):
        search_scenes(stac.url, year=2020, place=SUMMIT, polarisation="HH")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"year": 2015}, "no scene found for year 2015"),
        ({"place": "16,78.5"}, "no scene found for place 16,78.5"),
        ({"collection": "sentinel1-rtc"}, "no collection 'sentinel1-rtc' found, one of its 1 .*sentinel1-rtc-aws"),
    ],
)
def test_what_is_not_there_is_said(stac, asked, sentence):
    with pytest.raises(InputError, match=sentence):
        search_scenes(stac.url, **asked)


def test_a_year_of_real_scenes_freezes_and_is_covered(stac, tmp_path):
    scenes = search_scenes(stac.url, place=SUMMIT, year=2020)
    assert read_manifest(write_manifest(scenes, tmp_path / "scenes.json")) == scenes
    chosen, refused = choose_years(scenes)
    assert {key: len(dates) for key, dates in chosen.items()} == {(2020, 64): 15, (2020, 137): 15}
    assert set(refused) <= {(2020, 13), (2020, 86), (2020, 115)}
    assert all("dates found from 2020-09" in reason for reason in refused.values())
    best = measure_coverage([scene.time for scene in scenes if scene.relative_orbit == 137])
    assert (best.near, round(best.gap_days), best.empty_months) == (1, 12, ())


def test_relative_orbits_follow_from_the_absolute_ones_of_all_real_items(path):
    for item in json.loads(path.read_text())["features"]:
        properties = item["properties"]
        satellite = properties["platform"][-1].upper()
        assert relative_orbit_of(satellite, properties["sat:absolute_orbit"]) == properties["sat:relative_orbit"]


@pytest.mark.parametrize("fault", ["429", "503", "cut", "mute"])
def test_real_pages_survive_faults(stac, monkeypatch, fault):
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)
    monkeypatch.setattr("glaciersar.scenes.stac.PAGE", 50)
    stac.faults += [("POST /search", fault)] * 3
    assert len(search_scenes(stac.url)) == 257
    assert not stac.faults


def test_the_real_file_on_a_server_is_a_static_archive(path):
    with serve(path.parent) as web:
        assert len(search_scenes(f"{web.url}/{path.name}", place=SUMMIT, year=2020)) == 79
