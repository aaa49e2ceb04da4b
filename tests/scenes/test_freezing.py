"""glaciersar.scenes.freezing"""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from archives import TILE, write_catalog, year_of_dates

from glaciersar.errors import InputError
from glaciersar.scenes import Mark, Scene, find, freeze, thaw

START = datetime(2020, 1, 2, 6, 30, tzinfo=UTC)


def scene(seconds, name="a", orbit=14, **fields):
    fields = {"orbit_state": "ascending", "hrefs": {"HH": (f"{name}.tif",)}} | fields
    return Scene(id=name, time=START + timedelta(seconds=seconds), relative_orbit=orbit, **fields)


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


def test_a_frozen_list_is_geojson_with_outlines_and_marks(tmp_path):
    outline = shapely.box(11.25, 78.1, 12.7, 79)
    marks = {"https://example.org/a.tif": Mark(size=3, checksum="1220ab", etag='"v1"')}
    one = scene(0, hrefs={"HH": ("https://example.org/a.tif",)}, outline=outline, marks=marks)
    two = scene(9, outline=shapely.MultiPolygon([outline, shapely.box(0, 0, 1, 1)]), hrefs={"HH": ("/b.tif",)})
    path = freeze([one, two], tmp_path / "scenes.json")
    assert thaw(path) == [one, two]
    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection"
    first = content["features"][0]
    assert shapely.geometry.shape(first["geometry"]).equals(outline)
    assert first["properties"]["rasters"]["HH"] == [
        {"href": "https://example.org/a.tif", "file:size": 3, "file:checksum": "1220ab", "etag": '"v1"'}
    ]
    assert find(path) == [one, two]  # a list is an archive too


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"scenes": 3}', '{"features": 3}', "\x00"])
def test_what_is_no_frozen_list_is_refused(tmp_path, content):
    (tmp_path / "scenes.json").write_text(content)
    with pytest.raises(InputError, match=r"scenes\.json: not a list of scenes"):
        thaw(tmp_path / "scenes.json")


def by_hand(path, change):
    """Freeze two scenes, and let somebody change the second one in an editor."""
    freeze([scene(0), scene(9, "b")], path)
    content = json.loads(path.read_text())
    change(content["features"][1])
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.pop("id"), r"scene 2 \(None\) has no 'id'"),
        (lambda f: f.pop("geometry"), r"scene 2 \(b\) has no 'geometry'"),
        (lambda f: f["properties"].pop("rasters"), "scene 2 .* has no 'rasters'"),
        (lambda f: f["properties"].pop("start_datetime"), "has no 'start_datetime'"),
        (lambda f: f["properties"].pop("sat:relative_orbit"), "has no 'sat:relative_orbit'"),
        (lambda f: f["properties"].pop("units"), "has no 'units'"),
        (lambda f: f["properties"]["rasters"]["HH"][0].pop("href"), "has no 'href'"),
        (lambda f: f["properties"].update({"start_datetime": "spring"}), "cannot be read .*spring"),
        (lambda f: f["properties"].update({"sat:relative_orbit": 176}), "176 found, 1 to 175 or null expected"),
        (lambda f: f["properties"].update({"sat:orbit_state": "up"}), "'up' found, ascending, descending"),
        (lambda f: f["properties"].update({"units": "dB"}), "units 'dB' found, linear, db expected"),
        (lambda f: f["properties"].update({"rasters": {"XX": [{"href": "a"}]}}), "raster 'XX' found"),
        (lambda f: f["properties"].update({"rasters": {}}), "no raster of HH, HV, VV or VH"),
        (lambda f: f["properties"].update({"rasters": ["a.tif"]}), "scene 2 .* cannot be read"),
        (lambda f: f.update({"geometry": {"type": "Square"}}), "scene 2 .* cannot be read"),
        (lambda f: f.update({"properties": None}), "scene 2 .* cannot be read"),
    ],
)
def test_a_list_that_was_spoilt_by_hand_names_the_scene_and_the_field(tmp_path, change, sentence):
    path = by_hand(tmp_path / "scenes.json", change)
    with pytest.raises(InputError, match=rf"scenes\.json: .*{sentence}"):
        thaw(path)


def test_a_time_without_a_zone_in_a_list_made_by_hand_is_utc(tmp_path):
    path = by_hand(
        tmp_path / "scenes.json", lambda f: f["properties"].update({"start_datetime": "2020-01-02T06:30:09"})
    )
    assert thaw(path)[1].time == START + timedelta(seconds=9)


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
    assert json.loads(before)["features"][0]["id"] == "a"
