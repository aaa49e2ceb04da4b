"""glaciersar.dataset.build with several features: RTC and coherence beside GRD, as the published data has them"""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from glaciersar import radiometry
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.covered import covered_tiles
from glaciersar.dataset.hdf5 import check_published
from glaciersar.dataset.patches import RandomPatches, WholeTiles
from glaciersar.dataset.plan import plan_dataset
from glaciersar.dataset.summary import summarize_dataset
from glaciersar.dataset.tile import fingerprint
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.recipe import find_recipe
from glaciersar.scenes.coherence import find_pairs
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_dates
from tests.support.archives import backscatter, glaciers, raster_of, write_catalog, write_raster, year_of_dates
from tests.support.building import build

PIXEL = 500.0  # 20 × 20 a tile
TILES = [Tile(column=10 + k, row=38) for k in range(3)]
SPLIT = dict(zip(TILES, ("train", "val", "test"), strict=True))
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=PIXEL, tight=True)
TIMES = year_of_dates(16, step_days=23)


def write_pairs(folder, rng, *, days=12, count=30, values=(0.05, 0.95)):
    """Write coherence, uniform between two values, of passes that follow each other; returns it, (T, H, W)."""
    times = year_of_dates(count, step_days=12)
    coherence = rng.uniform(*values, (count, *GRID.shape)).astype(np.float32)
    for first, own in zip(times, coherence, strict=True):
        second = first + timedelta(days=days)
        name = f"S1AA_{first:%Y%m%dT%H%M%S}_{second:%Y%m%dT%H%M%S}_HHP0{days}_INT40_G_ueF_1A2B_ro14_corr.tif"
        write_raster(folder / name, own, GRID)
    return coherence


@pytest.fixture
def make(tmp_path, rng):
    scenes = find_scenes(write_catalog(tmp_path / "grd", GRID, TIMES, rng, polarisations=("HH",)))

    def make(**changes):
        return build(tmp_path / "data", scenes, glaciers(TILES), SPLIT, **{"pixel": PIXEL} | changes)

    return make


