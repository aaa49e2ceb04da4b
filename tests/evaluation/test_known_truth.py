"""glaciersar.evaluation.known_truth"""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.evaluation.known_truth import compare_with_truth
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((500_000, 8_700_000, 500_800, 8_700_400), "EPSG:32633", resolution=100, tight=True)  # 4 × 8


@pytest.fixture
def probability(tmp_path):
    """The western half is mapped as glacier, but for its uppermost row, which has no data."""
    values = np.full(GRID.shape, 0.1, np.float32)
    values[:, :4] = 0.9
    values[0] = np.nan
    return write_raster(tmp_path / "map/probability.tif", values, GRID)


@pytest.fixture
def archive(tmp_path):
    """The truth: glacier in the western three quarters. The reference, in a layer of its own, has none of it."""
    (tmp_path / "archive").mkdir()
    for layer, east in (("reference", 500_100), ("truth", 500_600)):
        drawn = gpd.GeoDataFrame(geometry=[shapely.box(500_000, 8_700_000, east, 8_700_400)], crs="EPSG:32633")
        drawn.to_file(tmp_path / "archive/outlines.gpkg", layer=layer)
    return tmp_path / "archive"


def test_a_map_of_a_simulated_archive_is_scored_where_it_has_data(probability, archive):
    compared = compare_with_truth(probability, archive)
    assert compared.glacier.sum() == 4 * 6
    assert compared.iou == pytest.approx(3 * 4 / (3 * 6))
    assert str(compared) == "IoU with the truth: 0.67 (simulated radar)"


def test_the_archive_may_be_given_by_its_catalogue(probability, archive):
    (archive / "catalog.json").write_text("{}")
    assert compare_with_truth(probability, archive / "catalog.json").iou == compare_with_truth(probability, archive).iou


def test_without_true_outlines_there_is_no_score(probability, archive, tmp_path):
    for source in (tmp_path / "nothing", "https://stac.example/api", tmp_path / "map"):
        compared = compare_with_truth(probability, source)
        assert compared.glacier is None
        assert math.isnan(compared.iou)
        assert "IoU" not in str(compared)
    drawn = gpd.read_file(archive / "outlines.gpkg", layer="reference")
    drawn.to_file(tmp_path / "map/outlines.gpkg", layer="outlines")
    assert compare_with_truth(probability, tmp_path / "map").glacier is None, "outlines of a user are no truth"
