"""glaciersar.scenes.border_noise"""

import numpy as np
import pytest
from scipy import ndimage

from glaciersar.scenes.border_noise import BODY, FAINT, MARGIN, REACH, border_noise
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, backscatter, write_raster

GRID = TILE.geobox(pixel=100)  # 100 × 100


@pytest.fixture
def swath(rng):
    """Backscatter with a slanting edge, a belt of noise along it, single zeros and dark water."""
    power = backscatter(rng, (100, 100))
    rows, columns = np.mgrid[:100, :100]
    distance = columns - 20 - rows / 4
    power[distance < 0] = np.nan
    spread = np.random.default_rng(2).uniform(0.9, 1.1, power.shape)  # the same everywhere it would be a fill
    faint = (distance >= 0) & (distance < 6)
    power[faint] = 1e-4 * spread[faint]
    power[60:80, 75:95] = 3e-4 * spread[60:80, 75:95]
    power[65, 80] = np.nan
    return power


def test_faint_values_along_an_edge_are_noise_and_dark_water_is_not(swath):
    found = border_noise(swath)
    assert found.sum() == (swath < 2e-4).sum() > 500
    assert (swath[found] < FAINT).all()
    assert not found[60:80, 75:95].any()


def test_it_is_what_binary_morphology_says(rng):
    power = rng.choice([np.nan, 1e-4, 0.1], (90, 110), p=(0.5, 0.2, 0.3)).astype(np.float32)
    power[30:50, 40:70] = np.nan
    square = np.ones((BODY, BODY))
    body = ndimage.binary_dilation(ndimage.binary_erosion(np.isnan(power), square, border_value=1), square)
    near = ndimage.binary_dilation(body, np.ones((2 * REACH + 1,) * 2))
    assert 0.2 < near.mean() < 0.9
    np.testing.assert_array_equal(border_noise(power), near & (power < FAINT))


def test_any_window_finds_what_the_whole_finds(tmp_path, swath, rng):
    path = write_raster(tmp_path / "S1_ro14_20200102T063005Z_HH.tif", swath, GRID)
    scenes = find_scenes(path)
    whole = read_series(scenes, GRID, "HH").power
    np.testing.assert_array_equal(np.isnan(whole[0]), np.isnan(swath) | border_noise(swath))
    for _ in range(15):
        (top, bottom), (left, right) = (np.sort(rng.choice(101, 2, replace=False)) for _ in range(2))
        part = read_series(scenes, GRID[top:bottom, left:right], "HH", check=False).power
        np.testing.assert_array_equal(part, whole[:, top:bottom, left:right])


def test_pixels_farther_than_the_margin_do_not_matter(swath):
    here = border_noise(swath)
    swath[:, 60 + MARGIN :] = np.nan
    np.testing.assert_array_equal(border_noise(swath)[:, :60], here[:, :60])


def test_a_raster_that_was_cut_off_clean_has_no_border(rng):
    power = backscatter(rng, (50, 50))
    power[:3] = 1e-4
    assert not border_noise(power).any()
