"""glaciersar.scenes.layover_shadow, through reading"""

import numpy as np
import pytest

from glaciersar.errors import InputError
from glaciersar.scenes.layover_shadow import is_unseen, mask_name, mask_of
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import GRID, backscatter, write_raster

OPERA = "OPERA_L2_RTC-S1_T137-292320-IW1_20231203T015910Z_20250830T120333Z_S1A_30_v1.0"
HYP3 = "S1A_IW_20200103T233556_DVP_RTC10_G_gpuned_5A7B"
CODES = {OPERA: [1, 2, 3], HYP3: [3, 5, 7, 9, 17, 31]}
SEEN = {OPERA: [0, 255], HYP3: [0, 1]}


def write(folder, name, rng, codes, *, grid=GRID):
    power = backscatter(rng, GRID.shape.shape)
    suffix = "mask" if name == OPERA else "ls_map"
    write_raster(folder / f"{name}_VV.tif", power, GRID)
    write_raster(folder / f"{name}_{suffix}.tif", codes.astype(np.uint8), grid, nodata=255 if name == OPERA else 0)
    return power


@pytest.mark.parametrize("name", [OPERA, HYP3])
def test_layover_and_shadow_are_no_measurement_and_are_counted(tmp_path, rng, name, capsys):
    codes = rng.choice(SEEN[name], GRID.shape.shape)
    codes[:20] = rng.choice(CODES[name], (20, 100))
    power = write(tmp_path, name, rng, codes)
    scenes = find_scenes(tmp_path)
    found = read_series(scenes, GRID, "VV").power[0]
    assert np.isnan(found[:20]).all()
    np.testing.assert_array_equal(found[20:], power[20:])
    said = capsys.readouterr().out
    assert "layover and shadow of 1 of 1 scenes are masked" in said
    assert "layover and shadow: 20.0% of the values masked" in said
    part = read_series(scenes, GRID[15:40, 30:60], "VV", check=False).power[0]
    np.testing.assert_array_equal(part, found[15:40, 30:60])


def test_a_masked_pixel_takes_no_part_in_interpolation(tmp_path, rng):
    codes = np.zeros(GRID.shape.shape, np.uint8)
    codes[::2, ::2] = 2
    power = write(tmp_path, OPERA, rng, codes)
    coarse = read_series(find_scenes(tmp_path), GRID.zoom_out(2), "VV").power[0]
    blocks = np.where(codes > 0, np.nan, power).reshape(50, 2, 50, 2)
    np.testing.assert_allclose(coarse, np.nanmean(blocks, axis=(1, 3)), rtol=1e-5)


def test_each_raster_has_its_own_mask(tmp_path, rng):
    masks = [f"/a/{OPERA}_mask.tif", f"/a/{HYP3}_ls_map.tif"]
    assert mask_of(f"/a/{OPERA}_VV.tif", masks) == masks[0]
    assert mask_of(f"https://a.net/{HYP3}_VH.tif?sig=1", masks) == masks[1]
    assert mask_of("/a/20200103_VV.tif", masks) is None
    assert mask_name("20200103_VV.tif") is None


def test_a_mask_on_other_pixels_is_refused(tmp_path, rng):
    write(tmp_path, OPERA, rng, np.zeros((50, 50)), grid=GRID.zoom_out(2))
    with pytest.raises(InputError, match=r"_mask\.tif: a mask on other pixels than .*_VV\.tif found"):
        read_series(find_scenes(tmp_path), GRID, "VV")


def test_codes_are_those_of_the_product_specifications():
    np.testing.assert_array_equal(
        is_unseen(np.array([0, 1, 2, 3, 255]), "a_mask.tif"), [False, True, True, True, False]
    )
    hyp3 = is_unseen(np.array([0, 1, 3, 5, 9, 17]), "a_ls_map.tif")
    np.testing.assert_array_equal(hyp3, [False, False, True, True, True, True])