@pytest.mark.slow
def test_three_features_stand_beside_each_other_in_the_published_layout(make, tmp_path, rng):
    rtc = find_scenes(
        write_catalog(tmp_path / "rtc", GRID, year_of_dates(17, step_days=22), rng, polarisations=("HH",))
    )
    coherence = write_pairs(tmp_path / "insar", rng)
    pairs = find_pairs(tmp_path / "insar")
    folder = make(features=("grd", "rtc", "insar"), rtc=rtc, pairs=pairs)
    check_published(folder, features=("grd", "rtc", "insar"))
    with h5py.File(folder / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert [len(group[name]) for name in ("grd", "rtc", "insar")] == [16, 17, 30]
        np.testing.assert_allclose(
            radiometry.unscale(group["insar"][..., 0], feature="insar"), coherence[..., :20], atol=1e-6
        )
        assert list(group.attrs["insar_baseline_days"]) == [12] * 30
        assert group.attrs["insar_times"][1] == b"2020-01-14T06:30:05Z"
        assert group.attrs["insar_second_times"][1] == b"2020-01-26T06:30:05Z"
        assert list(group.attrs["insar_base_time_idx"]) == list(choose_dates([pair.time for pair in pairs]))
        np.testing.assert_array_equal(group["outlines"][()].sum(-1), 1)
    table = summarize_dataset(folder)
    assert table.loc["val", "dates, insar"] == "30"
    assert 0.9 < table.loc["val", "high, insar"] <= 0.95
    ((series, _, _),) = WholeTiles(folder / "test.h5", features=("grd", "rtc", "insar"))
    assert series.shape == (3, 15, 20, 20)


@pytest.mark.slow
def test_patches_for_training_come_with_all_features(make, tmp_path, rng):
    write_pairs(tmp_path / "insar", rng)
    folder = make(features=("grd", "insar"), pairs=find_pairs(tmp_path / "insar"))
    patches = RandomPatches(
        folder / "train.h5", patch=16, samples=2, seed=1, features=("grd", "insar"), recipe=find_recipe("corrected")
    )
    assert patches[0][0].shape == (2, 15, 16, 16)


@pytest.mark.slow
def test_a_feature_alone_is_built_as_beside_others(make, tmp_path, rng):
    def values(folder):
        with h5py.File(folder / "test.h5") as file:
            return file["SVAL-12-38_2020_ro14/grd"][()]

    write_pairs(tmp_path / "insar", rng)
    alone = values(make())
    np.testing.assert_array_equal(values(make(features=("grd", "insar"), pairs=find_pairs(tmp_path / "insar"))), alone)


def test_rtc_alone_is_scaled_by_its_own_range(make):
    with h5py.File(make(features=("rtc",)) / "test.h5") as file:
        assert radiometry.unscale(np.median(file["SVAL-12-38_2020_ro14/rtc"][()]), feature="rtc") == pytest.approx(
            -10, abs=1
        )


def test_a_pixel_that_one_feature_never_sees_belongs_to_no_class(make, tmp_path, rng):
    write_pairs(tmp_path / "insar", rng)
    for path in (tmp_path / "insar").iterdir():
        values = rng.uniform(0.1, 0.9, GRID.shape).astype(np.float32)
        values[:4, :10] = 0  # what archives fill with
        write_raster(path, values, GRID, nodata=None)
    with h5py.File(make(features=("grd", "insar"), pairs=find_pairs(tmp_path / "insar")) / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert group.attrs["unseen_share"] == pytest.approx(40 / 400)
        assert not group["outlines"][:4, :10].any()
        assert group.attrs["insar_masked_share"] == pytest.approx(40 / 400)
        assert (group.attrs["insar_filled_share"], group.attrs["masked_share"]) == (0, 0)


def test_the_shortest_of_several_baselines_with_one_middle_is_taken(tmp_path, rng):
    for days, middle in ((12, 0), (24, 0), (36, 0), (24, 12)):
        first = TIMES[0] + timedelta(days=60 + middle - days / 2)
        second = first + timedelta(days=days)
        write_raster(tmp_path / f"coh_ro14_{first:%Y%m%d}_{second:%Y%m%d}.tif", backscatter(rng, GRID.shape), GRID)
    assert [pair.baseline_days for pair in find_pairs(tmp_path)] == [12, 24]


def test_rasters_of_the_same_two_days_are_parts_of_one_pair(tmp_path, rng):
    for part in "ab":
        write_raster(tmp_path / f"{part}_20200102_20200114_ro14_coherence.tif", backscatter(rng, GRID.shape), GRID)
    write_raster(tmp_path / "a_20200102_20200114_ro14_unw_phase.tif", backscatter(rng, GRID.shape), GRID)
    (pair,) = find_pairs(tmp_path)
    assert len(pair.hrefs) == 2
    assert pair.baseline_days == 12


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("20200102_ro14_coh", r"20200102_ro14_coh\.tif: 1 dates found in the name, those of two passes expected"),
        ("20200102_20200102_ro14_coh", "2020-01-02 twice found in the name, two days expected"),
        ("20200102_20200199_ro14_coh", "20200199 found in the name, a date expected"),
        ("20200102_20200114_coh", "no relative orbit found in the name .*, relative_orbit expected"),
        ("20200102_20200114_ro14_phase", "no coherence found, GeoTIFFs with corr, coh or coherence"),
    ],
)
def test_names_without_a_pair_are_refused(tmp_path, rng, name, sentence):
    write_raster(tmp_path / f"{name}.tif", backscatter(rng, GRID.shape), GRID)
    with pytest.raises(InputError, match=sentence):
        find_pairs(tmp_path)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"values": (119, 121)},
            r"insar/S1AA_.*corr\.tif: values from 119\S* to 12\S+ found, coherence from 0 to 1 ex",
        ),
        ({"values": (-0.5, 0.5)}, r"values from -0\.\S+ to 0\.\S+ found, coherence from 0 to 1"),
        ({"values": (0, 0)}, r"no pixel holds a value on the grid \(all nodata\), expected coherence"),
        ({"count": 9}, "SVAL-10-38_2020_ro14: 9 dates found.*at least 15 expected"),
    ],
)
def test_coherence_that_is_none_or_too_little_is_refused(make, tmp_path, rng, settings, sentence):
    write_pairs(tmp_path / "insar", rng, **settings)
    with pytest.raises(InputError, match=sentence):
        make(features=("grd", "insar"), pairs=find_pairs(tmp_path / "insar"))
    assert not list((tmp_path / "data").glob("[!.]*"))


