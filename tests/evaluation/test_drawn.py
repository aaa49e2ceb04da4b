"""glaciersar.evaluation.drawn"""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from glaciersar.evaluation import drawn, scoring
from glaciersar.grid import SVAL, Tile
from tests.support.tiles import write_tiles

TILES = {Tile(column=6, row=6): 0.5, Tile(column=7, row=6): 0.25}


def outlines_of(wider=0.0):
    shapes = []
    for tile, share in TILES.items():
        left, bottom, right, top = tile.bounds
        shapes.append(shapely.box(left, bottom, left + (share + wider) * (right - left), top))
    return gpd.GeoDataFrame({"year": 2020}, geometry=shapes, crs=SVAL.crs, index=range(len(shapes)))


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "outlines.gpkg"
    outlines_of().to_file(path, layer="truth")
    outlines_of(0.05).to_file(path, layer="second_annotator")
    return path


@pytest.fixture
def tiles(tmp_path):
    write_tiles(tmp_path / "test.h5", TILES)
    return tmp_path / "test.h5"


def test_an_archive_has_a_second_annotator_and_the_truth(archive):
    assert list(drawn.read_drawn(archive)) == ["second annotator", "truth"]


def test_real_radar_has_neither_unless_an_annotator_is_given(archive, tmp_path):
    assert drawn.read_drawn(None) == {}
    assert drawn.read_drawn(tmp_path / "none.gpkg") == {}
    outlines_of(0.1).to_file(tmp_path / "other.gpkg")
    assert list(drawn.read_drawn(None, annotator=tmp_path / "other.gpkg")) == ["second annotator"]
    found = drawn.read_drawn(archive, annotator=tmp_path / "other.gpkg")
    assert found["second annotator"].area.sum() == pytest.approx(outlines_of(0.1).area.sum())
    assert found["truth"].area.sum() == pytest.approx(outlines_of().area.sum())


def test_outlines_are_scored_below_the_models(archive, tiles):
    scores = pd.concat({"unet3d": scoring.score_outlines(outlines_of(), tiles)}, names=["model"])
    added = drawn.add_drawn(scores, drawn.read_drawn(archive), tiles)
    assert list(added.index.unique("model")) == ["unet3d", "second annotator", "truth"]
    assert drawn.annotator_agreement(added) == pytest.approx(15 / 17)
    assert added.loc[("truth", "pooled"), "iou"] == 1


def test_without_outlines_the_scores_stay_and_there_is_no_agreement(tiles):
    scores = pd.concat({"unet3d": scoring.score_outlines(outlines_of(), tiles)}, names=["model"])
    assert drawn.add_drawn(scores, {}, tiles) is scores
    assert drawn.annotator_agreement(scores) is None
