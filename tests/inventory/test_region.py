"""glaciersar.inventory.region"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.errors import InputError
from glaciersar.inventory import region
from glaciersar.inventory.vectorize import split_by_glacier, trace_glaciers
from glaciersar.simulate.settings import ArchiveSettings
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((500_000, 8_700_000, 510_000, 8_705_000), "EPSG:32633", resolution=100)
HOW = {"settings": ArchiveSettings(years=[2016, 2020], tiles_per_side=1), "network": None, "weights": "w", "window": 64}


def two_glaciers(lost=0.0, **columns):
    """One of 3 × 4 km and one of 2 × 4 km, the first shorter by `lost` metres."""
    shapes = [
        shapely.box(501_000, 8_700_500, 504_000 - lost, 8_704_500),
        shapely.box(506_000, 8_700_500, 508_000, 8_704_500),
    ]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32633", index=range(2))


def write_maps(folder):
    for year, lost in ((2016, 0), (2020, 500)):
        ice = np.full(GRID.shape, 0.1, np.float32)
        ice[5:45, 10 : 40 - lost // 100] = ice[5:45, 60:80] = 0.9
        write_raster(folder / f"probability_{year}.tif", ice, GRID, nodata=np.nan)


def write_archive(folder):
    states = [two_glaciers(lost, year=year) for year, lost in ((2016, 0), (2020, 400))]
    folder.mkdir(parents=True)
    pd.concat(states).to_file(folder / "outlines.gpkg", layer="truth")


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    """A region that counts as simulated and mapped."""

    def simulate(folder, settings, **how):
        write_archive(Path(folder))
        return Path(folder) / "catalog.json"

    monkeypatch.setattr(region, "simulate_archive", simulate)
    monkeypatch.setattr(region.yearly, "map_years", lambda network, archive, years, out, **how: write_maps(out))
    return region.find_region("", "", run=tmp_path, **HOW)


@pytest.fixture
def own(tmp_path):
    """Maps of one's own, with an inventory."""
    (tmp_path / "mine").mkdir()
    write_maps(tmp_path / "mine")
    two_glaciers(rgi_id=["a", "b"]).to_file(tmp_path / "rgi.gpkg")
    return region.find_region(tmp_path / "mine", tmp_path / "rgi.gpkg", run=tmp_path, **HOW)


def outlined(found):
    return {year: split_by_glacier(trace_glaciers(path), found.known) for year, path in found.maps.items()}


def changes_of(found):
    index = pd.MultiIndex.from_product([found.names.values(), [2016], [2020]], names=["glacier", "start", "end"])
    return pd.DataFrame({"change": -1.0}, index=index)


def test_a_simulated_region_is_divided_by_its_true_glaciers_of_the_first_year(simulated, tmp_path):
    assert simulated.ends == (2016, 2020)
    assert simulated.source == "simulated radar"
    assert list(simulated.names.values()) == ["simulated-00", "simulated-01"]
    assert simulated.known.area.sum() == pytest.approx(20e6)
    assert simulated.annotated == tmp_path / "change/archive/outlines.gpkg"


def test_the_true_changes_are_those_of_the_outlines(simulated):
    found = region.add_true_changes(changes_of(simulated), simulated)
    assert found["true change"].tolist() == pytest.approx([-1.6, 0], rel=1e-3)
    assert found["true rate"].tolist() == pytest.approx([-0.4, 0], rel=1e-3)


def test_what_was_lost_stands_beside_the_truth(simulated):
    panels, before = region.gained_beside_truth(simulated, outlined(simulated))
    lost = {name: panel["area_km2"].sum() for name, panel in panels.items()}
    assert lost == pytest.approx({"mapped": 2.0, "true": 1.6}, rel=1e-3)
    assert before["true"].area.sum() == pytest.approx(20e6)


def test_maps_of_ones_own_have_names_and_no_truth(own, tmp_path):
    assert list(own.names.values()) == ["a", "b"]
    assert own.source == "maps in mine"
    assert own.annotated == tmp_path / "archive/outlines.gpkg"
    changes = changes_of(own)
    assert region.add_true_changes(changes, own) is changes
    assert list(region.gained_beside_truth(own, outlined(own))[0]) == ["mapped"]


def test_maps_without_an_inventory_need_the_region_that_was_simulated(own, tmp_path):
    with pytest.raises(InputError, match="09-change"):
        region.find_region(tmp_path / "mine", "", run=tmp_path, **HOW)
    write_archive(tmp_path / "change" / "archive")
    found = region.find_region(tmp_path / "mine", "", run=tmp_path, **HOW)
    assert list(found.names.values()) == ["simulated-00", "simulated-01"]
    assert found.truth is None


def test_maps_of_other_networks_than_those_given_are_refused(own, tmp_path):
    how = HOW | {"network": [HOW["network"]] * 3}
    with pytest.raises(InputError, match=r"a map of one network found, one of the 3 given expected"):
        region.find_region(tmp_path / "mine", tmp_path / "rgi.gpkg", run=tmp_path, **how)
    for path in (tmp_path / "mine").glob("*.tif"):
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
            file.update_tags(members="3")
    with pytest.raises(InputError, match=r"a map of 3 networks found, one of the 1 given expected"):
        region.find_region(tmp_path / "mine", tmp_path / "rgi.gpkg", run=tmp_path, **HOW)
    found = region.find_region(tmp_path / "mine", tmp_path / "rgi.gpkg", run=tmp_path, **how)
    assert sorted(found.maps) == sorted(own.maps)


def test_boundaries_are_measured_by_glacier(own):
    lengths = region.free_lengths(own, outlined(own)[2016], GRID)
    assert lengths == pytest.approx({"total": 26, 0: 14, 1: 12}, rel=0.01)


def test_the_inventory_is_joined_by_identifier_or_by_place(own, tmp_path):
    glaciers = outlined(own)[2016].assign(area_km2=lambda table: table.area / 1e6)
    for theirs in (region.inventory_of(own), region.inventory_of(own, tmp_path / "rgi.gpkg")):
        beside = region.compare_with_known(own, glaciers, theirs)
        assert beside["difference_km2"].abs().max() < 0.1
        assert beside.attrs["unmatched"] == 0
    elsewhere = region.inventory_of(own).assign(id=["x", "y"])
    assert region.compare_with_known(own, glaciers, elsewhere)["ids"].tolist() == ["x", "y"]


def test_the_elevation_model_is_the_given_one_or_that_of_a_single_simulated_landscape(simulated, own, tmp_path):
    assert simulated.dem is None  # this archive has none
    for name in ("a", "b"):
        (tmp_path / "archive" / name).mkdir(parents=True)
    (tmp_path / "archive/a/dem.tif").touch()
    assert region._simulated_dem(tmp_path / "archive") == tmp_path / "archive/a/dem.tif"
    (tmp_path / "archive/b/dem.tif").touch()
    assert region._simulated_dem(tmp_path / "archive") is None
    assert own.dem is None
