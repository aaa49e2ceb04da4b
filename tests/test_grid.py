"""glaciersar.grid"""

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from glaciersar import grid
from glaciersar.errors import InputError
from glaciersar.grid import (
    SUBSETS,
    SVAL,
    Grid,
    Group,
    Tile,
    grid_at,
    grid_of_tile,
    neighbours_sharing_a_subset,
    outline_tiles,
    split_blocks,
    split_random,
)

columns = st.integers(-60, 60)
tiles = st.builds(lambda column, row: Tile(column=column, row=row), columns, columns)
square = [Tile(column=column, row=row) for column in range(20) for row in range(20)]


def test_a_tile_lies_where_the_paper_puts_it():
    assert Tile(column=10, row=38).bounds == (430_000, 8_780_000, 440_000, 8_790_000)
    assert Tile(column=10, row=38).name == "SVAL-10-38"


@pytest.mark.parametrize(("pixel", "side"), [(10, 1000), (20, 500), (40, 250), (12.5, 800)])
def test_a_tile_holds_its_pixels_exactly(pixel, side):
    geobox = Tile(column=10, row=38).geobox(pixel=pixel)
    assert geobox.shape == (side, side)
    assert geobox.boundingbox.bbox == Tile(column=10, row=38).bounds


@pytest.mark.parametrize("pixel", [30, 0, -10])
def test_a_pixel_that_does_not_divide_a_tile_is_refused(pixel):
    with pytest.raises(InputError, match=r"pixel=.* expected for example 10, 20 or 40"):
        Tile(column=10, row=38).geobox(pixel=pixel)


@given(tiles, st.integers(2014, 2099), st.integers(1, 175))
def test_a_group_is_read_back_from_its_name(tile, year, orbit):
    group = Group(tile=tile, year=year, relative_orbit=orbit)
    assert Group.parse(group.name) == group


@pytest.mark.parametrize("name", ["SVAL-10-38", "SVAL-10-38_2020", "sval-10-38_2020_ro14", "SVAL-10-38_2020_ro14x"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(InputError, match="not named like SVAL-10-38_2020_ro14"):
        Group.parse(name)


@pytest.mark.parametrize(
    ("place", "name", "crs"),
    [
        ((15.5, 78.9), "SVAL", "EPSG:32633"),
        ((33.0, 80.1), "SVAL", "EPSG:32633"),  # Kvitøya lies in another zone, but on the published grid
        ((86.9, 28.0), "UTM45N", "EPSG:32645"),
        ((-73.2, -50.3), "UTM18S", "EPSG:32718"),
        ((13.0, 47.1), "UTM33N", "EPSG:32633"),  # the zone of Svalbard, but not its grid
        ((179.99, 67.0), "UTM60N", "EPSG:32660"),
        ((180.0, 67.0), "UTM01N", "EPSG:32601"),
        ((-30.0, 84.5), "EPSG3413", "EPSG:3413"),
        ((100.0, -81.0), "EPSG3031", "EPSG:3031"),
    ],
)
def test_the_grid_follows_from_the_place(place, name, crs):
    found = grid_at(*place)
    assert (found.name, found.crs) == (name, crs)
    assert found == (SVAL if name == "SVAL" else Grid(name=name, crs=crs))


@given(st.floats(-180, 180), st.floats(-90, 90), columns, columns, st.sampled_from(["", "EPSG:3413", "EPSG:32632"]))
def test_a_tile_of_any_grid_is_read_back_from_its_name(longitude, latitude, column, row, crs):
    tile = Tile(column=column, row=row, grid=grid_at(longitude, latitude, crs=crs))
    assert Tile.parse(tile.name) == tile
    assert grid_of_tile(tile.name) == tile.grid
    group = Group(tile=tile, year=2020, relative_orbit=14)
    assert Group.parse(group.name) == group


@given(st.floats(-180, 180), st.floats(-79.9, 83.9))
def test_a_place_lies_in_its_tile_which_is_of_10_km_on_the_ground(longitude, latitude):
    grid = grid_at(longitude, latitude)
    place = gpd.GeoSeries.from_xy([longitude], [latitude], crs=4326).to_crs(grid.crs).iloc[0]
    left, bottom = (10_000 * np.floor(value / 10_000) for value in (place.x, place.y))
    (tile,) = grid.tiles_within((left, bottom, left + 10_000, bottom + 10_000))
    assert shapely.box(*tile.bounds).buffer(1e-6).contains(place)
    ring = gpd.GeoSeries([shapely.box(*tile.bounds)], crs=grid.crs).to_crs(4326).iloc[0].exterior
    area = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*ring.xy)[0])
    assert area == pytest.approx(1e8, rel=0.02)


