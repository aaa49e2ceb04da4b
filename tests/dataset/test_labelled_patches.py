"""glaciersar.dataset.labelled_patches"""

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio

from glaciersar import radiometry
from glaciersar.dataset import labelled_patches as patches
from glaciersar.dataset.hdf5 import list_groups
from glaciersar.dataset.label_codes import LabelCodes
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.grid import Group

CODES = LabelCodes(glacier=(2,), unknown=(0,), other=(1, 3))
HOW = {"kind": "X-band amplitude", "grey": (0, 255), "as_decibels": (-25, 0)}
GLACIERS = {"a": "Bre", "b": "Bre", "c": "Apre"}


def write_raster(path, values):
    transform = rasterio.Affine(6, 0, 500_000, 0, -6, 8_000_000)
    how = {"driver": "GTiff", "height": 32, "width": 32, "count": 1, "dtype": "uint8", "crs": "EPSG:32622"}
    with rasterio.open(path, "w", **how, transform=transform) as file:
        file.write(values, 1)


def write_patches(folder, rng):
    """Three patches of two glaciers: the left half ice, the top eight rows without data."""
    images = {}
    for name in GLACIERS:
        mask = np.where(np.arange(32) < 16, 2, 3) * np.ones((32, 1), int)
        mask[:8] = 0
        images[name] = np.where(mask == 0, 0, rng.integers(1, 256, (32, 32))).astype(np.uint8)
        write_raster(folder / f"{name}_img.tif", images[name])
        write_raster(folder / f"{name}_mask.tif", mask.astype(np.uint8))
    table = pd.DataFrame({"id": list(GLACIERS), "glacier": list(GLACIERS.values())})
    table.assign(date=["2012-05-01", "2011-05-01", "2010-01-01"]).to_csv(folder / "index.csv", index=False)
    return images


@pytest.fixture
def images(tmp_path, rng):
    return write_patches(tmp_path, rng)


@pytest.fixture
def named(tmp_path, images):
    return patches.name_groups(patches.read_patches(tmp_path, CODES, shrink=4))


NAMES = {"c": "UTM22N-50-799_2010_ro0", "b": "UTM22N-50-799_2011_ro0", "a": "UTM22N-50-799_2012_ro0"}


def test_a_group_has_the_name_of_its_tile_on_the_grid_of_its_own_system(named):
    assert {patch.id: name for name, patch in named.items()} == NAMES
    for name, patch in named.items():
        tile, box = Group.parse(name).tile, patch.geobox.boundingbox
        assert str(patch.geobox.crs) == tile.grid.crs
        left, bottom, right, top = tile.bounds
        assert left <= (box.left + box.right) / 2 <= right
        assert bottom <= (box.bottom + box.top) / 2 <= top


def test_further_images_of_a_tile_and_year_have_numbers_that_no_orbit_has(named):
    one = named[NAMES["c"]]
    names = list(patches.name_groups([one, replace(one, id="d"), replace(one, id="e")]))
    assert names == ["UTM22N-50-799_2010_ro0", "UTM22N-50-799_2010_ro901", "UTM22N-50-799_2010_ro902"]
    with pytest.raises(InputError, match="a hundred images of 2010 in tile UTM22N-50-799 found"):
        patches.name_groups([one] * 101)


def test_an_averaged_pixel_has_the_mean_power_of_those_with_data(named, images):
    patch = named[NAMES["c"]]
    assert patch.amplitude.shape == (8, 8)
    assert patch.pixel == 24
    assert patch.amplitude[5, 2] == pytest.approx(np.sqrt((images["c"][20:24, 8:12].astype(float) ** 2).mean()))


def test_ice_is_glacier_sea_is_not_and_what_has_no_data_is_neither(named):
    for patch in named.values():
        assert (patch.labels[:2] == 0).all()
        assert (patch.labels[2:, :4] == [0, 1]).all()
        assert (patch.labels[2:, 4:] == [1, 0]).all()


def test_the_mean_of_a_pixel_with_some_data_is_of_that_data_alone(tmp_path, images):
    mask = np.full((32, 32), 2, np.uint8)
    mask[0, :3], mask[31] = 0, 0  # three of sixteen without data; four of sixteen
    image = np.where(mask == 0, 0, 100).astype(np.uint8)
    write_raster(tmp_path / "a_img.tif", image)
    write_raster(tmp_path / "a_mask.tif", mask)
    patch = next(p for p in patches.read_patches(tmp_path, CODES, shrink=4) if p.id == "a")
    np.testing.assert_allclose(patch.amplitude, 100, rtol=1e-6)
    np.testing.assert_allclose(patch.labels, np.broadcast_to([0, 1], patch.labels.shape), atol=1e-6)


def test_an_unknown_class_is_refused(tmp_path, images):
    write_raster(tmp_path / "b_mask.tif", np.full((32, 32), 7, np.uint8))
    with pytest.raises(InputError, match=r"b_mask\.tif: code 7 found, expected glacier 2, unknown 0, other 1, 3"):
        patches.read_patches(tmp_path, CODES, shrink=4)


