"""glaciersar.inventory.elevation"""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import geodesy
from glaciersar.errors import InputError
from glaciersar.inventory import elevation
from tests.support.archives import write_raster

LEFT, BOTTOM = 500_000.0, 8_700_000.0  # on the central meridian of zone 33, so that north is up
GRID = GeoBox.from_bbox((LEFT, BOTTOM, LEFT + 4000, BOTTOM + 4000), "EPSG:32633", resolution=20, tight=True)
Y, X = np.mgrid[:200, :200] * 20.0  # metres southwards and eastwards


def glaciers(*boxes, crs="EPSG:32633"):
    shapes = [shapely.box(LEFT + a, BOTTOM + b, LEFT + c, BOTTOM + d) for a, b, c, d in boxes]
    return gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32633").to_crs(crs)


def write_plane(path, east=0.0, north=0.0, base=500.0, **how):
    """An even slope: metres of rise for each metre to the east and north."""
    height = base + east * X + north * (4000 - Y)
    return write_raster(path, height.astype(np.float32), GRID, nodata=None, **how)


@pytest.mark.parametrize(
    ("east", "north", "aspect", "sector"),
    [(0.0, -0.2, 0, 1), (-0.2, 0.0, 90, 3), (0.0, 0.2, 180, 5), (0.3, -0.3, 315, 8)],
)
@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3413"])
def test_a_plane_has_its_slope_and_falls_to_where_it_falls(tmp_path, east, north, aspect, sector, crs):
    dem = write_plane(tmp_path / "dem.tif", east, north, 2000)
    row = elevation.add_elevation(glaciers((1000, 1000, 3000, 2000), crs=crs), dem).iloc[0]
    assert row["slope_deg"] == pytest.approx(np.degrees(np.arctan(np.hypot(east, north))), abs=0.05)
    assert (row["aspect_deg"] - aspect + 180) % 360 - 180 == pytest.approx(0, abs=0.3)
    assert row["aspect_sec"] == sector


