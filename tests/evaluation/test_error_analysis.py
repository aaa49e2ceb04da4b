"""glaciersar.evaluation.error_analysis"""

import numpy as np
import pandas as pd
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.evaluation import error_analysis as errors
from glaciersar.evaluation.metrics import Confusion, TileResult, boundary_distances
from glaciersar.grid import Group
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.simulate.zones import Zone

COUNTS = ["tp", "fp", "fn", "tn"]
PIXEL = 250.0


@pytest.fixture
def maps(rng):
    """Reference, map and valid pixels of 60 × 50, in patches."""
    fields = [ndimage.gaussian_filter(rng.standard_normal((60, 50)), 3) for _ in range(2)]
    truth = fields[0] > 0
    return truth, fields[0] + 0.4 * fields[1] > 0, rng.random((60, 50)) > 0.05


def test_the_counts_of_all_classes_add_up_to_those_of_the_map(maps, rng):
    zones = rng.integers(1, 11, (60, 50))
    table = errors.count_by_class(*maps, {"zone": errors.divide_by_zone(zones)})
    assert list(table["class"]) == [zone.name.lower() for zone in Zone]
    assert Confusion(*table[COUNTS].sum()) == Confusion.of(*maps)
    rock = table.set_index("class").loc["rock", COUNTS]
    truth, found, valid = (part[zones == Zone.ROCK] for part in maps)
    assert Confusion(*rock) == Confusion.of(truth, found, valid)


def test_counts_of_the_halves_of_a_map_add_up_to_those_of_the_whole(maps, rng):
    division = errors.divide_by_incidence(rng.uniform(29, 47, (60, 50)))
    whole = errors.sum_counts([errors.count_by_class(*maps, {"incidence": division})], ["class"])
    halves = [
        errors.count_by_class(*(part[rows] for part in maps), {"incidence": division.part((rows, slice(None)))})
        for rows in (slice(0, 22), slice(22, 60))
    ]
    pd.testing.assert_frame_equal(errors.sum_counts(halves, ["class"]), whole)
    first = whole.iloc[0]
    assert first["iou"] == first["tp"] / (first["tp"] + first["fp"] + first["fn"])


def test_a_pixel_of_no_class_is_not_counted():
    glacier = np.ones((2, 2), bool)
    zones = np.array([[0, Zone.ICE], [Zone.ICE, Zone.WATER]])
    counts = errors.count_by_class(glacier, glacier, None, {"zone": errors.divide_by_zone(zones)})
    table = errors.sum_counts([counts], ["class"])
    assert dict(zip(table["class"], table["tp"], strict=True)) == {"ice": 2, "water": 1}


def test_incidence_is_binned_by_four_degrees_and_unknown_incidence_is_in_no_bin():
    incidence = np.array([[31.9, 32.0, 35.99, 44.0, np.nan]], np.float32)
    division = errors.divide_by_incidence(incidence)
    assert [division.names.get(code) for code in division.codes[0]] == ["28–32°", "32–36°", "32–36°", "44–48°", None]


def test_a_pixel_in_shadow_is_not_in_layover():
    division = errors.divide_by_view(np.array([[True, True, False, False]]), np.array([[True, False, True, False]]))
    assert [division.names[code] for code in division.codes[0]] == ["shadow", "layover", "shadow", "seen"]


