"""glaciersar.scenes.search, against a real STAC API on loopback"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.scenes.aoi import parse_aoi
from glaciersar.scenes.scene import FileChecksum
from glaciersar.scenes.search import find_scenes, search_scenes
from tests.support.archives import TILE, write_catalog, write_folder, year_of_dates
from tests.support.servers import free_port, serve

pytestmark = pytest.mark.usefixtures("short_waits")
HERE = "landscape-00"


def names(scenes):
    return [scene.id for scene in scenes]


def test_an_api_gives_what_the_static_catalogue_holds(stac, web, simulated, all_of_it):
    found = search_scenes(stac.url, collection=HERE)
    assert names(found) == names(all_of_it)
    for one, other in zip(found, all_of_it, strict=True):
        assert (one.time, one.relative_orbit, one.orbit_state) == (other.time, other.relative_orbit, other.orbit_state)
        assert one.outline.equals_exact(other.outline, 1e-6)
        remote_hrefs = {kind: [href.removeprefix(web.url + "/") for href in hrefs] for kind, hrefs in one.hrefs.items()}
        local = {k: [h.removeprefix(f"{simulated.parent}/") for h in hrefs] for k, hrefs in other.hrefs.items()}
        assert remote_hrefs == local


def test_time_orbit_and_polarisation_choose(stac, all_of_it):
    march = {"start": datetime(2020, 3, 1, tzinfo=UTC), "end": datetime(2020, 4, 1)}
    assert names(search_scenes(stac.url, collection=HERE, **march)) == [s.id for s in all_of_it if s.time.month == 3]
    assert names(search_scenes(stac.url, collection=HERE, year=2020, **march)) == [
        s.id for s in all_of_it if s.time.month == 3
    ]
    everything = {"year": 2020, "relative_orbit": 14, "orbit_state": "ascending", "polarisation": "HV"}
    assert names(search_scenes(stac.url, collection=HERE, **everything)) == names(all_of_it)


def test_a_place_chooses_alike_in_an_api_and_in_a_static_catalogue(stac, simulated, all_of_it):
    inside = all_of_it[0].outline.centroid
    for place in (f"{inside.x},{inside.y}", ",".join(map(str, inside.buffer(0.01).bounds))):
        assert names(search_scenes(stac.url, collection=HERE, place=place)) == names(all_of_it)
        assert names(search_scenes(simulated, place=place)) == names(all_of_it)
    with pytest.raises(InputError, match="no scene found for collection landscape-00, place 10,70"):
        search_scenes(stac.url, collection=HERE, place="10,70")
    with pytest.raises(InputError, match=r"no scene over 10,70 found, but \d+ scenes of HH, HV; years 2020"):
        search_scenes(simulated, place="10,70")


def test_a_static_catalogue_on_a_server_and_a_folder_are_searched_too(web, all_of_it, tmp_path, rng):
    found = search_scenes(f"{web.url}/catalog.json", year=2020)
    assert names(found) == names(all_of_it)
    assert all(href.startswith(web.url) for scene in found for hrefs in scene.hrefs.values() for href in hrefs)
    folder = write_folder(tmp_path, TILE.geobox(pixel=1000), year_of_dates(3), rng)
    assert len(search_scenes(folder, place="10,70")) == 3  # files tell no place by name: reading does


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
        search_scenes(stac.url, **asked)


def test_what_asks_an_api_is_imported_only_for_that():
    imported = "import sys, glaciersar.dataset; sys.exit('pystac_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", imported], check=False).returncode == 0


def test_a_place_may_be_a_shape_and_is_named_in_a_few_words(stac, simulated, all_of_it):
    shape = parse_aoi(shapely.box(*all_of_it[0].outline.bounds))
    assert names(search_scenes(stac.url, collection=HERE, place=shape)) == names(all_of_it)
    elsewhere = shapely.Point(10, 70).buffer(0.5)  # a circle of 65 points
    with pytest.raises(InputError, match=r"no scene found for .*, place the box 9\.5,69\.5,10\.5,70\.5, at least one"):
        search_scenes(stac.url, collection=HERE, place=elsewhere)
    with pytest.raises(InputError, match=r"no scene over the box 9\.5,69\.5,10\.5,70\.5 found, but"):
        search_scenes(simulated, place=elsewhere)


GRID = TILE.geobox(pixel=1000)
TIMES = year_of_dates(3)


@pytest.fixture
def catalog(tmp_path, rng):
    return write_catalog(tmp_path / "archive", GRID, TIMES, rng)


def change(path: Path, **properties):
    """Overwrite properties of one item; None removes."""
    item = json.loads(path.read_text())
    item["properties"] |= properties
    item["properties"] = {name: value for name, value in item["properties"].items() if value is not None}
    path.write_text(json.dumps(item))
    return path


def test_a_static_catalogue_gives_one_scene_an_item(catalog):
    scenes = find_scenes(catalog)
    assert [scene.time for scene in scenes] == TIMES
    assert {scene.relative_orbit for scene in scenes} == {14}
    assert {scene.orbit_state for scene in scenes} == {"ascending"}
    assert all(set(scene.hrefs) == {"HH", "HV"} for scene in scenes)
    assert all(Path(href).is_file() for scene in scenes for hrefs in scene.hrefs.values() for href in hrefs)


def test_catalogue_folder_collection_and_item_are_all_understood(catalog):
    scenes = find_scenes(catalog)
    assert find_scenes(catalog.parent) == scenes
    assert find_scenes(catalog.parent / "alpha/collection.json") == scenes
    assert find_scenes(next(catalog.parent.glob("alpha/*20200102*/*.json"))) == scenes[:1]
    assert find_scenes(catalog.parent / "alpha") == find_scenes(catalog)


def test_an_item_collection_is_understood(catalog, tmp_path):
    items = [json.loads(path.read_text()) for path in sorted(catalog.parent.glob("alpha/*/*.json"))]
    for item in items:
        item["assets"] = {k: a | {"href": f"./alpha/{item['id']}/{a['href']}"} for k, a in item["assets"].items()}
    path = catalog.parent / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    assert find_scenes(path) == find_scenes(catalog)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("hh", "HH"),
        ("HV", "HV"),
        ("gamma0_vv", "VV"),
        ("iw-vh", "VH"),
        ("incidence", "incidence"),
        ("local_incidence", "incidence"),
    ],
)
def test_assets_are_known_by_their_keys(catalog, key, kind):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    item = json.loads(path.read_text())
    raster = {"href": "./x.tif", "type": "image/tiff"}
    item["assets"] = {
        "vv" if kind == "HH" else "hh": {**raster, "href": "y.tif"},
        key: raster,
        "schema-product-hh": {"href": "./hh.xml", "type": "application/xml"},
    }
    path.write_text(json.dumps(item))
    (scene,) = find_scenes(path)
    assert set(scene.hrefs) == {"VV" if kind == "HH" else "HH", kind}
    assert scene.hrefs[kind] == (str(path.parent / "x.tif"),)


@pytest.mark.parametrize("unit", [{"raster:bands": [{"unit": "dB"}]}, {"bands": [{"unit": "decibel"}]}, {"unit": "db"}])
def test_declared_decibels_are_believed_unless_the_user_says_otherwise(catalog, unit):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    item = json.loads(path.read_text())
    item["assets"] = {"hh": item["assets"]["hh"] | unit}
    path.write_text(json.dumps(item))
    assert find_scenes(path)[0].units == "db"
    assert find_scenes(path, units="linear")[0].units == "linear"


def test_start_datetime_is_the_time_of_a_scene(catalog):
    path = change(next(catalog.parent.glob("alpha/*/*.json")), start_datetime="2020-01-02T06:29:40Z")
    assert find_scenes(path)[0].time == datetime(2020, 1, 2, 6, 29, 40, tzinfo=UTC)


@pytest.mark.parametrize("name", ["id", "sat:relative_orbit", "sat:orbit_state", "platform"])
def test_a_field_of_another_type_than_stac_has_is_refused(catalog, name):
    items = [json.loads(path.read_text()) for path in sorted(catalog.parent.glob("alpha/*/*.json"))[:2]]
    for item in items:
        (item if name == "id" else item["properties"])[name] = ["?"] if name != "id" else None
    path = catalog.parent / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with pytest.raises(InputError, match=rf"items\.json.*{name}=.* found, a (text|whole number) expected"):
        find_scenes(path)


def test_items_that_are_no_backscatter_are_refused(catalog):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    name = path.stem
    change(path, **{"sar:product_type": "SLC"})
    with pytest.raises(InputError, match=rf"{name}: complex single-look data \(SLC\) found"):
        find_scenes(catalog)
    change(path, **{"sar:product_type": "RTC"})
    item = json.loads(path.read_text())
    path.write_text(json.dumps(item | {"assets": {"thumbnail": {"href": "a.png", "type": "image/png"}}}))
    with pytest.raises(InputError, match=rf"{name}: assets thumbnail found, a GeoTIFF named by HH"):
        find_scenes(catalog)


def test_a_catalogue_that_cannot_be_read_is_refused(catalog, tmp_path):
    next(catalog.parent.glob("alpha/*/*.json")).unlink()
    with pytest.raises(InputError, match=r"catalog\.json: cannot be read as STAC .*does not resolve"):
        find_scenes(catalog)
    with pytest.raises(InputError, match=r"absent\.json: no such file, expected a STAC catalogue or item"):
        find_scenes(tmp_path / "absent.json")
    for content in ("", "{", "[]", '{"type": "Catalog"}', '{"type": "FeatureCollection"}', '{"a": 1}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json"):
            find_scenes(tmp_path / "bad.json")


def test_a_folder_of_geotiffs_gives_one_scene_a_pass(tmp_path, rng):
    write_folder(tmp_path, GRID, TIMES, rng, polarisations=("HH", "HV"))
    scenes = find_scenes(tmp_path)
    assert [scene.time for scene in scenes] == TIMES
    assert {scene.relative_orbit for scene in scenes} == {14}
    assert all(sorted(scene.hrefs) == ["HH", "HV"] for scene in scenes)
    assert [s.hrefs for s in find_scenes(f"{tmp_path}/*_HH.tif")] == [{"HH": s.hrefs["HH"]} for s in scenes]


def test_a_source_without_scenes_is_refused(tmp_path, catalog):
    for source in (tmp_path / "absent", f"{tmp_path}/*.tif", "absent.tif"):
        with pytest.raises(InputError, match="no GeoTIFF found"):
            find_scenes(source)
    catalog.write_text(json.dumps(json.loads(catalog.read_text()) | {"links": []}))
    with pytest.raises(InputError, match="no scene found"):
        find_scenes(catalog)


def test_only_the_asked_orbit_is_kept(catalog):
    assert len(find_scenes(catalog, relative_orbit=14)) == 3
    with pytest.raises(InputError, match="relative orbits 14 found, 174 expected"):
        find_scenes(catalog, relative_orbit=174)


def test_unknown_units_are_refused(catalog):
    with pytest.raises(InputError, match="units='dB' found"):
        find_scenes(catalog, units="dB")


def test_a_polarisation_that_does_not_exist_is_refused(catalog):
    with pytest.raises(InputError, match="polarisation='vv' found, one of HH, HV, VV, VH expected"):
        find_scenes(catalog, polarisation="vv")


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("fault", ["429", "503", "cut", "mute"])
def test_a_static_catalogue_on_a_server_is_read_whole_after_a_fault(catalog, fault):
    with serve(catalog.parent) as web:
        web.faults += [("/catalog.json", fault), ("/collection.json", fault), ("20200102", fault)]
        scenes = find_scenes(f"{web.url}/catalog.json")
        assert [scene.id for scene in scenes] == [scene.id for scene in find_scenes(catalog)]
        assert not web.faults


@pytest.mark.usefixtures("short_waits")
def test_a_catalogue_on_a_server_that_does_not_give_it_is_named(catalog):
    with serve(catalog.parent) as web:
        for path, status in (("absent.json", 404), ("catalog.json", 500)):
            web.lasting += [("/catalog.json", "500")]
            with pytest.raises(InputError, match=rf"{path}: cannot be reached \(HTTP status {status}\)"):
                find_scenes(f"{web.url}/{path}")
    url = f"http://127.0.0.1:{free_port()}/catalog.json"
    with pytest.raises(InputError, match=rf"{url}: cannot be reached \(no connection to 127"):
        find_scenes(url)


def test_checksums_and_outlines_of_items_are_kept(catalog):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    item = json.loads(path.read_text())
    square = {"type": "Polygon", "coordinates": [[[11, 78], [12, 78], [12, 79], [11, 79], [11, 78]]]}
    item["geometry"], item["bbox"] = square, [11, 78, 12, 79]
    item["assets"]["hh"] |= {"file:size": 1234, "file:checksum": "1220ab"}
    path.write_text(json.dumps(item))
    (scene,) = find_scenes(path)
    assert scene.outline.bounds == (11, 78, 12, 79)
    assert scene.checksums == {scene.hrefs["HH"][0]: FileChecksum(size=1234, checksum="1220ab")}
    item["geometry"] = {"type": "Polygon", "coordinates": "here"}
    path.write_text(json.dumps(item))
    with pytest.raises(InputError, match=rf"{path.stem}: geometry cannot be read .*, an outline in degrees expected"):
        find_scenes(path)


def test_a_pair_of_polarisations_or_none_tells_nothing_of_files(tmp_path, rng):
    folder = write_folder(tmp_path, GRID, year_of_dates(2), rng, polarisations=("HH", "HV"))
    for told in ("HH+HV", "VV", "", None):
        assert len(find_scenes(folder, polarisation=told)) == 2
