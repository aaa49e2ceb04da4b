"""glaciersar.scenes.stac, against a real STAC API on loopback"""

import json

import pystac
import pytest

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.search import search_scenes
from glaciersar.scenes.stac import check_geocoded
from tests.support.servers import free_port, serve, serve_stac

pytestmark = pytest.mark.usefixtures("short_waits")
HERE = "landscape-00"


def names(scenes):
    return [scene.id for scene in scenes]


@pytest.mark.parametrize("page", [1, 7, 200])
def test_pages_of_any_size_give_every_scene_once(stac, all_of_it, monkeypatch, page):
    monkeypatch.setattr("glaciersar.scenes.stac.PAGE", page)
    assert names(search_scenes(stac.url, collection=HERE)) == names(all_of_it)
    assert stac.count("POST /search") >= len(all_of_it) / page


FAULTS = ["429", "500", "502", "503", "504", "cut", "mute"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["GET /$", "GET /collections", "POST /search"])
def test_a_fault_of_a_search_passes_and_nothing_is_lost(stac, all_of_it, monkeypatch, fault, where):
    monkeypatch.setattr("glaciersar.scenes.stac.PAGE", 10)
    stac.faults += [(where, fault)]
    assert names(search_scenes(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults


def test_a_fault_between_pages_loses_no_page(stac, all_of_it, monkeypatch):
    monkeypatch.setattr("glaciersar.scenes.stac.PAGE", 5)
    stac.faults += [("POST /search", fault) for fault in FAULTS]
    assert names(search_scenes(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults


@pytest.mark.usefixtures("short_timeout")
def test_a_slow_answer_is_asked_for_again(stac, all_of_it):
    stac.faults += [("GET /collections", "slow"), ("POST /search", "slow")]
    assert names(search_scenes(stac.url, collection=HERE)) == names(all_of_it)
    assert not stac.faults
    assert stac.count("POST /search 200") == stac.count("GET /collections/.* 200") == 1


def test_a_server_that_says_when_to_come_again_is_obeyed(stac, all_of_it):
    stac.faults += [("POST /search", "later")]
    assert names(search_scenes(stac.url, collection=HERE)) == names(all_of_it)
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
        search_scenes(stac.url, collection=HERE)
    assert str(caught.value).startswith(stac.url)
    assert "0x" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_named():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=rf"{url}: the search came to nothing \(no connection to 127.* on this disk"):
        search_scenes(url)


def test_an_address_where_nobody_answers_is_given_up_soon(monkeypatch):
    tried = []

    def nobody(address, *_, **__):
        tried.append(address[0])
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", nobody)
    with pytest.raises(
        InputError, match=r"archive.example.*the search came to nothing \(no answer in time\), a network"
    ):
        search_scenes("http://archive.example/stac")
    assert tried == ["archive.example"] * (1 + http.CONNECTS)


def test_an_answer_that_is_json_but_no_stac_api_is_refused(tmp_path):
    (tmp_path / "api").write_text('{"hello": 1}')
    (tmp_path / "list").write_text("[1, 2]")
    (tmp_path / "static").write_text(
        '{"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "links": []}'
    )
    with serve(tmp_path) as web:
        for name in ("api", "list"):
            with pytest.raises(InputError, match="cannot be read as STAC"):
                search_scenes(f"{web.url}/{name}")
        with pytest.raises(InputError, match="no STAC API that can be searched found"):
            search_scenes(f"{web.url}/static")


def test_items_that_an_archive_promised_and_did_not_give_are_missed(stac, monkeypatch):
    monkeypatch.setattr("glaciersar.scenes.stac._matched_count", lambda page: 1000)
    with pytest.raises(InputError, match=r"\d+ items found, 1000 expected as the archive says; search again"):
        search_scenes(stac.url, collection=HERE)


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
        assert len(search_scenes(url, collection=HERE)) == 3
        web.documents["/v1/search2"]["features"] = features[1:2]
        with pytest.raises(InputError, match="2 items found, 3 expected as the archive says"):
            search_scenes(url, collection=HERE)


def test_a_single_collection_need_not_be_named(simulated, tmp_path):
    items = [json.loads(path.read_text()) for path in sorted(simulated.parent.glob("*/*/*.json"))]
    for item in items:
        item["links"] = []
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with serve_stac(tmp_path / "items.json") as stac:
        assert len(search_scenes(stac.url, year=2020)) == len(items)


PROPERTIES = {
    "datetime": "2020-01-02T06:30:05Z",
    "sar:product_type": "GRD",
    "proj:bbox": [10.0, 76.0, 20.0, 80.0],
    "proj:shape": [1000, 2000],
    "proj:transform": [0.01, 0, 10, 0, -0.002, 80],  # of columns and rows taken for each other, as real ones are
}


def item(name="S1A_EW_GRDM", collection=None, assets=None, **changes):
    properties = {key: value for key, value in (PROPERTIES | changes).items() if value is not None}
    return pystac.Item.from_dict(
        {
            "type": "Feature", "stac_version": "1.0.0", "id": name, "geometry": None, "links": [],
            "bbox": PROPERTIES["proj:bbox"], "properties": properties, "assets": assets or {},
            "collection": collection,
        }
    )  # fmt: skip


UTM = {
    "proj:bbox": [500_000, 8_600_000, 800_000, 8_800_000], "proj:shape": [20_000, 30_000],
    "proj:transform": [10, 0, 500_000, 0, -10, 8_800_000],
}  # fmt: skip


@pytest.mark.parametrize("projection", [{"proj:epsg": 32633}, {"proj:code": "EPSG:32633"}])
def test_a_corrected_product_that_is_called_grd_lies_on_a_map(projection):
    """As on the Planetary Computer, whose collection sentinel-1-rtc says GRD of every item."""
    check_geocoded(item(**UTM, **projection))
    assets = {"vv": {"href": "iw-vv.rtc.tiff", **UTM, **projection}}  # as STAC 1.1 has it
    check_geocoded(item(assets=assets, **dict.fromkeys(UTM)))


@pytest.mark.parametrize(
    "named",
    [{"name": "S1A_IW_GRDH_1SDV_20200102T063005_20200102T063030_030000_0370A1_rtc"}, {"collection": "sentinel-1-rtc"}],
)
def test_a_corrected_product_is_known_by_its_name_too_but_not_against_its_transform(named):
    check_geocoded(item(**named, **{"proj:transform": None}))
    with pytest.raises(InputError, match="only stretches it over its bounding box"):
        check_geocoded(item(**named))


@pytest.mark.parametrize("transform", [[0.01, 0, 10, 0, -0.002, 80], [0.005, 0, 10, 0, -0.004, 80]])
def test_a_ground_range_product_is_refused_with_the_reason(transform):
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: a ground-range product .*only stretches it .*RTC\) expected"):
        check_geocoded(item(**{"proj:transform": transform}))


def test_one_that_claims_no_transform_is_refused_too_and_a_corrected_product_is_not():
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: .* in the geometry of the radar found, a terrain-corrected"):
        check_geocoded(item(**{"proj:transform": None}))
    with pytest.raises(InputError, match="in the geometry of the radar found, a"):
        check_geocoded(item(**{"proj:transform": [40, 0, 4e5, 0, -40, 8e6]}))
    with pytest.raises(InputError, match="in the geometry of the radar found, a"):
        check_geocoded(item(**{"proj:transform": [0.001, 0, 4, 0, -0.001, 80], "proj:epsg": 4326}))
    check_geocoded(item(**{"sar:product_type": "RTC"}))


@pytest.mark.parametrize("name", ["S1A_EW_GRDM", "S1A_IW_GRDH"])
def test_real_ground_range_items_have_a_transform_that_is_made_up(shared, name):
    (path,) = (shared / "data/stac").glob(f"{name}*.json")
    with pytest.raises(InputError, match=rf"{name}.*proj:transform that only stretches it over its bounding box"):
        check_geocoded(pystac.Item.from_file(str(path)))


def test_real_corrected_items_pass(shared):
    for path in (shared / "data/stac").glob("S1?_20*.json"):
        check_geocoded(pystac.Item.from_file(str(path)))
