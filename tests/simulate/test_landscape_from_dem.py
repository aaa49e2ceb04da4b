"""glaciersar.simulate.landscape_from_dem"""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.simulate.landscape_from_dem import landscape_from_dem
from glaciersar.simulate.reference_outlines import annotate, true_outlines
from glaciersar.simulate.zones import Zone
from tests.support.archives import write_raster


@pytest.fixture
def own(tmp_path):
    """A user's elevation model, a cone of 600 m at 50 m pixels in UTM zone 34, and one outline around its top."""
    y, x = np.mgrid[:100, :100]
    cone = np.maximum(600 - 15 * np.hypot(x - 50, y - 50), -20).astype(np.float32)
    geobox = GeoBox.from_bbox((500_000, 8_700_000, 505_000, 8_705_000), "EPSG:32634", resolution=50, tight=True)
    path = write_raster(tmp_path / "cone.tif", cone, geobox, nodata=None)
    top = gpd.GeoSeries([shapely.Point(502_500, 8_702_500).buffer(900)], crs="EPSG:32634")
    top.to_crs("EPSG:4326").to_file(tmp_path / "top.gpkg")
    return path, tmp_path / "top.gpkg"


@pytest.fixture
def gap(own, tmp_path):
    """The cone with a gap across the outline, where its declared nodata stands."""
    with rasterio.open(own[0]) as file:
        values, profile = file.read(1), file.profile
    values[55:65, 30:80] = -9999  # 500 m × 2500 m
    path = tmp_path / "gap.tif"
    with rasterio.open(path, "w", **(profile | {"nodata": -9999})) as file:
        file.write(values, 1)
    return path


def test_a_users_terrain_is_put_on_the_grid_with_the_users_glaciers(own):
    landscape = landscape_from_dem(*own, pixel=40, years=(2016,), seed=1)
    assert str(landscape.geobox.crs) == "EPSG:32633"
    assert (landscape.geobox.boundingbox.left - 330_000) % 40 == 0
    assert landscape.glacier[2016].sum() * 40**2 == pytest.approx(np.pi * 900**2, rel=0.02)
    assert landscape.surface.max() == pytest.approx(600, abs=15)
    assert landscape.surface[landscape.glacier[2016]].min() > 600 - 15 / 50 * 1000
    assert 380 < landscape.ela < 500  # the median of a cone's top: 600 - 0.3 · 900 / √2 = 409 m
    assert landscape.name == "cone"


def test_land_without_an_elevation_is_unknown_and_no_sea(own, gap):
    whole, landscape = (landscape_from_dem(path, own[1], pixel=40, years=(2016,), seed=1) for path in (own[0], gap))
    assert whole.known.sum() * 40**2 == pytest.approx(5000**2, rel=0.02)  # turned, so its box has empty corners
    lost = whole.known & ~landscape.known
    assert lost.sum() * 40**2 == pytest.approx(2500 * 500, rel=0.1)
    assert (landscape.zones[2016][lost] != Zone.WATER).all()
    assert landscape.surface[lost].min() > 0  # extrapolated, for filters that reach over the edge
    assert np.isfinite(landscape.surface).all()
    beside = ndimage.binary_dilation(lost, iterations=2)  # within reach of the interpolation
    np.testing.assert_array_equal(landscape.surface[~beside], whole.surface[~beside])


def test_outlines_end_where_the_elevation_model_does(own, gap):
    landscape = landscape_from_dem(gap, own[1], pixel=40, years=(2016, 2020), seed=1)
    for year in (2016, 2020):
        for shapes in (
            true_outlines(landscape, year),
            annotate(landscape, year, annotator="reference", seed=1),
        ):
            drawn = outlines.to_mask(shapes, landscape.geobox)
            assert drawn.any()
            assert not (drawn & ~landscape.known).any()
            assert shapes.geom_type.isin(["Polygon", "MultiPolygon"]).all()
    expected = outlines.to_mask(outlines.read_outlines(own[1]), landscape.geobox) & landscape.known
    np.testing.assert_array_equal(outlines.to_mask(true_outlines(landscape, 2016), landscape.geobox), expected)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # which a file that was cut has lost
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("layout", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_a_truncated_elevation_model_is_refused_in_one_sentence(own, tmp_path, kept, layout):
    with rasterio.open(own[0]) as file:
        values, profile = file.read(1), file.profile
    path = tmp_path / "cut.tif"
    with rasterio.open(path, "w", **(profile | layout)) as file:
        file.write(values, 1)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(
        InputError, match=r"cut\.tif: .+ found|cut\.tif: cannot be read as a raster \(.+\), expected an"
    ):
        landscape_from_dem(path, own[1], pixel=40, years=(2016,), seed=1)


def test_outlines_that_cannot_be_read_are_refused(own, tmp_path):
    (tmp_path / "bad.gpkg").write_text("no outlines")
    with pytest.raises(InputError, match=r"bad\.gpkg: cannot be read as outlines"):
        landscape_from_dem(own[0], tmp_path / "bad.gpkg", pixel=40, years=(2016,), seed=1)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # which is the fault
def test_an_elevation_model_without_a_coordinate_system_is_refused(own, tmp_path):
    with rasterio.open(own[0]) as file:
        values = file.read(1)
    path = tmp_path / "nowhere.tif"
    with rasterio.open(path, "w", driver="GTiff", width=100, height=100, count=1, dtype="float32") as file:
        file.write(values, 1)
    with pytest.raises(InputError, match=r"nowhere\.tif: no coordinate system found, expected a projected one"):
        landscape_from_dem(path, own[1], pixel=40, years=(2016,), seed=1)


def test_an_elevation_model_in_degrees_is_refused(own, tmp_path):
    geobox = GeoBox.from_bbox((15, 77.8, 15.2, 78), "EPSG:4326", resolution=0.01, tight=True)
    path = write_raster(tmp_path / "degrees.tif", np.ones(geobox.shape, np.float32), geobox, nodata=None)
    with pytest.raises(InputError, match=r"degrees\.tif: EPSG:4326 found, expected a projected one"):
        landscape_from_dem(path, own[1], pixel=40, years=(2016,), seed=1)


def test_outlines_elsewhere_are_refused(own, tmp_path):
    away = gpd.GeoSeries([shapely.Point(700_000, 8_702_500).buffer(900)], crs="EPSG:32634")
    away.to_file(tmp_path / "away.gpkg")
    with pytest.raises(InputError, match=r"away\.gpkg: no outline overlaps the elevation model cone\.tif"):
        landscape_from_dem(own[0], tmp_path / "away.gpkg", pixel=40, years=(2016,), seed=1)


def test_a_file_that_is_no_raster_is_refused(own, tmp_path):
    (tmp_path / "text.tif").write_text("not a raster")
    with pytest.raises(InputError, match=r"text\.tif: cannot be read as a raster"):
        landscape_from_dem(tmp_path / "text.tif", own[1], pixel=40, years=(2016,), seed=1)
    with pytest.raises(InputError, match=r"none\.tif: no such file"):
        landscape_from_dem(tmp_path / "none.tif", own[1], pixel=40, years=(2016,), seed=1)
