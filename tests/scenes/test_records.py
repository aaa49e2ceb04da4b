"""glaciersar.scenes.records"""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from archives import TILE, write_catalog, year_of_dates

from glaciersar.errors import InputError
from glaciersar.scenes import Scene, find, freeze, merge_passes, thaw

START = datetime(2020, 1, 2, 6, 30, tzinfo=UTC)


def scene(seconds, name="a", orbit=14, **fields):
    fields = {"orbit_state": "ascending", "hrefs": {"HH": (f"{name}.tif",)}} | fields
    return Scene(id=name, time=START + timedelta(seconds=seconds), relative_orbit=orbit, **fields)


def test_strips_of_one_pass_become_one_scene_in_time_order():
    (merged,) = merge_passes([scene(27, "b"), scene(0, "a"), scene(54, "c")])
    assert merged.id == "a"
    assert merged.time == START
    assert merged.hrefs == {"HH": ("a.tif", "b.tif", "c.tif")}


def test_other_orbits_units_and_days_stay_apart():
    parts = [scene(0), scene(5, orbit=174), scene(9, units="db"), scene(86_400 * 6)]
    assert merge_passes(parts) == sorted(parts, key=lambda part: part.time)


def test_polarisations_of_one_pass_come_together():
    (merged,) = merge_passes([scene(0, "a"), scene(0, "b", hrefs={"HV": ("b.tif",)})])
    assert merged.hrefs == {"HH": ("a.tif",), "HV": ("b.tif",)}


def test_a_scene_listed_twice_counts_once():
    assert merge_passes([scene(0), scene(0)]) == [scene(0)]


def test_merging_again_changes_nothing():
    once = merge_passes([scene(27, "b"), scene(0, "a"), scene(86_400 * 12, "c")])
    assert merge_passes(once) == once


def test_a_frozen_list_gives_the_same_scenes_back(tmp_path, rng):
    catalog = write_catalog(tmp_path / "archive", TILE.geobox(pixel=1000), year_of_dates(3), rng)
    remote = scene(0, hrefs={"VV": ("https://example.org/a.tif", "/vsicurl/b.tif")}, units="db", orbit=None)
    elsewhere = scene(3, hrefs={"HH": ("/elsewhere/a.tif",)})
    odd = replace(scene(1), time=START.replace(microsecond=546_629))
    scenes = [*find(catalog), remote, elsewhere, odd]
    scenes[-1] = replace(odd, hrefs={"HH": (str(tmp_path / "a.tif"),)})
    assert thaw(freeze(scenes, tmp_path / "scenes.json")) == scenes


def test_a_frozen_list_moves_with_its_rasters(tmp_path, rng):
    catalog = write_catalog(tmp_path / "here/archive", TILE.geobox(pixel=1000), year_of_dates(2), rng)
    freeze(find(catalog), tmp_path / "here/scenes.json")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert thaw(tmp_path / "there/scenes.json") == find(tmp_path / "there/archive/catalog.json")
    assert str(tmp_path) not in (tmp_path / "there/scenes.json").read_text()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"scenes": [{"id": "a"}]}', '{"scenes": 3}'])
def test_what_is_no_frozen_list_is_refused(tmp_path, content):
    (tmp_path / "scenes.json").write_text(content)
    with pytest.raises(InputError, match=r"scenes\.json: not a list of scenes"):
        thaw(tmp_path / "scenes.json")


def test_an_absent_list_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"scenes\.json: no such file"):
        thaw(tmp_path / "scenes.json")


def test_a_list_that_cannot_be_written_leaves_the_old_one(tmp_path):
    freeze([scene(0)], tmp_path / "scenes.json")
    before = (tmp_path / "scenes.json").read_bytes()
    with pytest.raises(TypeError):
        freeze([replace(scene(0), id=object())], tmp_path / "scenes.json")  # not JSON
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.json"]
    assert (tmp_path / "scenes.json").read_bytes() == before
    assert json.loads(before)["scenes"][0]["id"] == "a"
