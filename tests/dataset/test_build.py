"""glaciersar.dataset.build"""

from dataclasses import replace

import geopandas as gpd
import h5py
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import outlines, radiometry
from glaciersar.dataset.covered import covered_tiles
from glaciersar.dataset.hdf5 import check_no_leakage, list_groups, split_of
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_dates, filter_scenes
from tests.support.archives import backscatter, glaciers, write_catalog, write_raster, year_of_dates
from tests.support.building import build

PIXEL = 200.0  # 50 × 50 a tile
TILES = [Tile(column=10 + k, row=38) for k in range(3)]
SPLIT = dict(zip(TILES, ("train", "val", "test"), strict=True))
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=PIXEL, tight=True)
TIMES = year_of_dates(20, step_days=18)


@pytest.fixture
def scenes(tmp_path, rng):
    return find_scenes(write_catalog(tmp_path / "archive", GRID, TIMES, rng, polarisations=("HH",)))


@pytest.fixture
def make(tmp_path, scenes):
    """Build with everything right but what a test changes."""

    def make(**changes):
        arguments = {"scenes": scenes, "reference": glaciers(TILES), "split": SPLIT, "pixel": PIXEL} | changes
        return build(tmp_path / "data", **arguments)

    return make


def test_the_files_hold_the_published_layout_for_any_reader_of_hdf5(make, scenes):
    folder = make()
    with h5py.File(folder / "val.h5") as file:
        assert list(file) == ["SVAL-11-38_2020_ro14"]
        group = file["SVAL-11-38_2020_ro14"]
        assert group["grd"].shape == (20, 50, 50, 1)
        assert group["grd"].dtype == np.float32
        assert group["outlines"].shape == (50, 50, 2)
        sizes = {name: int(group.attrs[name]) for name in ("height", "width", "orig_height", "orig_width")}
        assert set(sizes.values()) == {50}
        assert (group.attrs["pad_height"], group.attrs["pad_width"]) == (0, 0)
        assert list(group.attrs["grd_base_time_idx"]) == list(choose_dates(TIMES))
        assert group.attrs["grd_times"][0] == b"2020-01-02T06:30:05Z"
        power = read_series(scenes, TILES[1].geobox(pixel=PIXEL), "HH").power
        np.testing.assert_array_equal(group["grd"][..., 0], radiometry.prepare(power).series)


def test_labels_are_the_outlines_by_pixel_centres_as_one_hot(make):
    with h5py.File(make() / "train.h5") as file:
        labels = file["SVAL-10-38_2020_ro14/outlines"][()]
    mask = outlines.to_mask(glaciers(TILES), TILES[0].geobox(pixel=PIXEL))
    np.testing.assert_array_equal(labels[..., 1], mask)
    np.testing.assert_array_equal(labels[..., 0], ~mask)
    assert mask.mean() == pytest.approx(0.16)


