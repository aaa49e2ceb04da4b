"""What a catalogue on a server may name: glaciersar.io.hrefs as scenes are searched and read."""

import json
import os

import pytest
import requests

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.io.hrefs import ALLOW
from glaciersar.scenes.manifest import read_manifest, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes, search_scenes
from tests.support.archives import GRID, TILE, write_catalog, year_of_dates
from tests.support.servers import serve


@pytest.fixture
def catalog(tmp_path, rng):
    return write_catalog(tmp_path / "archive", TILE.geobox(pixel=1000), year_of_dates(2), rng, polarisations=("HH",))


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def item_of(catalog):
    return sorted(catalog.parent.glob("alpha/*/*.json"))[0]


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/vsicurl/http://169.254.169.254/latest",
        "/vsizip//etc/a.zip/a.tif",
        "http://169.254.169.254/latest/a.tif",
        "http://[::ffff:10.0.0.1]/a.tif",
        "http://2130706434/a.tif",
        "vrt:///etc/a.tif?bands=1",
    ],
)
def test_hrefs_of_a_catalogue_on_a_server_are_refused_before_anything_is_read(catalog, href):
    change(item_of(catalog), lambda item: item["assets"]["hh"].update(href=href))
    with serve(catalog.parent) as web:
        with pytest.raises(InputError, match=rf"{web.url}/catalog\.json: href .* found, .* public address expected"):
            find_scenes(f"{web.url}/catalog.json")
        with pytest.raises(InputError, match="public address expected"):
            find_scenes(f"{web.url}/{item_of(catalog).relative_to(catalog.parent)}")


def test_a_path_upwards_stays_on_the_server(catalog):
    change(item_of(catalog), lambda item: item["assets"]["hh"].update(href="../../../../../etc/a.tif"))
    with serve(catalog.parent) as web:
        scenes = find_scenes(f"{web.url}/catalog.json")
    assert scenes[0].hrefs["HH"] == (f"{web.url}/etc/a.tif",)


@pytest.mark.parametrize("href", ["file:///etc/passwd", "http://10.0.0.1/collection.json", "/etc/passwd"])
def test_links_to_other_lists_are_followed_no_further_than_hrefs(catalog, href):
    change(catalog, lambda content: content["links"][0].update(href=href))
    with serve(catalog.parent) as web:
        with pytest.raises(InputError):
            find_scenes(f"{web.url}/catalog.json")
        assert len(web.asked) <= 3


def test_catalogues_in_a_circle_come_to_an_end(catalog):
    change(catalog, lambda content: content["links"][0].update(href="./catalog.json"))
    with pytest.raises(InputError):
        find_scenes(catalog)


def test_a_catalogue_on_this_disk_links_to_one_on_a_server_whose_hrefs_are_looked_at(catalog, tmp_path):
    change(item_of(catalog), lambda item: item["assets"]["hh"].update(href="file:///etc/a.tif"))
    with serve(catalog.parent) as web:
        here = tmp_path / "here.json"
        content = json.loads(catalog.read_text())
        content["links"][0]["href"] = f"{web.url}/alpha/collection.json"
        here.write_text(json.dumps(content))
        with pytest.raises(InputError, match="a file of this disk"):
            find_scenes(here)


@pytest.mark.parametrize("further", ["file:///etc/passwd", "/etc/passwd", "http://10.0.0.1/search"])
def test_an_api_whose_pages_go_on_elsewhere_is_left(catalog, further):
    collection = json.loads((catalog.parent / "alpha/collection.json").read_text()) | {"links": []}
    item = json.loads(item_of(catalog).read_text())
    landing = json.loads(catalog.read_text())
    landing["conformsTo"] = [
        f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "item-search", "collections")
    ]
    with serve(catalog.parent) as web:
        url = f"{web.url}/v1"
        landing["links"] = [{"rel": "search", "href": f"{url}/search", "method": "GET"}]
        landing["links"] += [{"rel": "data", "href": f"{url}/collections"}]
        page = {"type": "FeatureCollection", "features": [item], "links": [{"rel": "next", "href": further}]}
        web.documents = {"/v1": landing, "/v1/collections/alpha": collection, "/v1/search": page}
        with pytest.raises(InputError, match=r"href .* found, .* a public address expected"):
            search_scenes(url, collection="alpha")


def test_what_the_user_allows_by_name_is_kept(catalog, monkeypatch):
    change(item_of(catalog), lambda item: item["assets"]["hh"].update(href="http://10.0.0.1/a.tif"))
    monkeypatch.setenv(ALLOW, "10.0.0.1")
    with serve(catalog.parent) as web:
        assert find_scenes(f"{web.url}/catalog.json")[0].hrefs["HH"] == ("http://10.0.0.1/a.tif",)


def test_a_redirection_from_a_public_server_to_a_private_address_is_not_followed():
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://archive.example/a.json"
    with http.retry_session() as session:
        for target in ("http://127.0.0.1/a", "//10.0.0.1/a", "file:///etc/passwd"):
            answer.headers["location"] = target
            with pytest.raises(InputError, match="public address expected"):
                session.get_redirect_target(answer)


def test_an_answer_without_end_is_left(catalog, monkeypatch):
    monkeypatch.setenv("GLACIERSAR_MAX_TEXT_BYTES", "100")
    with serve(catalog.parent) as web, pytest.raises(InputError, match=r"catalog\.json: \d+ bytes found, at most 100"):
        find_scenes(f"{web.url}/catalog.json")


@pytest.mark.parametrize(
    "edit",
    [
        lambda item: item["assets"]["hh"].update(href=3),
        lambda item: item["assets"]["hh"].update({"raster:bands": 3}),
        lambda item: item["assets"]["hh"].update({"raster:bands": [{"unit": 3}]}),
        lambda item: item["properties"].update(datetime=[]),
        lambda item: item["properties"].update({"sar:product_type": "GRD", "proj:transform": "abc"}),
        lambda item: item.update(assets=[]),
        lambda item: item.update(properties=None),
    ],
)
def test_fields_of_another_type_are_told_in_a_sentence(catalog, edit):
    change(item_of(catalog), edit)
    with pytest.raises(InputError):
        find_scenes(catalog)


def test_a_pipe_in_a_manifest_is_refused_at_once(folder, tmp_path):
    scenes = find_scenes(folder)
    path = write_manifest(scenes, tmp_path / "scenes.json")
    target = scenes[0].hrefs["HH"][0]
    os.unlink(target)
    os.mkfifo(target)
    with pytest.raises(InputError, match="a folder, pipe or device found"):
        read_series(read_manifest(path), GRID, "HH")
