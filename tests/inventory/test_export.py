"""glaciersar.inventory.export"""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2
from glaciersar.inventory import compare
from glaciersar.inventory.export import Sources, write_inventory

HOLE = shapely.box(430_400, 8_780_400, 430_600, 8_780_600)
SHAPES = [
    shapely.box(430_000, 8_780_000, 431_000, 8_781_000).difference(HOLE),
    shapely.box(432_000, 8_780_000, 433_000, 8_781_000),
]
SOURCES = Sources(region="7", analyst="Doe, Jo", position_m=20)


@pytest.fixture
def glaciers():
    columns = {
        "rgi_id": ["RGI60-07.00042", None],
        "glac_name": ["Kongsbræ", None],
        "src_date": "2020-07-02T00:00:00",
        "area_km2": [0.96, 1.0],
        "unc_km2": [0.05, 0.06],
        "zmin_m": [12.4, np.nan],
        "term_type": [3, 9],
    }
    return gpd.GeoDataFrame(columns, geometry=SHAPES, crs="EPSG:32633")


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
@pytest.mark.parametrize("form", ["RGI 6", "RGI 7", "GLIMS"])
def test_what_is_written_is_read_as_an_inventory_of_its_form(tmp_path, glaciers, form, suffix):
    path = write_inventory(tmp_path / f"ours{suffix}", glaciers, form=form, sources=SOURCES)
    table = compare.read_inventory(path)
    np.testing.assert_allclose(table["area_km2"], [0.96, 1.0])
    np.testing.assert_allclose(table.to_crs(32633).area / 1e6, [0.96, 1.0], rtol=1e-6)  # GLIMS: its rock is cut again
    assert list(table["year"]) == [2020, 2020]
    assert list(table["name"]) == ["Kongsbræ", ""]
    assert table["id"].is_unique
    assert {found.suffix for found in tmp_path.iterdir()} <= {".shp", ".shx", ".dbf", ".prj", ".cpg", ".gpkg"}


def test_a_rock_that_touches_the_outline_leaves_a_valid_polygon_in_degrees(tmp_path, glaciers, capsys):
    bottom, top = 8_780_000, 8_784_000
    rocks = [
        [(434_000, side), (434_100, inner), (433_900, inner)]
        for side, inner in ((bottom, bottom + 500), (top, top - 500))
    ]
    shape = shapely.Polygon(shapely.box(430_000, bottom, 439_000, top).exterior, rocks)  # no corner where they touch
    assert shapely.is_valid(shape)
    touching = glaciers[:1].assign(area_km2=35.9).set_geometry([shape])
    table = gpd.read_file(write_inventory(tmp_path / "ours.gpkg", touching, sources=SOURCES))
    assert (len(table), bool(table.is_valid.all())) == (1, True)
    np.testing.assert_allclose(areas_km2(table), areas_km2(touching), rtol=1e-5)
    assert "1 of 1 glaciers whose sides touch are mended" in capsys.readouterr().out


def test_rgi_6_has_the_columns_and_codes_of_rgi_6(tmp_path, glaciers):
    table = gpd.read_file(write_inventory(tmp_path / "six.shp", glaciers, form="RGI 6", sources=SOURCES))
    first, second = table.iloc[0], table.iloc[1]
    expected = {"RGIId": "RGI60-07.00042", "BgnDate": "20200702", "O1Region": "7", "O2Region": "1", "TermType": 5}
    assert {name: first[name] for name in expected} == expected
    assert (second["RGIId"], second["Zmin"], first["Zmin"]) == ("RGI60-07.90001", -999, 12)
    assert re.fullmatch(r"G0\d{5}E\d{5}N", first["GLIMSId"])
    assert (first["analyst"], first["unc_km2"], first["loc_unc_m"]) == ("Doe, Jo", 0.05, 20)


def test_rgi_7_numbers_glaciers_anew_whose_identifier_is_of_another_form(tmp_path, glaciers, capsys):
    table = gpd.read_file(write_inventory(tmp_path / "seven.gpkg", glaciers, sources=SOURCES))
    assert list(table["rgi_id"]) == ["RGI2000-v7.0-G-07-90001", "RGI2000-v7.0-G-07-90002"]
    said = capsys.readouterr().out
    assert "2 of 2 glaciers without an own identifier RGI2000-v7.0-G-… get one with a number above 90000" in said
    assert "no subregion of 2 glaciers known" in said
    assert list(table["utm_zone"]) == [33, 33]


def test_own_numbers_go_on_after_those_of_an_earlier_export(tmp_path, glaciers):
    before = glaciers.assign(rgi_id=["RGI60-07.90007", None])
    table = gpd.read_file(write_inventory(tmp_path / "six.shp", before, form="RGI 6", sources=SOURCES))
    assert list(table["RGIId"]) == ["RGI60-07.90007", "RGI60-07.90008"]


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
@pytest.mark.parametrize(("form", "name", "area"), [("RGI 6", "RGIId", "Area"), ("RGI 7", "rgi_id", "area_km2")])
def test_a_glacier_in_parts_becomes_one_a_part_as_oggm_takes_one_polygon_alone(
    tmp_path, glaciers, capsys, form, name, area, suffix
):
    own = ["RGI60-07.00042", "RGI60-07.00043"] if form == "RGI 6" else ["RGI2000-v7.0-G-07-00042", None]
    other = shapely.box(430_000, 8_790_000, 430_500, 8_790_500)
    sliver = shapely.box(434_000, 8_790_000, 434_050, 8_790_050)
    parted = glaciers.assign(rgi_id=own, area_km2=[1.2125, 1.0], glims_id=["G014000E79000N", None])
    parted.loc[0, "geometry"] = shapely.MultiPolygon([SHAPES[0], other, sliver])
    table = gpd.read_file(write_inventory(tmp_path / f"parts{suffix}", parted, form=form, sources=SOURCES))
    assert [shapely.get_num_geometries(shape) for shape in table.geometry] == [1, 1, 1]
    assert table[name].is_unique
    assert table[name].iloc[0] == own[0]
    assert table[name].iloc[2][-5:] in ("90001", "90002")
    np.testing.assert_allclose(table[area], [0.96, 1.0, 0.25], atol=0.001)
    assert table.to_crs(32633).geometry.iloc[2].equals_exact(other, 0.01, normalize=True)
    glims = table["GLIMSId" if form == "RGI 6" else "glims_id"]
    assert glims.iloc[0] == "G014000E79000N"
    assert glims.is_unique
    lowest = table["Zmin" if form == "RGI 6" else "zmin_m"]
    assert lowest.iloc[2] == -999 if form == "RGI 6" else np.isnan(lowest.iloc[2])
    said = capsys.readouterr().out
    assert "1 of 2 glaciers lie in several parts; each part becomes a glacier, 1 more" in said
    assert "1 parts below 0.01 km² are left out" in said


