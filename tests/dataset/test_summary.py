"""glaciersar.dataset.summary"""

from datetime import timedelta

import h5py
import numpy as np
import pytest

from glaciersar import radiometry
from glaciersar.dataset import summary
from glaciersar.dataset.hdf5 import list_groups
from glaciersar.dataset.summary import (
    dataset_source,
    largest_area,
    most_mixed_tiles,
    pixel_size,
    read_tile,
    summarize_dataset,
    year_by_class,
)
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from tests.support.tiles import BASE, PIXEL, SIDE, TIMES, write_tiles


@pytest.fixture
def folder(tmp_path):
    apart = {Tile(column=1, row=1): 0.25, Tile(column=2, row=1): 0.5, Tile(column=9, row=1): 0.9}
    write_tiles(tmp_path / "train.h5", apart)
    write_tiles(tmp_path / "val.h5", {Tile(column=4, row=4): 0.5})
    write_tiles(tmp_path / "test.h5", {Tile(column=6, row=6): 1.0})
    return tmp_path


def test_the_summary_counts_tiles_area_and_the_fraction_of_glacier_among_seen_pixels(folder):
    table = summarize_dataset(folder)
    assert list(table["tiles"]) == [3, 1, 1]
    assert list(table["groups"]) == [3, 1, 1]
    np.testing.assert_allclose(table["area"], [300, 100, 100], rtol=1e-3)
    np.testing.assert_allclose(table["glacier"], [(0.25 + 0.5 + 0.9) / 3, 0.5, 1.0])
    np.testing.assert_allclose(table["filled"], 0.01)


def test_a_tile_comes_back_in_decibels_with_the_dates_that_stand_for_the_year(folder):
    tile = read_tile(folder / "train.h5", "SVAL-2-1_2020_ro14")
    assert tile.times == tuple(TIMES[i] for i in BASE)
    np.testing.assert_allclose(tile.backscatter[:, 5, 0], -12.0 - 0.1 * BASE, atol=1e-4)
    assert tile.glacier[1:, 9].all()
    assert not tile.glacier[1:, 10].any()
    assert not tile.valid[0].any()
    assert tile.valid[1:].all()


def test_the_tiles_to_look_at_are_those_with_as_much_glacier_as_land(folder):
    names = most_mixed_tiles(folder / "train.h5", 2)
    assert names == ["SVAL-2-1_2020_ro14", "SVAL-1-1_2020_ro14"]


def test_the_year_by_class_is_the_median_of_its_pixels(folder):
    names = [entry.name for entry in list_groups(folder / "train.h5")]
    curves = year_by_class(folder / "train.h5", names)
    assert set(curves["panel"]) == {"2020, relative orbit 14"}
    for kind, level in (("glacier", -12.0), ("land and sea", -8.0)):
        part = curves[curves["kind"] == kind]
        np.testing.assert_allclose(part["median"], level - 0.1 * BASE, atol=1e-4)
        assert list(part["time"]) == [TIMES[i] for i in BASE]


def test_tiles_that_missed_different_passes_are_pooled_by_date(folder):
    path, names = folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-2-1_2020_ro14"]
    with h5py.File(path, "a") as file:  # the second tile missed the first pass: its k-th date is the other's next
        group = file[names[1]]
        kept, times = group["grd"][1:], group.attrs["grd_times"][1:]
        del group["grd"]
        group["grd"] = kept
        group.attrs["grd_times"] = times
        group.attrs["grd_base_time_idx"] = BASE
    curves = year_by_class(path, names)
    glacier = curves[curves["kind"] == "glacier"]
    assert sorted(glacier["time"]) == TIMES  # even dates of one tile, odd ones of the other
    assert list(glacier["time"]) == sorted(glacier["time"])
    np.testing.assert_allclose(glacier["median"], -12.0 - 0.1 * np.arange(30), atol=1e-4)
    np.testing.assert_allclose(glacier["high"] - glacier["low"], 0, atol=1e-4)  # never two dates in one pool


