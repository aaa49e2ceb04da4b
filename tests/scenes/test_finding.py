"""glaciersar.scenes.finding"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from archives import TILE, write_catalog, write_folder, year_of_dates
from servers import free_port, serve

from glaciersar.errors import InputError
from glaciersar.scenes import Mark, find

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
    scenes = find(catalog)
    assert [scene.time for scene in scenes] == TIMES
    assert {scene.relative_orbit for scene in scenes} == {14}
    assert {scene.orbit_state for scene in scenes} == {"ascending"}
    assert all(set(scene.hrefs) == {"HH", "HV"} for scene in scenes)
    assert all(Path(href).is_file() for scene in scenes for hrefs in scene.hrefs.values() for href in hrefs)


def test_catalogue_folder_collection_and_item_are_all_understood(catalog):
    scenes = find(catalog)
    assert find(catalog.parent) == scenes
    assert find(catalog.parent / "alpha/collection.json") == scenes
    assert find(next(catalog.parent.glob("alpha/*20200102*/*.json"))) == scenes[:1]
    assert find(catalog.parent / "alpha") == find(catalog)


def test_an_item_collection_is_understood(catalog, tmp_path):
    items = [json.loads(path.read_text()) for path in sorted(catalog.parent.glob("alpha/*/*.json"))]
    for item in items:
        item["assets"] = {k: a | {"href": f"./alpha/{item['id']}/{a['href']}"} for k, a in item["assets"].items()}
    path = catalog.parent / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    assert find(path) == find(catalog)


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
    (scene,) = find(path)
    assert set(scene.hrefs) == {"VV" if kind == "HH" else "HH", kind}
    assert scene.hrefs[kind] == (str(path.parent / "x.tif"),)


@pytest.mark.parametrize("unit", [{"raster:bands": [{"unit": "dB"}]}, {"bands": [{"unit": "decibel"}]}, {"unit": "db"}])
def test_declared_decibels_are_believed_unless_the_user_says_otherwise(catalog, unit):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    item = json.loads(path.read_text())
    item["assets"] = {"hh": item["assets"]["hh"] | unit}
    path.write_text(json.dumps(item))
    assert find(path)[0].units == "db"
    assert find(path, units="linear")[0].units == "linear"


def test_start_datetime_is_the_time_of_a_scene(catalog):
    path = change(next(catalog.parent.glob("alpha/*/*.json")), start_datetime="2020-01-02T06:29:40Z")
    assert find(path)[0].time == datetime(2020, 1, 2, 6, 29, 40, tzinfo=UTC)


def test_items_that_are_no_backscatter_are_refused(catalog):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    name = path.stem
    change(path, **{"sar:product_type": "SLC"})
    with pytest.raises(InputError, match=rf"{name}: complex single-look data \(SLC\) found"):
        find(catalog)
    change(path, **{"sar:product_type": "RTC"})
    item = json.loads(path.read_text())
    path.write_text(json.dumps(item | {"assets": {"thumbnail": {"href": "a.png", "type": "image/png"}}}))
    with pytest.raises(InputError, match=rf"{name}: assets thumbnail found, a GeoTIFF named by HH"):
        find(catalog)


def test_a_catalogue_that_cannot_be_read_is_refused(catalog, tmp_path):
    next(catalog.parent.glob("alpha/*/*.json")).unlink()
    with pytest.raises(InputError, match=r"catalog\.json: cannot be read as STAC .*does not resolve"):
        find(catalog)
    with pytest.raises(InputError, match=r"absent\.json: no such file, expected a STAC catalogue or item"):
        find(tmp_path / "absent.json")
    for content in ("", "{", "[]", '{"type": "Catalog"}', '{"type": "FeatureCollection"}', '{"a": 1}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json"):
            find(tmp_path / "bad.json")


def test_a_folder_of_geotiffs_gives_one_scene_a_pass(tmp_path, rng):
    write_folder(tmp_path, GRID, TIMES, rng, polarisations=("HH", "HV"))
    scenes = find(tmp_path)
    assert [scene.time for scene in scenes] == TIMES
    assert {scene.relative_orbit for scene in scenes} == {14}
    assert all(sorted(scene.hrefs) == ["HH", "HV"] for scene in scenes)
    assert [s.hrefs for s in find(f"{tmp_path}/*_HH.tif")] == [{"HH": s.hrefs["HH"]} for s in scenes]


def test_a_source_without_scenes_is_refused(tmp_path, catalog):
    for source in (tmp_path / "absent", f"{tmp_path}/*.tif", "absent.tif"):
        with pytest.raises(InputError, match="no GeoTIFF found"):
            find(source)
    catalog.write_text(json.dumps(json.loads(catalog.read_text()) | {"links": []}))
    with pytest.raises(InputError, match="no scene found"):
        find(catalog)


def test_only_the_asked_orbit_is_kept(catalog):
    assert len(find(catalog, relative_orbit=14)) == 3
    with pytest.raises(InputError, match="relative orbits 14 found, 174 expected"):
        find(catalog, relative_orbit=174)


def test_unknown_units_are_refused(catalog):
    with pytest.raises(InputError, match="units='dB' found"):
        find(catalog, units="dB")


def test_a_polarisation_that_does_not_exist_is_refused(catalog):
    with pytest.raises(InputError, match="polarisation='vv' found, one of HH, HV, VV, VH expected"):
        find(catalog, polarisation="vv")


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("fault", ["429", "503", "cut", "mute"])
def test_a_static_catalogue_on_a_server_is_read_whole_after_a_fault(catalog, fault):
    with serve(catalog.parent) as web:
        web.faults += [("/catalog.json", fault), ("/collection.json", fault), ("20200102", fault)]
        scenes = find(f"{web.url}/catalog.json")
        assert [scene.id for scene in scenes] == [scene.id for scene in find(catalog)]
        assert not web.faults


@pytest.mark.usefixtures("hurry")
def test_a_catalogue_on_a_server_that_does_not_give_it_is_named(catalog):
    with serve(catalog.parent) as web:
        for path, status in (("absent.json", 404), ("catalog.json", 500)):
            web.lasting += [("/catalog.json", "500")]
            with pytest.raises(InputError, match=rf"{path}: cannot be reached \(HTTP status {status}\)"):
                find(f"{web.url}/{path}")
    url = f"http://127.0.0.1:{free_port()}/catalog.json"
    with pytest.raises(InputError, match=rf"{url}: cannot be reached \(no connection to 127"):
        find(url)


def test_checksums_and_outlines_of_items_are_kept(catalog):
    path = next(catalog.parent.glob("alpha/*/*.json"))
    item = json.loads(path.read_text())
    square = {"type": "Polygon", "coordinates": [[[11, 78], [12, 78], [12, 79], [11, 79], [11, 78]]]}
    item["geometry"], item["bbox"] = square, [11, 78, 12, 79]
    item["assets"]["hh"] |= {"file:size": 1234, "file:checksum": "1220ab"}
    path.write_text(json.dumps(item))
    (scene,) = find(path)
    assert scene.outline.bounds == (11, 78, 12, 79)
    assert scene.marks == {scene.hrefs["HH"][0]: Mark(size=1234, checksum="1220ab")}
    item["geometry"] = {"type": "Polygon", "coordinates": "here"}
    path.write_text(json.dumps(item))
    with pytest.raises(InputError, match=rf"{path.stem}: geometry cannot be read .*, an outline in degrees expected"):
        find(path)
