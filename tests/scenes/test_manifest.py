"""glaciersar.scenes.manifest"""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, record_checksums, verify_checksums, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import FileChecksum, Scene
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, write_catalog, write_raster, year_of_dates
from tests.support.servers import free_port, serve

START = datetime(2020, 1, 2, 6, 30, tzinfo=UTC)


def scene(seconds, name="a", orbit=14, **fields):
    fields = {"orbit_state": "ascending", "hrefs": {"HH": (f"{name}.tif",)}} | fields
    return Scene(id=name, time=START + timedelta(seconds=seconds), relative_orbit=orbit, **fields)


def test_a_manifest_gives_the_same_scenes_back(tmp_path, rng):
    catalog = write_catalog(tmp_path / "archive", TILE.geobox(pixel=1000), year_of_dates(3), rng)
    remote = scene(0, hrefs={"VV": ("https://example.org/a.tif", "/vsicurl/b.tif")}, units="db", orbit=None)
    elsewhere = scene(3, hrefs={"HH": ("/elsewhere/a.tif",)})
    odd = replace(scene(1), time=START.replace(microsecond=546_629))
    scenes = [*find_scenes(catalog), remote, elsewhere, odd]
    scenes[-1] = replace(odd, hrefs={"HH": (str(tmp_path / "a.tif"),)})
    assert read_manifest(write_manifest(scenes, tmp_path / "scenes.json")) == scenes


def test_a_manifest_moves_with_its_rasters(tmp_path, rng):
    catalog = write_catalog(tmp_path / "here/archive", TILE.geobox(pixel=1000), year_of_dates(2), rng)
    write_manifest(find_scenes(catalog), tmp_path / "here/scenes.json")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert read_manifest(tmp_path / "there/scenes.json") == find_scenes(tmp_path / "there/archive/catalog.json")
    assert str(tmp_path) not in (tmp_path / "there/scenes.json").read_text()


def test_a_manifest_is_geojson_with_outlines_and_checksums(tmp_path):
    outline = shapely.box(11.25, 78.1, 12.7, 79)
    checksums = {"https://example.org/a.tif": FileChecksum(size=3, checksum="1220ab", etag='"v1"')}
    one = scene(0, hrefs={"HH": ("https://example.org/a.tif",)}, outline=outline, checksums=checksums)
    two = scene(9, outline=shapely.MultiPolygon([outline, shapely.box(0, 0, 1, 1)]), hrefs={"HH": ("/b.tif",)})
    path = write_manifest([one, two], tmp_path / "scenes.json")
    assert read_manifest(path) == [one, two]
    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection"
    first = content["features"][0]
    assert shapely.geometry.shape(first["geometry"]).equals(outline)
    assert first["properties"]["rasters"]["HH"] == [
        {"href": "https://example.org/a.tif", "file:size": 3, "file:checksum": "1220ab", "etag": '"v1"'}
    ]
    assert find_scenes(path) == [one, two]  # a list is an archive too


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"scenes": 3}', '{"features": 3}', "\x00"])
def test_what_is_no_manifest_is_refused(tmp_path, content):
    (tmp_path / "scenes.json").write_text(content)
    with pytest.raises(InputError, match=r"scenes\.json: not a manifest"):
        read_manifest(tmp_path / "scenes.json")


def by_hand(path, change):
    """Freeze two scenes, and let somebody change the second one in an editor."""
    write_manifest([scene(0), scene(9, "b")], path)
    content = json.loads(path.read_text())
    change(content["features"][1])
    del content["sha256"]
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
        read_manifest(path)


def test_a_time_without_a_zone_in_a_list_made_by_hand_is_utc(tmp_path):
    path = by_hand(
        tmp_path / "scenes.json", lambda f: f["properties"].update({"start_datetime": "2020-01-02T06:30:09"})
    )
    assert read_manifest(path)[1].time == START + timedelta(seconds=9)


def test_a_list_that_was_changed_after_it_was_written_is_refused(tmp_path):
    path = write_manifest([scene(0), scene(9, "b")], tmp_path / "scenes.json")
    path.write_text(path.read_text().replace("2020-01-02", "2020-01-03"))
    with pytest.raises(InputError, match=r'scenes\.json: content with checksum .*remove "sha256"'):
        read_manifest(path)


def test_an_absent_list_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"scenes\.json: no such file"):
        read_manifest(tmp_path / "scenes.json")


def test_a_list_that_cannot_be_written_leaves_the_old_one(tmp_path):
    write_manifest([scene(0)], tmp_path / "scenes.json")
    before = (tmp_path / "scenes.json").read_bytes()
    with pytest.raises(TypeError):
        write_manifest([replace(scene(0), id=object())], tmp_path / "scenes.json")  # not JSON
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.json"]
    assert (tmp_path / "scenes.json").read_bytes() == before
    assert json.loads(before)["features"][0]["id"] == "a"