def test_glaciers_are_sized_one_by_one_even_where_they_touch_at_a_corner():
    glacier = np.zeros((40, 40), bool)
    glacier[0:2, 0:2] = True  # 0.04 km² at 100 m
    glacier[2:12, 2:12] = True  # 1 km², touches the first at a corner
    glacier[20:40, 0:20] = True  # 4 km²
    box = GeoBox.from_bbox((500_000, 8_700_000, 504_000, 8_704_000), "EPSG:32633", resolution=100, tight=True)
    division = errors.divide_by_size(glacier, geobox=box)
    assert [division.names.get(division.codes[at]) for at in ((0, 0), (5, 5), (30, 5), (0, 30))] == [
        "< 0.1 km²",
        "0.5–2 km²",
        "2–10 km²",
        None,
    ]
    found = glacier.copy()
    found[2:7] = False
    found[0, 30:] = True  # where there is no glacier
    table = errors.sum_counts([errors.count_by_class(glacier, found, None, {"size": division})], ["class"])
    assert dict(zip(table["class"], table["recall"], strict=True)) == {
        "< 0.1 km²": 1,
        "0.5–2 km²": 0.5,
        "2–10 km²": 1,
    }
    assert table["fp"].sum() == 0


def test_distances_of_all_classes_are_those_of_the_boundaries(maps, rng):
    division = errors.divide_by_zone(rng.integers(1, 11, (60, 50)))
    table = errors.distances_by_class(*maps, {"zone": division}, pixel=40)
    expected = np.sort(boundary_distances(*maps[:2], 40, maps[2]))
    found = np.sort(np.repeat(table["metres"], table["pixels"]))
    np.testing.assert_allclose(found, expected, atol=0.051)
    quantiles = errors.distance_quantiles([table], ["division"]).iloc[0]
    assert quantiles["pixels"] == expected.size
    assert quantiles["p50"] == np.quantile(found, 0.5, method="inverted_cdf")
    assert quantiles["p95"] == np.quantile(found, 0.95, method="inverted_cdf")


def test_distances_are_counted_in_the_class_of_the_boundary_pixel():
    truth, found = np.zeros((9, 20), bool), np.zeros((9, 20), bool)
    truth[:, :5], found[:, :8] = True, True
    zones = np.full((9, 20), Zone.ROCK)
    zones[:, :5] = Zone.ICE
    table = errors.distances_by_class(truth, found, None, {"zone": errors.divide_by_zone(zones)}, pixel=10)
    assert table.to_dict("list") == {
        "division": ["zone", "zone"],
        "class": ["ice", "rock"],
        "metres": [30, 30],
        "pixels": [9, 9],
    }


