import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.evaluation.metrics import Confusion
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.reference_outlines import annotate, true_outlines
from glaciersar.simulate.zones import Zone
from tests.support import landscapes


@pytest.fixture(scope="module")
def landscape():
    """A landscape with as much ice as land, most of it in large glaciers."""
    return landscapes.draw(8)


@pytest.fixture(scope="module")
def drawn(landscape):
    return {
        (who, year): annotate(landscape, year, annotator=who, seed=8)
        for who in ("reference", "second_annotator")
        for year in (2016, 2020)
    }


@pytest.fixture(scope="module")
def masks(drawn, landscape):
    return {key: outlines.to_mask(shapes, landscape.geobox) for key, shapes in drawn.items()}


@pytest.mark.parametrize("year", [2016, 2020])
def test_two_annotators_agree_well_but_not_wholly(masks, landscape, year):
    between = Confusion.of(masks["reference", year], masks["second_annotator", year]).iou
    assert 0.80 < between < 0.98
    for who in ("reference", "second_annotator"):
        assert Confusion.of(landscape.glacier[year], masks[who, year]).iou > between - 0.02


def test_early_outlines_are_ragged_and_later_ones_smooth(drawn):
    ragged, smooth = drawn["reference", 2016], drawn["reference", 2020]
    assert ragged.length.sum() / ragged.area.sum() > 1.1 * smooth.length.sum() / smooth.area.sum()
    assert len(ragged) >= 2 * len(smooth)
    assert (ragged.area < 50_000).sum() >= 2
    assert smooth.area.min() >= 50_000


def test_the_edges_of_two_annotators_lie_some_35_metres_apart():
    """On a round glacier, whose edge is smooth: the deviation that ten people had on glacier fronts was 38 m."""
    geobox = GeoBox.from_bbox((600_000, 8_700_000, 606_000, 8_706_000), "EPSG:32633", resolution=20)
    row, column = np.mgrid[:300, :300] - 149.5
    disc = np.hypot(row, column) * 20 < 2000
    zones = np.where(disc, Zone.ICE, Zone.ROCK).astype(np.uint8)
    flat = np.zeros(disc.shape, np.float32)
    here = Landscape(
        name="disc", geobox=geobox, surface=flat, ela=400, glacier={2020: disc}, zones={2020: zones}, known=zones > 0
    )
    away = []
    for seed in range(4):
        first, second = (annotate(here, 2020, annotator=who, seed=seed).union_all().boundary for who in "ab")
        away += [first.distance(second.interpolate(fraction, normalized=True)) for fraction in np.linspace(0, 1, 200)]
    assert 25 < np.mean(away) < 45


def test_the_annotators_err_without_a_common_direction(masks, landscape):
    for year in (2016, 2020):
        areas = [masks[who, year].sum() / landscape.glacier[year].sum() for who in ("reference", "second_annotator")]
        assert np.mean(areas) == pytest.approx(1, abs=0.1)


def test_each_person_draws_the_same_each_time_and_another_draws_otherwise(landscape, drawn):
    again = annotate(landscape, 2016, annotator="reference", seed=8)
    assert again.geom_equals(drawn["reference", 2016]).all()
    assert (
        len(again) != len(drawn["second_annotator", 2016])
        or not again.geom_equals(drawn["second_annotator", 2016]).all()
    )


def test_outlines_are_valid_polygons_on_the_grid_of_the_project(drawn):
    for shapes in drawn.values():
        assert shapes.is_valid.all()
        assert shapes.crs.to_epsg() == 32633


def test_the_truth_is_traced_exactly(landscape):
    traced = true_outlines(landscape, 2016)
    assert traced.area.sum() == pytest.approx(landscape.glacier[2016].sum() * landscape.pixel**2)
    assert np.array_equal(outlines.to_mask(traced, landscape.geobox), landscape.glacier[2016])


def test_either_style_can_be_drawn_in_any_year(landscape, drawn):
    assert (
        annotate(landscape, 2016, annotator="reference", seed=8, ragged=True)
        .geom_equals(drawn["reference", 2016])
        .all()
    )
    smooth = annotate(landscape, 2016, annotator="reference", seed=8, ragged=False)
    assert smooth.area.min() >= 50_000
    assert smooth.length.sum() < drawn["reference", 2016].length.sum()


def test_annotators_agree_better_where_they_err_less(landscape):
    agreement = []
    for error in (10.0, 35.0, 70.0):
        one, other = (
            outlines.to_mask(annotate(landscape, 2020, annotator=who, seed=8, label_error=error), landscape.geobox)
            for who in ("reference", "second_annotator")
        )
        agreement.append(Confusion.of(one, other).iou)
    assert agreement == sorted(agreement, reverse=True)