pytestmark = pytest.mark.usefixtures("short_waits")


def scenes_of(hrefs):
    return [
        Scene(
            id=f"scene{k}", time=datetime(2020, 1, k + 1, tzinfo=UTC), relative_orbit=14, orbit_state=None,
            hrefs={"HH": (href,)},
        )
        for k, href in enumerate(hrefs)
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.tif").write_text(f"raster {name}")
    return tmp_path


@pytest.fixture
def local(folder):
    return record_checksums(scenes_of([str(folder / f"{name}.tif") for name in "abc"]))


@pytest.fixture
def server(folder):
    with serve(folder) as web:
        yield web


@pytest.fixture
def remote_ones(server):
    return record_checksums(scenes_of([f"{server.url}/{name}.tif" for name in "abc"]))


def test_local_rasters_have_size_and_sha256_as_stac_writes_it(local, folder):
    ((href, found),) = local[0].checksums.items()
    assert href == str(folder / "a.tif")
    assert found == FileChecksum(size=8, checksum="1220" + hashlib.sha256(b"raster a").hexdigest())


def test_remote_rasters_have_size_and_etag_and_keep_the_checksum_of_the_archive(remote_ones, server):
    ((href, found),) = remote_ones[0].checksums.items()
    assert found.size == 8
    assert found.etag.startswith('"')
    told = [replace(remote_ones[0], checksums={href: FileChecksum(checksum="1220ab")})]
    assert record_checksums(told)[0].checksums == {href: replace(found, checksum="1220ab")}


@pytest.mark.parametrize("kind", ["local", "remote_ones"])
def test_what_stays_as_it_was_is_no_change(kind, request, tmp_path):
    scenes = request.getfixturevalue(kind)
    assert verify_checksums(scenes).empty
    assert verify_checksums(read_manifest(write_manifest(scenes, tmp_path / "scenes.json"))).empty


@pytest.mark.parametrize("kind", ["local", "remote_ones"])
def test_what_has_vanished_and_what_has_changed_is_reported(kind, request, folder):
    scenes = request.getfixturevalue(kind)
    (folder / "a.tif").unlink()
    (folder / "b.tif").write_text("another b")
    (folder / "c.tif").write_text("raster ć"[:7] + "x")  # as long as before
    found = verify_checksums(scenes).set_index("scene")
    assert dict(found["what"]) == {"scene0": "vanished", "scene1": "changed", "scene2": "changed"}
    assert found.loc["scene1", "found"].startswith("size 8 is now 9")
    assert "size" not in found.loc["scene2", "found"]
    assert list(found["raster"]) == [href for scene in scenes for href in scene.hrefs["HH"]]


def test_a_folder_that_moved_with_its_list_is_not_changed(local, folder, tmp_path_factory):
    write_manifest(local, folder / "scenes.json")
    there = tmp_path_factory.mktemp("there") / "archive"
    shutil.move(folder, there)
    assert verify_checksums(read_manifest(there / "scenes.json")).empty


def test_without_checksums_only_what_has_vanished_is_reported(folder):
    scenes = scenes_of([str(folder / "a.tif"), str(folder / "gone.tif")])
    (folder / "a.tif").write_text("changed")
    assert list(verify_checksums(scenes)["what"]) == ["vanished"]


@pytest.mark.parametrize("fault", ["429", "500", "503", "mute", "later"])
def test_a_fault_on_the_way_is_no_change(remote_ones, server, fault):
    server.faults += [("HEAD /b.tif", fault)]
    assert verify_checksums(remote_ones).empty
    assert not server.faults


@pytest.mark.parametrize(
    ("fault", "what", "words"),
    [
        ("404", "vanished", "no such file"),
        ("410", "vanished", "no such file"),
        ("401", "unknown", "HTTP status 401"),
        ("403", "unknown", "HTTP status 403"),
        ("405", "unknown", "HTTP status 405"),
        ("500", "unknown", "HTTP status 500"),
        ("mute", "unknown", "no connection"),
    ],
)
def test_a_server_that_does_not_say_is_not_taken_for_a_change(remote_ones, server, fault, what, words):
    server.lasting += [("/b.tif", fault)]
    (row,) = verify_checksums(remote_ones).to_dict("records")
    assert (row["scene"], row["what"]) == ("scene1", what)
    assert row["found"].startswith(words)


def test_what_is_not_there_has_no_checksum(folder, server):
    with pytest.raises(
        InputError, match=r"/gone\.tif: vanished, a raster expected \(1 of 2 rasters cannot be checked\)"
    ):
        record_checksums(scenes_of([str(folder / "a.tif"), str(folder / "gone.tif")]))
    with pytest.raises(InputError, match=r"/gone\.tif: vanished"):
        record_checksums(scenes_of([f"{server.url}/gone.tif"]))
    with pytest.raises(InputError, match=r"a\.tif: no connection to 127\.0\.0\.1:\d+, a raster expected"):
        record_checksums(scenes_of([f"http://127.0.0.1:{free_port()}/a.tif"]))


def test_what_only_gdal_can_reach_is_left_without_a_checksum():
    scenes = scenes_of(["s3://bucket/a.tif", "/vsizip/a.zip/a.tif"])
    assert record_checksums(scenes) == scenes
    assert verify_checksums(record_checksums(scenes)).empty


@pytest.fixture
def signed_scenes(web):
    return find_scenes(f"{web.url}/catalog.json")[:3]


@pytest.fixture
def signed_manifest(signed_scenes, signing, tmp_path):
    return write_manifest(record_checksums(signed_scenes), tmp_path / "scenes.json")


def test_a_manifest_holds_checksums_of_signed_rasters_and_no_signature(signed_manifest, signing):
    assert all(
        found.etag and found.size for scene in read_manifest(signed_manifest) for found in scene.checksums.values()
    )
    assert "sig=" not in signed_manifest.read_text()
    assert signing.count("GET /token/") == 1


def test_checksums_are_compared_after_the_signature_has_run_out(signed_manifest, signing):
    signing.token = "two"  # the one at hand is refused with 403 from now on
    assert verify_checksums(read_manifest(signed_manifest)).empty
    assert 1 <= signing.count("HEAD .*sig=one 403") <= signing.count("HEAD .*sig=two 200")


def test_what_has_changed_and_vanished_is_reported_after_the_signature_has_run_out(signed_manifest, signing, simulated):
    scenes = read_manifest(signed_manifest)
    changed, vanished = (simulated.parent / scenes[k].hrefs["HH"][0].removeprefix(f"{signing.url}/") for k in (0, 1))
    kept = {path: path.read_bytes() for path in (changed, vanished)}
    grid = covering_geobox(find_scenes(simulated), "HH")
    signing.token = "two"
    try:
        write_raster(changed, read_series(find_scenes(simulated)[:1], grid, "HH").power[0] * 2, grid)
        vanished.unlink()
        found = verify_checksums(scenes)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert list(zip(found["scene"], found["what"], strict=True)) == [
        (scenes[0].id, "changed"), (scenes[1].id, "vanished"),
    ]  # fmt: skip


def test_where_no_new_signature_is_given_a_raster_is_unknown_and_not_vanished(signed_manifest, signing):
    signing.token = "two"
    signing.lasting += [("GET /token/", "500")]
    found = verify_checksums(read_manifest(signed_manifest))
    assert set(found["what"]) == {"unknown"}
    assert found["found"].str.contains(r"no signature given \(HTTP status 500\)", regex=True).all()


def test_a_signature_that_is_refused_anew_is_unknown_too(signed_manifest, signing):
    signing.lasting += [("HEAD .*sig=", "403")]
    assert set(verify_checksums(read_manifest(signed_manifest))["found"]) == {"HTTP status 403"}
    with pytest.raises(InputError, match=r"\.tif: HTTP status 403, a raster expected \(\d+ of \d+ rasters cannot be"):
        record_checksums(read_manifest(signed_manifest))


def test_many_rasters_with_one_signature_that_has_run_out_ask_for_few_new_ones(signed_manifest, signing):
    asked = signing.count("GET /token/")
    signing.token = "two"
    scenes = read_manifest(signed_manifest)
    rasters = sum(len(hrefs) for scene in scenes for hrefs in scene.hrefs.values())
    assert rasters > http.TRIES
    verify_checksums(scenes)
    assert signing.count("GET /token/") - asked == 1


def test_a_manifest_of_signed_addresses_is_signed_anew(signed_scenes, signing, tmp_path):
    signed = [http.sign_href(href) for href in signed_scenes[0].hrefs["HH"]]
    assert all(href.endswith("?sig=one") for href in signed)
    old = {**signed_scenes[0].hrefs, "HH": tuple(signed)}
    path = write_manifest([replace(signed_scenes[0], hrefs=old)], tmp_path / "signed.json")
    signing.token = "two"
    assert verify_checksums(read_manifest(path)).empty
    grid = covering_geobox(read_manifest(path), "HH")
    assert read_series(read_manifest(path), grid, "HH").power.shape == (1, *grid.shape)
