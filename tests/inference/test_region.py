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
from tests.support.archives import backscatter, raster_of, write_catalog, write_folder, write_raster, year_of_dates

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


def test_what_other_years_and_polarisations_leave_out_is_printed_with_how_to_choose_it(network, tmp_path, rng, capsys):
    folder = write_folder(tmp_path / "years", GRID, year_of_dates(15), rng)
    write_folder(folder, GRID, year_of_dates(1, year=2021), rng)
    _, look = map_region(network, find_scenes(folder), tmp_path / "map" / "p.tif", dates=0)
    assert look.days == ("2021-01-02",)
    said = capsys.readouterr().out
    assert "year 2021 taken, 1 scenes; left out by their year: 15 of 2020, which start and end choose" in said
    _, look = map_region(network, find_scenes(folder), tmp_path / "map" / "p.tif", dates=0, end="2021-01-01")
    assert len(look.days) == 15
    assert "left out" not in capsys.readouterr().out
    folder = write_folder(tmp_path / "kinds", GRID, year_of_dates(3), rng, polarisations=("VV", "VH"))
    write_folder(folder, GRID, year_of_dates(4)[3:], rng)
    map_region(network, find_scenes(folder), tmp_path / "map" / "p.tif", dates=0)
    said = capsys.readouterr().out
    assert "HH taken, 1 scenes; left out by their polarisation: 3 of VV+VH, which polarisation chooses" in said


def test_gamma_nought_beside_sigma_nought_is_refused(network, tmp_path, rng):
    for k, time in enumerate(year_of_dates(2)):
        name = f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_{('Gamma0', 'Sigma0')[k]}_VV.tif"
        write_raster(tmp_path / "mixed" / name, backscatter(rng, GRID.shape.shape), GRID)
    with pytest.raises(InputError, match=r"Sigma0_VV\.tif: sigma0 found, gamma0 expected"):
        map_region(network, find_scenes(tmp_path / "mixed"), tmp_path / "new" / "p.tif", dates=0)
    assert not (tmp_path / "new").exists()
