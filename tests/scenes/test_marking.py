"""glaciersar.scenes.marking"""

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from servers import free_port, serve

from glaciersar.errors import InputError
from glaciersar.scenes import Mark, Scene, changes, freeze, mark, thaw

pytestmark = pytest.mark.usefixtures("hurry")


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
    return mark(scenes_of([str(folder / f"{name}.tif") for name in "abc"]))


@pytest.fixture
def server(folder):
    with serve(folder) as web:
        yield web


@pytest.fixture
def remote_ones(server):
    return mark(scenes_of([f"{server.url}/{name}.tif" for name in "abc"]))


def test_local_rasters_are_marked_by_size_and_sha256_as_stac_writes_it(local, folder):
    ((href, found),) = local[0].marks.items()
    assert href == str(folder / "a.tif")
    assert found == Mark(size=8, checksum="1220" + hashlib.sha256(b"raster a").hexdigest())


def test_remote_rasters_are_marked_by_size_and_etag_and_keep_the_checksum_of_the_archive(remote_ones, server):
    ((href, found),) = remote_ones[0].marks.items()
    assert found.size == 8
    assert found.etag.startswith('"')
    told = [replace(remote_ones[0], marks={href: Mark(checksum="1220ab")})]
    assert mark(told)[0].marks == {href: replace(found, checksum="1220ab")}


@pytest.mark.parametrize("kind", ["local", "remote_ones"])
def test_what_stays_as_it_was_is_no_change(kind, request, tmp_path):
    scenes = request.getfixturevalue(kind)
    assert changes(scenes).empty
    assert changes(thaw(freeze(scenes, tmp_path / "scenes.json"))).empty


@pytest.mark.parametrize("kind", ["local", "remote_ones"])
def test_what_has_vanished_and_what_has_changed_is_told(kind, request, folder):
    scenes = request.getfixturevalue(kind)
    (folder / "a.tif").unlink()
    (folder / "b.tif").write_text("another b")
    (folder / "c.tif").write_text("raster ć"[:7] + "x")  # as long as before
    found = changes(scenes).set_index("scene")
    assert dict(found["what"]) == {"scene0": "vanished", "scene1": "changed", "scene2": "changed"}
    assert found.loc["scene1", "found"].startswith("size 8 is now 9")
    assert "size" not in found.loc["scene2", "found"]
    assert list(found["raster"]) == [href for scene in scenes for href in scene.hrefs["HH"]]


def test_a_folder_that_moved_with_its_list_is_not_changed(local, folder, tmp_path_factory):
    freeze(local, folder / "scenes.json")
    there = tmp_path_factory.mktemp("there") / "archive"
    shutil.move(folder, there)
    assert changes(thaw(there / "scenes.json")).empty


def test_without_a_mark_only_what_has_vanished_is_told(folder):
    scenes = scenes_of([str(folder / "a.tif"), str(folder / "gone.tif")])
    (folder / "a.tif").write_text("changed")
    assert list(changes(scenes)["what"]) == ["vanished"]


@pytest.mark.parametrize("fault", ["429", "500", "503", "mute", "later"])
def test_a_fault_on_the_way_is_no_change(remote_ones, server, fault):
    server.faults += [("HEAD /b.tif", fault)]
    assert changes(remote_ones).empty
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
def test_a_server_that_does_not_tell_is_not_taken_for_a_change(remote_ones, server, fault, what, words):
    server.lasting += [("/b.tif", fault)]
    (row,) = changes(remote_ones).to_dict("records")
    assert (row["scene"], row["what"]) == ("scene1", what)
    assert row["found"].startswith(words)


def test_what_is_not_there_cannot_be_marked(folder, server):
    with pytest.raises(
        InputError, match=r"/gone\.tif: vanished, a raster expected \(1 of 2 rasters cannot be marked\)"
    ):
        mark(scenes_of([str(folder / "a.tif"), str(folder / "gone.tif")]))
    with pytest.raises(InputError, match=r"/gone\.tif: vanished"):
        mark(scenes_of([f"{server.url}/gone.tif"]))
    with pytest.raises(InputError, match=r"a\.tif: no connection to 127\.0\.0\.1:\d+, a raster expected"):
        mark(scenes_of([f"http://127.0.0.1:{free_port()}/a.tif"]))


def test_what_only_gdal_can_reach_is_left_without_a_mark():
    scenes = scenes_of(["s3://bucket/a.tif", "/vsizip/a.zip/a.tif"])
    assert mark(scenes) == scenes
    assert changes(mark(scenes)).empty
