"""glaciersar.outlines"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError

GRID = GeoBox.from_bbox((430_000, 8_780_000, 430_200, 8_780_160), "EPSG:32633", resolution=10, tight=True)  # 16 × 20


def frame(*shapes, crs="EPSG:32633"):
    return gpd.GeoDataFrame(geometry=list(shapes), crs=crs)


@given(st.floats(0, 100), st.floats(0, 80), st.floats(1, 90), st.floats(1, 70))
def test_a_pixel_is_glacier_where_its_centre_lies_inside(x, y, width, height):
    left, bottom, _, _ = GRID.boundingbox.bbox
    # moved by a part of a millimetre, because a centre right on an edge has no answer
    box = shapely.box(left + x + 1e-4, bottom + y + 1e-4, left + x + width, bottom + y + height)
    mask = outlines.to_mask(frame(box), GRID)
    rows, columns = np.mgrid[:16, :20] + 0.5
    inside = shapely.contains_xy(box, left + 10 * columns, bottom + 160 - 10 * rows)
    assert (mask == inside).all()


def test_areas_are_unbiased_by_the_centre_rule(rng):
    left, bottom, *_ = GRID.boundingbox.bbox
    discs = [shapely.Point(left + x, bottom + y).buffer(40) for x, y in rng.uniform(60, 100, (300, 2))]
    areas = [outlines.to_mask(frame(disc), GRID).sum() * 100 for disc in discs]
    assert np.mean(areas) == pytest.approx(discs[0].area, rel=0.005)


def test_outlines_in_degrees_are_projected_first():
    box = shapely.box(430_050, 8_780_050, 430_150, 8_780_100)
    projected = outlines.to_mask(frame(box), GRID)
    assert projected.sum() == 50
    assert (outlines.to_mask(frame(box).to_crs(4326), GRID) == projected).mean() > 0.98


def test_outlines_elsewhere_leave_the_mask_empty():
    assert not outlines.to_mask(frame(shapely.box(0, 0, 10, 10)), GRID).any()
    assert not outlines.to_mask(frame(shapely.Polygon(), None), GRID).any()


@given(arrays(bool, (16, 20)))
def test_traced_polygons_are_valid_and_give_the_mask_back(mask):
    traced = outlines.from_mask(mask, GRID)
    assert traced.geometry.is_valid.all()
    assert len(traced) == ndimage.label(mask)[1]  # 4-connected patches
    assert traced.area.sum() == pytest.approx(100 * mask.sum())
    assert (outlines.to_mask(traced, GRID) == mask).all()


def test_a_self_crossing_polygon_is_mended_on_reading(tmp_path):
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    frame(bow).to_file(tmp_path / "bow.gpkg")
    read = outlines.read(tmp_path / "bow.gpkg")
    assert read.geometry.is_valid.all()
    assert read.area.sum() == pytest.approx(50)


def test_empty_features_are_left_out_on_reading(tmp_path):
    frame(shapely.box(0, 0, 10, 10), None).to_file(tmp_path / "some.gpkg")
    assert len(outlines.read(tmp_path / "some.gpkg")) == 1


def test_bad_outlines_are_refused_in_a_sentence_that_names_the_file(tmp_path):
    good, bad = tmp_path / "good.gpkg", tmp_path / "bad.gpkg"
    frame(shapely.box(0, 0, 1, 1)).to_file(good, layer="reference")
    bad.write_bytes(good.read_bytes()[:2000])
    frame(shapely.Point(0, 0)).to_file(tmp_path / "points.gpkg")
    frame().to_file(tmp_path / "empty.gpkg")
    frame(shapely.box(0, 0, 1, 1), crs=None).to_file(tmp_path / "nowhere.gpkg")
    for name, layer, found in (
        ("absent.gpkg", None, "no such file"),
        ("bad.gpkg", None, "cannot be read as outlines"),
        ("good.gpkg", "truth", "cannot be read as outlines"),
        ("points.gpkg", None, "Point found, glacier polygons expected"),
        ("empty.gpkg", None, "no feature found"),
        ("nowhere.gpkg", None, "no coordinate system"),
    ):
        with pytest.raises(InputError, match=found) as error:
            outlines.read(tmp_path / name, layer=layer)
        assert name in str(error.value)