def test_pairs_of_another_orbit_are_refused(make, tmp_path, rng):
    write_pairs(tmp_path / "insar", rng)
    for path in list((tmp_path / "insar").iterdir()):
        path.rename(path.with_name(path.name.replace("_ro14", "")))
    with pytest.raises(InputError, match="SVAL-10-38_2020_ro14: no pair of insar covers this tile, at least one"):
        make(features=("grd", "insar"), pairs=find_pairs(tmp_path / "insar", relative_orbit=87))


@pytest.fixture
def dual(tmp_path, rng):
    return find_scenes(write_catalog(tmp_path / "dual", GRID, TIMES, rng))


def build_dual(tmp_path, scenes, **changes):
    settings = {"pixel": PIXEL, "polarisation": "HH+HV"} | changes
    return build(tmp_path / str(settings["polarisation"]), scenes, glaciers(TILES), SPLIT, **settings)


def spoil(scene, kind, window):
    """Take the values from a part of a raster."""
    path = Path(scene.hrefs[kind][0])
    power = raster_of(path)
    power[window] = np.nan
    write_raster(path, power, GRID)


def test_two_polarisations_stand_beside_each_other_as_each_is_alone(tmp_path, dual):
    both = build_dual(tmp_path, dual)
    check_published(both, features=("grd", "grd_cross"))
    with h5py.File(both / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert sorted(group) == ["grd", "grd_cross", "outlines"]
        assert group.attrs["polarisation"] == "HH+HV"
        for name, kind in (("grd", "HH"), ("grd_cross", "HV")):
            with h5py.File(build_dual(tmp_path, dual, polarisation=kind) / "train.h5") as alone:
                own = alone["SVAL-10-38_2020_ro14"]
                np.testing.assert_array_equal(group[name], own["grd"])
                for attribute in ("times", "base_time_idx"):
                    np.testing.assert_array_equal(group.attrs[f"{name}_{attribute}"], own.attrs[f"grd_{attribute}"])
        assert not np.array_equal(group["grd"], group["grd_cross"])
    ((series, _, _),) = WholeTiles(both / "test.h5", features=("grd", "grd_cross"))
    assert series.shape == (2, 15, 20, 20)
    table = summarize_dataset(both)
    assert {"low, grd", "low, grd_cross", "dates, grd_cross"} <= set(table)
    assert (table["high, grd_cross"] > -10).all()


def test_a_date_without_a_value_of_one_polarisation_is_left_out_of_both(tmp_path, dual):
    spoil(dual[3], "HV", (..., slice(0, 20)))
    with h5py.File(build_dual(tmp_path, dual) / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert len(group["grd"]) == len(group["grd_cross"]) == 15
        np.testing.assert_array_equal(group.attrs["grd_times"], group.attrs["grd_cross_times"])
        assert group.attrs["empty_dates"] == group.attrs["grd_cross_empty_dates"] == 1


def test_polarisations_without_a_date_in_common_are_refused(tmp_path, dual):
    for k, scene in enumerate(dual):
        spoil(scene, ("HH", "HV")[k % 2], (..., slice(0, 20)))
    with pytest.raises(InputError, match="no date with HH and HV on the grid found, some expected"):
        build_dual(tmp_path, dual)


def test_a_pixel_that_one_polarisation_never_sees_belongs_to_no_class(tmp_path, dual):
    for scene in dual:
        spoil(scene, "HV", np.s_[:4, :10])
    with h5py.File(build_dual(tmp_path, dual) / "train.h5") as file:
        group = file["SVAL-10-38_2020_ro14"]
        assert not group["outlines"][:4, :10].any()
        assert group["outlines"][4:].any(-1).all()
        assert group.attrs["grd_cross_masked_share"] == pytest.approx(40 / 400)
        assert group.attrs["masked_share"] == 0


def test_rtc_of_two_polarisations_stands_beside_grd_of_two(tmp_path, dual):
    rtc = [replace(scene, hrefs={"HH": scene.hrefs["HV"], "HV": scene.hrefs["HH"]}) for scene in dual]
    folder = build_dual(tmp_path, dual, features=("grd", "rtc"), rtc=rtc)
    with h5py.File(folder / "val.h5") as file:
        decibel = {
            name: radiometry.unscale(file["SVAL-11-38_2020_ro14"][name][()], feature=name)
            for name in ("grd", "grd_cross", "rtc", "rtc_cross")
        }
    np.testing.assert_allclose(decibel["rtc"], decibel["grd_cross"], atol=1e-4)
    np.testing.assert_allclose(decibel["rtc_cross"], decibel["grd"], atol=1e-4)


def test_scenes_that_lack_one_of_two_polarisations_are_refused(tmp_path, dual):
    lacking = [*dual[:5], replace(dual[5], hrefs={"HH": dual[5].hrefs["HH"]}), *dual[6:]]
    assert covered_tiles(dual, "HH+HV") == TILES
    for refused in (lambda: covered_tiles(lacking, "HH+HV"), lambda: build_dual(tmp_path, lacking)):
        with pytest.raises(InputError, match=rf"{dual[5].id}: no HV found, both of polarisation='HH\+HV' expected"):
            refused()
    assert not (tmp_path / "HH+HV").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"polarisation": "HH+VV"}, r"polarisation='HH\+VV' found, one of HH, HV, VV, VH, HH\+HV, VV\+VH expected"),
        ({"polarisation": "VV+VH"}, r"no scene with polarisation VV\+VH"),
        ({"features": ("grd", "grd_cross")}, r"grd, grd_cross found.*; polarisation='HH\+HV' adds the cross-polarised"),
    ],
)
def test_choices_of_two_polarisations_that_cannot_be_are_refused(tmp_path, dual, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        build_dual(tmp_path, dual, **changes)


def test_a_tile_is_made_anew_when_its_cross_polarised_raster_changed(tmp_path, dual):
    def fingerprints(kind):
        config = DatasetConfig(years=[2020], relative_orbits=[14], pixel=PIXEL, polarisation=kind)
        return [fingerprint(job) for job in plan_dataset(tmp_path, dual, glaciers(TILES), SPLIT, config).jobs]

    before = {kind: fingerprints(kind) for kind in ("HH", "HH+HV")}
    spoil(dual[2], "HV", np.s_[:2, :2])
    assert fingerprints("HH") == before["HH"]
    assert not set(fingerprints("HH+HV")) & {*before["HH+HV"], *before["HH"]}


def test_the_disk_must_have_space_for_both_polarisations(tmp_path, dual, monkeypatch):
    one = 2 * 3 * 4 * (16 + 2) * 20 * 20  # every tile twice: dates and two planes of labels, float32
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 3 * one // 2}))
    build_dual(tmp_path, dual, polarisation="HV")
    with pytest.raises(InputError, match="3 tiles and the making of them"):
        build_dual(tmp_path, dual)
