"""glaciersar.scenes.describing"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archives import TILE, write_folder, write_raster, year_of_dates

from glaciersar.scenes import find, gaps, kind, read_series, table


def test_scenes_are_counted_by_year_and_orbit(tmp_path, rng):
    grid = TILE.geobox(pixel=2000)
    write_folder(tmp_path, grid, [*year_of_dates(3), *year_of_dates(2, year=2016)], rng, polarisations=("HH", "HV"))
    write_folder(tmp_path, grid, year_of_dates(4), rng, relative_orbit=174)
    assert table(find(tmp_path)).values.tolist() == [
        [2016, 14, "HH, HV", 2, "2016-01-02", "2016-01-14"],
        [2020, 14, "HH, HV", 3, "2020-01-02", "2020-01-26"],
        [2020, 174, "HH", 4, "2020-01-02", "2020-02-07"],
    ]


def test_simulated_scenes_never_pass_for_real_ones(tmp_path, rng):
    real = find(write_folder(tmp_path, TILE.geobox(pixel=2000), year_of_dates(2), rng))
    simulated = [replace(scene, platform="simulated") for scene in real]
    assert kind(real) == "Sentinel-1"
    assert kind(simulated) == "simulated radar"
    assert kind([*real, *simulated]) == "partly simulated radar"


def test_a_date_that_misses_a_part_of_what_the_others_see_is_named_with_its_share(tmp_path, rng):
    grid = TILE.geobox(pixel=500)  # 20 × 20
    scenes = find(write_folder(tmp_path, grid, year_of_dates(3), rng))
    for k, first_row in [(0, 10), (1, 12)]:  # no date sees the first ten rows
        power = np.full(grid.shape, 0.1, np.float32)
        power[:first_row] = np.nan
        write_raster(Path(scenes[k].hrefs["HH"][0]), power, grid)
    power = np.where(np.arange(20)[:, None] < 10, np.nan, np.full(grid.shape, 0.1)).astype(np.float32)
    write_raster(Path(scenes[2].hrefs["HH"][0]), power, grid)
    assert gaps(read_series(scenes, grid, "HH")) == {"2020-01-14": pytest.approx(0.2)}
