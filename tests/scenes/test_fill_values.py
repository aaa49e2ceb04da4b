"""glaciersar.scenes.fill_values"""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.scenes.fill_values import find_fills, sample_values
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import GRID, backscatter, write_raster


@pytest.mark.parametrize(
    ("fill", "units"),
    [(-30.0, "db"), (-12.0, "db"), (99.0, "db"), (1e-10, "linear"), (0.1, "linear"), (1e10, "linear")],
)
def test_a_fill_that_nothing_declares_is_no_radar_and_this_is_said(target, rng, fill, units, capsys):
    power = backscatter(rng, GRID.shape.shape)
    values = power if units == "linear" else 10 * np.log10(power)
    values[:, 60:] = fill
    write_raster(target, values.astype(np.float32), GRID, nodata=None)
    series = read_series(find_scenes(target, units=units), GRID, "HH")
    assert np.isnan(series.power[0, :, 60:]).all()
    np.testing.assert_allclose(series.power[0, :, :60], power[:, :60], rtol=1e-5)
    said = capsys.readouterr().out
    assert "1 rasters hold values that many pixels share to the bit, which are taken for fills" in said
    assert f"such as {fill:g} in 40% of scenes/{target.name}" in said


def test_any_window_is_read_as_that_part_of_the_whole_even_one_without_the_fill_or_full_of_it(target, rng):
    values = backscatter(rng, GRID.shape.shape)
    values[:, 60:] = 0.05
    values[10, 10] = 0.05  # a pixel of the fill alone in its window
    write_raster(target, values, GRID, nodata=None)
    scenes = find_scenes(target)
    whole = read_series(scenes, GRID, "HH").power
    for part in (GRID[5:15, 5:15], GRID[:20, 70:], GRID[:, 50:70]):
        rows = round((GRID.affine.f - part.affine.f) / 100)
        columns = round((part.affine.c - GRID.affine.c) / 100)
        found = read_series(scenes, part, "HH", check=False).power
        height, width = part.shape
        np.testing.assert_array_equal(found, whole[:, rows : rows + height, columns : columns + width])


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.int16, np.uint8]), st.floats(0.02, 0.9))
def test_speckle_holds_no_fill_whatever_its_type_and_a_constant_in_it_is_one(seed, dtype, share):
    rng = np.random.default_rng(seed)
    decibel = 10 * np.log10(rng.gamma(4, 1 / 4, 20_000)) - 10
    scale = {np.float32: 1, np.int16: 100, np.uint8: -4}[dtype]
    values = (decibel * scale).clip(1 if dtype == np.uint8 else -9000, 250 if dtype == np.uint8 else 9000).astype(dtype)
    assert find_fills(values).values == ()
    values[rng.random(values.size) < share] = np.array(-40 * scale).clip(1, 250) if dtype == np.uint8 else -40 * scale
    (fill,) = find_fills(values).values
    assert fill == (160 if dtype == np.uint8 else -40 * scale)


def test_two_fills_are_found(rng):
    values = backscatter(rng, (100, 100))
    values[:30], values[80:] = 1e-6, 100
    assert find_fills(values).values == pytest.approx((1e-6, 100))
    assert find_fills(values).share == pytest.approx(0.5)


def test_a_raster_of_one_value_alone_holds_no_radar(target):
    write_raster(target, np.full(GRID.shape.shape, -17, np.float32), GRID, nodata=None)
    with pytest.raises(InputError, match="no pixel holds a value on the grid"):
        read_series(find_scenes(target, units="db"), GRID, "HH")


def test_a_large_raster_is_looked_at_in_blocks_all_over_it(tmp_path):
    values = np.arange(3000 * 2000, dtype=np.float32).reshape(3000, 2000)
    path = write_raster(tmp_path / "a.tif", values, GRID)
    with rasterio.open(path) as file:
        found = sample_values(file)
    assert found.size == 16 * 256 * 256
    assert {0.0, 3000 * 2000 - 1.0} <= set(found.tolist())