def test_strips_of_one_pass_are_one_date(folder):
    path, names = folder / "train.h5", ["SVAL-1-1_2020_ro14", "SVAL-2-1_2020_ro14"]
    with h5py.File(path, "a") as file:
        later = [f"{time + timedelta(seconds=25):%Y-%m-%dT%H:%M:%SZ}" for time in TIMES]
        file[names[1]].attrs["grd_times"] = np.array(later, dtype="S20")
    curves = year_by_class(path, names)
    assert list(curves[curves["kind"] == "glacier"]["time"]) == [TIMES[i] for i in BASE]


def test_dates_without_times_are_pooled_by_their_index(folder):
    path = folder / "train.h5"
    with h5py.File(path, "a") as file:
        for group in file.values():
            del group.attrs["grd_times"]
    curves = year_by_class(path, ["SVAL-1-1_2020_ro14", "SVAL-2-1_2020_ro14"])
    glacier = curves[curves["kind"] == "glacier"]
    assert list(glacier["time"]) == list(range(15))
    np.testing.assert_allclose(glacier["median"], -12.0 - 0.1 * BASE, atol=1e-4)


def test_the_area_to_map_is_the_largest_patch_of_neighbours(folder):
    area, inside = largest_area(folder, "train")
    assert area.boundingbox.bbox == (340_000.0, 8_410_000.0, 360_000.0, 8_420_000.0)
    assert tuple(area.shape) == (SIDE, 2 * SIDE)
    assert inside.all()


def test_pixels_of_other_subsets_within_the_area_are_marked(tmp_path):
    corner = [Tile(column=1, row=1), Tile(column=2, row=1), Tile(column=1, row=2)]
    write_tiles(tmp_path / "test.h5", dict.fromkeys(corner, 0.5))
    write_tiles(tmp_path / "train.h5", {Tile(column=2, row=2): 0.5})  # within the box around the three
    write_tiles(tmp_path / "val.h5", {Tile(column=9, row=9): 0.5})
    area, inside = largest_area(tmp_path, "test")
    assert inside.shape == tuple(area.shape) == (2 * SIDE, 2 * SIDE)
    assert not inside[:SIDE, SIDE:].any()  # rows run southwards: the training tile is the upper right one
    assert inside.sum() == 3 * SIDE**2


def test_a_tile_of_the_subset_in_a_corner_of_the_area_counts_too(tmp_path):
    apart = [Tile(column=1, row=1), Tile(column=2, row=1), Tile(column=1, row=2), Tile(column=1, row=3)]
    write_tiles(tmp_path / "test.h5", dict.fromkeys([*apart, Tile(column=2, row=3)], 0.5))
    write_tiles(tmp_path / "train.h5", {Tile(column=2, row=2): 0.5})
    write_tiles(tmp_path / "val.h5", {Tile(column=9, row=9): 0.5})
    _, inside = largest_area(tmp_path, "test")
    assert inside.sum() == 5 * SIDE**2
    assert not inside[SIDE : 2 * SIDE, SIDE:].any()


def test_the_kind_of_data_is_kept_in_the_file(folder):
    assert dataset_source(folder / "test.h5") == "simulated radar"
    assert pixel_size(folder / "test.h5") == PIXEL


def test_the_summary_gives_years_orbits_dates_and_the_range_of_values(folder):
    row = summarize_dataset(folder).loc["train"]
    assert (row["years"], row["orbits"], row["dates"]) == ("2020", "14", "30")
    middle = 0.1 * BASE[7]
    assert (row["low"], row["high"]) == pytest.approx((-12.0 - middle, -8.0 - middle), abs=1e-4)


def test_a_value_that_is_no_number_is_named_by_the_summary(folder):
    with h5py.File(folder / "val.h5", "a") as file:
        file["SVAL-4-4_2020_ro14"]["grd"][BASE[7], 3, 3] = np.nan
    with pytest.raises(InputError, match=r"val\.h5: SVAL-4-4_2020_ro14: dataset grd: NaN"):
        summarize_dataset(folder)


@pytest.mark.parametrize("read", [read_tile, lambda path, name: year_by_class(path, [name])])
@pytest.mark.parametrize("name", ["grd", "outlines"])
def test_a_value_that_is_no_number_is_named_when_a_tile_is_read(folder, read, name):
    with h5py.File(folder / "val.h5", "a") as file:
        file["SVAL-4-4_2020_ro14"][name][0, 3, ...] = np.nan
    with pytest.raises(InputError, match=rf"val\.h5: SVAL-4-4_2020_ro14: dataset {name}: "):
        read(folder / "val.h5", "SVAL-4-4_2020_ro14")


