import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from glaciersar import grid
from glaciersar.dependencies import files_behind
from glaciersar.errors import InputError
from glaciersar.io import rasters
from glaciersar.simulate import places, settings
from glaciersar.simulate.settings import CODE, ArchiveSettings

USUAL = ArchiveSettings(landscapes=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"landscapes": 0}, "landscapes=0"),
        ({"tiles_per_side": 0}, "tiles_per_side=0"),
        ({"pixel": 30.0}, "pixel=30 m does not divide"),
        ({"pixel": -40.0}, "pixel=-40 m does not divide"),
        ({"years": ()}, r"years=\(\) found, expected at least one"),
        ({"years": (1999,)}, "years=.*none before 2014"),
        ({"years": (2016, 2016)}, "none twice"),
        ({"relative_orbits": (14, 15)}, r"relative orbits \(14, 15\) found, expected some of 14, 174"),
        ({"relative_orbits": ()}, r"relative orbits \(\) found"),
        ({"looks": 0.5}, "looks=0.5 found"),
        ({"repeat_days": 0}, "repeat_days=0 found"),
        ({"missing_share": 0.7}, "missing_share=0.7 found"),
        ({"dem": "dem.tif"}, "dem=dem.tif and outlines=None found, expected both or none"),
        ({"dem": "dem.tif", "outlines": "o.gpkg"}, "landscapes=5 with an elevation model found"),
        ({"surge": 2010}, "surge=2010 found, a year from 2014 on expected"),
        ({"surge": 2018, "dem": "dem.tif", "outlines": "o.gpkg", "landscapes": 1}, "none with an elevation model"),
        ({"pairing": "some"}, "pairing='some' found, one of every, one_orbit, one_series expected"),
        ({"label_error": -1.0}, "label_error=-1 m found"),
        ({"controls": -1}, "controls=-1 found"),
        ({"climate": "dry"}, "climate='dry' found, one of arctic, maritime expected"),
        ({"climate": "maritime", "dem": "d", "outlines": "o", "landscapes": 1}, "climate='maritime' with an elevation"),
        ({"landscapes": 999}, "999 landscapes and 0 controls of 2 tiles a side found; the orbits .* see .* places"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(USUAL, **change)


BOTH_SEE = (590_000.0, 8_750_000.0, 600_000.0, 8_760_000.0)


def test_without_pairing_every_year_is_seen_from_every_orbit_that_sees_the_landscape():
    assert set(USUAL.pairs(3, BOTH_SEE)) == {(2016, 14), (2016, 174), (2020, 14), (2020, 174)}
    assert set(USUAL.pairs(3, places.bounds_of(grid.Tile(column=10, row=38), 1))) == {(2016, 14), (2020, 14)}


def test_with_one_orbit_all_years_are_seen_from_the_same_one():
    settings = replace(USUAL, pairing="one_orbit")
    assert settings.pairs(0, BOTH_SEE) == ((2016, 14), (2020, 14))
    assert settings.pairs(1, BOTH_SEE) == ((2016, 174), (2020, 174))


def test_with_one_series_years_and_orbits_take_turns_evenly():
    settings = replace(USUAL, pairing="one_series", landscapes=40, tiles_per_side=1)
    pairs = [settings.pairs(k, places.bounds_of(settings.corner(k), 1)) for k in range(40)]
    assert {len(pair) for pair in pairs} == {1}
    counts = Counter(pair[0] for pair in pairs)
    assert set(counts) == {(2016, 14), (2016, 174), (2020, 14), (2020, 174)}
    assert min(counts.values()) >= 8


def test_a_landscape_that_no_orbit_sees_is_refused_with_the_angles():
    with pytest.raises(InputError, match="seen from orbit 14 at 63, orbit 174 at 52 degrees, 30 to 46 expected"):
        USUAL.pairs(0, (900_000.0, 8_900_000.0, 910_000.0, 8_910_000.0))


def test_controls_take_other_places_than_the_landscapes():
    settings = replace(USUAL, controls=4)
    assert len({settings.corner(k) for k in range(9)}) == 9
    assert [settings.corner(k) for k in range(5)] == [USUAL.corner(k) for k in range(5)]


@pytest.mark.parametrize("side", [1, 2, 3])
def test_each_landscape_fills_a_block_of_its_own(side):
    settings = replace(USUAL, tiles_per_side=side, landscapes=9)
    blocks = []
    for k in range(9):
        corner = settings.corner(k)
        tiles = [(corner.column + i, corner.row + j) for i in range(side) for j in range(side)]
        inside = {(column // side, row // side) for column, row in tiles}
        assert len(inside) == 1
        blocks += inside
    assert len(set(blocks)) == 9
    assert all(abs(a - c) > 1 or abs(b - d) > 1 for (a, b) in blocks for (c, d) in blocks if (a, b) != (c, d))


def test_a_split_by_blocks_keeps_a_landscape_in_one_subset():
    tiles = []
    for k in range(5):
        corner = USUAL.corner(k)
        tiles.append([grid.Tile(column=corner.column + i, row=corner.row + j) for i in (0, 1) for j in (0, 1)])
    split = grid.split_blocks([tile for four in tiles for tile in four], block=2, seed=3)
    assert all(len({split[tile] for tile in four}) == 1 for four in tiles)
    assert set(split.values()) == {"train", "val", "test"}


def test_the_record_changes_with_the_code_of_the_simulator(tmp_path, monkeypatch):
    before = USUAL.as_json()
    copy = tmp_path / "simulate"
    shutil.copytree(CODE, copy)
    monkeypatch.setattr(settings, "CODE", copy)
    assert USUAL.as_json() == before  # wherever it is installed
    with (copy / "speckle.py").open("a") as file:
        file.write("# other pixel values\n")
    assert USUAL.as_json() != before


def test_the_record_changes_with_the_code_that_writes_its_rasters(tmp_path, monkeypatch):
    before = USUAL.as_json()
    (tmp_path / "rasters.py").write_text(Path(rasters.__file__).read_text() + "# other rounding\n")

    def changed(*sources):
        return [tmp_path / path.name if path == Path(rasters.__file__) else path for path in files_behind(*sources)]

    monkeypatch.setattr(settings, "files_behind", changed)
    assert USUAL.as_json() != before


def test_equal_settings_are_written_alike_whatever_types_they_come_in():
    asked = {"years": [2016, 2020], "relative_orbits": [14], "label_error": 35, "pixel": 40}
    wanted = {"years": (2016, 2020), "relative_orbits": (14,), "label_error": 35.0, "pixel": 40.0}
    assert ArchiveSettings(**asked).as_json() == ArchiveSettings(**wanted).as_json()
    mine = ArchiveSettings(dem=Path("dem.tif"), outlines=Path("ice.gpkg"))
    assert (mine.dem, mine.outlines) == ("dem.tif", "ice.gpkg")


def test_the_record_tells_every_setting_and_what_files_were_read(tmp_path):
    written = json.loads(USUAL.as_json())
    assert written["looks"] == 10.7
    assert len(written["sha256"]["backscatter.yaml"]) == 64
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        replace(USUAL, levels=str(tmp_path / "none.yaml")).as_json()


@pytest.mark.parametrize(
    ("place", "crs", "found"),
    [("86,28", "EPSG:32633", r"EPSG32633|UTM33N"), ("12,47", "EPSG:3857", r"EPSG3857-\d+-\d+: 6\.8 × 6\.8 km")],
)
def test_a_place_in_a_system_that_is_not_true_to_scale_there_is_refused(place, crs, found):
    with pytest.raises(InputError, match="on the ground found, a tile of 10 km expected; give another crs") as refused:
        ArchiveSettings(place=place, crs=crs)
    assert re.search(found, str(refused.value))