@pytest.mark.parametrize(
    ("crs", "found"),
    [("EPSG:4326", "WGS 84 found"), ("EPSG:2263", "ftUS"), ("nowhere", "unknown"), ("+proj=laea", "found")],
)
def test_a_system_that_carries_no_grid_is_refused(crs, found):
    with pytest.raises(InputError, match=f"crs=.*{found}.*projected system in metres"):
        grid_at(7, 46, crs=crs)


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({"name": "UTM45N", "tile_size": 5000.0}, "tile_size=5000.0"),
        ({"name": "UTM45N", "origin": (123.0, 456.0)}, r"origin=\(123.0, 456.0\)"),
        ({"name": "NEPAL"}, "name='NEPAL'"),
        ({"name": "EPSG32645"}, "name='EPSG32645'"),
        ({"name": "SVAL"}, "crs='EPSG:32645', origin="),
    ],
)
def test_a_grid_whose_tiles_could_not_be_read_back_is_refused(how, found):
    with pytest.raises(InputError, match=rf"Grid of EPSG:32645 with {found}.* found, .* grid_at\(longitude, latitude"):
        Grid(crs="EPSG:32645", **how)


def test_tiles_of_two_grids_are_no_neighbours_and_no_block():
    two = [Tile(column=0, row=0, grid=grid_at(longitude, 46)) for longitude in (3, 9)]
    here = two[0].neighbour(right=1)
    assert here == Tile(column=1, row=0, grid=two[0].grid)
    assert two[0].apart(here) == (1, 0)
    assert min(here.apart(two[1])) > 1e6
    assert np.isnan(neighbours_sharing_a_subset(dict.fromkeys(two, "train"))).all()
    three = [*two, Tile(column=0, row=0)]
    assert len(set(split_blocks(three, block=4, seed=0).values())) == 3
    drawn = outline_tiles(two)
    assert drawn.crs == two[0].grid.crs
    assert drawn.iloc[0].distance(drawn.iloc[1]) > 100_000


def test_no_module_but_the_grid_names_a_utm_zone():
    package = Path(grid.__file__).parent
    named = [path.name for path in package.rglob("*.py") if re.search(r"32[67]\d\d", path.read_text())]
    assert named == ["grid.py"]


@given(tiles, st.floats(0, 9_999), st.floats(0, 9_999))
def test_only_tiles_wholly_inside_are_listed(tile, more, less):
    left, bottom, right, top = tile.bounds
    assert SVAL.tiles_within((left - more, bottom - more, right + less, top + less)) == [tile]
    assert SVAL.tiles_within((left + 1, bottom, right + less, top)) == []


@given(
    st.sets(tiles, min_size=3, max_size=80),
    st.integers(0, 2**32),
    st.tuples(*[st.floats(0.01, 1)] * 3).map(lambda parts: tuple(np.array(parts) / sum(parts))),
)
def test_every_subset_gets_its_share_of_tiles_and_none_is_empty(some, seed, shares):
    split = split_random(some, seed=seed, shares=shares)
    assert set(split) == some
    for subset, share in zip(SUBSETS, shares, strict=True):
        count = sum(found == subset for found in split.values())
        assert count >= 1
        assert abs(count - share * len(some)) < 3


def test_the_published_number_of_tiles_splits_into_the_published_counts():
    many = [Tile(column=k, row=0) for k in range(747)]
    found = list(split_random(many, seed=0).values())
    assert [found.count(subset) for subset in SUBSETS] == [448, 149, 150]


def test_a_split_depends_on_the_seed_and_on_nothing_else():
    assert split_random(square, seed=1) == split_random(reversed(square), seed=1)
    assert split_random(square, seed=1) != split_random(square, seed=2)


def test_a_random_split_mixes_neighbours_as_chance_does_and_blocks_do_not():
    observed, expected = neighbours_sharing_a_subset(split_random(square, seed=0))
    assert expected == pytest.approx(0.44)
    assert observed == pytest.approx(expected, abs=0.05)
    blocked, _ = neighbours_sharing_a_subset(split_blocks(square, block=5, seed=0))
    assert blocked > 0.8


def test_a_block_stays_in_one_subset():
    split = split_blocks(square, block=4, seed=3)
    subsets_of_block = {}
    for tile, subset in split.items():
        subsets_of_block.setdefault((tile.column // 4, tile.row // 4), set()).add(subset)
    assert all(len(subsets) == 1 for subsets in subsets_of_block.values())
    assert set(split.values()) == set(SUBSETS)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.6, 0.6, -0.2), (0.6, 0.3, 0.3)])
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    with pytest.raises(InputError, match="three shares"):
        split_random(square, seed=0, shares=shares)


def test_two_tiles_cannot_be_split_in_three():
    with pytest.raises(InputError, match="2 tiles or blocks"):
        split_random(square[:2], seed=0)


def test_a_split_without_neighbours_has_no_leakage_to_measure():
    assert np.isnan(neighbours_sharing_a_subset({Tile(column=0, row=0): "train", Tile(column=5, row=5): "val"})).all()


def test_splits_offer_blocks_only_where_there_are_enough():
    few = [Tile(column=c, row=r) for c in (0, 1) for r in (0, 1)]
    many = [Tile(column=c, row=r) for c in range(6) for r in range(4)]
    options = {"block": 2, "seed": 1, "shares": (0.6, 0.2, 0.2)}
    assert list(grid.splits(few, **options)) == ["random"]
    found = grid.splits(many, **options)
    assert grid.choose_split(found, "blocks") == grid.split_blocks(many, **options)
    with pytest.raises(InputError, match="split='foo' found, one of random, blocks expected"):
        grid.choose_split(found, "foo")
