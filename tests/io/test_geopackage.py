"""glaciersar.io.geopackage"""

import sqlite3

import geopandas as gpd
import pyogrio
import shapely

from glaciersar.io.geopackage import CLOCK, LAST_CHANGE, write_layer


def test_every_layer_is_of_one_time_and_gdals_clock_goes_on(tmp_path):
    ice = gpd.GeoDataFrame({"year": [2020]}, geometry=[shapely.box(0, 0, 1000, 1000)], crs="EPSG:32633")
    for layer in ("reference", "truth"):
        write_layer(ice, tmp_path / "outlines.gpkg", layer=layer)
    with sqlite3.connect(tmp_path / "outlines.gpkg") as content:
        assert content.execute("select table_name, last_change from gpkg_contents").fetchall() == [
            ("reference", LAST_CHANGE),
            ("truth", LAST_CHANGE),
        ]
    assert pyogrio.get_gdal_config_option(CLOCK) is None
    assert gpd.read_file(tmp_path / "outlines.gpkg", layer="truth")["year"].tolist() == [2020]
