"""glaciersar.evaluation.annotators"""

import geopandas as gpd
import pytest
from shapely import box
from torch import from_numpy
from torchmetrics.functional.classification import binary_jaccard_index

from glaciersar import outlines
from glaciersar.evaluation import annotators
from glaciersar.simulate.reference_outlines import annotate, true_outlines
from tests.support import landscapes


def test_the_agreement_from_polygons_is_that_from_masks(tmp_path):
    landscape = landscapes.draw(29)
    names = ("reference", "second_annotator")
    layers = {name: annotate(landscape, 2016, annotator=name, seed=8) for name in names}
    for layer, shapes in (layers | {"truth": true_outlines(landscape, 2016)}).items():
        shapes.assign(landscape="here", year=2016).to_file(tmp_path / "outlines.gpkg", layer=layer)
    table = annotators.inter_annotator_agreement(tmp_path / "outlines.gpkg").set_index("landscape")
    reference, second = (from_numpy(outlines.to_mask(layers[name], landscape.geobox)) for name in names)
    expected = float(binary_jaccard_index(reference, second))
    assert table.loc["here", "iou"] == pytest.approx(expected, abs=0.005)
    assert table.loc["all", "iou"] == table.loc["here", "iou"]
    expected = float(binary_jaccard_index(from_numpy(landscape.glacier[2016]), reference))
    assert table.loc["here", "truth_iou"] == pytest.approx(expected, abs=0.005)


def test_the_agreement_pools_areas_over_landscapes(tmp_path):
    squares = {  # landscape: reference, second annotator, truth
        "large": (box(0, 0, 200, 100), box(0, 0, 100, 100), box(0, 0, 200, 100)),
        "small": (box(900, 0, 910, 10), box(900, 0, 910, 10), box(900, 0, 905, 10)),
    }
    for k, layer in enumerate(("reference", "second_annotator", "truth")):
        rows = [{"landscape": name, "year": 2016, "geometry": shapes[k]} for name, shapes in squares.items()]
        gpd.GeoDataFrame(rows, crs="EPSG:32633").to_file(tmp_path / "outlines.gpkg", layer=layer)
    table = annotators.inter_annotator_agreement(tmp_path / "outlines.gpkg")
    assert list(table["landscape"]) == ["large", "small", "all"]
    assert list(table["iou"]) == pytest.approx([0.5, 1, 10_100 / 20_100])
    assert list(table["truth_iou"]) == pytest.approx([1, 0.5, 20_050 / 20_100])
