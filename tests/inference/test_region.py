"""glaciersar.inference.region"""

import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.region import default_polarisation, map_region
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import raster_of, write_catalog, write_folder, year_of_dates

GRID = GeoBox.from_bbox((600_000, 8_700_000, 600_400, 8_700_300), "EPSG:32633", resolution=10)


@pytest.fixture
def network():
    torch.manual_seed(1)
    return models.build("unet3d", width=2).eval()


def test_a_folder_and_a_catalogue_are_mapped_as_with_grid_and_dates_given(network, tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(), rng)
    write_catalog(tmp_path / "catalogue", GRID, year_of_dates(), rng)
    for source in (folder, tmp_path / "catalogue"):
        scenes = find_scenes(source)
        mapped, look = map_region(network, scenes, tmp_path / "one" / "probability.tif")
        chosen = choose_series(scenes, polarisation="HH")
        map_scenes(network, chosen, covering_geobox(chosen, "HH"), "HH", tmp_path / "other" / "probability.tif")
        assert [path.name for path in mapped.files] == ["probability.tif", "glacier.tif"]
        assert len(look.days) == 15
        for path in mapped.files:
            assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()
        with rasterio.open(mapped.probability) as file:
            assert file.transform == GRID.affine


def test_a_series_in_vv_is_mapped_without_saying_so(network, tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(), rng, polarisations=("VV", "VH"))
    mapped, _ = map_region(network, find_scenes(folder), tmp_path / "probability.tif")
    with rasterio.open(mapped.probability) as file:
        assert file.tags()["polarisation"] == "VV"
    given, _ = map_region(network, find_scenes(folder), tmp_path / "given.tif", polarisation="VH")
    assert not np.array_equal(raster_of(mapped.probability), raster_of(given.probability))


def test_a_network_of_two_features_is_given_both_polarisations(tmp_path, rng):
    network = models.build("unet3d", width=2, features=2)
    network.metadata = {"feature_names": "grd,grd_cross"}
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(1), rng, polarisations=("VV", "VH"))
    assert default_polarisation(network, find_scenes(folder)) == "VV+VH"


def test_scenes_of_cross_polarisation_alone_are_refused(network, tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(2), rng, polarisations=("HV",))
    with pytest.raises(InputError, match=r"2 scenes of HV; .* found, HH or VV expected for unet3d"):
        map_region(network, find_scenes(folder), tmp_path / "probability.tif")
    assert not (tmp_path / "probability.tif").exists()
