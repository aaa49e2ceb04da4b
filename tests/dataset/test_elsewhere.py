"""A dataset at another place than Svalbard: glaciersar.dataset.covered, build and summary, on a simulated archive."""

import geopandas as gpd
import numpy as np
import pytest

from glaciersar import grid
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.covered import covered_tiles
from glaciersar.dataset.hdf5 import split_of
from glaciersar.dataset.summary import largest_area, summarize_dataset
from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2
from glaciersar.grid import Tile, grid_at
from glaciersar.outlines import read_outlines
from glaciersar.scenes.search import find_scenes
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings

PLACE = (89.97, 28.02)  # three kilometres from the next zone, where the second landscape lies
SETTINGS = {"landscapes": 3, "tiles_per_side": 1, "pixel": 500, "years": (2020,), "relative_orbits": (14,)}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    settings = ArchiveSettings(**SETTINGS, repeat_days=24, missing_share=0, place="{},{}".format(*PLACE))
    catalogue = simulate_archive(tmp_path_factory.mktemp("nepal") / "archive", settings, progress=False)
    return catalogue, [settings.corner(k) for k in range(3)]


def test_a_simulated_archive_lies_on_the_grid_of_its_place(archive):
    catalogue, corners = archive
    assert {tile.grid for tile in corners} == {grid_at(*PLACE)}
    assert corners[0].grid.name == "UTM45N"
    truth = read_outlines(catalogue.parent / "outlines.gpkg", layer="truth")
    assert truth.crs == corners[0].grid.crs
    place = gpd.GeoSeries.from_xy([PLACE[0]], [PLACE[1]], crs=4326).to_crs(truth.crs).iloc[0]
    left, bottom, right, top = corners[0].bounds
    assert left <= place.x <= right
    assert bottom <= place.y <= top


def test_a_dataset_takes_its_grid_from_the_scenes_and_its_readers_from_the_dataset(archive, tmp_path):
    catalogue, corners = archive
    scenes = find_scenes(catalogue)
    assert covered_tiles(scenes, "HH") == sorted(corners)
    assert covered_tiles(scenes, "HH", place=corners[1].name) == [corners[1]]
    assert covered_tiles(scenes, "HH", place="{},{}".format(*PLACE)) == [corners[0]]
    split = dict(zip(corners, grid.SUBSETS, strict=True))
    reference = read_outlines(catalogue.parent / "outlines.gpkg", layer="truth")
    config = DatasetConfig(years=(2020,), relative_orbits=(14,), pixel=500)
    folder = build_dataset(tmp_path / "dataset", scenes, reference, split, config, progress=False)
    assert split_of(folder) == split
    area, inside = largest_area(folder, "test")
    assert str(area.crs) == "EPSG:32645"
    assert area.boundingbox.bbox == corners[2].bounds
    assert inside.all()
    table = summarize_dataset(folder)
    ground = [areas_km2(grid.outline_tiles([tile])).iloc[0] for tile in corners]
    np.testing.assert_allclose(table["area"], ground, rtol=1e-5)
    assert (np.abs(table["area"] - 100) < 0.5).all()  # EPSG:32633 gave a third of it
    for tile, share in zip(corners, table["glacier"], strict=True):
        ice = areas_km2(reference.clip(grid.outline_tiles([tile]).iloc[0])).sum()
        assert share * 100 == pytest.approx(ice, abs=2)  # pixels of 500 m


def test_scenes_that_one_grid_cannot_hold_are_refused(archive):
    catalogue, _ = archive
    with pytest.raises(InputError, match=r"EPSG3413-.*km on the ground found, a tile of 10 km expected"):
        covered_tiles(find_scenes(catalogue), "HH", crs="EPSG:3413")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"place": "Nepal"}, "place='Nepal' found, lon,lat in degrees"),
        ({"place": "28,186"}, "longitude and latitude in degrees expected"),
        ({"crs": "EPSG:3413"}, "without place or dem"),
        ({"place": "86.9,28", "crs": "EPSG:4326"}, "projected system in metres"),
    ],
)
def test_a_place_that_cannot_be_simulated_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        ArchiveSettings(**given)


def test_landscapes_around_a_place_are_apart_and_stay_where_they_are_however_many_there_are():
    known = SETTINGS | {"tiles_per_side": 2, "place": "7.6,46"}
    few, many = (ArchiveSettings(**(known | {"landscapes": count})) for count in (2, 20))
    corners = [many.corner(k) for k in range(20)]
    assert [few.corner(k) for k in range(2)] == corners[:2]
    apart = [max(one.apart(other)) for k, one in enumerate(corners) for other in corners[:k]]
    assert min(apart) == 4  # blocks of two tiles with a free one between
    assert all(isinstance(tile, Tile) and tile.column % 2 == tile.row % 2 == 0 for tile in corners)
