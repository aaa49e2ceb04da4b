"""glaciersar.inventory.ice_divides"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inventory import ice_divides
from tests.support.archives import write_raster

LEFT, BOTTOM = 500_000.0, 8_700_000.0
GRID = GeoBox.from_bbox((LEFT, BOTTOM, LEFT + 8000, BOTTOM + 4000), "EPSG:32633", resolution=40, tight=True)
Y, X = np.mgrid[:100, :200] * 40.0 + 20
ICE = gpd.GeoDataFrame(
    {"glac_name": ["cap"]},
    geometry=[shapely.box(LEFT + 400, BOTTOM + 400, LEFT + 7600, BOTTOM + 3600)],
    crs="EPSG:32633",
)


def write_ridge(path, rng, *, at=3000, roughness=3.0):
    """Ice that falls from a ridge at x = `at` to both sides, with some roughness."""
    height = 800 - 0.1 * np.abs(X - at) + rng.normal(0, roughness, X.shape)
    return write_raster(path, height.astype(np.float32), GRID, nodata=None)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326"])
def test_an_ice_cap_with_a_ridge_is_two_glaciers_that_meet_on_it(tmp_path, rng, crs):
    given = ICE.to_crs(crs)
    found = ice_divides.divide_ice(given, write_ridge(tmp_path / "dem.tif", rng))
    assert len(found) == 2
    assert list(found["glac_name"]) == ["cap", "cap"]
    areas = sorted(found.to_crs(32633).area / 1e6)
    np.testing.assert_allclose(areas, [2.6 * 3.2, 4.6 * 3.2], atol=0.3)
    whole = given.geometry.iloc[0]
    assert found.union_all().symmetric_difference(whole).area < 1e-6 * whole.area
    assert shapely.area(found.geometry.to_numpy()).sum() == pytest.approx(whole.area, rel=1e-6)  # no overlap


def test_a_pass_lower_than_the_relief_parts_nothing(tmp_path, rng):
    dem = write_ridge(tmp_path / "dem.tif", rng)  # 260 m above the western end
    assert len(ice_divides.divide_ice(ICE, dem, relief=200)) == 2
    assert len(ice_divides.divide_ice(ICE, dem, relief=300)) == 1


def test_a_basin_smaller_than_the_smallest_joins_its_neighbour(tmp_path, rng):
    dem = write_ridge(tmp_path / "dem.tif", rng, at=1400)
    assert len(ice_divides.divide_ice(ICE, dem)) == 2
    found = ice_divides.divide_ice(ICE, dem, smallest=4.0)
    assert len(found) == 1
    assert found.area.sum() == pytest.approx(ICE.area.sum(), rel=1e-5)


def test_slivers_go_to_the_neighbour_with_the_longest_border():
    boxes = [shapely.box(0, 0, 1000, 1000), shapely.box(1000, 0, 1050, 1000), shapely.box(1050, 0, 2000, 100)]
    pieces = gpd.GeoSeries(boxes, crs="EPSG:32633")
    assert sorted(ice_divides.join_slivers(pieces, pieces, 0.04).area) == [50_000, 95_000, 1_000_000]
    assert sorted(ice_divides.join_slivers(pieces, pieces, 0.06).area) == [95_000, 1_050_000]
    assert sorted(ice_divides.join_slivers(pieces, pieces, 0.1).area) == [1_145_000]


def test_each_basin_of_pits_has_its_own_pit():
    """An oracle: on a surface of cones of one slope, a pixel belongs to the nearest pit."""
    pits = np.array([(10, 12), (30, 40), (44, 8)])
    rows, columns = np.mgrid[:50, :50]
    away = np.hypot(rows[..., None] - pits[:, 0], columns[..., None] - pits[:, 1])
    labels = ice_divides.label_basins(away.min(-1) * 10, np.ones((50, 50), bool), relief=5)
    nearest = away.argmin(-1)
    assert labels.max() == 3
    names = labels[pits[:, 0], pits[:, 1]]
    assert (labels == names[nearest]).mean() > 0.97  # but for steps of whole pixels along the borders


def test_ice_that_the_model_does_not_cover_stays_whole_and_this_is_said(tmp_path, rng, capsys):
    beside = shapely.box(LEFT + 9000, BOTTOM, LEFT + 9500, BOTTOM + 500)
    both = gpd.GeoDataFrame(geometry=[ICE.geometry.iloc[0], beside], crs=ICE.crs)
    assert len(ice_divides.divide_ice(both, write_ridge(tmp_path / "dem.tif", rng))) == 3
    assert "covers less than 90% of 1 of 2 polygons, which stay undivided" in capsys.readouterr().out


def test_a_relief_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="relief=0 m"):
        ice_divides.divide_ice(ICE, tmp_path / "dem.tif", relief=0)
