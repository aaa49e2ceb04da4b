import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox

from glaciersar import models, radiometry
from glaciersar.errors import InputError
from glaciersar.inference import sliding_window, yearly
from glaciersar.inference.sliding_window import Tiling
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import write_folder, year_of_dates

GRID = GeoBox.from_bbox((600_000, 8_700_000, 600_400, 8_700_300), "EPSG:32633", resolution=10)


def test_each_year_of_an_archive_is_mapped_from_its_own_scenes(tmp_path, rng):
    archive = tmp_path / "archive"
    for year in (2019, 2020):
        write_folder(archive, GRID, year_of_dates(year=year), rng)
    torch.manual_seed(1)
    network = models.build("unet3d", width=2)
    yearly.map_years(network, archive, [2019, 2020], tmp_path / "maps", window=32, weights="of a test")
    assert set(yearly.maps_of_years(tmp_path / "maps")) == {2019, 2020}
    for year, path in yearly.maps_of_years(tmp_path / "maps").items():
        chosen = choose_series(find_scenes(archive), polarisation="HH", start=f"{year}-01-01", end=f"{year + 1}-01-01")
        series = radiometry.prepare(read_series(chosen, GRID, "HH").power).series
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(
                file.read(1), sliding_window.map_array(network, series[None], tiling=Tiling(window=32))
            )
            tags = file.tags()
        assert len(chosen) == 15
        assert tags["dates"] == " ".join(f"{scene.time:%Y-%m-%d}" for scene in chosen)
        assert (tags["weights"], tags["model"]) == ("of a test", "unet3d")


def test_maps_are_found_by_the_year_in_their_names(tmp_path):
    for name in ("probability_2020.tif", "probability_2016.tif", "probability_12.tif", "confidence_2018.tif"):
        (tmp_path / name).touch()
    found = yearly.maps_of_years(tmp_path)
    assert found == {year: tmp_path / f"probability_{year}.tif" for year in (2016, 2020)}


def test_one_map_is_refused_as_no_change_can_be_told(tmp_path):
    (tmp_path / "probability_2020.tif").touch()
    with pytest.raises(InputError, match=r"1 maps like probability_2020\.tif found, at least two expected"):
        yearly.maps_of_years(tmp_path)