def test_pixels_without_radar_belong_to_no_class(make, scenes, tmp_path):
    for scene in scenes:
        with rasterio.open(scene.hrefs["HH"][0], "r+") as file:
            values = file.read(1)
            values[20:30, 10:20] = np.nan
            values[40, 10 + scene.time.month] = np.nan  # gaps at single dates are filled, and counted
            file.write(values, 1)
    with h5py.File(make() / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        labels, series = group["outlines"][()], group["grd"][()]
        assert group.attrs["unseen_share"] == pytest.approx(100 / 2500)
        assert group.attrs["filled_share"] == pytest.approx(20 / (2400 * 20))
    unseen = np.zeros((50, 50), bool)
    unseen[20:30, 10:20] = True
    np.testing.assert_array_equal(labels.sum(-1), ~unseen)
    assert np.isfinite(series).all()
    assert (series[:, unseen] == 0).all()
    assert (series[:, ~unseen] > 0.5).all()


def test_each_year_takes_its_own_outlines(make, scenes, tmp_path, rng):
    more = find_scenes(write_catalog(tmp_path / "more", GRID, year_of_dates(20, step_days=18, year=2017), rng))
    reference = glaciers(TILES, years=(2017, 2020))
    reference.loc[reference["year"] == 2017, "geometry"] = shapely.box(0, 0, 1, 1)
    folder = make(scenes=[*scenes, *more], reference=reference, years=[2017, 2020])
    with h5py.File(folder / "train.h5") as file:
        assert list(file) == ["SVAL-10-38_2017_ro14", "SVAL-10-38_2020_ro14"]
        assert [file[name]["outlines"][..., 1].any() for name in file] == [False, True]
        assert [file[name].attrs["outlines_year"] for name in file] == [2017, 2020]


def test_outlines_without_a_year_serve_every_year_and_this_is_recorded(make):
    with h5py.File(make(reference=glaciers(TILES).drop(columns="year")) / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert group.attrs["outlines_year"] == "any"
        assert group["outlines"][..., 1].any()


@pytest.mark.slow
def test_orbits_become_groups_of_their_own(make, scenes, tmp_path, rng):
    more = find_scenes(write_catalog(tmp_path / "more", GRID, TIMES, rng, relative_orbit=174, name="beta"))
    folder = make(scenes=[*scenes, *more], relative_orbits=[14, 174])
    assert [entry.name for entry in list_groups(folder / "test.h5")] == [
        "SVAL-12-38_2020_ro14",
        "SVAL-12-38_2020_ro174",
    ]


@pytest.mark.slow
def test_a_tile_takes_no_dates_of_the_place_beside_it(make, tmp_path, rng):
    places = [GRID[:, :50], GRID[:, 50:100], GRID[:, 100:]]
    found = [
        find_scenes(write_catalog(tmp_path / str(k), place, year_of_dates(16 + k, step_days=22), rng, name=f"place{k}"))
        for k, place in enumerate(places)
    ]
    folder = make(scenes=[scene for scenes in found for scene in scenes])
    dates = [list_groups(folder / f"{subset}.h5")[0].dates["grd"] for subset in ("train", "val", "test")]
    assert dates == [len(filter_scenes(scenes, year=2020)) for scenes in found]
    assert len(set(dates)) > 1


@pytest.mark.slow
def test_a_tile_in_all_years_and_orbits_stays_in_one_subset(make, tmp_path, rng):
    found = [
        scene
        for year in (2016, 2020)
        for orbit in (14, 174)
        for scene in find_scenes(
            write_catalog(
                tmp_path / f"{year}-{orbit}", GRID, year_of_dates(16, year=year, step_days=22), rng,
                polarisations=("HH",), relative_orbit=orbit,
            )
        )
    ]  # fmt: skip
    changes = {"scenes": found, "years": [2016, 2020], "relative_orbits": [14, 174]}
    folder = make(**changes, reference=glaciers(TILES, years=(2016, 2020)))
    for tile, subset in SPLIT.items():
        names = [entry.name for entry in list_groups(folder / f"{subset}.h5")]
        assert names == [f"{tile.name}_{year}_ro{orbit}" for year in (2016, 2020) for orbit in (14, 174)]
    assert split_of(folder) == SPLIT
    check_no_leakage(folder)
    with h5py.File(folder / "train.h5", "a") as source, h5py.File(folder / "test.h5", "a") as target:
        source.copy("SVAL-10-38_2016_ro174", target)
        del source["SVAL-10-38_2016_ro174"]  # no group is twice, yet the tile is
    with pytest.raises(InputError, match=r"tile SVAL-10-38 found in train\.h5 and test\.h5, one subset expected"):
        check_no_leakage(folder)


def test_only_tiles_wholly_within_the_rasters_are_listed(scenes, tmp_path, rng):
    assert covered_tiles(scenes, "HH") == TILES
    assert covered_tiles(scenes, "VV") == []
    cut = find_scenes(write_catalog(tmp_path / "cut", GRID[:, :149], TIMES[:1], rng))
    assert covered_tiles(cut, "HH") == TILES[:2]
    beside = find_scenes(write_catalog(tmp_path / "beside", GRID[:, 149:], TIMES[:1], rng))
    assert covered_tiles([*cut, *beside], "HH") == TILES  # two strips cover the third tile together


def test_only_the_tiles_of_a_place_are_listed(scenes, tmp_path):
    left, bottom, right, top = TILES[1].bounds
    middle = gpd.GeoSeries([shapely.box(left + 1000, bottom, right - 1000, top)], crs="EPSG:32633")
    middle.to_file(tmp_path / "here.gpkg")
    for place in (TILES[1].name, tmp_path / "here.gpkg", middle.to_crs(4326).iloc[0]):
        assert covered_tiles(scenes, "HH", place=place) == [TILES[1]]
    point = middle.centroid.to_crs(4326).iloc[0]
    assert covered_tiles(scenes, "HH", place=f"{point.x},{point.y}") == [TILES[1]]
    assert covered_tiles(scenes, "HH", place=f"{TILES[0].name},{TILES[1].name}") == TILES[:2]
    with pytest.raises(InputError, match="place 0,70: no tile found there of the 3 that lie wholly within the scenes"):
        covered_tiles(scenes, "HH", place="0,70")


@pytest.mark.slow
def test_building_again_gives_the_same_bytes(make):
    before = {path.name: path.read_bytes() for path in make().iterdir()}
    assert sorted(before) == ["test.h5", "train.h5", "val.h5"]
    assert {path.name: path.read_bytes() for path in make().iterdir()} == before


def test_fewer_dates_may_stand_for_a_year(make):
    (entry,) = list_groups(make(dates=5, spacing_days=72) / "train.h5", dates=5)
    assert len(entry.base["grd"]) == 5


def empty(scene, grid):
    """Take all values away that a scene has on a part of the grid."""
    with rasterio.open(scene.hrefs["HH"][0], "r+") as file:
        values = file.read(1)
        rows, columns = (slice(start, start + side) for start, side in zip(_offset(grid), grid.shape, strict=True))
        values[rows, columns] = np.nan
        file.write(values, 1)


def _offset(grid):
    box = grid.boundingbox
    return round((GRID.boundingbox.top - box.top) / PIXEL), round((box.left - GRID.boundingbox.left) / PIXEL)


def test_a_pass_that_holds_nothing_on_a_tile_is_left_out_for_that_tile_alone(make, scenes):
    for scene in (scenes[3], scenes[10]):
        empty(scene, TILES[0].geobox(pixel=PIXEL))
    folder = make()
    kept = [time for k, time in enumerate(TIMES) if k not in (3, 10)]
    with h5py.File(folder / "train.h5") as train, h5py.File(folder / "val.h5") as val:
        short, whole = train["SVAL-10-38_2020_ro14"], val["SVAL-11-38_2020_ro14"]
        assert (short.attrs["empty_dates"], whole.attrs["empty_dates"]) == (2, 0)
        assert (len(short["grd"]), len(whole["grd"])) == (18, 20)
        assert [text.decode() for text in short.attrs["grd_times"]] == [f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in kept]
        assert list(short.attrs["grd_base_time_idx"]) == list(choose_dates(kept))
        assert short.attrs["filled_share"] == 0
        left = [scene for k, scene in enumerate(scenes) if k not in (3, 10)]
        power = read_series(left, TILES[0].geobox(pixel=PIXEL), "HH").power
        np.testing.assert_array_equal(short["grd"][..., 0], radiometry.prepare(power).series)


@pytest.mark.slow
def test_the_content_of_a_file_depends_on_its_values_and_dates(make, scenes):
    def contents(**changes):
        found = {}
        for path in sorted(make(**changes).iterdir()):
            with h5py.File(path) as file:
                found[path.stem] = file.attrs["content"]
        return found

    first = contents()
    assert all(len(content) == 64 for content in first.values())
    assert len(set(first.values())) == 3
    assert contents() == first
    assert contents(split=dict(zip(TILES, ("val", "train", "test"), strict=True)))["test"] == first["test"]
    moved = glaciers(TILES)
    moved.loc[2, "geometry"] = shapely.affinity.translate(moved.geometry[2], PIXEL)  # other labels in the test tile
    changed = contents(reference=moved)
    assert {subset for subset in first if changed[subset] != first[subset]} == {"test"}
    assert set(contents(dates=14).values()).isdisjoint(first.values())  # other base indices alone
    with rasterio.open(scenes[5].hrefs["HH"][0], "r+") as file:
        values = file.read(1)
        values[7, 7] *= 1.01  # one pixel of one date in the training tile
        file.write(values, 1)
    changed = contents()
    assert {subset for subset in first if changed[subset] != first[subset]} == {"train"}


def test_a_folder_of_geotiffs_becomes_tiles_that_a_model_can_read(tmp_path, rng):
    power = {}
    for time in TIMES:
        power[time] = backscatter(rng, GRID.shape)
        write_raster(tmp_path / "mine" / f"S1A_{time:%Y%m%dT%H%M%S}_HH_ro14.tif", power[time], GRID)
    scenes = find_scenes(tmp_path / "mine")
    assert covered_tiles(scenes, "HH") == TILES
    folder = build(tmp_path / "data", scenes, glaciers(TILES), SPLIT, pixel=PIXEL)
    ((series, labels, name),) = WholeTiles(folder / "val.h5")
    assert name == "SVAL-11-38_2020_ro14"
    chosen = [power[TIMES[k]][:, 50:100] for k in choose_dates(TIMES)]
    decibel = radiometry.unscale(series[0].numpy().astype(np.float64))
    np.testing.assert_allclose(decibel, 10 * np.log10(chosen), atol=1e-3)
    assert labels[1].mean() == pytest.approx(0.16)
    assert (labels.sum(0) == 1).all()


# Bad input: refused in one sentence, and nothing is left half-written.


def refused(make, tmp_path, sentence, **changes):
    with pytest.raises(InputError, match=sentence):
        make(**changes)
    folder = tmp_path / "data"
    assert not folder.exists() or not list(folder.glob("[!.]*"))
    assert not list(folder.glob(".*")) or all(h5py.is_hdf5(tile) for tile in folder.glob(".unfinished/*"))


def test_a_missing_date_is_refused(make, tmp_path, scenes):
    kept = [scene for scene in scenes if scene.time.month not in (5, 6)]
    refused(make, tmp_path, "SVAL-10-38_2020_ro14: a date is missing: no scene between 2020-04-19", scenes=kept)
    refused(make, tmp_path, "SVAL-10-38_2020_ro14: 9 dates found .* at least 15", scenes=scenes[:9])


def test_too_few_dates_with_a_value_on_a_tile_are_refused(make, tmp_path, scenes):
    for scene in scenes[8:10]:
        empty(scene, TILES[2].geobox(pixel=PIXEL))
    refused(make, tmp_path, "SVAL-12-38_2020_ro14: 18 dates found.* at least 19 expected", dates=19, spacing_days=18)


def test_scenes_of_unknown_orbit_are_refused_before_anything_is_written(make, tmp_path, scenes):
    without_orbit = [replace(scene, relative_orbit=None) for scene in scenes]
    sentence = rf"{scenes[0].id}: no relative orbit found.* relative_orbit to find_scenes"
    refused(make, tmp_path, sentence, scenes=without_orbit)
    refused(make, tmp_path, sentence, scenes=[*without_orbit, *scenes])
    assert not (tmp_path / "data").exists()


def test_outlines_are_named_by_their_file(make, tmp_path):
    glaciers(TILES, years=(2016,)).to_file(tmp_path / "reference.gpkg")
    refused(
        make,
        tmp_path,
        r"reference\.gpkg: outlines of 2016 found",
        reference=outlines.read_outlines(tmp_path / "reference.gpkg"),
    )


def test_a_bad_raster_is_refused_even_late_and_nothing_is_left(make, tmp_path, scenes):
    (href,) = scenes[-1].hrefs["HH"]
    with rasterio.open(href) as file:
        good, profile = file.read(1), file.profile
    bad = {
        "look like decibels": 10 * np.log10(good),
        "digital numbers": good * 3000,
    }
    for sentence, values in bad.items():
        with rasterio.open(href, "w", **profile) as file:
            file.write(values, 1)
        refused(make, tmp_path, sentence)
    with rasterio.open(href, "w", **profile) as file:
        file.write(good, 1)
    with open(href, "r+b") as file:
        file.truncate(20_000)
    refused(make, tmp_path, "truncated|cannot be read")


def test_scenes_without_any_value_are_refused(make, tmp_path, scenes):
    for scene in scenes:
        empty(scene, GRID)
    refused(make, tmp_path, r"no pixel holds a value on the grid \(all nodata\)")


def test_a_failed_build_leaves_the_old_files(make, scenes):
    folder = make()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with rasterio.open(scenes[-1].hrefs["HH"][0], "r+") as file:
        file.write(np.full(GRID.shape, 3000, np.float32), 1)
    with pytest.raises(InputError):
        make()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
