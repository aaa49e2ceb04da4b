"""glaciersar.scenes.reader; what it refuses is in test_reader_refused.py"""

from datetime import timedelta

import numpy as np
import pytest
import rasterio
import rasterio.warp
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.preview import read_preview
from glaciersar.scenes.reader import read_incidence, read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import GRID, TILE, TIMES, backscatter, raster_of, write_folder, write_raster


def name_of(time, polarisation="HH", part="", orbit=14):
    return f"S1_ro{orbit}_{time:%Y%m%dT%H%M%SZ}{part}_{polarisation}.tif"


def test_a_series_holds_the_rasters_as_they_are(folder):
    series = read_series(find_scenes(folder), GRID, "HH")
    assert series.power.dtype == np.float32
    assert series.times == tuple(TIMES)
    for date, time in zip(series.power, TIMES, strict=True):
        np.testing.assert_array_equal(date, raster_of(folder / name_of(time)))
    assert np.isfinite(series.power).all()


def test_any_window_of_the_grid_reads_as_that_part_of_the_whole(folder, rng):
    around = GRID.pad(30)  # 160 × 160, NaN outside the rasters
    scenes = find_scenes(folder)
    whole = read_series(scenes, around, "HH").power
    for _ in range(25):
        (top, bottom), (left, right) = (sorted(rng.choice(161, 2, replace=False)) for _ in range(2))
        part = read_series(scenes, around[top:bottom, left:right], "HH", check=False)
        np.testing.assert_array_equal(part.power, whole[:, top:bottom, left:right])


@pytest.mark.parametrize(
    ("crs", "resolution", "tolerance"),
    [("EPSG:32633", 150, 1e-6), ("EPSG:32633", 330, 1e-6), ("EPSG:32633", 60, 1e-6), ("EPSG:32635", 100, 1e-2)],
)
def test_interpolated_windows_read_as_that_part_of_the_whole(folder, rng, crs, resolution, tolerance):
    grid = GRID.to_crs(crs, resolution=resolution, anchor="floating")
    scenes = find_scenes(folder)
    whole = read_series(scenes, grid, "HH").power
    height, width = grid.shape
    for _ in range(10):
        (top, bottom), (left, right) = (sorted(rng.choice(side + 1, 2, replace=False)) for side in (height, width))
        part = read_series(scenes, grid[top:bottom, left:right], "HH", check=False).power
        here = whole[:, top:bottom, left:right]
        np.testing.assert_array_equal(np.isnan(part), np.isnan(here))
        np.testing.assert_allclose(part, here, rtol=0, atol=tolerance * np.nanmean(whole))


def test_a_look_is_a_series_of_single_pixels_with_the_same_checks(folder):
    scenes = find_scenes(folder)
    whole = read_series(scenes, GRID, "HH").power  # (T, 100, 100)
    np.testing.assert_array_equal(read_preview(scenes, GRID, "HH").power, whole)
    coarse = read_preview(scenes, GRID, "HH", side=20)
    assert coarse.geobox.extent.boundingbox == GRID.extent.boundingbox
    assert coarse.power.shape == (len(whole), 20, 20)
    for y in range(20):
        for x in range(20):
            block = whole[:, 5 * y : 5 * y + 5, 5 * x : 5 * x + 5].reshape(len(whole), 25)
            assert (block == coarse.power[:, y, x, None]).any(1).all()
    with pytest.raises(InputError, match="does not overlap"):
        read_preview(scenes, GRID.translate_pix(1000, 0), "HH", side=20)


def test_the_footprint_covers_all_strips_on_the_grid_of_the_first(tmp_path, rng):
    scenes = find_scenes(write_folder(tmp_path, GRID[10:40, 5:30], TIMES[:1], rng))
    scenes += find_scenes(write_folder(tmp_path / "b", GRID[30:90, 20:70], TIMES[1:], rng))
    assert covering_geobox(scenes, "HH") == GRID[10:90, 5:70]
    coarse = covering_geobox(scenes, "HH", pixel=300)
    assert coarse.resolution.x == 300
    assert coarse.boundingbox.left == GRID[10:90, 5:70].boundingbox.left
    assert coarse.extent.contains(GRID[10:90, 5:70].extent)


def test_strips_of_one_pass_are_mosaicked_and_the_first_value_wins(tmp_path, rng):
    upper, lower = GRID[:60], GRID[40:]
    first, second = backscatter(rng, upper.shape), backscatter(rng, lower.shape)
    first[50:, :] = np.nan
    write_raster(tmp_path / name_of(TIMES[0], part="_a"), first, upper)
    write_raster(tmp_path / name_of(TIMES[0] + timedelta(seconds=25), part="_b"), second, lower)
    series = read_series(find_scenes(tmp_path), GRID, "HH")
    assert series.times == (TIMES[0],)
    np.testing.assert_array_equal(series.power[0, :50], first[:50])
    np.testing.assert_array_equal(series.power[0, 50:], second[10:])


