"""glaciersar.evaluation.tile_maps"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.evaluation import scoring
from glaciersar.evaluation.tile_maps import map_tile_by_models
from glaciersar.grid import SVAL, Tile
from glaciersar.models import pretrained
from tests.support.tiles import SIDE, write_tiles

TILE = Tile(column=2, row=1)


@pytest.fixture
def run(tmp_path):
    write_tiles(tmp_path / "test.h5", {TILE: 0.5, Tile(column=7, row=1): 0.2})
    torch.manual_seed(1)
    for name in ("unet3d", "ulstm"):
        (tmp_path / name).mkdir()
        pretrained.save(models.build(name, width=2), tmp_path / name / "weights.safetensors", feature_names="grd")
    return tmp_path


def test_each_model_maps_the_tile_as_it_does_alone(run):
    name = f"{TILE.name}_2020_ro14"
    maps = map_tile_by_models(run, ["ulstm", "unet3d"], run / "test.h5", name)
    assert list(maps) == ["ulstm", "unet3d"]
    for model, found in maps.items():
        alone = scoring.map_selected_tiles(run / model, run / "test.h5", [name])
        np.testing.assert_array_equal(found, alone[name])


def test_outlines_stand_beside_the_models_as_maps(run):
    left, bottom, right, top = TILE.bounds
    west = gpd.GeoDataFrame(geometry=[shapely.box(left, bottom, (left + right) / 2, top)], crs=SVAL.crs)
    outlines = {"second annotator": west, "nobody": None}
    maps = map_tile_by_models(run, [], run / "test.h5", f"{TILE.name}_2020_ro14", outlines=outlines)
    assert list(maps) == ["second annotator"]
    np.testing.assert_array_equal(maps["second annotator"], np.arange(SIDE)[None, :].repeat(SIDE, 0) < SIDE / 2)


def test_a_model_without_weights_is_named(run):
    with pytest.raises(InputError, match="04-train"):
        map_tile_by_models(run, ["unet2d"], run / "test.h5", f"{TILE.name}_2020_ro14")
