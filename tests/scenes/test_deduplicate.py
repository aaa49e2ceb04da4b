"""glaciersar.scenes.deduplicate"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.scenes.deduplicate import newest_products
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, backscatter, write_catalog, write_raster, year_of_dates

START = datetime(2020, 1, 2, 6, 30, 5, tzinfo=UTC)
GRID = TILE.geobox(pixel=1000)
HERE = shapely.box(15, 78, 18, 79)


def scene(name, seconds=0.0, *, kinds=("HH", "HV"), **fields):
    given = {"relative_orbit": 14, "orbit_state": "ascending", "platform": "sentinel-1a", "outline": HERE} | fields
    hrefs = {kind: (f"{name}-{kind}.tif",) for kind in kinds}
    return Scene(id=name, time=START + timedelta(seconds=seconds), hrefs=hrefs, **given)


def test_of_two_processings_the_newer_is_kept_whatever_their_names_and_their_order():
    old = scene("z", processed=START + timedelta(days=1))
    new = scene("a", 0.4, processed=START + timedelta(days=900))
    for scenes in ([old, new], [new, old]):
        assert newest_products(scenes) == ([new], {"z": "a"})


def test_where_nothing_tells_the_last_by_its_id_is_kept():
    assert newest_products([scene("b"), scene("c"), scene("a")]) == ([scene("c")], {"b": "c", "a": "c"})
    told = replace(scene("a"), processed=START)
    assert newest_products([scene("b"), told]) == ([told], {"b": "a"})


def test_a_product_keeps_the_polarisations_that_the_newer_one_lacks():
    kept, left_out = newest_products([scene("old"), scene("zew", kinds=("HH",))])
    assert [(found.id, sorted(found.hrefs)) for found in kept] == [("old", ["HV"]), ("zew", ["HH"])]
    assert left_out == {"old": "zew"}


@pytest.mark.parametrize(
    "fields",
    [
        {"platform": "sentinel-1b"},
        {"relative_orbit": 174},
        {"orbit_state": "descending"},
        {"kinds": ("VV",)},
        {"outline": shapely.box(15, 78.9, 18, 79.9)},  # the next slice
        {"outline": shapely.box(15, 78, 16.5, 79)},  # a part of it
        {"seconds": 25},
    ],
)
def test_strips_and_other_acquisitions_stay(fields):
    scenes = [scene("a"), scene("b", **fields)]
    kept, left_out = newest_products(scenes)
    assert sorted(kept, key=lambda found: found.id) == scenes
    assert not left_out


def test_a_raster_that_is_listed_twice_is_no_second_processing():
    scenes = [scene("a"), replace(scene("a"), id="b")]
    assert newest_products(scenes) == (scenes, {})


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(0, 1)), max_size=8))
def test_one_of_each_acquisition_is_kept_and_keeping_again_changes_nothing(made):
    places = [shapely.box(15 + 3 * k, 78, 18 + 3 * k, 79) for k in range(3)]
    scenes = [
        scene(f"{k}", 86_400 * 12 * day + jitter, outline=places[place]) for k, (day, place, jitter) in enumerate(made)
    ]
    kept, left_out = newest_products(scenes)
    assert len(kept) == len({(day, place) for day, place, _ in made})
    assert {found.id for found in kept} | set(left_out) == {found.id for found in scenes}
    assert newest_products(kept) == (kept, {})


@pytest.fixture
def catalog(tmp_path, rng):
    """Two dates without an outline, the first of them processed again, to other values."""
    path = write_catalog(tmp_path / "archive", GRID, year_of_dates(2), rng, polarisations=("HH",))
    folder = path.parent / "alpha"
    (first, _) = sorted(folder.glob("alpha*/*.json"))
    item = json.loads(first.read_text())
    first.write_text(json.dumps(item | {"properties": item["properties"] | {"created": "2020-01-03T00:00:00Z"}}))
    again = item | {"id": "again", "properties": item["properties"] | {"created": "2024-06-01T12:00:00Z"}}
    write_raster(folder / "again/HH.tif", np.full(GRID.shape, 0.5, np.float32), GRID)
    (folder / "again/again.json").write_text(json.dumps(again))
    collection = json.loads((folder / "collection.json").read_text())
    collection["links"].append({"rel": "item", "href": "./again/again.json"})
    (folder / "collection.json").write_text(json.dumps(collection))
    return path


def test_a_catalogue_gives_the_newest_and_says_so(catalog, capsys):
    scenes = find_scenes(catalog)
    assert [found.id for found in scenes] == ["again", "alpha_20200114T063005_ro14"]
    said = (
        "catalog.json: 1 scenes left out that a newer processing replaces, such as alpha_20200102T063005_ro14 by again"
    )
    assert said in capsys.readouterr().out
    power = read_series(scenes, covering_geobox(scenes, "HH"), "HH").power
    assert (power[0] == 0.5).all()
    find_scenes(catalog.parent / "alpha/again/again.json")
    assert capsys.readouterr().out == ""


def test_a_manifest_keeps_when_a_scene_was_processed(catalog, tmp_path):
    scenes = find_scenes(catalog)
    assert scenes[0].processed == datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert read_manifest(write_manifest(scenes, tmp_path / "scenes.json")) == scenes


def test_of_bursts_that_opera_processed_twice_the_later_is_kept(tmp_path, rng, capsys):
    for burst, grid in (("292320-IW1", GRID[:5]), ("292320-IW2", GRID[5:])):
        for made in ("20250830T120333Z", "20231204T000000Z"):
            name = f"OPERA_L2_RTC-S1_T137-{burst}_20231203T015910Z_{made}_S1A_30_v1.0_VV.tif"
            write_raster(tmp_path / name, backscatter(rng, grid.shape), grid)
    (found,) = find_scenes(tmp_path)
    assert len(found.hrefs["VV"]) == 2
    assert all("20250830T120333Z" in href for href in found.hrefs["VV"])
    assert "2 scenes left out that a newer processing replaces" in capsys.readouterr().out


@pytest.mark.parametrize("copy", ["_filtered", "_copy", " (1)"])
def test_a_copy_beside_a_file_replaces_nothing_and_both_are_named(tmp_path, rng, copy):
    name = "s1a_33XWG_vv_ASC_014_20230105t160245"
    for end in ("", copy):
        write_raster(tmp_path / f"{name}{end}.tif", backscatter(rng, GRID.shape), GRID)
    with pytest.raises(InputError, match=r"two rasters of one acquisition found .* pass a glob") as refused:
        find_scenes(tmp_path)
    assert f"/{name}.tif" in str(refused.value)
    assert f"/{name}{copy}.tif" in str(refused.value)
    assert len(find_scenes(tmp_path / "*[0-9].tif")) == 1