@pytest.mark.parametrize("name", ["RGI60-01.10689.shp", "RGI6_icecap.shp", "everest_rgi60.gpkg"])
@pytest.mark.real
def test_a_real_inventory_comes_back_as_it_is(shared, tmp_path, name):
    theirs = gpd.read_file(shared / "data/outlines-elsewhere" / name)
    read = outlines.read_outlines(shared / "data/outlines-elsewhere" / name)
    names = {"BgnDate": "src_date", "Area": "area_km2", "CenLon": "cenlon", "CenLat": "cenlat"}
    dates = (
        read["BgnDate"]
        .str.replace("9999$", "0101", regex=True)
        .str.replace(r"(\d{4})(\d\d)(\d\d)", r"\1-\2-\3", regex=True)
    )
    table = read.rename(columns=names).assign(src_date=dates)
    back = gpd.read_file(write_inventory(tmp_path / "back.shp", table, form="RGI 6"))
    assert set(theirs) - {"check_geom"} <= set(back)
    for column in ("RGIId", "GLIMSId", "O1Region", "O2Region", "Connect", "Surging"):
        assert (back[column] == theirs[column]).all(), column


def test_hemispheres_are_in_the_identifier_of_glims(tmp_path):
    shapes = [shapely.Point(-59.85, -64.308).buffer(0.001), shapely.Point(86.932, 27.925).buffer(0.001)]
    table = gpd.GeoDataFrame({"area_km2": [1.0, 1.0]}, geometry=shapes, crs=4326)
    path = write_inventory(tmp_path / "g.gpkg", table, form="GLIMS", sources=Sources(region="19", date="2013-04-03"))
    assert list(gpd.read_file(path)["glac_id"]) == ["G300150E64308S", "G086932E27925N"]


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
@pytest.mark.parametrize("form", ["RGI 6", "RGI 7", "GLIMS"])
def test_a_glacier_over_180_degrees_is_cut_there_and_keeps_its_area(tmp_path, capsys, form, suffix):
    hole = shapely.box(629_000, 7_432_000, 632_000, 7_435_000)
    ice = shapely.box(626_000, 7_430_000, 636_000, 7_440_000).difference(hole)  # 180° lies at 630 400 m in zone 60
    table = gpd.GeoDataFrame(geometry=[ice, shapely.box(610_000, 7_430_000, 611_000, 7_431_000)], crs="EPSG:32660")
    table = table.assign(area_km2=areas_km2(table))
    sources = Sources(region="10", date="2020-07-15")
    path = write_inventory(tmp_path / f"a{suffix}", table, form=form, sources=sources)
    written = gpd.read_file(path).explode()
    west, east = written.bounds["minx"], written.bounds["maxx"]
    assert ((east < -179) | (west > 179)).all()
    back = outlines.read_outlines(path)  # of GLIMS without the rock
    assert areas_km2(back).sum() == pytest.approx(table["area_km2"].sum(), rel=1e-5)
    areas = pd.to_numeric(back["Area" if form == "RGI 6" else "area" if form == "GLIMS" else "area_km2"])
    assert areas.sum() == pytest.approx(table["area_km2"].sum(), abs=0.002)
    assert len(back) == (2 if form == "GLIMS" else 3)
    assert "1 of 2 glaciers reach beyond 180°" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "how", "drop", "sentence"),
    [
        ("a.gpkg", {"form": "RGI 5"}, (), "one of RGI 6, RGI 7, GLIMS expected"),
        ("a.geojson", {"sources": SOURCES}, (), r"\.shp or \.gpkg expected"),
        ("a.shp", {}, (), "no region of 2 glaciers found"),
        ("a.shp", {"sources": Sources(region="x")}, (), r"a\.shp: region 'x' found, .* such as '07' expected"),
        ("a.shp", {"sources": Sources(region="99")}, (), "region '99' found"),
        ("a.shp", {"sources": Sources(region="7", subregion="zz")}, (), "subregion 'zz' found, .* such as '07-01'"),
        ("a.shp", {"sources": SOURCES}, ("src_date",), "no date of 2 glaciers found"),
        ("a.shp", {"sources": SOURCES}, ("area_km2",), "2 glaciers without area_km2 found"),
    ],
)
def test_what_would_make_no_inventory_is_refused_and_nothing_is_left(tmp_path, glaciers, name, how, drop, sentence):
    with pytest.raises(InputError, match=sentence):
        write_inventory(tmp_path / name, glaciers.drop(columns=list(drop)), **how)
    assert not list(tmp_path.iterdir())
