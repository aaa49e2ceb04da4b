"""glaciersar.scenes.searching, against a real STAC API on loopback"""

import json
from datetime import UTC, datetime

import pytest
import shapely
from archives import TILE, write_folder, year_of_dates
from servers import free_port, serve, serve_stac

from glaciersar import remote
from glaciersar.errors import InputError
from glaciersar.scenes import find, place_of, search

pytestmark = pytest.mark.usefixtures("hurry")
HERE = "landscape-00"


def names(scenes):
    return [scene.id for scene in scenes]


@pytest.fixture
def all_of_it(simulated):
    return find(simulated)


def test_an_api_gives_what_the_static_catalogue_holds(stac, web, simulated, all_of_it):
    found = search(stac.url, collection=HERE)
    assert names(found) == names(all_of_it)
    for one, other in zip(found, all_of_it, strict=True):
        assert (one.time, one.relative_orbit, one.orbit_state) == (other.time, other.relative_orbit, other.orbit_state)
        assert one.outline.equals_exact(other.outline, 1e-6)
        remote_hrefs = {kind: [href.removeprefix(web.url + "/") for href in hrefs] for kind, hrefs in one.hrefs.items()}
        local = {k: [h.removeprefix(f"{simulated.parent}/") for h in hrefs] for k, hrefs in other.hrefs.items()}
        assert remote_hrefs == local


@pytest.mark.parametrize("page", [1, 7, 200])
def test_pages_of_any_size_give_every_scene_once(stac, all_of_it, monkeypatch, page):
    monkeypatch.setattr("glaciersar.scenes.searching.PAGE", page)
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert stac.count("POST /search") >= len(all_of_it) / page


def test_time_orbit_and_polarisation_choose(stac, all_of_it):
    march = {"start": datetime(2020, 3, 1, tzinfo=UTC), "end": datetime(2020, 4, 1)}
    assert names(search(stac.url, collection=HERE, **march)) == [s.id for s in all_of_it if s.time.month == 3]
    assert names(search(stac.url, collection=HERE, year=2020, **march)) == [
        s.id for s in all_of_it if s.time.month == 3
    ]
    everything = {"year": 2020, "relative_orbit": 14, "orbit_state": "ascending", "polarisation": "HV"}
    assert names(search(stac.url, collection=HERE, **everything)) == names(all_of_it)


def test_a_place_chooses_alike_in_an_api_and_in_a_static_catalogue(stac, simulated, all_of_it):
    inside = all_of_it[0].outline.centroid
    for place in (f"{inside.x},{inside.y}", ",".join(map(str, inside.buffer(0.01).bounds))):
        assert names(search(stac.url, collection=HERE, place=place)) == names(all_of_it)
        assert names(search(simulated, place=place)) == names(all_of_it)
    with pytest.raises(InputError, match="no scene found for collection landscape-00, place 10,70"):
        search(stac.url, collection=HERE, place="10,70")
    with pytest.raises(InputError, match=r"no scene over 10,70 found, but \d+ scenes of HH, HV; years 2020"):
        search(simulated, place="10,70")


def test_a_static_catalogue_on_a_server_and_a_folder_are_searched_too(web, all_of_it, tmp_path, rng):
    found = search(f"{web.url}/catalog.json", year=2020)
    assert names(found) == names(all_of_it)
    assert all(href.startswith(web.url) for scene in found for hrefs in scene.hrefs.values() for href in hrefs)
    folder = write_folder(tmp_path, TILE.geobox(pixel=1000), year_of_dates(3), rng)
    assert len(search(folder, place="10,70")) == 3  # files tell no place by name: reading does


FAULTS = ["429", "500", "502", "503", "504", "cut", "mute"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["GET /$", "GET /collections", "POST /search"])
def test_a_fault_of_a_search_passes_and_nothing_is_lost(stac, all_of_it, monkeypatch, fault, where):
    monkeypatch.setattr("glaciersar.scenes.searching.PAGE", 10)
    stac.faults += [(where, fault)]
    assert names(search(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults


def test_a_fault_between_pages_loses_no_page(stac, all_of_it, monkeypatch):
    monkeypatch.setattr("glaciersar.scenes.searching.PAGE", 5)
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
    monkeypatch.setattr("glaciersar.scenes.searching._promised", lambda page: 1000)
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


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"collection": "landscape-0"},
            "no collection 'landscape-0' found, one of its 2 expected, such as landscape-00",
        ),
        ({}, "no collection given, one of its 2 expected, such as sentinel-1-grd"),
        ({"collection": HERE, "year": 1999}, "no scene found for collection landscape-00, year 1999"),
        ({"collection": HERE, "relative_orbit": 174}, "no scene with relative orbit 174; found .* orbits 14"),
        ({"collection": HERE, "orbit_state": "descending"}, "no scene with orbit state descending; .*ascending"),
        ({"collection": HERE, "polarisation": "VV"}, "no scene with polarisation VV; found .* of HH, HV"),
        ({"collection": HERE, "place": "10"}, "place 10 found, lon,lat, or west,south,east,north"),
        ({"collection": HERE, "place": "nowhere.gpkg"}, r"place nowhere\.gpkg: no such file"),
    ],
)
def test_what_an_archive_does_not_have_is_said_with_what_it_has(stac, asked, sentence):
    with pytest.raises(InputError, match=sentence):
        search(stac.url, **asked)


def test_a_place_may_be_a_shape_and_is_named_in_a_few_words(stac, simulated, all_of_it):
    shape = place_of(shapely.box(*all_of_it[0].outline.bounds))
    assert names(search(stac.url, collection=HERE, place=shape)) == names(all_of_it)
    elsewhere = shapely.Point(10, 70).buffer(0.5)  # a circle of 65 points
    with pytest.raises(InputError, match=r"no scene found for .*, place the box 9\.5,69\.5,10\.5,70\.5, at least one"):
        search(stac.url, collection=HERE, place=elsewhere)
    with pytest.raises(InputError, match=r"no scene over the box 9\.5,69\.5,10\.5,70\.5 found, but"):
        search(simulated, place=elsewhere)


def test_a_single_collection_need_not_be_named(simulated, tmp_path):
    items = [json.loads(path.read_text()) for path in sorted(simulated.parent.glob("*/*/*.json"))]
    for item in items:
        item["links"] = []
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with serve_stac(tmp_path / "items.json") as stac:
        assert len(search(stac.url, year=2020)) == len(items)