def test_the_aspect_is_from_true_north_where_the_grid_is_turned(tmp_path):
    """In EPSG:3413 (0° E is 45° off its vertical) a slope that falls to the north falls to a corner of the grid."""
    place = shapely.Point(0.0, 78.0)
    x, y = gpd.GeoSeries([place], crs=4326).to_crs(3413).iloc[0].coords[0]
    grid = GeoBox.from_bbox((x - 4000, y - 4000, x + 4000, y + 4000), "EPSG:3413", resolution=40, tight=True)
    rows, columns = np.mgrid[:200, :200] + 0.5
    to_pole = -np.hypot(x - 4000 + 40 * columns, y + 4000 - 40 * rows)  # the pole is at (0, 0)
    dem = write_raster(
        tmp_path / "dem.tif", (5000 - (to_pole - to_pole.min()) * 0.1).astype(np.float32), grid, nodata=None
    )
    ice = gpd.GeoDataFrame(geometry=[shapely.Point(x, y).buffer(1500)], crs=3413)
    assert (elevation.add_elevation(ice, dem)["aspect_deg"].iloc[0] + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


def test_lowest_median_and_highest_are_those_of_the_plane(tmp_path):
    dem = write_plane(tmp_path / "dem.tif", east=0.1)
    row = elevation.add_elevation(glaciers((1000, 1000, 3000, 2000)), dem).iloc[0]
    found = row[["zmin_m", "zmed_m", "zmean_m", "zmax_m"]].to_numpy(float)
    np.testing.assert_allclose(found, [600, 700, 700, 800], atol=3)
    assert row["dem_source"] == "dem.tif"


def test_areas_by_band_are_the_strips_of_the_plane_and_sum_to_the_glacier(tmp_path):
    dem = write_plane(tmp_path / "dem.tif", east=0.1)
    areas = elevation.areas_by_band(glaciers((1020, 1000, 2980, 2000)), dem, step=50)
    assert list(areas.index) == [600, 650, 700, 750]
    np.testing.assert_allclose(areas, [0.49, 0.5, 0.5, 0.47], rtol=0.05)
    assert areas.sum() == pytest.approx(1.96, rel=0.01)


def test_a_tongue_that_is_gone_is_lost_in_the_lowest_bands(tmp_path):
    dem = write_plane(tmp_path / "dem.tif", east=0.1)
    table = elevation.change_by_band(glaciers((1020, 1000, 2980, 2000)), glaciers((2020, 1000, 2980, 2000)), dem)
    assert list(table["from_m"]) == [600, 700]
    assert list(table["to_m"]) == [700, 800]
    np.testing.assert_allclose(table["change_km2"], [-0.99, -0.01], atol=0.03)
    assert table["relative"].iloc[0] == pytest.approx(-1, abs=0.03)


def test_what_the_model_does_not_cover_is_told_and_gets_no_elevation(tmp_path, capsys):
    dem = write_plane(tmp_path / "dem.tif", east=0.1)
    beyond = glaciers((1000, 1000, 3000, 2000), (3000, 0, 6000, 1000))
    table = elevation.add_elevation(beyond, dem)
    assert list(table["zmed_m"].isna()) == [False, True]
    assert "covers less than 90% of 1 of 2 glaciers" in capsys.readouterr().out
    areas = elevation.areas_by_band(beyond, dem)
    assert areas[areas.index.isna()].sum() == pytest.approx(2.0, rel=0.03)


def test_a_glacier_smaller_than_a_pixel_has_an_elevation(tmp_path):
    dem = write_plane(tmp_path / "dem.tif", east=0.1)
    row = elevation.add_elevation(glaciers((1001, 1001, 1004, 1004)), dem).iloc[0]
    assert row["zmed_m"] == pytest.approx(600, abs=3)


def test_fills_that_nothing_declares_and_files_that_are_no_model_are_refused(tmp_path):
    height = np.where(X < 1500, -9999, 500).astype(np.float32)
    fill = write_raster(tmp_path / "fill.tif", height, GRID, nodata=None)
    elsewhere = write_raster(tmp_path / "elsewhere.tif", height + 10_000, GRID, nodata=None, crs="EPSG:32622")
    (tmp_path / "text.tif").write_text("no raster")
    ice = glaciers((1000, 1000, 3000, 2000))
    for path, sentence in {
        fill: "declare what fills gaps as nodata",
        elsewhere: "no elevation found on any of 1 glaciers",
        tmp_path / "text.tif": "cannot be read as a raster .*, expected an elevation model",
        tmp_path / "absent.tif": "no such file",
    }.items():
        with pytest.raises(InputError, match=sentence):
            elevation.add_elevation(ice, path)
    declared = write_raster(tmp_path / "declared.tif", height, GRID, nodata=-9999)
    assert elevation.add_elevation(glaciers((1800, 1000, 3000, 2000)), declared)["zmin_m"].iloc[0] == 500


def test_a_glacier_over_180_degrees_has_an_elevation(tmp_path):
    grid = GeoBox.from_bbox((626_000, 7_430_000, 636_000, 7_440_000), "EPSG:32660", resolution=50, tight=True)
    dem = write_raster(tmp_path / "dem.tif", np.full(grid.shape.shape, 700, np.float32), grid, nodata=None)
    ice = gpd.GeoDataFrame(geometry=[shapely.box(628_000, 7_432_000, 634_000, 7_438_000)], crs="EPSG:32660")
    assert elevation.add_elevation(ice, dem)["zmed_m"].iloc[0] == pytest.approx(700)
    assert elevation.areas_by_band(ice, dem).sum() == pytest.approx(36, rel=0.01)


SIX = glaciers((500, 500, 3500, 3500))


def write_with(path, height, dtype="float32", *, bands=1, scale=1.0, offset=0.0, unit=""):
    profile = {"crs": str(GRID.crs), "transform": GRID.affine, "width": 200, "height": 200, "count": bands}
    with rasterio.open(path, "w", driver="GTiff", dtype=dtype, **profile) as file:
        for band in range(1, bands + 1):
            file.write(height.astype(dtype), band)
        file.scales, file.offsets, file.units = [scale] * bands, [offset] * bands, [unit] * bands
    return path


SLOPE = 300 + 0.1 * X + 0.03 * (4000 - Y)


@pytest.mark.parametrize(
    ("values", "how"),
    [
        (SLOPE * 10, {"dtype": "int16", "scale": 0.1}),
        (SLOPE * 10 - 1000, {"dtype": "int16", "scale": 0.1, "offset": 100.0}),
        (SLOPE / 0.3048, {"unit": "ft"}),
        (SLOPE, {"unit": "m"}),
        (SLOPE, {"unit": "metre"}),
    ],
)
def test_a_scale_an_offset_and_a_unit_of_the_band_are_applied(tmp_path, capsys, values, how):
    plain = elevation.add_elevation(SIX, write_with(tmp_path / "plain.tif", SLOPE))
    found = elevation.add_elevation(SIX, write_with(tmp_path / "other.tif", values, **how))
    names = ["zmin_m", "zmed_m", "zmax_m", "slope_deg"]
    np.testing.assert_allclose(found[names], plain[names], rtol=2e-3)
    assert ("elevation in ft found, which is converted to metres" in capsys.readouterr().out) == ("ft" in how.values())


@pytest.mark.parametrize(
    ("how", "sentence"),
    [({"bands": 2}, "2 bands found, one of elevation expected"), ({"unit": "cm"}, "elevation in 'cm' found, m or ft")],
)
def test_several_bands_and_unknown_units_are_refused(tmp_path, how, sentence):
    with pytest.raises(InputError, match=sentence):
        elevation.add_elevation(SIX, write_with(tmp_path / "dem.tif", SLOPE, **how))


@pytest.mark.parametrize("fill", [0, 1234, -9999])
@pytest.mark.parametrize("how", [{}, {"dtype": "int16", "scale": 0.1}])
def test_a_fill_that_nothing_declares_is_no_elevation_and_is_said(tmp_path, capsys, fill, how):
    scale = how.get("scale", 1)
    rough = SLOPE + np.random.default_rng(0).normal(0, 3, SLOPE.shape)
    height = np.where((Y > 1800) & (Y < 2000), fill, rough / scale)
    found = elevation.add_elevation(SIX, write_with(tmp_path / "dem.tif", height, **how)).iloc[0]
    ice = rough[25:175, 25:175]
    assert (found["zmin_m"], found["zmax_m"]) == pytest.approx((ice.min(), ice.max()), abs=10)
    assert f"dem.tif: {fill} on 6% of the pixels of the glaciers is taken for a fill" in capsys.readouterr().out
    areas = elevation.areas_by_band(SIX, tmp_path / "dem.tif")
    assert areas[areas.index.isna()].sum() == pytest.approx(0.6, abs=0.15)


def test_the_sea_before_a_glacier_and_a_flat_model_are_no_fills(tmp_path, capsys):
    sea = np.maximum(0.1 * (X - 1000), 0)
    found = elevation.add_elevation(SIX, write_with(tmp_path / "sea.tif", sea)).iloc[0]
    assert found["zmin_m"] == 0
    assert elevation.add_elevation(SIX, write_with(tmp_path / "flat.tif", 0 * X + 300))["zmed_m"].iloc[0] == 300
    assert capsys.readouterr().out == ""


def test_a_glacier_smaller_than_a_pixel_has_its_own_area_by_band(tmp_path):
    grid = GeoBox.from_bbox((LEFT, BOTTOM, LEFT + 4000, BOTTOM + 4000), "EPSG:32633", resolution=400, tight=True)
    dem = write_raster(tmp_path / "dem.tif", np.arange(100, dtype=np.float32).reshape(10, 10), grid, nodata=None)
    small = glaciers((1010, 1010, 1110, 1110), (2000, 2010, 2900, 2500))
    assert elevation.areas_by_band(small, dem).sum() == pytest.approx(geodesy.areas_km2(small).sum(), rel=1e-9)
