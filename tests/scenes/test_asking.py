"""glaciersar.scenes.asking, against a real STAC API on loopback"""

import json

import pytest
from servers import free_port, serve, serve_stac

from glaciersar import remote
from glaciersar.errors import InputError
from glaciersar.scenes import search

pytestmark = pytest.mark.usefixtures("hurry")
HERE = "landscape-00"


def names(scenes):
    return [scene.id for scene in scenes]


@pytest.mark.parametrize("page", [1, 7, 200])
def test_pages_of_any_size_give_every_scene_once(stac, all_of_it, monkeypatch, page):
    monkeypatch.setattr("glaciersar.scenes.asking.PAGE", page)
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert stac.count("POST /search") >= len(all_of_it) / page


FAULTS = ["429", "500", "502", "503", "504", "cut", "mute"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["GET /$", "GET /collections", "POST /search"])
def test_a_fault_of_a_search_passes_and_nothing_is_lost(stac, all_of_it, monkeypatch, fault, where):
    monkeypatch.setattr("glaciersar.scenes.asking.PAGE", 10)
    stac.faults += [(where, fault)]
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults


def test_a_fault_between_pages_loses_no_page(stac, all_of_it, monkeypatch):
    monkeypatch.setattr("glaciersar.scenes.asking.PAGE", 5)
    stac.faults += [("POST /search", fault) for fault in FAULTS]
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults


@pytest.mark.usefixtures("impatience")
def test_a_slow_answer_is_asked_for_again(stac, all_of_it):
    stac.faults += [("GET /collections", "slow"), ("POST /search", "slow")]
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults
    assert stac.count("POST /search 200") == stac.count("GET /collections/.* 200") == 1


def test_a_server_that_says_when_to_come_again_is_obeyed(stac, all_of_it):
    stac.faults += [("POST /search", "later")]
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert stac.count("POST /search 429") == 1


@pytest.mark.parametrize(
    ("where", "fault", "sentence"),
    [
        (".", "429", r"the search came to nothing \(HTTP status 429\)"),
        (".", "500", r"HTTP status 500"),
        (".", "401", r"HTTP status 401"),
        (".", "404", r"HTTP status 404"),
        (".", "html", "cannot be read as STAC"),
        ("POST /search", "html", "cannot be read as STAC"),
        ("POST /search", "503", r"the search came to nothing \(HTTP status 503\)"),
        ("POST /search", "400", r"the search came to nothing \(HTTP status 400\)"),
        (".", "cut", "the search came to nothing"),
        (".", "mute", "the search came to nothing"),
    ],
)
def test_a_fault_that_lasts_ends_in_one_sentence(stac, where, fault, sentence):
    stac.lasting += [(where, fault)]
    with pytest.raises(InputError, match=sentence) as caught:
        search(stac.url, collection=HERE)
    assert str(caught.value).startswith(stac.url)
    assert "0x" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_named():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=rf"{url}: the search came to nothing \(no connection to 127.* on this disk"):
        search(url)


def test_an_address_where_nobody_answers_is_given_up_soon(monkeypatch):
    tried = []

    def nobody(address, *_, **__):
        tried.append(address[0])
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", nobody)
    with pytest.raises(
        InputError, match=r"archive.example.*the search came to nothing \(no answer in time\), a network"
    ):
        search("http://archive.example/stac")
    assert tried == ["archive.example"] * (1 + remote.CONNECTS)


def test_an_answer_that_is_json_but_no_stac_api_is_refused(tmp_path):
    (tmp_path / "api").write_text('{"hello": 1}')
    (tmp_path / "list").write_text("[1, 2]")
    (tmp_path / "static").write_text(
        '{"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "links": []}'
    )
    with serve(tmp_path) as web:
        for name in ("api", "list"):
            with pytest.raises(InputError, match="cannot be read as STAC"):
                search(f"{web.url}/{name}")
        with pytest.raises(InputError, match="no STAC API that can be searched found"):
            search(f"{web.url}/static")


def test_items_that_an_archive_promised_and_did_not_give_are_missed(stac, monkeypatch):
    monkeypatch.setattr("glaciersar.scenes.asking._promised", lambda page: 1000)
    with pytest.raises(InputError, match=r"\d+ items found, 1000 expected as the archive says; search again"):
        search(stac.url, collection=HERE)


def test_an_item_on_two_pages_is_one_scene(simulated, all_of_it, tmp_path):
    # rustac pages by position; the second page here begins with the last item of the first
    features = [json.loads(path.read_text()) | {"links": []} for path in sorted(simulated.parent.glob("*/*/*.json"))]
    page = {"type": "FeatureCollection", "links": []}
    landing = {
        "type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x",
        "conformsTo": [f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "item-search", "collections")],
    }  # fmt: skip
    collection = json.loads((simulated.parent / HERE / "collection.json").read_text()) | {"links": []}
    (tmp_path / "v1/collections").mkdir(parents=True)
    with serve(tmp_path) as web:
        url = f"{web.url}/v1"
        landing["links"] = [{"rel": "search", "href": f"{url}/search", "method": "GET"}]
        landing["links"] += [{"rel": "data", "href": f"{url}/collections"}]
        (tmp_path / "v1/collections" / HERE).write_text(json.dumps(collection))
        web.documents = {
            "/v1": landing,
            "/v1/search": page
            | {"features": features[:2], "links": [{"rel": "next", "href": f"{url}/search2"}], "numberMatched": 3},
            "/v1/search2": page | {"features": features[1:3], "numberMatched": 3},
        }
        assert len(search(url, collection=HERE)) == 3
        web.documents["/v1/search2"]["features"] = features[1:2]
        with pytest.raises(InputError, match="2 items found, 3 expected as the archive says"):
            search(url, collection=HERE)


def test_a_single_collection_need_not_be_named(simulated, tmp_path):
    items = [json.loads(path.read_text()) for path in sorted(simulated.parent.glob("*/*/*.json"))]
    for item in items:
        item["links"] = []
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with serve_stac(tmp_path / "items.json") as stac:
        assert len(search(stac.url, year=2020)) == len(items)
