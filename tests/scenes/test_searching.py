"""glaciersar.scenes.searching, against a real STAC API on loopback"""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
import shapely
from archives import TILE, write_folder, year_of_dates

from glaciersar.errors import InputError
from glaciersar.scenes import place_of, search

pytestmark = pytest.mark.usefixtures("hurry")
HERE = "landscape-00"


def names(scenes):
    return [scene.id for scene in scenes]


def test_an_api_gives_what_the_static_catalogue_holds(stac, web, simulated, all_of_it):
    found = search(stac.url, collection=HERE)
    assert names(found) == names(all_of_it)
    for one, other in zip(found, all_of_it, strict=True):
        assert (one.time, one.relative_orbit, one.orbit_state) == (other.time, other.relative_orbit, other.orbit_state)
        assert one.outline.equals_exact(other.outline, 1e-6)
        remote_hrefs = {kind: [href.removeprefix(web.url + "/") for href in hrefs] for kind, hrefs in one.hrefs.items()}
        local = {k: [h.removeprefix(f"{simulated.parent}/") for h in hrefs] for k, hrefs in other.hrefs.items()}
        assert remote_hrefs == local


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


def test_what_asks_an_api_is_imported_only_for_that():
    imported = "import sys, glaciersar.dataset; sys.exit('pystac_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", imported], check=False).returncode == 0


def test_a_place_may_be_a_shape_and_is_named_in_a_few_words(stac, simulated, all_of_it):
    shape = place_of(shapely.box(*all_of_it[0].outline.bounds))
    assert names(search(stac.url, collection=HERE, place=shape)) == names(all_of_it)
    elsewhere = shapely.Point(10, 70).buffer(0.5)  # a circle of 65 points
    with pytest.raises(InputError, match=r"no scene found for .*, place the box 9\.5,69\.5,10\.5,70\.5, at least one"):
        search(stac.url, collection=HERE, place=elsewhere)
    with pytest.raises(InputError, match=r"no scene over the box 9\.5,69\.5,10\.5,70\.5 found, but"):
        search(simulated, place=elsewhere)