def test_decibels_become_linear_power(tmp_path, rng):
    power = backscatter(rng, GRID.shape)
    write_raster(tmp_path / name_of(TIMES[0]), 10 * np.log10(power), GRID)
    series = read_series(find_scenes(tmp_path, units="db"), GRID, "HH")
    np.testing.assert_allclose(series.power[0], power, rtol=1e-5)


def test_scale_and_offset_of_a_raster_are_applied(target, rng):
    numbers = rng.integers(1, 4000, GRID.shape).astype(np.int16)
    write_raster(target, numbers, GRID, nodata=None)
    with rasterio.open(target, "r+") as file:
        file.scales, file.offsets = (1e-4,), (0.01,)
    series = read_series(find_scenes(target), GRID, "HH")
    np.testing.assert_allclose(series.power[0], numbers * 1e-4 + 0.01, rtol=1e-5)


@pytest.mark.parametrize("units", ["linear", "db"])
@pytest.mark.parametrize(
    ("fill", "nodata"),
    [
        (np.nan, np.nan), (np.nan, None), (-9999, -9999), (-9999, None), (-32768, np.nan), (0, None), (0, np.nan),
        (np.inf, None), (-np.inf, None),
    ],
)  # fmt: skip
def test_what_is_no_measurement_becomes_nan(target, rng, fill, nodata, units):
    power = backscatter(rng, GRID.shape)
    values = power if units == "linear" else 10 * np.log10(power)
    values[20:40, 30:70] = fill
    write_raster(target, values, GRID, nodata=nodata)
    series = read_series(find_scenes(target, units=units), GRID, "HH")
    missing = np.zeros(GRID.shape, bool)
    missing[20:40, 30:70] = True
    np.testing.assert_array_equal(np.isnan(series.power[0]), missing)
    np.testing.assert_allclose(series.power[0, :20], power[:20], rtol=1e-5)


@pytest.mark.parametrize("units", ["linear", "db"])
def test_nodata_never_bleeds_by_interpolation(target, units):
    values = np.full(GRID.shape, 0.1 if units == "linear" else -10, np.float32)
    values[20:40, 30:70] = -9999
    values[50:60, :] += np.float32(0.01)
    write_raster(target, values, GRID, nodata=-9999)
    shifted = GRID.translate_pix(0.5, 0.5)[10:60, 10:90]
    scenes = find_scenes(target, units=units)
    power = read_series(scenes, shifted, "HH").power[0]
    assert np.nanmin(power) > 0.099
    assert np.nanmax(power) < 0.111
    assert np.isnan(power[11:28, 21:58]).all()
    assert np.isnan(power).mean() < 0.25


def test_interpolation_between_pixels_is_bilinear_in_power(target):
    rows, columns = np.mgrid[: GRID.shape[0], : GRID.shape[1]]
    plane = (0.01 + 0.001 * rows + 0.0005 * columns).astype(np.float32)  # bilinear is exact on a plane
    write_raster(target, 10 * np.log10(plane), GRID)
    shifted = GRID.translate_pix(0.25, 0.5)[5:90, 5:90]
    power = read_series(find_scenes(target, units="db"), shifted, "HH").power[0]
    np.testing.assert_allclose(power, plane[5:90, 5:90] + 0.001 * 0.5 + 0.0005 * 0.25, rtol=1e-4)


@pytest.mark.parametrize("pixel", [60, 100, 400])
def test_a_window_of_another_grid_reads_as_that_part_of_the_whole_too(folder, pixel):
    left, bottom, right, top = GRID.boundingbox.bbox
    bounds = (left + 405, bottom + 275, right - 395, top - 525)  # between the pixels of the rasters
    other = GeoBox.from_bbox(bounds, GRID.crs, resolution=pixel, tight=True)
    whole = read_series(find_scenes(folder), other, "HH").power
    part = read_series(find_scenes(folder), other[3:9, 5:20], "HH").power
    np.testing.assert_allclose(part, whole[:, 3:9, 5:20], rtol=1e-5)