def test_a_map_without_glacier_has_no_distances(maps):
    truth, _, valid = maps
    division = errors.divide_by_zone(np.ones((60, 50), int))
    table = errors.distances_by_class(truth, np.zeros_like(truth), valid, {"zone": division}, pixel=40)
    assert table.empty
    assert list(table.columns) == ["division", "class", "metres", "pixels"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A landscape of 2 × 2 tiles in two years."""
    settings = ArchiveSettings(
        pixel=PIXEL, years=(2016, 2020), relative_orbits=(14,), repeat_days=90, missing_share=0, seed=3
    )
    return simulate_archive(tmp_path_factory.mktemp("archive") / "made", settings, progress=False).parent


def groups_of(archive):
    corner = ArchiveSettings().corner(0)
    tiles = [type(corner)(column=corner.column + x, row=corner.row + y) for x in (0, 1) for y in (0, 1)]
    return [Group(tile=tile, year=year, relative_orbit=14) for tile in tiles for year in (2016, 2020)]


def read(archive, name):
    with rasterio.open(archive / "landscape-00" / name) as file:
        return file.read(1)


def reference_maps(archive, found):
    """Give the reference of each tile, and `found(truth)` as its map."""
    drawn = outlines.read_outlines(archive / "outlines.gpkg", layer="reference")
    for group in groups_of(archive):
        truth = outlines.to_mask(outlines.outlines_of_year(drawn, group.year), group.tile.geobox(pixel=PIXEL))
        yield TileResult(name=group.name, truth=truth, found=found(truth))


def test_the_errors_of_an_archive_are_counted_in_the_zones_of_its_truth(archive):
    results = list(reference_maps(archive, np.ones_like))  # all is glacier
    counts, _ = errors.count_errors(results, archive, pixel=PIXEL)
    table = counts.query("division == 'zone' and sea == 'counted'").set_index("class")
    zones = np.concatenate([read(archive, f"zones_{year}.tif") for year in (2016, 2020)])
    for zone in Zone:
        assert table[COUNTS].sum(axis=1).get(zone.name.lower(), 0) == (zones == zone).sum()
    assert table.loc["ice", "fp"] < table.loc["ice", "tp"]
    assert table.loc["rock", "tp"] < table.loc["rock", "fp"]
    assert set(table["landscape"]) == {"landscape-00"}
    pooled = Confusion(*counts.query("division == 'view' and sea == 'counted'")[COUNTS].sum())
    assert pooled == sum((Confusion.of(result.truth, result.found) for result in results), Confusion())


def test_counts_by_zone_of_all_tiles_together_are_those_by_class(archive):
    results = list(reference_maps(archive, lambda truth: np.roll(truth, 2, axis=0)))
    counts, _ = errors.count_errors(results, archive, pixel=PIXEL)
    expected = counts.query("division == 'zone' and sea == 'counted'").set_index("class")[COUNTS]
    found = errors.count_by_zone(results, archive).set_index("zone")
    pd.testing.assert_frame_equal(found, expected.loc[found.index], check_names=False)
    assert expected.drop(found.index).sum().sum() == 0


def test_the_sea_is_masked_in_every_division(archive):
    counts, distances = errors.count_errors(reference_maps(archive, np.logical_not), archive, pixel=PIXEL)
    water = sum((read(archive, f"zones_{year}.tif") == Zone.WATER).sum() for year in (2016, 2020))
    assert water > 0
    sums = counts.set_index(["division", "sea"])[COUNTS].sum(axis=1).groupby(level=[0, 1]).sum()
    for division in ("zone", "view", "incidence"):
        assert sums[division, "counted"] - sums[division, "masked"] == water
    assert "water" not in set(errors.sum_counts([counts.query("sea == 'masked'")], ["class"])["class"])
    assert set(distances["sea"]) == {"counted", "masked"}


def test_glaciers_that_reach_over_several_tiles_have_the_size_of_the_whole(archive):
    counts, distances = errors.count_errors(reference_maps(archive, np.copy), archive, pixel=PIXEL)
    sizes = counts.query("division == 'size' and sea == 'counted'").set_index("class")
    drawn = outlines.read_outlines(archive / "outlines.gpkg", layer="reference")
    box = errors.read_landscape(archive / "landscape-00", 2016, 14).geobox
    expected = 0.0
    for year in (2016, 2020):
        glaciers = outlines.from_mask(outlines.to_mask(outlines.outlines_of_year(drawn, year), box), box).area / 1e6
        expected += glaciers[glaciers >= 10].sum()
    assert sizes.loc["> 10 km²", "tp"] * PIXEL**2 / 1e6 == pytest.approx(expected)
    assert sizes[["fp", "fn", "tn"]].to_numpy().sum() == 0
    assert (distances["metres"] == 0).all()


def test_a_tile_elsewhere_and_one_of_other_pixels_are_refused(archive):
    result = next(reference_maps(archive, np.copy))
    small = TileResult(name=result.name, truth=result.truth[1:], found=result.truth[1:])
    with pytest.raises(InputError, match=rf"{result.name}: \(39, 40\) pixels found, \(40, 40\) as in"):
        errors.count_errors([small], archive, pixel=PIXEL)
    elsewhere = TileResult(name="SVAL-1-1_2016_ro14", truth=result.truth, found=result.truth)
    with pytest.raises(InputError, match="no landscape with tile SVAL-1-1 found"):
        errors.count_errors([elsewhere], archive, pixel=PIXEL)
    other = TileResult(name=result.name.replace("2016", "2018"), truth=result.truth, found=result.truth)
    with pytest.raises(InputError, match=r"zones_2018\.tif: not there yet"):
        errors.count_errors([other], archive, pixel=PIXEL)
