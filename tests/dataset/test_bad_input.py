"""What a user may get wrong in building: handled and reported, or refused in one sentence with nothing half-written."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pytest
import rasterio
import shapely
from archives import glaciers, write_catalog, write_raster, year_of_dates
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.dataset import build, card
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.radiometry import unscale
from glaciersar.scenes import find

PIXEL = 500.0  # 20 × 20 a tile
TILES = [Tile(column=10 + k, row=38) for k in range(3)]
SPLIT = dict(zip(TILES, ("train", "val", "test"), strict=True))
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=PIXEL, tight=True)
TIMES = year_of_dates(16, step_days=23)


class Place:
    """An archive with everything right, that a case spoils."""

    def __init__(self, folder, rng):
        self.folder, self.rng = folder, rng
        self.scenes = find(write_catalog(folder / "archive", GRID, TIMES, rng, polarisations=("HH",)))

    def build(self, **changes):
        arguments = {"scenes": self.scenes, "reference": glaciers(TILES), "split": SPLIT, "years": [2020]}
        arguments |= {"relative_orbits": [14], "pixel": PIXEL, "progress": False} | changes
        return build(self.folder / "data", **arguments)

    def groups(self, **changes):
        """Build, and give the attributes and labels of each tile."""
        found = {}
        for path in sorted(self.build(**changes).iterdir()):
            with h5py.File(path) as file:
                for name, group in file.items():
                    found[name] = dict(group.attrs) | {key: group[key][()] for key in group}
        return found

    def rewrite(self, values, *, which=5, **profile):
        """Write other values into the raster of one date."""
        (href,) = self.scenes[which].hrefs["HH"]
        write_raster(Path(href), values, GRID, **profile)

    def values(self, which=5):
        with rasterio.open(self.scenes[which].hrefs["HH"][0]) as file:
            return file.read(1)

    def read_outlines(self, frame, name="glaciers.gpkg"):
        frame.to_file(self.folder / name)
        return outlines.read(self.folder / name)


@pytest.fixture
def place(tmp_path, rng):
    return Place(tmp_path, rng)


def with_raster(values, **profile):
    def change(place):
        place.rewrite(values(place), **profile)
        return {}

    return change


def with_scenes(change):
    return lambda place: {"scenes": [change(scene) for scene in place.scenes]}


def both_ways(place):
    states = ("ascending", "descending") * 8
    return {"scenes": [replace(scene, orbit_state=state) for scene, state in zip(place.scenes, states, strict=True)]}


def of_other_orbit(place):
    more = write_catalog(place.folder / "more", GRID, TIMES, place.rng, relative_orbit=174, name="beta")
    return {"scenes": [*place.scenes, *find(more)], "relative_orbits": [14, 87]}


def named(*names):
    """Rasters of the first dates get names that tell sigma or gamma nought."""

    def change(place):
        scenes = list(place.scenes)
        for k, name in enumerate(names):
            path = place.folder / "named" / f"{name}_HH.tif"
            write_raster(path, place.values(k), GRID)
            scenes[k] = replace(scenes[k], hrefs={"HH": (str(path),)})
        return {"scenes": scenes}

    return change


def with_incidence(values):
    def change(place):
        path = write_raster(place.folder / "incidence.tif", np.full(GRID.shape, values, np.float32), GRID)
        return {"scenes": [replace(s, hrefs={**s.hrefs, "incidence": (str(path),)}) for s in place.scenes]}

    return change


def put(**changes):
    return lambda place: changes


def reference(frame):
    return lambda place: {"reference": frame}


def out_is_a_file(place):
    (place.folder / "data").write_text("a file")
    return {}


NOWHERE = gpd.GeoDataFrame({"year": []}, geometry=[], crs="EPSG:32633")
IN_DEGREES = glaciers(TILES).to_crs(4326)
REFUSED = {
    "decibels in one date": (with_raster(lambda p: 10 * np.log10(p.values())), r"HH\.tif: .*look like decibels.*'db'"),
    "units declared wrongly": (
        with_scenes(lambda s: replace(s, units="db")),
        "look like linear power .*units='linear'",
    ),
    "unknown units": (
        with_scenes(lambda s: replace(s, units="amplitude")),
        "units='amplitude' found, 'linear' or 'db'",
    ),
    "integer digital numbers": (
        with_raster(lambda p: (300 + 900 * p.values()).astype(np.uint16), nodata=0),
        r"HH\.tif: .*look like uncalibrated digital numbers",
    ),
    "complex values": (with_raster(lambda p: p.values().astype(np.complex64)), r"HH\.tif: complex values found"),
    "no coordinate system": (with_raster(lambda p: p.values(), crs=None), r"HH\.tif: no coordinate system found"),
    "a turned raster": (
        with_raster(lambda p: p.values(), transform=rasterio.Affine(500, 50, 430_000, 50, -500, 8_790_000)),
        r"HH\.tif: a turned or flipped grid found, north up expected",
    ),
    "a raster with the south up": (
        with_raster(lambda p: p.values(), transform=rasterio.Affine(500, 0, 430_000, 0, 500, 8_780_000)),
        r"HH\.tif: a turned or flipped grid found, north up expected",
    ),
    "no scene": (put(scenes=[]), "no scene with .*; found no scene at all"),
    "a year without scenes": (
        lambda p: {"years": [2020, 2017], "reference": glaciers(TILES, years=(2017, 2020))},
        "no scene with .* year 2017, relative orbit 14; found 16 scenes of HH; years 2020; relative orbits 14",
    ),
    "a polarisation that is not there": (
        put(polarisation="VV"),
        "no scene with polarisation VV.*16 scenes of HH",
    ),
    "an orbit that is not there": (of_other_orbit, "no scene with .*relative orbit 87; found 32 scenes"),
    "an unknown orbit": (
        with_scenes(lambda s: replace(s, relative_orbit=None)),
        "no relative orbit found",
    ),
    "ascending and descending": (
        both_ways,
        "SVAL-10-38_2020_ro14: ascending and descending passes found, one viewing direction expected",
    ),
    "a gap in the year": (
        lambda p: {"scenes": p.scenes[:5] + p.scenes[8:], "dates": 10, "spacing_days": 30},
        "SVAL-10-38_2020_ro14: a date is missing: no scene between 2020-04-03 and 2020-07-04",
    ),
    "a longer gap than may be filled": (
        lambda p: {"scenes": p.scenes[:5] + p.scenes[9:], "dates": 10, "spacing_days": 30, "fill_dates": 1},
        "a date is missing.*; 2 dates to fill, at most 1 are to be",
    ),
    "too few dates": (put(dates=17), "SVAL-10-38_2020_ro14: 16 dates found.*at least 17 expected"),
    "no dates asked for": (put(dates=0), r"dates=0, spacing_days=24\.0 found, 1 date and more than 0 days expected"),
    "a tile that no scene covers": (put(split=SPLIT | {Tile(column=30, row=1): "val"}), "SVAL-30-1: no scene covers"),
    "no tile": (put(split={}), "split: no tile found, at least one expected"),
    "an unknown subset": (put(split=SPLIT | {TILES[0]: "testing"}), "subset 'testing' found, one of train, val, test"),
    "a pixel that does not divide a tile": (put(pixel=30), "pixel=30 m does not divide a tile of 10000 m"),
    "an unknown feature": (put(features=["ndvi"]), "features ndvi found, some of grd, rtc, insar expected"),
    "coherence alone": (
        put(features=["insar"]),
        "features insar found, some of .*, among them one",
    ),
    "coherence without pairs": (
        put(features=["grd", "insar"]),
        "features grd, insar and no pairs of insar found",
    ),
    "a second backscatter without scenes": (put(features=["grd", "rtc"]), "grd, rtc and no scenes of rtc found, some"),
    "scenes that no feature asks for": (lambda p: {"rtc": p.scenes}, "features grd and some scenes of rtc found, none"),
    "no workers": (put(workers=0), "workers=0 found, at least 1 expected"),
    "sigma and gamma nought": (
        named("gamma0_20200102", "sigma0_20200125"),
        r"20200125_HH\.tif: sigma0 found, gamma0",
    ),
    "beta nought": (named("S1_beta0_20200102"), r"S1_beta0_20200102_HH\.tif: beta0 found, gamma0 or sigma0 expected"),
    "another convention than declared": (
        lambda p: named("Gamma0_20200102")(p) | {"backscatter": "sigma0"},
        r"Gamma0_20200102_HH\.tif: gamma0 found, sigma0 expected",
    ),
    "an unknown convention": (put(backscatter="rcs"), "'rcs' found, gamma0 or sigma0 expected"),
    "an incidence that is none": (with_incidence(3000), "incidence from 3e.03 to 3e.03 found, angles from 0 to 180"),
    "no outlines": (reference(NOWHERE), "outlines: no outline found, glacier polygons expected"),
    "no outlines of the year": (
        reference(glaciers(TILES, years=(2016, 2017))),
        "outlines of 2016, 2017 found",
    ),
    "outlines elsewhere": (
        reference(glaciers([Tile(column=90, row=2)])),
        "1 outlines within .* none on the 3 tiles",
    ),
    "degrees declared as metres": (
        reference(IN_DEGREES.set_crs(32633, allow_override=True)),
        r"outlines: 3 outlines within 11\.\d+, 79\.\d+, .*EPSG:32633\) found, none on the 3 tiles; glaciers there",
    ),
    "outlines without a coordinate system": (
        reference(glaciers(TILES).set_crs(None, allow_override=True)),
        "outlines: no coordinate system found",
    ),
    "a file where the folder should be": (out_is_a_file, "data.*a folder that can be written to expected"),
}


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused_in_a_sentence_with_nothing_half_written(place, change, sentence):
    changes = change(place)
    with pytest.raises(InputError, match=sentence) as error:
        place.build(**changes)
    assert "\n" not in str(error.value)
    assert not list((place.folder / "data").glob("[!.]*"))
    assert all(path.name.startswith("SVAL") for path in (place.folder / "data").glob(".unfinished/*"))


# Handled, and reported in the attributes of each tile.


def first(groups):
    return groups["SVAL-10-38_2020_ro14"]


def test_a_pass_that_is_listed_twice_is_one_date(place):
    again = [replace(scene, id=f"{scene.id}-again", time=scene.time + timedelta(seconds=20)) for scene in place.scenes]
    assert len(first(place.groups(scenes=[*place.scenes, *again]))["grd"]) == 16


def test_a_date_in_another_zone_is_warped(place):
    grid = GRID.to_crs("EPSG:32634", resolution=PIXEL)
    write_raster(Path(place.scenes[5].hrefs["HH"][0]), np.full(grid.shape, 0.1, np.float32), grid)
    tile = first(place.groups())
    assert len(tile["grd"]) == 16
    np.testing.assert_allclose(unscale(tile["grd"][5]), -10, atol=1e-3)
    assert tile["masked_share"] == 0


def test_a_date_that_says_the_wrong_zone_lies_elsewhere_and_this_is_said(place, capsys):
    (href,) = place.scenes[5].hrefs["HH"]
    write_raster(Path(href), place.values(), GeoBox(GRID.shape, GRID.affine, "EPSG:32634"))
    assert len(first(place.groups())["grd"]) == 15
    said = (
        f"2020, orbit 14: 1 of 16 scenes lie beside all 3 tiles and are left out, such as {place.scenes[5].id} "
        "from (430000, 8780000) to (460000, 8790000) in EPSG:32634"
    )
    assert said in capsys.readouterr().out
    place.groups(scenes=place.scenes[:5] + place.scenes[6:])
    assert "beside" not in capsys.readouterr().out


def test_a_scene_that_was_processed_twice_is_one_date_the_newest_and_this_is_said_and_counted(place, capsys):
    old = place.scenes[5]
    path = write_raster(place.folder / "again.tif", np.full(GRID.shape, 0.5, np.float32), GRID)
    later = {"processed": old.time + timedelta(days=900), "hrefs": {"HH": (str(path),)}}
    again = replace(old, id="again", time=old.time + timedelta(seconds=0.3), **later)
    tile = first(place.groups(scenes=[*place.scenes, again]))
    assert len(tile["grd"]) == 16
    np.testing.assert_allclose(unscale(tile["grd"][5]), 10 * np.log10(0.5), atol=1e-3)
    assert f"1 scenes left out that a newer processing replaces, such as {old.id} by again" in capsys.readouterr().out
    with h5py.File(place.folder / "data/train.h5") as file:
        assert file.attrs["scenes_replaced"] == 1


def test_zeros_as_nodata_are_masked_and_counted(place):
    values = place.values()
    values[:, :5] = 0
    place.rewrite(values, nodata=None)
    tile = first(place.groups())
    assert tile["masked_share"] == tile["filled_share"] == pytest.approx(5 / 20 / 16)
    assert tile["unseen_share"] == 0
    assert (tile["grd"] > 0.4).all()  # no zero, which would be −146 dB


def test_border_noise_beside_nodata_is_masked_and_counted(place):
    values = place.values()
    values[:, :6], values[:, 6] = np.nan, 2e-4
    place.rewrite(values)
    assert first(place.groups())["masked_share"] == pytest.approx(7 / 20 / 16)


def test_half_of_a_tile_without_radar_is_neither_glacier_nor_background(place):
    for which in range(16):
        values = place.values(which)
        values[10:] = np.nan
        place.rewrite(values, which=which)
    tile = first(place.groups())
    assert (tile["unseen_share"], tile["masked_share"], tile["filled_share"]) == (0.5, 0.5, 0)
    assert not tile["outlines"][10:].any()
    assert (tile["outlines"][:10].sum(-1) == 1).all()


def test_a_tile_half_beyond_the_rasters_is_the_same(place):
    beyond = Tile(column=13, row=38)
    half = GRID.translate_pix(0, 0)[:, :50]
    scenes = find(write_catalog(place.folder / "half", half, TIMES, place.rng, polarisations=("HH",), name="half"))
    split = {TILES[0]: "train", TILES[1]: "val", TILES[2]: "test"}
    groups = place.groups(scenes=scenes, split=split)
    assert groups["SVAL-12-38_2020_ro14"]["unseen_share"] == 0.5
    with pytest.raises(InputError, match="SVAL-13-38: no scene covers"):
        place.build(scenes=scenes, split=split | {beyond: "test"})


def test_a_tiny_raster_beside_the_others_is_a_strip_of_its_pass(place):
    path = place.folder / "tiny.tif"
    write_raster(path, np.full((1, 1), 0.5, np.float32), GRID[0:1, 0:1])
    values = place.values()
    values[0, 0] = np.nan
    place.rewrite(values)
    scenes = list(place.scenes)
    scenes[5] = replace(scenes[5], hrefs={"HH": (*scenes[5].hrefs["HH"], str(path))})
    tile = first(place.groups(scenes=scenes))
    assert tile["masked_share"] == 0


def test_a_pass_without_values_on_a_tile_is_left_out_and_counted(place):
    values = place.values()
    values[:, :20] = np.nan
    place.rewrite(values)
    groups = place.groups()
    assert [name for name, group in groups.items() if group["empty_dates"]] == ["SVAL-10-38_2020_ro14"]
    assert [len(group["grd"]) for _, group in sorted(groups.items())] == [15, 16, 16]


def test_a_gap_is_filled_from_its_neighbours_if_asked_and_counted(place):
    kept = place.scenes[:5] + place.scenes[8:]
    tile = first(place.groups(scenes=kept, dates=10, spacing_days=30, fill_dates=2))
    filled = tile["filled_dates"]
    assert filled == len(tile["grd_filled_time_idx"]) > 0
    assert len(tile["grd"]) == len(tile["grd_times"]) == 13 + filled
    assert list(tile["grd_times"]) == sorted(tile["grd_times"])
    assert tile["filled_share"] == pytest.approx(filled / (13 + filled))
    assert tile["masked_share"] == 0
    for k in tile["grd_filled_time_idx"]:
        np.testing.assert_allclose(tile["grd"][k], (tile["grd"][4] + tile["grd"][5 + filled]) / 2, rtol=1e-6)


def test_outlines_in_degrees_are_projected(place):
    there = first(place.groups())["outlines"]
    np.testing.assert_array_equal(first(place.groups(reference=IN_DEGREES))["outlines"], there)


def test_a_self_crossing_polygon_is_mended_and_half_of_it_is_no_glacier_twice(place):
    left, bottom, *_ = TILES[0].bounds
    bow = shapely.Polygon([(left, bottom), (left + 8000, bottom + 8000), (left + 8000, bottom), (left, bottom + 8000)])
    read = place.read_outlines(gpd.GeoDataFrame(geometry=[bow], crs="EPSG:32633"))
    assert read.attrs["mended"] == 1
    assert first(place.groups(reference=read))["outlines"][..., 1].sum() == pytest.approx(0.5 * 16 * 16, abs=8)


@pytest.mark.parametrize("unit", [1, np.pi / 180])
def test_the_incidence_is_kept_in_degrees_also_of_radians(place, unit):
    tile = first(place.groups(**with_incidence(38 * unit)(place)))
    np.testing.assert_allclose(tile["incidence"], np.full((20, 20), 38), rtol=1e-5)


def test_the_convention_is_recorded(place):
    assert first(place.groups())["backscatter"] == "untold"
    assert first(place.groups(backscatter="sigma0"))["backscatter"] == "sigma0"
    names = [f"S1_Gamma0_{time:%Y%m%d}" for time in TIMES]
    assert first(place.groups(**named(*names)(place)))["backscatter"] == "gamma0"


def test_negative_power_of_an_overshot_noise_subtraction_is_raised_to_the_floor(place):
    values = place.values()
    values[3, 3] = -1e-4
    place.rewrite(values)
    tile = first(place.groups())
    assert tile["masked_share"] == 0
    assert tile["grd"].min() == pytest.approx((-40 + 146.01214599609375) / (43.54314041137695 + 146.01214599609375))


def test_a_float64_raster_and_one_in_integers_with_a_scale_are_read(place):
    values = place.values()
    place.rewrite(np.round(values * 1e4).astype(np.int32), nodata=0)
    with rasterio.open(place.scenes[5].hrefs["HH"][0], "r+") as file:
        file.scales = (1e-4,)
    place.rewrite(place.values(6).astype(np.float64), which=6)
    assert first(place.groups())["grd"].min() > 0.4


def test_the_card_tells_what_was_masked_and_filled(place):
    values = place.values()
    values[:, :5] = np.nan
    place.rewrite(values)
    table = card(place.build())
    assert table.loc["train", "masked"] == table.loc["train", "filled"] == pytest.approx(5 / 20 / 16)
    assert list(table["filled dates"]) == ["0", "0", "0"]
    assert table.loc["test", "masked"] == 0
