"""What is odd in scenes and outlines, but can be handled: counted, said, kept in the attributes of each tile."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.dataset.covered import covered_tiles
from glaciersar.dataset.summary import summarize_dataset
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.radiometry import unscale
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, write_catalog, write_raster
from tests.support.spoiling import GRID, PIXEL, TILES, TIMES, named, with_incidence


def nearly(value, shape):
    """Make radar of about one value: to the bit the same everywhere it would be a fill."""
    spread = np.random.default_rng(1).uniform(0.9999, 1.0001, shape)  # within 0.0005 dB
    return (value * spread).astype(np.float32)


def first(groups):
    return groups["SVAL-10-38_2020_ro14"]


def test_a_pass_that_is_listed_twice_is_one_date(place):
    again = [replace(scene, id=f"{scene.id}-again", time=scene.time + timedelta(seconds=20)) for scene in place.scenes]
    assert len(first(place.groups(scenes=[*place.scenes, *again]))["grd"]) == 16


def test_a_date_in_another_zone_is_warped(place):
    grid = GRID.to_crs("EPSG:32634", resolution=PIXEL)
    write_raster(Path(place.scenes[5].hrefs["HH"][0]), nearly(0.1, grid.shape), grid)
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


def test_a_tile_in_the_empty_corner_of_the_scenes_is_left_out_and_this_is_said(place, capsys):
    corner = shapely.box(*TILES[2].bounds)
    values = place.values()
    values[:, -13:] = np.nan  # more than half of the third tile
    place.rewrite(values)
    cover = shapely.box(*TILES[0].bounds).union(shapely.box(*TILES[1].bounds)).union(corner.buffer(-3000))
    (cover,) = gpd.GeoSeries([cover], crs=GRID.crs).to_crs(4326)
    outlined = [replace(scene, outline=cover) for scene in place.scenes]
    assert covered_tiles(place.scenes, "HH") == TILES
    assert covered_tiles(outlined, "HH") == TILES[:2]
    groups = place.groups(scenes=outlined, split=dict.fromkeys(TILES[:2], "train"))
    assert "left out" not in capsys.readouterr().out
    assert sorted(groups) == ["SVAL-10-38_2020_ro14", "SVAL-11-38_2020_ro14"]
    with pytest.raises(InputError, match="SVAL-12-38: no scene covers this tile"):
        place.groups(scenes=outlined)
    assert (
        "2020, orbit 14: 1 of 3 tiles are left out, of which the scenes cover less than half, such as SVAL-12-38"
        in (capsys.readouterr().out)
    )


def test_a_scene_that_was_processed_twice_is_one_date_the_newest_and_this_is_said_and_counted(place, capsys):
    old = place.scenes[5]
    path = write_raster(place.folder / "again.tif", nearly(0.5, GRID.shape), GRID)
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
    scenes = find_scenes(
        write_catalog(place.folder / "half", half, TIMES, place.rng, polarisations=("HH",), name="half")
    )
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
    np.testing.assert_array_equal(first(place.groups(reference=glaciers(TILES).to_crs(4326)))["outlines"], there)


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
    assert first(place.groups())["backscatter"] == "unknown"
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


def test_the_summary_gives_what_was_masked_and_filled(place):
    values = place.values()
    values[:, :5] = np.nan
    place.rewrite(values)
    table = summarize_dataset(place.build())
    assert table.loc["train", "masked"] == table.loc["train", "filled"] == pytest.approx(5 / 20 / 16)
    assert list(table["filled dates"]) == ["0", "0", "0"]
    assert table.loc["test", "masked"] == 0


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("src_date", "2008-07-23T00:00:00", "2008"),  # RGI 7 and GLIMS
        ("BgnDate", "20080799", "2008"),  # RGI 6
        ("YEAR_", 2008, "2008"),  # the Norwegian inventory
        ("name", "2008", "unknown"),
    ],
)
def test_the_year_of_outlines_stands_beside_the_dates_of_the_series(place, column, value, said):
    reference = place.read_outlines(glaciers(TILES).drop(columns="year").assign(**{column: value}))
    tile = first(place.groups(reference=reference))
    assert (tile["outlines_from"], tile["outlines_year"]) == (said, "any")
    assert tile["grd_times"][0] == b"2020-01-02T06:30:05Z"
    table = summarize_dataset(place.folder / "data")
    assert list(table["outlines from"]) == [said.replace("untold", "unknown")] * 3
    assert list(table["years"]) == ["2020"] * 3