@pytest.mark.parametrize("overviews", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_fills_between_the_blocks_of_a_large_raster_are_found(tmp_path, rng, across, overviews, capsys):
    power = backscatter(rng, (1500, 1500))
    first, second = np.s_[260:410], np.s_[675:825]
    power[first], power[second] = 0.02, 0.03
    values = np.ascontiguousarray(power.T) if across else power
    grid = GRID.pad(700)[:1500, :1500]
    path = write_raster(tmp_path / "S1_ro14_20200102T063005Z_HH.tif", values, grid, nodata=None)
    with rasterio.open(path, "r+") as file:
        assert not np.isin(sample_values(file), np.float32((0.02, 0.03))).any()
        if overviews:
            file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    filled = np.isin(values, np.float32((0.02, 0.03)))
    found = read_series(find_scenes(tmp_path), grid, "HH").power[0]
    np.testing.assert_array_equal(np.isnan(found), filled)
    assert "such as 0.02, 0.03 in 20% of" in capsys.readouterr().out


@pytest.mark.parametrize("factor", [10, 100, 1000])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_decibels_that_were_multiplied_are_refused_with_the_way_out(target, rng, factor, dtype):
    values = (10 * np.log10(backscatter(rng, GRID.shape.shape)) * factor).astype(dtype)
    write_raster(target, values, GRID, nodata=None)
    with pytest.raises(
        InputError, match=rf"look like decibels times {factor}, decibels expected; .* -scale {1 / factor:g}"
    ):
        read_series(find_scenes(target, units="db"), GRID, "HH")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda power: 10 * np.log10(power) * 100, "which look like scaled decibels"),
        (lambda power: (10 * np.log10(power) + 40) * 100, "distributed as shifted decibels"),
        (lambda power: power * 1000, "distributed as power or amplitude"),
        (lambda power: power * 20, "distributed as power or amplitude"),  # so small that it might be power
        (lambda power: np.sqrt(power) * 1000, "distributed as power or amplitude"),
    ],
)
def test_whole_numbers_without_a_scale_are_no_power_and_told_by_their_distribution(target, rng, make, what):
    write_raster(target, make(backscatter(rng, GRID.shape.shape)).astype(np.int16), GRID, nodata=None)
    with pytest.raises(InputError, match=rf"{target.name}: whole numbers .* {what}, linear power expected; write into"):
        read_series(find_scenes(target), GRID, "HH")


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda decibel: decibel * 2, np.int16),
        (lambda decibel: decibel * 5, np.int16),
        (lambda decibel: decibel, np.int16),
        (lambda decibel: (decibel + 40) * 4, np.uint8),
    ],
)
def test_whole_numbers_said_to_be_decibels_are_refused_without_a_scale(target, rng, make, dtype):
    decibel = 10 * np.log10(backscatter(rng, GRID.shape.shape))
    write_raster(target, np.rint(make(decibel)).astype(dtype), GRID, nodata=None)
    sentence = r"whole numbers from \S+ to \S+ without a scale found, .* -scale 0\.5 for decibels times 2, or whole"
    with pytest.raises(InputError, match=rf"{target.name}: {sentence}"):
        read_series(find_scenes(target, units="db"), GRID, "HH")
    with rasterio.open(target, "r+") as file:
        file.scales, file.offsets = ((0.25,), (-40.0,)) if dtype == np.uint8 else ((0.5,), (0.0,))
    read_series(find_scenes(target, units="db"), GRID, "HH")


def test_whole_numbers_with_their_scale_are_read(target, rng):
    power = backscatter(rng, GRID.shape.shape)
    write_raster(target, np.rint(10 * np.log10(power) * 100).astype(np.int16), GRID, nodata=-32768)
    with rasterio.open(target, "r+") as file:
        file.scales = (0.01,)
    series = read_series(find_scenes(target, units="db"), GRID, "HH")
    np.testing.assert_allclose(10 * np.log10(series.power[0]), 10 * np.log10(power), atol=0.006)
