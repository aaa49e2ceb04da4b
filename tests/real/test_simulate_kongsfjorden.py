"""The simulator on real ground: Kongsfjorden's elevation model and the Norwegian Polar Institute's outlines."""

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
import shapely

from glaciersar.evaluation import annotators
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.simulate.zones import GLACIER


@pytest.fixture(scope="module")
def files(shared):
    folder = shared / "data/svalbard"
    return folder / "dem-kongsfjorden-20m.tif", folder / "glaciers-npi-s1000.gpkg"


@pytest.fixture(scope="module")
def made(files, tmp_path_factory):
    dem, shapes = files
    settings = ArchiveSettings(
        dem=dem, outlines=shapes, pixel=50, years=(2016, 2020), relative_orbits=(14,), repeat_days=48
    )
    return simulate_archive(tmp_path_factory.mktemp("kongsfjorden") / "archive", settings, progress=False)


def test_the_archive_covers_the_elevation_model(made, files):
    items = list(pystac.Catalog.from_file(str(made)).get_items(recursive=True))
    assert len(items) >= 13
    with rasterio.open(files[0]) as dem, rasterio.open(items[0].assets["hh"].get_absolute_href()) as image:
        covered = np.prod(image.shape) * 50**2 / (np.prod(dem.shape) * 20**2)
        assert 0.97 < covered <= 1
        assert image.crs.to_epsg() == 32633
        assert np.isfinite(image.read(1)).all()


def test_the_truth_is_the_institutes_outlines(made, files, rng):
    with rasterio.open(made.parent / "dem-kongsfjorden-20m" / "zones_2016.tif") as file:
        glacier = np.isin(file.read(1), GLACIER)
        rows, columns = rng.integers(0, glacier.shape, (5000, 2)).T
        x, y = file.xy(rows, columns)  # of the pixels' centres
    institute = gpd.read_file(files[1]).to_crs("EPSG:32633").union_all()
    inside = shapely.contains_xy(institute, x, y)
    assert 0.4 < inside.mean() < 0.9
    assert (glacier[rows, columns] == inside).mean() > 0.999  # but for centres on the very edge


def test_the_drawn_outlines_agree_with_the_institutes_but_for_a_persons_error(made):
    table = annotators.inter_annotator_agreement(made.parent / "outlines.gpkg").set_index(["landscape", "year"])
    for year in (2016, 2020):
        assert 0.9 < table.loc[("dem-kongsfjorden-20m", year), "truth_iou"] < 0.995
        assert 0.85 < table.loc[("dem-kongsfjorden-20m", year), "iou"] < 0.99