def test_the_file_is_in_the_published_layout_and_shows_one_date_fifteen_times(tmp_path, named):
    patches.write_patches(tmp_path / "test.h5", named.items(), **HOW)
    assert [entry.name for entry in list_groups(tmp_path / "test.h5")] == sorted(named)
    for series, labels, name in (WholeTiles(tmp_path / "test.h5")[k] for k in range(3)):
        assert (series == series[:, :1]).all()
        np.testing.assert_array_equal(labels.permute(1, 2, 0), named[name].labels)


def test_grey_lies_where_the_page_says_and_what_has_no_data_is_0(tmp_path, named):
    patches.write_patches(tmp_path / "test.h5", named.items(), **HOW)
    for series, _, name in (WholeTiles(tmp_path / "test.h5")[k] for k in range(3)):
        seen = named[name].labels.sum(-1) > 0
        scaled = series.numpy()[0, 0]
        grey = (radiometry.unscale(scaled, feature="grd") + 25) / 25 * 255
        np.testing.assert_allclose(grey[seen], named[name].amplitude[seen], atol=0.01)
        assert (scaled[~seen] == 0).all()


def test_the_file_is_known_by_its_content(tmp_path, named):
    def content(groups):
        patches.write_patches(tmp_path / "train.h5", groups, **HOW)
        with h5py.File(tmp_path / "train.h5") as file:
            return file.attrs["content"]

    assert content(named.items()) == content(named.items())
    assert content(named.items()) != content(list(named.items())[:2])


@pytest.mark.parametrize("seed", range(4))
def test_a_split_deals_whole_glaciers_and_leaves_no_subset_empty(named, seed):
    more = {
        f"UTM22N-9{k}-{row}_2012_ro0": replace(named[NAMES["c"]], glacier=f"G{k}")
        for k in range(5)
        for row in range(k + 1)
    }
    split = patches.split_by_glacier(more, seed=seed)
    assert sorted(name for part in split.values() for name in part) == sorted(more)
    owners = [{patch.glacier for patch in part.values()} for part in split.values()]
    assert all(owners)
    assert sum(map(len, owners)) == len(set.union(*owners)) == 5


def test_two_glaciers_cannot_be_three_subsets(named):
    with pytest.raises(InputError, match="1 glaciers found, at least 3 expected"):  # both lie in one tile
        patches.split_by_glacier(named, seed=1)


@pytest.mark.parametrize("seed", range(4))
def test_glaciers_that_share_a_tile_stay_together(named, seed):
    one, places = named[NAMES["c"]], {"A": (1, 2), "B": (3,), "C": (2, 3), "D": (4,), "E": (5,)}
    groups = {
        f"UTM22N-{column}-0_20{10 + k}_ro0": replace(one, glacier=glacier)
        for k, (glacier, columns) in enumerate(places.items())
        for column in columns
    }
    owners = [
        {patch.glacier for patch in part.values()} for part in patches.split_by_glacier(groups, seed=seed).values()
    ]
    assert {"A", "B", "C"} in owners
    assert sorted(map(len, owners)) == [1, 1, 3]


def test_a_group_says_where_its_patch_lies(tmp_path, named):
    patches.write_patches(tmp_path / "test.h5", named.items(), **HOW)
    with h5py.File(tmp_path / "test.h5") as file:
        group = file[NAMES["c"]]
        assert group.attrs["crs"] == "EPSG:32622"
        np.testing.assert_allclose(group.attrs["transform"], [24, 0, 500_000, 0, -24, 8_000_000])


def break_table(folder):
    (folder / "index.csv").write_text("id,glacier\na,Bre\n")


def break_date(folder):
    (folder / "index.csv").write_text("id,glacier,date\na,Bre,05/2012\n")


def break_grid(folder):
    with rasterio.open(folder / "c_img.tif", "r+") as file:
        file.transform = rasterio.Affine(6, 0, 0, 0, -6, 0)


def cut_image(folder):
    (folder / "c_img.tif").write_bytes((folder / "c_img.tif").read_bytes()[:100])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (break_table, r"index\.csv: no column date found"),
        (break_date, r"index\.csv: date '05/2012' found, dates such as"),
        (break_grid, r"c_img\.tif: another grid than that of its mask"),
        (cut_image, r"c_img\.tif: cannot be read as a raster"),
        (lambda folder: (folder / "c_img.tif").unlink(), r"c_img\.tif: no such file"),
        (lambda folder: (folder / "index.csv").unlink(), r"index\.csv: no such file"),
    ],
)
def test_patches_that_do_not_fit_are_refused(tmp_path, images, change, sentence):
    change(tmp_path)
    with pytest.raises(InputError, match=sentence):
        patches.read_patches(tmp_path, CODES)
