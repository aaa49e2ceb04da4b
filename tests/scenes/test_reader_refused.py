"""glaciersar.scenes.reader and footprint: what is refused, in a sentence with the file, what was found and expected"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox, scenes_covering
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import filter_scenes
from tests.support.archives import GRID, TILE, TIMES, backscatter, raster_of, write_folder, write_raster, year_of_dates


def test_scenes_of_several_orbits_are_refused(folder, rng):
    write_folder(folder, GRID, TIMES[:1], rng, relative_orbit=174)
    with pytest.raises(InputError, match="relative orbits 14, 174 found, scenes of one relative orbit expected"):
        read_series(find_scenes(folder), GRID, "HH")


def of_unknown_orbit(times):
    """Scenes whose names hold no orbit; no raster is there."""
    return [
        Scene(
            id=f"S1A_{time:%Y%m%dT%H%M%S}", time=time, relative_orbit=None, orbit_state=None, hrefs={"HH": ("a.tif",)}
        )
        for time in times
    ]


@pytest.mark.parametrize("apart", [timedelta(minutes=16), timedelta(hours=12), timedelta(minutes=-20)])
def test_scenes_of_unknown_orbit_at_different_times_of_day_are_refused(apart):
    times = [*TIMES, TIMES[-1] + timedelta(days=5) + apart]
    sentence = (
        rf"S1A_20200102T063005 .*06:30.* and {of_unknown_orbit(times)[-1].id} .*{times[-1]:%H:%M}.* within 15 minutes"
    )
    with pytest.raises(InputError, match=sentence):
        read_series(of_unknown_orbit(times), GRID, "HH")


@pytest.mark.parametrize(
    "times",
    [
        [datetime(2020, 1, 2, 23, 55, tzinfo=UTC), datetime(2020, 1, 15, 0, 4, tzinfo=UTC)],  # across midnight
        [datetime(2020, 1, 2, 6, 30, tzinfo=UTC), datetime(2020, 1, 14, 6, 44, tzinfo=UTC)],
        [datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 14, 6, 44, tzinfo=UTC)],  # a name with a date alone
    ],
)
def test_scenes_of_unknown_orbit_at_one_time_of_day_are_read(tmp_path, rng, times):
    path = write_raster(tmp_path / "a.tif", backscatter(rng, GRID.shape), GRID)
    scenes = [replace(scene, hrefs={"HH": (str(path),)}) for scene in of_unknown_orbit(times)]
    assert read_series(scenes, GRID, "HH").times == tuple(times)


def test_a_polarisation_that_is_not_there_is_refused(folder):
    scenes = find_scenes(folder)
    with pytest.raises(InputError, match=f"{scenes[0].id}: no VV found; found 1 scenes of HH"):
        read_series(scenes, GRID, "VV")
    with pytest.raises(InputError, match="no VV found"):
        covering_geobox(scenes, "VV")


def test_decibels_declared_as_linear_power_are_refused_and_the_reverse(folder, target, rng):
    write_raster(target, 10 * np.log10(backscatter(rng, GRID.shape)), GRID)
    with pytest.raises(InputError, match=rf"{target.name}: .* look like decibels, but units='linear' was given"):
        read_series(find_scenes(folder), GRID, "HH")
    with pytest.raises(InputError, match=r"\.tif: .* look like linear power .*but units='db' was given"):
        read_series(find_scenes(folder, units="db"), GRID, "HH")


@pytest.mark.parametrize("fill", [np.nan, 0])
def test_a_date_without_any_value_is_refused(folder, target, fill):
    write_raster(target, np.full(GRID.shape, fill, np.float32), GRID)
    with pytest.raises(InputError, match=r"S1_ro14_20200114.*: no pixel holds a value on the grid \(all nodata\)"):
        read_series(find_scenes(folder), GRID, "HH")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_date_without_any_value_is_left_out_if_asked(folder, target, rng, elsewhere):
    if elsewhere:
        write_raster(target, backscatter(rng, GRID.shape), replace(TILE, column=30).geobox(pixel=100))
    else:
        write_raster(target, np.full(GRID.shape, np.nan, np.float32), GRID)
    series = read_series(find_scenes(folder), GRID, "HH", drop_empty=True)
    assert series.times == (TIMES[0], TIMES[2])
    np.testing.assert_array_equal(series.power[1], raster_of(sorted(folder.iterdir())[2]))


def test_a_series_of_empty_dates_is_refused_even_so(target):
    write_raster(target, np.full(GRID.shape, np.nan, np.float32), GRID)
    with pytest.raises(InputError, match=r"S1_ro14_20200114.*: no pixel holds a value on the grid \(all nodata\)"):
        read_series(find_scenes(target), GRID, "HH", drop_empty=True)


@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}, {"compress": "deflate"}])
@pytest.mark.parametrize("kept", [0, 0.02, 0.3, 0.9, 0.999])
def test_a_truncated_geotiff_is_refused_even_where_the_cut_part_is_not_read(folder, target, rng, layout, kept):
    write_raster(target, backscatter(rng, GRID.shape), GRID, **layout)
    content = target.read_bytes()
    target.write_bytes(content[: int(kept * len(content))])
    for grid in (GRID, GRID[:10, :10]):
        with pytest.raises(InputError, match=rf"{target.name}: .*expected"):
            read_series(find_scenes(folder), grid, "HH")


def test_a_damaged_block_is_refused(folder, target, rng):
    write_raster(target, backscatter(rng, GRID.shape), GRID, compress="deflate")
    content = bytearray(target.read_bytes())
    content[430:530] = bytes(100)  # the head of the first block
    target.write_bytes(bytes(content))
    with pytest.raises(InputError, match=rf"{target.name}: cannot be read \(.+\), expected a whole GeoTIFF"):
        read_series(find_scenes(folder), GRID, "HH")


def test_a_file_that_is_no_geotiff_or_vanished_is_refused(folder, target):
    scenes = find_scenes(folder)
    target.write_text("no raster")
    with pytest.raises(InputError, match=rf"{target.name}: cannot be read"):
        read_series(scenes, GRID, "HH")
    target.unlink()
    with pytest.raises(InputError, match=rf"{target.name}: no such file"):
        read_series(scenes, GRID, "HH")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_without_a_place_is_refused(folder, target, rng):
    write_raster(target, backscatter(rng, GRID.shape), GRID, crs=None)
    with pytest.raises(InputError, match=rf"{target.name}: no coordinate system found"):
        read_series(find_scenes(folder), GRID, "HH")
    write_raster(target, backscatter(rng, GRID.shape), GRID, transform=rasterio.Affine(100, 20, 0, 20, -100, 0))
    with pytest.raises(
        InputError, match=rf"{target.name}: a turned or mirrored grid found, north up expected; gdalwarp"
    ):
        read_series(find_scenes(folder), GRID, "HH")


def test_a_raster_of_several_bands_is_refused(folder, target):
    profile = {"crs": str(GRID.crs), "transform": GRID.affine, "height": 100, "width": 100, "dtype": "float32"}
    scenes = find_scenes(folder)
    with rasterio.open(target, "w", driver="GTiff", count=2, **profile) as file:
        file.write(np.ones((2, 100, 100), np.float32))
    with pytest.raises(InputError, match=rf"{target.name}: 2 bands found, one expected"):
        read_series(scenes, GRID, "HH")


@pytest.mark.parametrize("pixel", [100, 70])
def test_a_scene_that_does_not_touch_the_grid_is_refused(folder, pixel):
    elsewhere = replace(TILE, column=30).geobox(pixel=10_000 / round(10_000 / pixel))
    with pytest.raises(InputError, match=r"S1_ro14_20200102.*: does not overlap the grid"):
        read_series(find_scenes(folder), elsewhere, "HH")
    assert np.isnan(read_series(find_scenes(folder), elsewhere, "HH", check=False).power).all()


def test_scenes_of_another_place_are_left_out(folder, rng):
    here = find_scenes(folder)
    write_folder(folder / "there", replace(TILE, column=30).geobox(pixel=1000), year_of_dates(5), rng)
    assert scenes_covering(find_scenes(folder / "there") + here, GRID, "HH") == here
    beside = replace(TILE, column=TILE.column + 1).geobox(pixel=100)
    with pytest.raises(InputError, match="no scene with HH touches the grid"):
        scenes_covering(here, beside, "HH")  # an edge in common is not enough
    assert scenes_covering(here, GRID.to_crs("EPSG:4326")[20:30, 20:30], "HH") == here
    with pytest.raises(InputError, match=r"no scene with HH touches the grid from .* found 5 scenes of HH"):
        scenes_covering(find_scenes(folder / "there"), GRID, "HH")


def test_no_scene_is_refused():
    for read in (lambda: read_series([], GRID, "HH"), lambda: covering_geobox([], "HH"), lambda: filter_scenes([])):
        with pytest.raises(InputError, match=r"no scene"):
            read()


def test_reading_leaves_the_archive_as_it_was(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    read_series(find_scenes(folder), GRID, "HH")
    assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == before
