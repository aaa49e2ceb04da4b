"""glaciersar.dataset.origin"""

import json

import h5py
import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from glaciersar import grid
from glaciersar.dataset.hdf5 import split_of
from glaciersar.dataset.origin import find_origin
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.manifest import write_manifest
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, write_catalog, write_raster, year_of_dates
from tests.support.building import build

PIXEL = 500.0  # 20 × 20 a tile
TILES = [Tile(column=10 + k, row=38) for k in range(3)]
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=PIXEL, tight=True)
CHOICES = {"polarisation": "HH", "place": None, "block": 1, "seed": 1, "shares": (0.34, 0.33, 0.33)}


@pytest.fixture
def run(tmp_path, rng):
    """A run after notebook 01: an archive with reference outlines, and a manifest of its scenes."""
    times = year_of_dates(20, step_days=18)
    catalog = write_catalog(tmp_path / "archive", GRID, times, rng, polarisations=("HH",))
    glaciers(TILES).to_file(tmp_path / "archive/outlines.gpkg", layer="reference")
    write_manifest(find_scenes(catalog), tmp_path / "scenes.json")
    return tmp_path


def contents(folder):
    """The hash of the values in each file, which `build_dataset` writes."""
    found = {}
    for subset in grid.SUBSETS:
        with h5py.File(folder / f"{subset}.h5") as file:
            found[subset] = file.attrs["content"]
    return found


def test_scenes_and_outlines_of_a_run_become_the_files_that_the_builder_makes(run):
    origin = find_origin(run)
    splits = origin.splits(**CHOICES)
    assert set(splits) == {"random", "blocks"}
    assert sorted(splits["blocks"]) == TILES
    folder = origin.build(run / "dataset", splits["blocks"], polarisation="HH", pixel=PIXEL)
    other = build(run / "other", origin.scenes, origin.outlines, splits["blocks"], polarisation="HH", pixel=PIXEL)
    assert contents(folder) == contents(other)
    assert split_of(folder) == splits["blocks"]
    assert json.loads((folder / "croissant.json").read_text())


def test_given_files_are_left_as_they_are_with_their_own_split(run):
    origin = find_origin(run)
    split = origin.splits(**CHOICES)["random"]
    folder = origin.build(run / "dataset", split, polarisation="HH", pixel=PIXEL)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    given = find_origin("nowhere", data=folder)
    assert given.kind == origin.kind
    assert not given.scenes
    assert given.splits(**CHOICES) == {"as in the files": split}
    assert given.build(run / "elsewhere", {}, polarisation="HV", pixel=1.0) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert not (run / "elsewhere").exists()


def test_outlines_of_ones_own_take_the_place_of_the_archives(run):
    glaciers(TILES[:1]).to_file(run / "mine.gpkg", layer="ice")
    assert len(find_origin(run, outlines=run / "mine.gpkg", layer="ice").outlines) == 1
    assert len(find_origin(run, outlines=run / "mine.gpkg").outlines) == 1
    assert len(find_origin(run).outlines) == len(TILES)


def test_what_is_missing_is_told(run, tmp_path):
    with pytest.raises(InputError, match=r"scenes\.json: not there yet; notebooks/01-scenes\.ipynb makes it"):
        find_origin(tmp_path / "empty")
    with pytest.raises(InputError, match=r"train\.h5"):
        find_origin(run, data=tmp_path / "empty")


def test_a_folder_of_masks_is_taken_for_outlines_with_its_codes_alone(run):
    write_raster(run / "masks/a.tif", np.ones(GRID.shape, np.uint8), GRID, nodata=None)
    origin = find_origin(run, outlines=run / "masks", glacier_codes="1", unknown_codes="0")
    assert set(origin.outlines["label"]) == {"glacier", "known"}
    with pytest.raises(InputError, match="a folder of rasters found; for masks, glacier_codes expected"):
        find_origin(run, outlines=run / "masks")
    with pytest.raises(InputError, match="codes of masks and no folder found"):
        find_origin(run, glacier_codes="1")
