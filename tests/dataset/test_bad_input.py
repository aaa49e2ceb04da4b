"""What a user may get wrong in building: refused in a sentence with nothing half-written; more in test_reported."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, write_catalog
from tests.support.spoiling import GRID, SPLIT, TILES, TIMES, named, with_incidence


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
    return {"scenes": [*place.scenes, *find_scenes(more)], "relative_orbits": [14, 87]}


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
        r"HH\.tif: whole numbers from \d+ to \d+ without a scale found",
    ),
    "complex values": (with_raster(lambda p: p.values().astype(np.complex64)), r"HH\.tif: complex values found"),
    "no coordinate system": (with_raster(lambda p: p.values(), crs=None), r"HH\.tif: no coordinate system found"),
    "a turned raster": (
        with_raster(lambda p: p.values(), transform=rasterio.Affine(500, 50, 430_000, 50, -500, 8_790_000)),
        r"HH\.tif: a turned or mirrored grid found, north up expected",
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
        "a date is missing.*; 2 dates to fill found, at most 1 expected",
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
