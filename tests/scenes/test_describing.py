"""glaciersar.scenes.describing"""

from dataclasses import replace

from archives import TILE, write_folder, year_of_dates

from glaciersar.scenes import find, kind, table


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
