"""tools.read_with_oggm, in a process of its own, as it redirects what OGGM fetches"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.geodesy import areas_km2
from glaciersar.inventory.export import Sources, write_inventory
from tests.support.archives import write_raster

ROOT = Path(__file__).resolve().parents[2]
X, Y = 640_000, 5_180_000  # in the Alps


def run(*arguments):
    command = [sys.executable, "-m", "tools.read_with_oggm", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def squares():
    boxes = [shapely.box(X + 3000 * k, Y, X + 3000 * k + 1500, Y + 1500) for k in range(3)]
    shapes = [boxes[0], shapely.MultiPolygon(boxes[1:])]
    ids = {"rgi_id": ["RGI2000-v7.0-G-11-00042", None], "glac_name": ["Hintereisferner", None]}
    table = gpd.GeoDataFrame(ids | {"src_date": "2018-07-15"}, geometry=shapes, crs=32632)
    return table.assign(area_km2=areas_km2(table))


def test_without_oggm_this_is_told(tmp_path):
    if importlib.util.find_spec("oggm"):
        pytest.skip("oggm is installed")
    done = run(tmp_path / "ours.gpkg")
    assert done.returncode != 0
    assert "oggm is not installed, oggm and what it needs expected" in done.stderr


@pytest.mark.slow
def test_oggm_reads_both_forms_and_both_formats_and_draws_the_glaciers(tmp_path):
    if not importlib.util.find_spec("oggm"):  # importing it here would fetch its sample data
        pytest.skip("oggm is not installed")
    grid = GeoBox.from_bbox((X - 5000, Y - 5000, X + 12_000, Y + 7000), "EPSG:32632", resolution=30)
    height = (2500 + 0.3 * 30 * np.mgrid[: grid.shape[0], : grid.shape[1]][0]).astype(np.float32)
    dem = write_raster(tmp_path / "dem.tif", height, grid, nodata=None)
    how = {"sources": Sources(region="11", subregion="11-01")}
    files = [
        write_inventory(tmp_path / f"ours{form[-1]}{suffix}", squares(), form=form, **how)
        for form in ("RGI 6", "RGI 7")
        for suffix in (".shp", ".gpkg")
    ]
    done = run(*files, "--dem", dem)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[-4:]]
    assert [row[:3] for row in rows] == [[path.name, "3", "60" if "6." in path.name else "70G"] for path in files]
    for row in rows:
        # the masks of OGGM hold the pixels on the edge
        np.testing.assert_allclose([float(cell) for cell in row[3:]], 3 * 2.25, rtol=0.05)
