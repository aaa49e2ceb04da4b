"""glaciersar.dataset.label_rasters"""

import h5py
import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject

from glaciersar import outlines
from glaciersar.dataset.label_codes import LabelCodes
from glaciersar.dataset.label_rasters import read_label_rasters
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.search import find_scenes
from tests.support.archives import write_folder, write_raster, year_of_dates
from tests.support.building import build

CODES = LabelCodes(glacier=(2,), unknown=(0,))
PIXEL = 500.0
TILE = Tile(column=10, row=38)
GRID = TILE.geobox(pixel=PIXEL)  # 20 × 20


def draw(rng):
    """A mask: unknown on top, then land, glacier below; a few pixels of another code."""
    values = np.repeat(np.repeat([0, 1, 2, 2], 5), 20).reshape(20, 20).astype(np.uint8)
    values[7, rng.permutation(20)[:3]] = 3
    return values


@pytest.fixture
def values(tmp_path, rng):
    drawn = draw(rng)
    write_raster(tmp_path / "masks/a_mask.tif", drawn, GRID, nodata=None)
    return drawn


def test_traced_masks_give_the_pixels_back(tmp_path, values, capsys):
    found = read_label_rasters(tmp_path / "masks", CODES)
    assert (outlines.to_mask(outlines.glaciers(found), GRID) == (values == 2)).all()
    assert (outlines.known_mask(found, GRID) == (values != 0)).all()
    said = capsys.readouterr().out
    assert "masks: 1 masks, glacier 2, unknown 0: 66.7% of the known pixels glacier, 25.0% unknown" in said
    assert "codes 1, 3, of which nothing is said, are taken for no glacier" in said


def warp(values, source, target):
    """Bring codes from one grid to another as GDAL does, the nearest one."""
    found = np.zeros(target.shape, values.dtype)
    places = {
        "src_transform": source.affine,
        "src_crs": str(source.crs),
        "dst_transform": target.affine,
        "dst_crs": str(target.crs),
    }
    reproject(values, found, **places, resampling=Resampling.nearest, src_nodata=None)
    return found


def test_a_mask_in_another_projection_lies_where_gdal_would_warp_it(tmp_path, values):
    left, bottom, right, top = rasterio.warp.transform_bounds(GRID.crs.to_wkt(), "EPSG:3413", *GRID.boundingbox.bbox)
    other = GeoBox.from_bbox((left - 500, bottom - 500, right + 500, top + 500), "EPSG:3413", resolution=250)
    warped = warp(values, GRID, other)
    back = warp(warped, other, GRID)
    write_raster(tmp_path / "polar/mask.tif", warped, other, nodata=None)
    found = read_label_rasters(tmp_path / "polar", CODES)
    assert found.crs == "EPSG:3413"
    assert (outlines.to_mask(outlines.glaciers(found), GRID) == (back == 2)).mean() > 0.98
    assert (outlines.known_mask(found, GRID) == (back != 0)).mean() > 0.98


def test_a_dataset_of_masks_counts_unknown_ground_in_no_class(tmp_path, values, rng):
    scenes = find_scenes(write_folder(tmp_path / "scenes", GRID, year_of_dates(20, step_days=18), rng))
    reference = read_label_rasters(tmp_path / "masks", CODES)
    split = {TILE: "train"}
    folder = build(tmp_path / "dataset", scenes, reference, split, polarisation="HH", pixel=PIXEL)
    with h5py.File(folder / "train.h5") as file:
        (group,) = file.values()
        labels = group["outlines"][:]
        assert group.attrs["unknown_share"] == 0.25
    assert (labels[..., 1] == (values == 2)).all()
    assert (labels.sum(-1) == (values != 0)).all()


def test_masks_of_several_years_count_for_theirs(tmp_path, values, capsys):
    write_raster(tmp_path / "masks/b_mask.tif", np.where(values == 2, 1, values), GRID, nodata=None)
    write_raster(tmp_path / "masks/c_mask.tif", values, GRID, nodata=None)
    read_label_rasters(tmp_path / "masks", CODES)
    assert "3 pairs of masks overlap; where either says glacier, it is glacier" in capsys.readouterr().out
    (tmp_path / "masks/index.csv").write_text(
        "mask,date\na_mask.tif,2016-07-01\nb_mask.tif,2020-08-01\nc_mask.tif,2021\n"
    )
    found = read_label_rasters(tmp_path / "masks", CODES)
    assert "overlap" not in capsys.readouterr().out
    assert outlines.glaciers(outlines.outlines_of_year(found, 2020)).empty
    assert len(outlines.glaciers(outlines.outlines_of_year(found, 2016)))


@pytest.mark.parametrize(
    ("table", "pattern", "codes", "sentence"),
    [
        ("mask,year\nb_mask.tif,2016\n", "*.tif", CODES, r"index\.csv: no single year of a_mask\.tif found"),
        ("mask,year\na_mask.tif,\n", "*.tif", CODES, r"index\.csv: no single year of a_mask\.tif found"),
        ("", "*.png", CODES, r"masks: no mask named \*\.png found"),
        ("", "*.tif", LabelCodes(glacier=(9,)), "no pixel of glacier found in 1 masks, expected glacier 9"),
    ],
)
def test_folders_that_do_not_fit_are_refused(tmp_path, values, table, pattern, codes, sentence):
    if table:
        (tmp_path / "masks/index.csv").write_text(table)
    with pytest.raises(InputError, match=sentence):
        read_label_rasters(tmp_path / "masks", codes, pattern=pattern)
