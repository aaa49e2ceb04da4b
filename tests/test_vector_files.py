"""glaciersar.vector_files"""

import os

import geopandas as gpd
import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.outlines import read_outlines
from glaciersar.scenes.aoi import parse_aoi
from glaciersar.vector_files import check_vector_file

SQUARE = gpd.GeoDataFrame({"year": [2020]}, geometry=[shapely.box(15, 78, 16, 79)], crs="EPSG:4326")


@pytest.fixture
def secret(tmp_path):
    SQUARE.to_file(tmp_path / "secret.gpkg")
    return tmp_path / "secret.gpkg"


def listing(secret):
    source = f"<SrcDataSource>{secret}</SrcDataSource><SrcLayer>secret</SrcLayer>"
    return f'<OGRVRTDataSource><OGRVRTLayer name="secret">{source}</OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize("name", ["a.vrt", "a.gpkg", "a.geojson", "a.kml"])
@pytest.mark.parametrize("before", ["", "\n  ", "﻿", "<!-- <kml -->", '{"type": "FeatureCollection"}'])
@pytest.mark.parametrize("read", [read_outlines, parse_aoi])
def test_xml_that_names_another_file_is_refused_whatever_its_name(secret, tmp_path, name, before, read):
    path = tmp_path / name
    path.write_text(before + listing(secret), encoding="utf-8")
    with pytest.raises(InputError, match="XML that names other files or servers found"):
        read(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.kml", "a.gml", "a.fgb"])
def test_vector_files_of_every_kind_pass(tmp_path, name):
    SQUARE.to_file(tmp_path / name)
    check_vector_file(tmp_path / name)
    assert len(read_outlines(tmp_path / name)) == 1


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.gpkg")
    for read in (read_outlines, parse_aoi):
        with pytest.raises(InputError, match="a pipe or device found"):
            read(tmp_path / "a.gpkg")


def test_a_table_without_shapes_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,year\na,2020\n")
    with pytest.raises(InputError, match="a table without shapes found"):
        read_outlines(tmp_path / "a.csv")
