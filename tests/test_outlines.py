"""glaciersar.outlines"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given
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
    box = shapely.box(left + x, bottom + y, left + x + width, bottom + y + height)
    rows, columns = np.mgrid[:16, :20] + 0.5
    centres = shapely.points(left + 10 * columns, bottom + 160 - 10 * rows)
    assume(shapely.distance(box.exterior, centres).min() > 1e-6)  # a centre right on an edge has no answer
    assert (outlines.to_mask(frame(box), GRID) == shapely.contains(box, centres)).all()


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
    read = outlines.read_outlines(tmp_path / "bow.gpkg")
    assert read.geometry.is_valid.all()
    assert read.area.sum() == pytest.approx(50)


def test_empty_features_are_left_out_on_reading(tmp_path):
    frame(shapely.box(0, 0, 10, 10), None).to_file(tmp_path / "some.gpkg")
    assert len(outlines.read_outlines(tmp_path / "some.gpkg")) == 1


def test_what_was_mended_and_left_out_is_counted_and_said(tmp_path, capsys):
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    frame(bow, shapely.box(0, 0, 10, 10), None, bow).to_file(tmp_path / "some.gpkg")
    read = outlines.read_outlines(tmp_path / "some.gpkg")
    assert (read.attrs["mended"], read.attrs["empty"]) == (2, 1)
    assert "some.gpkg: of 4 outlines 2 invalid ones mended, 1 without a shape left out" in capsys.readouterr().out
    frame(shapely.box(0, 0, 10, 10)).to_file(tmp_path / "whole.gpkg")
    assert outlines.read_outlines(tmp_path / "whole.gpkg").attrs["mended"] == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("column", "values", "expected", "said"),
    [
        (
            "src_date",
            ["2008-07-23T00:00:00", "2010-08-01", None],
            [2008, 2010, np.nan],
            "2008 to 2010",
        ),  # RGI 7
        ("BgnDate", ["20080723", "20100899", "-9999999"], [2008, 2010, np.nan], "2008 to 2010"),
        ("BGNDATE", [20080723, 20080723, 20080723], [2008, 2008, 2008], "2008"),
        ("YEAR_", [2008, 2008, 0], [2008, 2008, np.nan], "2008"),
        ("year", [1936.0, 1990.0, 2007.0], [1936, 1990, 2007], "1936 to 2007"),
        ("name", ["2008", "a", "b"], [np.nan, np.nan, np.nan], "unknown"),
    ],
)
def test_the_year_of_an_outline_is_read_from_the_columns_of_known_inventories(column, values, expected, said):
    box = shapely.box(0, 0, 1, 1)
    years = outlines.years(frame(box, box, box).assign(**{column: values}))
    np.testing.assert_array_equal(years, expected)
    assert outlines.year_range(years) == said


@pytest.mark.parametrize("values", [[2016, 2020], ["2016", "2020"], ["2016-07-01", "2020-07-01"], [2016.0, 2020.0]])
def test_outlines_of_a_year_are_found_in_numbers_and_in_dates(values):
    both = frame(shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)).assign(drawn=values)
    assert list(outlines.outlines_of_year(both, 2020, column="drawn").index) == [1]
    with pytest.raises(InputError, match="outlines of 2016, 2020 found, of 2017 expected"):
        outlines.outlines_of_year(both, 2017, column="drawn")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")  # which is one of the faults
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
            outlines.read_outlines(tmp_path / name, layer=layer)
        assert name in str(error.value)


def test_outlines_come_back_from_geoparquet(tmp_path):
    frame(shapely.box(0, 0, 10, 10)).assign(rgi_id="a").to_parquet(tmp_path / "some.parquet")
    read = outlines.read_outlines(tmp_path / "some.parquet")
    assert read.crs == "EPSG:32633"
    assert list(read["rgi_id"]) == ["a"]
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "some.parquet").read_bytes()[:-50])
    with pytest.raises(InputError, match=r"cut\.parquet: cannot be read as outlines"):
        outlines.read_outlines(tmp_path / "cut.parquet")


def test_geoparquet_without_pyarrow_is_told_with_what_installs_it(tmp_path, monkeypatch):
    frame(shapely.box(0, 0, 10, 10)).to_parquet(tmp_path / "some.parquet")

    def absent(path):
        raise ImportError("Missing optional dependency 'pyarrow.parquet'")

    monkeypatch.setattr(gpd, "read_parquet", absent)
    with pytest.raises(InputError, match=r"pyarrow is not installed.*glaciersar\[inventory\]"):
        outlines.read_outlines(tmp_path / "some.parquet")


def test_of_several_layers_the_first_is_taken_and_said(tmp_path, capsys):
    for name in ("drawn", "other"):
        frame(shapely.box(0, 0, 10, 10)).assign(by=name).to_file(tmp_path / "two.gpkg", layer=name)
    assert list(outlines.read_outlines(tmp_path / "two.gpkg")["by"]) == ["drawn"]
    assert "two.gpkg: layer drawn taken of drawn, other" in capsys.readouterr().out


def test_a_stray_line_and_a_collapsed_outline_are_left_out_and_said(tmp_path, capsys):
    flat = shapely.Polygon([(0, 0), (5, 5), (10, 10)])
    shapes = [shapely.box(0, 0, 10, 10), shapely.LineString([(0, 0), (1, 1)]), flat]
    frame(*shapes).to_file(tmp_path / "some.geojson", driver="GeoJSON")
    assert len(outlines.read_outlines(tmp_path / "some.geojson")) == 1
    said = capsys.readouterr().out
    assert "some.geojson: of 3 outlines 1 lines or points left out, 1 without an area left out" in said


WIDE = shapely.Polygon([(179.9, 67), (-179.9, 67), (-179.9, 67.1), (179.9, 67.1)])
HALVES = shapely.MultiPolygon([shapely.box(179.9, 67, 180, 67.1), shapely.box(-180, 67, -179.9, 67.1)])


@pytest.mark.parametrize("shape", [WIDE, HALVES])
def test_an_outline_over_180_degrees_is_read_in_one_piece_and_said(tmp_path, capsys, shape):
    frame(shape, shapely.box(179, 67, 179.1, 67.1), crs="EPSG:4326").to_file(tmp_path / "a.geojson")
    read = outlines.read_outlines(tmp_path / "a.geojson")
    assert read.geometry.iloc[0].symmetric_difference(shapely.box(179.9, 67, 180.1, 67.1)).area < 1e-9
    assert read.geom_type.iloc[0] == "Polygon"
    assert "a.geojson: of 2 outlines 1 on both sides of 180° joined there\n" in capsys.readouterr().out
    west = GeoBox.from_bbox((-180, 67, -179.8, 67.1), "EPSG:4326", resolution=0.01, tight=True)
    assert outlines.to_mask(read, west).mean() == pytest.approx(0.5)
