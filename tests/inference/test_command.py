"""glaciersar.inference.command"""

import numpy as np
import pytest
import rasterio
import torch
from scipy.ndimage import gaussian_filter

from glaciersar import cli, models
from glaciersar.inference.calibration import write_calibration
from glaciersar.models import pretrained
from tests.support.archives import backscatter, write_folder, write_raster, year_of_dates
from tests.support.streams import GRID, SHARPER, contents


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The words that name scenes, weights and small windows."""
    folder = tmp_path_factory.mktemp("given")
    write_folder(folder / "scenes", GRID, year_of_dates(3), np.random.default_rng(1))
    torch.manual_seed(1)
    pretrained.save(models.build("unet3d", width=2), folder / "weights.safetensors")
    words = [str(folder / "scenes"), "--weights", str(folder / "weights.safetensors")]
    return [*words, "--dates", "0", "--window", "48", "--quiet"]


def test_strips_are_joined_to_what_one_command_maps(given, tmp_path, capsys):
    write_calibration(tmp_path / "calibration.json", SHARPER)
    kinds = ["--dtype", "uint8", "--calibration", str(tmp_path / "calibration.json")]
    assert cli.main(["map", *given, *kinds, "--out", str(tmp_path / "whole" / "probability.tif")]) == 0
    assert "3 dates of HH, 2020-01-02 to 2020-01-26" in capsys.readouterr().out
    strips = [str(tmp_path / f"{k}.zip") for k in (1, 2, 3)]
    for k, strip in enumerate(strips, 1):
        assert cli.main(["map", *given, "--strip", f"{k}/3", "--out", strip]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == strip
    joined = ["join", *strips, *kinds, "--quiet", "--out", str(tmp_path / "joined" / "probability.tif")]
    assert cli.main(joined) == 0
    assert "written: " in capsys.readouterr().out
    assert len(contents(tmp_path / "joined")) == 3
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--strip", "4/3"], "strip=4 found, 1 to 3 expected"),
        (["--strip", "3"], "--strip 3 found, a strip of all such as 3/10 expected"),
        (["--strip", "1/2", "--dtype", "uint8"], "expected for glaciersar join"),
        (["--strip", "1/900"], "strips=900 found, 1 to 3 expected"),
        (["--polarisation", "VV"], "VV"),
        (["--relative-orbit", "15"], "15"),
    ],
)
def test_a_mistake_is_one_sentence(given, tmp_path, capsys, words, message):
    assert cli.main(["map", *given, *words, "--out", str(tmp_path / "new" / "map.tif")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("glaciersar: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_strip_that_is_missing_is_named(given, tmp_path, capsys):
    assert cli.main(["map", *given, "--strip", "2/3", "--out", str(tmp_path / "2.zip")]) == 0
    assert cli.main(["join", str(tmp_path / "2.zip"), "--out", str(tmp_path / "probability.tif")]) == 2
    assert "strip 1, 3 of 3 missing" in capsys.readouterr().err


def without_polarisation(folder, grid=GRID, count=3):
    """Write scenes as SNAP names them, which does not tell which polarisation of two it is."""
    rng = np.random.default_rng(2)
    for k, time in enumerate(year_of_dates(count)):
        orbit = 30_630 + 175 * k
        name = (
            f"S1A_IW_GRDH_1SDV_{time:%Y%m%dT%H%M%S}_{time:%Y%m%dT%H%M%S}_{orbit:06}_038{k}B_4F{k}A_Orb_NR_Cal_TF_TC.tif"
        )
        write_raster(folder / name, backscatter(rng, grid.shape.shape), grid)
    return folder


def test_the_polarisation_given_is_that_of_files_that_do_not_tell(given, tmp_path, capsys):
    folder = without_polarisation(tmp_path / "snap")
    words = [str(folder), *given[1:], "--out", str(tmp_path / "map" / "p.tif")]
    assert cli.main(["map", *words]) == 2
    assert "pass polarisation" in capsys.readouterr().err
    assert cli.main(["map", *words, "--polarisation", "VV"]) == 0
    assert "3 dates of VV" in capsys.readouterr().out


def test_the_orbit_given_is_that_of_files_that_do_not_tell(given, tmp_path, capsys):
    for time in year_of_dates(3):
        power = backscatter(np.random.default_rng(3), GRID.shape)
        write_raster(tmp_path / "own" / f"{time:%Y-%m-%d}_VV.tif", power, GRID)
    words = [str(tmp_path / "own"), *given[1:], "--relative-orbit", "87", "--out", str(tmp_path / "map" / "p.tif")]
    assert cli.main(["map", *words]) == 0
    assert "relative orbit 87, as given, taken for 3 files" in capsys.readouterr().out


def test_dates_that_lie_apart_are_mapped_where_that_is_allowed(given, tmp_path, capsys):
    ground = np.exp(gaussian_filter(np.random.default_rng(4).normal(size=GRID.shape), 2) * 4)  # (H, W)
    for k, time in enumerate(year_of_dates(6)):
        power = backscatter(np.random.default_rng(k), GRID.shape) * np.roll(ground, 3 * (k % 2), axis=1)
        write_raster(tmp_path / "apart" / f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_HH.tif", power.astype(np.float32), GRID)
    words = [str(tmp_path / "apart"), *given[1:]]
    assert cli.main(["map", *words, "--out", str(tmp_path / "map" / "p.tif")]) == 2
    assert "dates up to 2.85 pixels apart" in capsys.readouterr().err
    assert cli.main(["map", *words, "--max-offset", "4", "--out", str(tmp_path / "map" / "p.tif")]) == 0
    strip = ["--strip", "1/2", "--out", str(tmp_path / "1.zip")]
    assert cli.main(["map", *words, "--max-offset", "4", *strip]) == 0
    assert cli.main(["map", *words, *strip]) == 2


def test_system_pixels_and_period_of_the_map_can_be_chosen(given, tmp_path, capsys):
    path = tmp_path / "map" / "p.tif"
    words = ["--crs", "EPSG:3413", "--pixel", "20", "--start", "2020-01-10", "--end", "2020-03-01"]
    assert cli.main(["map", *given, *words, "--out", str(path)]) == 0
    assert "2 dates of HH, 2020-01-14 to 2020-01-26" in capsys.readouterr().out
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.res) == (3413, (20, 20))
    assert cli.main(["map", *given, "--orbit-state", "descending", "--out", str(path)]) == 2
    assert "no scene with" in capsys.readouterr().err