def test_labels_that_are_no_fractions_are_named_by_the_summary(folder):
    with h5py.File(folder / "val.h5", "a") as file:
        file["SVAL-4-4_2020_ro14"]["outlines"][3] = 255
    with pytest.raises(InputError, match=r"val\.h5: SVAL-4-4_2020_ro14: dataset outlines: .*255.* found, fractions"):
        summarize_dataset(folder)


def test_values_that_were_not_scaled_are_named_by_the_summary(folder):
    with h5py.File(folder / "val.h5", "a") as file:
        file["SVAL-4-4_2020_ro14"]["grd"][...] = -12.0
    with pytest.raises(InputError, match=r"SVAL-4-4_2020_ro14: dataset grd: a median of -12 found, values scaled to 0"):
        summarize_dataset(folder)


def test_the_summary_gives_the_range_of_each_feature_of_the_files(folder):
    for subset in ("train", "val", "test"):
        with h5py.File(folder / f"{subset}.h5", "a") as file:
            for group in file.values():
                group["insar"] = np.linspace(0.1, 0.7, 17, dtype=np.float32)[:, None, None, None] * np.ones(
                    (1, SIDE, SIDE, 1), np.float32
                )
                group.attrs["insar_base_time_idx"] = np.arange(15)
    table = summarize_dataset(folder)
    low, high = radiometry.RANGES["insar"]
    middle = np.linspace(0.1, 0.7, 17)[7] * (high - low) + low
    assert (table["dates, grd"] == "30").all()
    assert (table["dates, insar"] == "17").all()
    assert table["low, grd"].loc["train"] == pytest.approx(-12.0 - 0.1 * BASE[7], abs=1e-4)
    np.testing.assert_allclose(table["low, insar"], middle, atol=1e-6)
    np.testing.assert_allclose(table["high, insar"], middle, atol=1e-6)


def test_a_file_without_a_feature_is_refused(folder):
    with h5py.File(folder / "train.h5", "a") as file:
        for group in file.values():
            del group["grd"]
    with pytest.raises(InputError, match=r"train\.h5: outlines found, one of grd, rtc, insar, grd_cross"):
        summarize_dataset(folder)


def published(path):
    """Write a file without the attributes that the published files lack."""
    write_tiles(path, {Tile(column=1, row=1): 0.5})
    with h5py.File(path, "a") as file:
        (group,) = file.values()
        for name in ("grd_times", "transform", "filled_share"):
            del group.attrs[name]
        group.attrs.update({"orig_height": 16, "orig_width": 14, "pad_height": 3, "pad_width": 4})
        group.attrs["grd_base_time_idx"] = [0, 0, 2, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 22]
    return path


def test_a_tile_without_dates_comes_without_its_padding_and_with_a_date_twice(tmp_path):
    path = published(tmp_path / "train.h5")
    tile = read_tile(path, "SVAL-1-1_2020_ro14")
    assert tile.times == ()
    assert tile.backscatter.shape == (15, 16, 14)
    np.testing.assert_allclose(tile.backscatter[[0, 1, 2, 14], 5, 0], [-12, -12, -12.2, -14.2], atol=1e-4)
    assert tile.glacier[:, :6].all()
    assert not tile.glacier[:, 6:].any()
    curves = year_by_class(path, ["SVAL-1-1_2020_ro14"])
    glacier = curves[curves["kind"] == "glacier"]
    assert list(glacier["time"]) == list(range(15))
    np.testing.assert_allclose(glacier["median"].iloc[[0, 14]], [-12, -14.2], atol=1e-4)


def test_large_tiles_are_thinned_before_they_are_pooled(tmp_path, monkeypatch):
    path = published(tmp_path / "train.h5")
    monkeypatch.setattr(summary, "THINNED_PIXELS", 60)
    tile = summary._thinned(read_tile(path, "SVAL-1-1_2020_ro14"))
    assert tile.backscatter.shape == (15, 8, 7)
    assert tile.glacier.shape == tile.valid.shape == (8, 7)
    assert len(year_by_class(path, ["SVAL-1-1_2020_ro14"])) == 30
