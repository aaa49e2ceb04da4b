"""glaciersar.dataset.ground"""

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from glaciersar.dataset.ground import ground_classes, middle_square, read_zones, typical_pixels, varied_tile
from glaciersar.dataset.summary import read_tile
from glaciersar.grid import SVAL, Tile
from glaciersar.simulate.zones import Zone
from tests.support.tiles import PIXEL, SIDE, write_tiles

PLAIN, VARIED, ICY = Tile(column=1, row=1), Tile(column=2, row=1), Tile(column=3, row=1)


def write_zones(archive, tile, zones, *, year=2020):
    """Write the zones of a landscape of one tile, with its pixels a quarter of the dataset's."""
    folder = archive / f"landscape-{tile.column:02d}"
    folder.mkdir(parents=True)
    fine = zones.repeat(4, 0).repeat(4, 1)
    left, _, _, top = tile.bounds
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": len(fine), "width": len(fine[0])}
    transform = Affine(PIXEL / 4, 0, left, 0, -PIXEL / 4, top)
    with rasterio.open(folder / f"zones_{year}.tif", "w", crs=SVAL.crs, transform=transform, **profile) as file:
        file.write(fine, 1)


def some_zones():
    zones = np.full((SIDE, SIDE), Zone.ICE, np.uint8)
    zones[:, 10:] = Zone.ROCK
    zones[12:, 10:] = Zone.WATER
    return zones


@pytest.fixture
def folder(tmp_path):
    write_tiles(tmp_path / "train.h5", {PLAIN: 0.5, VARIED: 0.45, ICY: 0.9})
    write_zones(tmp_path / "archive", PLAIN, np.full((SIDE, SIDE), Zone.ICE, np.uint8))
    write_zones(tmp_path / "archive", VARIED, some_zones())
    return tmp_path


def test_zones_come_on_the_pixels_of_the_tile_and_only_for_its_place_and_year(folder):
    tile = read_tile(folder / "train.h5", f"{VARIED.name}_2020_ro14")
    np.testing.assert_array_equal(read_zones(folder / "archive", tile), some_zones())
    assert read_zones(folder / "archive", read_tile(folder / "train.h5", f"{ICY.name}_2020_ro14")) is None
    assert read_zones(folder / "absent", tile) is None
    (folder / "archive/landscape-02/zones_2020.tif").rename(folder / "archive/landscape-02/zones_2016.tif")
    assert read_zones(folder / "archive", tile) is None


def test_classes_lie_where_radar_sees_and_without_zones_they_are_the_labels(folder):
    tile = read_tile(folder / "train.h5", f"{VARIED.name}_2020_ro14")
    classes = ground_classes(tile, some_zones())
    assert list(classes) == ["glacier", "rock", "water"]
    np.testing.assert_array_equal(sum(classes.values()), tile.valid)  # each pixel in just one
    labels = ground_classes(tile)
    assert list(labels) == ["glacier", "land or sea"]
    np.testing.assert_array_equal(labels["glacier"], tile.glacier & tile.valid)
    np.testing.assert_array_equal(labels["land or sea"], ~tile.glacier & tile.valid)


def test_a_typical_pixel_lies_as_far_from_other_ground_and_from_the_border_as_can_be():
    mask = np.zeros((20, 30), bool)
    mask[2:9, 4:11] = True  # its middle is four pixels from the nearest other one
    mask[14:, 15:] = True  # at the border, six rows: three or four
    found = typical_pixels({"glacier": mask, "water": np.zeros_like(mask)})
    assert found == {"glacier": (5, 7)}


def test_the_tile_shown_is_the_most_mixed_one_that_holds_every_class(folder):
    tile, classes = varied_tile(folder / "train.h5", folder / "archive")
    assert tile.name == f"{VARIED.name}_2020_ro14"
    assert all(mask.any() for mask in classes.values())
    assert varied_tile(folder / "train.h5", folder / "absent")[0].name == f"{PLAIN.name}_2020_ro14"


def test_a_large_tile_is_cut_to_its_middle(folder):
    tile, classes = varied_tile(folder / "train.h5", folder / "archive", side=8)
    assert tile.backscatter.shape == (15, 8, 8)
    assert tile.glacier.shape == tile.valid.shape == classes["rock"].shape == (8, 8)
    np.testing.assert_array_equal(classes["glacier"][0], [1, 1, 1, 1, 0, 0, 0, 0])
    assert middle_square((20, 31), 8) == (slice(6, 14), slice(11, 19))
    assert middle_square((20, 31), 99) == (slice(0, 20), slice(5, 25))
