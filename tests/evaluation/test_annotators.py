"""glaciersar.evaluation.annotators"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Polygon, box
from torch import from_numpy
from torchmetrics.functional.classification import binary_jaccard_index

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.evaluation import annotators
from glaciersar.simulate.reference_outlines import annotate, true_outlines
from tests.support import landscapes


def test_the_agreement_from_polygons_is_that_from_masks(tmp_path):
    landscape = landscapes.draw(8)
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


def layer(shape, **columns):
    return gpd.GeoDataFrame({name: [value] for name, value in columns.items()}, geometry=[shape], crs="EPSG:32633")


def test_the_disagreement_of_straight_boundaries_is_their_distance_both_ways():
    one, other = (box(0, 0, 60_000, top) for top in (2000, 2040))
    found = annotators.boundary_disagreement(layer(one), layer(other))
    assert found.mean == pytest.approx(40, abs=0.1)  # the other three sides lie on the edge of the landscape
    assert found.deviation == pytest.approx(1.4826 * 40, rel=0.01)
    assert found.matched == 1
    again = annotators.boundary_disagreement(layer(other), layer(one))
    assert again.deviation == pytest.approx(found.deviation)


def test_the_disagreement_of_a_boundary_that_wanders_is_its_deviation(rng):
    x = np.arange(0, 60_001, 25.0)
    smooth = np.convolve(rng.normal(size=x.size + 200), np.hanning(201), mode="valid")
    front = 2000 + 30 * smooth / smooth.std()  # wanders over kilometres
    one = Polygon([(0, 0), *zip(x, front, strict=True), (60_000, 0)])
    found = annotators.boundary_disagreement(layer(one), layer(box(0, 0, 60_000, 2000)))
    assert found.deviation == pytest.approx(30, rel=0.25)


def test_a_patch_that_one_annotator_drew_is_no_distance_of_boundaries():
    one, patch = box(0, 0, 60_000, 2000), box(10_000, 5000, 11_000, 6000)
    plain = annotators.boundary_disagreement(layer(one), layer(box(0, 0, 60_000, 2030)))
    both = annotators.boundary_disagreement(layer(one), layer(box(0, 0, 60_000, 2030).union(patch)))
    assert both.deviation == pytest.approx(plain.deviation)
    assert both.matched < plain.matched == 1


def test_landscapes_and_years_are_compared_each_on_its_own():
    shapes = {("a", 2016): (2000, 2020), ("b", 2016): (2000, 2060), ("b", 2020): (3000, 3020)}
    parts = [
        pd.concat(
            [layer(box(0, 0, 60_000, tops[k]), landscape=name, year=year) for (name, year), tops in shapes.items()]
        )
        for k in (0, 1)
    ]
    found = annotators.boundary_disagreement(*parts)
    assert found.mean == pytest.approx((20 + 60 + 20) / 3, rel=0.01)


def test_the_simulated_annotators_disagree_by_about_what_ten_of_a_study_do():
    drawn = [annotate(landscapes.draw(12), 2020, annotator=name, seed=8) for name in ("reference", "second_annotator")]
    assert 25 < annotators.boundary_disagreement(*drawn).mean < 60  # 38 m of ten annotators (arXiv 2501.05281)


def test_boundaries_far_apart_are_refused():
    far = layer(box(100_000, 100_000, 101_000, 101_000))
    with pytest.raises(InputError, match="no boundary of one annotator within 250 m"):
        annotators.boundary_disagreement(layer(box(0, 0, 1000, 1000)), far)


def test_the_two_annotators_of_an_archive_are_read_and_a_missing_file_says_what_else_to_give(tmp_path):
    for name, top in zip(annotators.LAYERS, (2000, 2040, 2000), strict=True):
        layer(box(0, 0, 60_000, top), landscape="here", year=2016).to_file(tmp_path / "outlines.gpkg", layer=name)
    assert annotators.archive_disagreement(tmp_path / "outlines.gpkg").mean == pytest.approx(40, abs=0.1)
    with pytest.raises(InputError, match="disagreement given in metres"):
        annotators.archive_disagreement(tmp_path / "none.gpkg")