def test_a_coarser_grid_averages_power(target):
    series = read_series(find_scenes(target), TILE.geobox(pixel=400), "HH")
    blocks = raster_of(target).reshape(25, 4, 25, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(series.power[0], blocks, rtol=1e-5)


def test_another_projection_reads_the_same_place(target):
    degrees = GeoBox.from_bbox((16.6, 79.12, 16.7, 79.14), "EPSG:4326", resolution=0.001)
    left, bottom, right, top = rasterio.warp.transform_bounds(4326, 32633, 16.6, 79.12, 16.7, 79.14)
    around = GeoBox.from_bbox((left - 500, bottom - 500, right + 500, top + 500), GRID.crs, resolution=100)
    rows, columns = np.mgrid[: around.shape[0], : around.shape[1]]
    write_raster(target, (0.01 + 0.001 * rows + 0.0005 * columns).astype(np.float32), around)
    power = read_series(find_scenes(target), degrees, "HH").power[0]
    (x,), (y,) = rasterio.warp.transform(4326, 32633, [16.6505], [79.1295])  # the centre of row 10, column 50
    row, column = (around.boundingbox.top - y) / 100 - 0.5, (x - around.boundingbox.left) / 100 - 0.5
    assert power[10, 50] == pytest.approx(0.01 + 0.001 * row + 0.0005 * column, abs=2e-4)


def test_dates_of_two_zones_lie_on_one_another(folder, target):
    """Archives project each scene to the zone of its own middle: the next pass may lie in the next zone."""
    rows, columns = np.mgrid[: GRID.shape[0], : GRID.shape[1]]
    plane = (0.01 + 0.001 * rows + 0.0005 * columns).astype(np.float32)
    first = folder / name_of(TIMES[0])
    write_raster(first, plane, GRID)
    beyond = GRID.to_crs("EPSG:32635", resolution=100)
    moved = np.full(beyond.shape, np.nan, np.float32)
    rasterio.warp.reproject(
        plane, moved, src_transform=GRID.affine, src_crs="EPSG:32633", dst_transform=beyond.affine,
        dst_crs="EPSG:32635", dst_nodata=np.nan, resampling=rasterio.warp.Resampling.bilinear,
    )  # fmt: skip
    write_raster(target, moved, beyond)
    power = read_series(find_scenes(folder), GRID, "HH").power
    np.testing.assert_array_equal(power[0], plane)
    inner = power[1, 3:-3, 3:-3]
    np.testing.assert_allclose(inner, plane[3:-3, 3:-3], atol=2e-4)
    both = covering_geobox(find_scenes(folder), "HH")
    assert str(both.crs) == GRID.crs  # that of the place
    np.testing.assert_array_equal(read_series(find_scenes(folder), both, "HH").power.shape[1:], both.shape)


@pytest.fixture
def remote_scenes(web):
    return find_scenes(f"{web.url}/catalog.json")[:4]


@pytest.fixture
def wanted(simulated):
    scenes = find_scenes(simulated)[:4]
    return read_series(scenes, covering_geobox(scenes, "HH"), "HH")


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("fault", ["429", "500", "503", "cut", "mute"])
def test_a_series_reads_the_same_after_faults(remote_scenes, web, wanted, fault):
    web.faults += [("GET .*tif", fault), (f"GET .*{remote_scenes[2].id}/hh", fault)]
    series = read_series(remote_scenes, covering_geobox(remote_scenes, "HH"), "HH")
    np.testing.assert_array_equal(series.power, wanted.power)
    assert not web.faults


@pytest.mark.usefixtures("short_waits")
def test_a_signature_that_runs_out_between_two_rasters_is_replaced(remote_scenes, signing, wanted):
    geobox = covering_geobox(remote_scenes, "HH")
    signing.token = "two"
    np.testing.assert_array_equal(read_series(remote_scenes, geobox, "HH").power, wanted.power)
    assert signing.count("GET /token/") == 2


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("fault", ["503", "cut", "mute"])
def test_the_incidence_reads_the_same_after_a_fault(remote_scenes, web, simulated, wanted, fault):
    web.faults += [("GET .*/incidence", fault)]
    there = read_incidence(find_scenes(simulated)[:1], wanted.geobox)
    np.testing.assert_array_equal(read_incidence(remote_scenes, wanted.geobox), there)
    assert not web.faults


@pytest.mark.parametrize("west", [179.99, -180.01, 200.0])
def test_a_raster_in_degrees_is_read_over_and_beyond_180_degrees(tmp_path, west):
    box = GeoBox.from_bbox((west, 67, west + 0.04, 67.02), "EPSG:4326", resolution=0.0004, tight=True)
    ramp = np.broadcast_to((np.arange(box.shape[1], dtype=np.float32) + 1) / 100, box.shape)
    write_raster(tmp_path / name_of(TIMES[0]), ramp, box)
    scenes = find_scenes(tmp_path)
    grid = covering_geobox(scenes, "HH")
    power = read_series(scenes, grid, "HH").power[0]
    rows, columns = np.nonzero(np.isfinite(power))
    longitude, _ = rasterio.warp.transform(grid.crs, "EPSG:4326", *(grid.affine @ (columns + 0.5, rows + 0.5)))
    expected = ((np.array(longitude) - west) % 360 / 0.0004 + 0.5) / 100
    assert columns.size > 0.8 * power.size
    inside = (expected > 0.04) & (expected < box.shape[1] / 100 - 0.03)
    np.testing.assert_allclose(power[rows, columns][inside], expected[inside], atol=1e-3)
