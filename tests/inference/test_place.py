"""glaciersar.inference.place"""

import geopandas as gpd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.grid import SVAL, Tile
from glaciersar.inference.place import find_place
from glaciersar.scenes.manifest import write_manifest
from glaciersar.scenes.search import find_scenes
from tests.support.archives import backscatter, write_folder, write_raster, year_of_dates
from tests.support.tiles import PIXEL, write_tiles

GRID = GeoBox.from_bbox((600_000, 8_700_000, 600_400, 8_700_300), "EPSG:32633", resolution=10)
TILES = {Tile(column=6, row=6): 0.5, Tile(column=7, row=6): 0.25, Tile(column=20, row=20): 0.5}


def outlines(bounds, **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(*bounds)] * len(columns["year"]), crs=SVAL.crs)


@pytest.fixture
def run(tmp_path, rng):
    """A run with test tiles, two of which are neighbours, and scenes of these."""
    (left, bottom, *_), (*_, right, top) = (tile.bounds for tile in list(TILES)[:2])
    grid = GeoBox.from_bbox((left, bottom, right, top), SVAL.crs, resolution=PIXEL)
    (tmp_path / "dataset").mkdir()
    (tmp_path / "archive").mkdir()
    write_tiles(tmp_path / "dataset" / "test.h5", TILES)
    for column, subset in enumerate(("train", "val")):
        write_tiles(tmp_path / "dataset" / f"{subset}.h5", {Tile(column=column, row=1): 0.5})
    folder = write_folder(tmp_path / "archive" / "scenes", grid, year_of_dates(3), rng)
    write_manifest(find_scenes(folder), tmp_path / "scenes.json")
    outlines((left, bottom, right, top), year=[2016, 2020]).to_file(
        tmp_path / "archive/outlines.gpkg", layer="reference"
    )
    return tmp_path


def test_a_folder_of_ones_own_is_mapped_whole_and_compared_with_what_is_given(tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(3), rng)
    place = find_place(folder, tmp_path / "no run", polarisation="HH")
    assert place.geobox == GRID
    assert len(place.scenes) == 3
    assert place.inside is None
    assert place.outlines_of(2020) is None
    outlines((600_000, 8_700_000, 600_200, 8_700_300), year=[2016, 2020]).to_file(tmp_path / "mine.gpkg")
    place = find_place(folder, tmp_path, polarisation="HH", outlines=tmp_path / "mine.gpkg")
    assert place.outlines_of(2020)["year"].tolist() == [2020]


def test_the_pixels_of_a_source_can_be_chosen(tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(1), rng)
    assert find_place(folder, tmp_path, polarisation="HH", pixel=20.0).geobox.shape == (15, 20)


def test_the_system_of_the_map_of_a_source_can_be_chosen_and_that_of_a_run_cannot(tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(1), rng)
    assert str(find_place(folder, tmp_path, polarisation="HH", crs="EPSG:3413").geobox.crs) == "EPSG:3413"
    with pytest.raises(InputError, match="crs='EPSG:3413' without a source found"):
        find_place("", tmp_path, polarisation="HH", crs="EPSG:3413")


def test_of_a_run_the_largest_patch_of_test_tiles_is_mapped_beside_the_outlines_of_its_archive(run):
    place = find_place("", run, polarisation="HH")
    assert place.geobox.shape == (20, 40)
    assert place.inside.all()
    assert len(place.scenes) == 3
    assert place.outlines_of(2020)["year"].tolist() == [2020]


def test_a_run_without_scenes_says_which_notebook_makes_them(tmp_path):
    with pytest.raises(InputError, match="01-scenes"):
        find_place("", tmp_path, polarisation="HH")


def test_the_orbit_and_polarisation_given_are_those_of_files_of_a_source_that_do_not_tell(tmp_path, rng):
    for time in year_of_dates(3):
        write_raster(tmp_path / "own" / f"{time:%Y-%m-%d}.tif", backscatter(rng, GRID.shape.shape), GRID)
    place = find_place(tmp_path / "own", tmp_path, polarisation="HH", relative_orbit=87)
    assert [scene.relative_orbit for scene in place.scenes] == [87] * 3
    assert len(place.choose(polarisation="HH", relative_orbit=87, dates=0)[0]) == 3
