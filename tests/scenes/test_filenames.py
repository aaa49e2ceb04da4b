"""glaciersar.scenes.filenames"""

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from glaciersar.errors import InputError
from glaciersar.scenes.filenames import common_convention, convention_of_name, relative_orbit_of, time_of_name
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, write_raster

GRID = TILE.geobox(pixel=1000)
HYP3 = "S1A_IW_20200103T233556_DVP_RTC10_G_{}_5A7B"
OPERA = "OPERA_L2_RTC-S1_T137-292320-IW1_20231203T015910Z_20250830T120333Z_S1A_30_v1.0"
EARTH_ENGINE = "S1A_EW_GRDM_1SDH_20221130T014342_20221130T014446_046117_058549_BB15"


def write(path, *bands):
    """Write a raster whose bands have names."""
    values = np.ones((len(bands) or 1, *GRID.shape), np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = GRID.shape
    profile = {"crs": str(GRID.crs), "transform": GRID.affine, "dtype": "float32", "count": len(values)}
    with rasterio.open(path, "w", driver="GTiff", height=height, width=width, **profile) as file:
        file.write(values)
        for k, name in enumerate(bands, 1):
            file.set_band_description(k, name)


@pytest.mark.parametrize(
    ("name", "time", "kind", "orbit"),
    [
        (
            "OPERA_L2_RTC-S1_T137-292320-IW1_20231203T015910Z_20250830T120333Z_S1A_30_v1.0_VH",
            (2023, 12, 3, 1, 59, 10),
            "VH",
            137,
        ),
        ("S1A_IW_20200103T233556_DVP_RTC10_G_gpuned_5A7B_VV", (2020, 1, 3, 23, 35, 56), "VV", None),
        ("svalbard-2023-12-03-hh", (2023, 12, 3), "HH", None),
        ("s1_ro174_20231203_HV_db", (2023, 12, 3), "HV", 174),
        ("20231203_local_incidence", (2023, 12, 3), "incidence", None),
    ],
)
def test_time_polarisation_and_orbit_are_read_from_names_as_archives_give_them(tmp_path, name, time, kind, orbit):
    write_raster(tmp_path / f"{name}.tif", np.ones((2, 2), np.float32), GRID)
    (scene,) = find_scenes(tmp_path)
    assert scene.time == datetime(*time, tzinfo=UTC)
    assert list(scene.hrefs) == [kind]
    assert scene.relative_orbit == orbit
    assert find_scenes(tmp_path, relative_orbit=orbit or 7)[0].relative_orbit == (orbit or 7)


@pytest.mark.parametrize(
    "name",
    [
        "20240301_S1A_20230107T160000_VV",
        "20230107T160000_VV_made_2024-03-01",
        "S1A_IW_GRDH_1SDV_20230107T160000_20230107T160025_046100_058549_ABCD_VV_20240301",
        "20230107_VV_20230107T160000",
    ],
)
def test_a_time_of_day_tells_the_acquisition_among_other_days(name):
    assert time_of_name(name, name) == datetime(2023, 1, 7, 16, tzinfo=UTC)


def test_start_and_stop_about_midnight_are_one_acquisition():
    name = "S1A_IW_GRDH_1SDV_20230107T235950_20230108T000015_046100_058549_ABCD_VV"
    assert time_of_name(name, name) == datetime(2023, 1, 7, 23, 59, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("20230107_20230119_VV", "2023-01-07, 2023-01-19"),
        ("20240301T101010_S1A_20230107T160000_VV", "2023-01-07, 2024-03-01"),
    ],
)
def test_a_name_of_several_days_is_refused_with_what_to_do(tmp_path, name, days):
    write(tmp_path / f"{name}.tif")
    with pytest.raises(InputError, match=rf"{name}\.tif: {days} found in the name, .* leave it out by a glob"):
        find_scenes(tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dem", "no polarisation"),
        ("20200102", "no polarisation"),
        ("20200102_VV_VH", "no polarisation"),
        ("S1_HH", "no date"),
        ("20200230_HH", "a date expected"),
    ],
)
def test_a_geotiff_whose_name_does_not_tell_is_refused(tmp_path, name, sentence):
    write_raster(tmp_path / f"{name}.tif", np.ones((2, 2), np.float32), GRID)
    with pytest.raises(InputError, match=rf"{name}\.tif: .*{sentence}"):
        find_scenes(tmp_path)


@pytest.mark.parametrize(
    ("letters", "units"), [("gpuned", "linear"), ("gdufem", "db"), ("spwncd", "linear"), ("sdwfcm", "db")]
)
def test_the_scale_of_hyp3_is_read_from_its_name(tmp_path, letters, units):
    write(tmp_path / f"{HYP3.format(letters)}_VV.tif")
    (scene,) = find_scenes(tmp_path)
    assert scene.units == units
    assert scene.platform == "sentinel-1a"
    other = "db" if units == "linear" else "linear"
    assert find_scenes(tmp_path, units=other)[0].units == other  # the user's word goes before the name


def test_the_amplitude_of_hyp3_is_refused(tmp_path):
    write(tmp_path / f"{HYP3.format('gauned')}_VV.tif")
    with pytest.raises(InputError, match=r"_VV\.tif: amplitude found \(by HyP3's name\), power or decibel expected"):
        find_scenes(tmp_path)


def test_a_whole_product_of_hyp3_gives_its_backscatter_alone(tmp_path):
    for part in ("VV", "VH", "dem", "ls_map", "inc_map", "area", "rgb", "water_mask"):
        write(tmp_path / f"{HYP3.format('gpuned')}_{part}.tif")
    (scene,) = find_scenes(tmp_path)
    assert set(scene.hrefs) == {"VV", "VH", "layover_shadow"}


def test_a_burst_of_opera_gives_its_backscatter_alone(tmp_path):
    for part in ("VV", "VH", "mask", "BROWSE"):
        write(tmp_path / f"{OPERA}_{part}.tif")
    (scene,) = find_scenes(tmp_path)
    assert set(scene.hrefs) == {"VV", "VH", "layover_shadow"}
    assert (scene.relative_orbit, scene.units, scene.platform) == (137, "linear", "sentinel-1a")


def test_an_export_of_earth_engine_tells_its_polarisation_by_its_band_and_its_orbit_by_its_name(tmp_path):
    write(tmp_path / f"{EARTH_ENGINE}.tif", "HH")
    (scene,) = find_scenes(tmp_path, units="db")
    assert scene.time == datetime(2022, 11, 30, 1, 43, 42, tzinfo=UTC)
    assert (scene.relative_orbit, list(scene.hrefs), scene.units) == (20, ["HH"], "db")


def test_an_export_of_several_bands_tells_what_they_are_by_their_names(tmp_path):
    write(tmp_path / f"{EARTH_ENGINE}.tif", "HH", "HV", "angle")
    (scene,) = find_scenes(tmp_path)
    assert sorted(scene.hrefs) == ["HH", "HV", "incidence"]


def test_the_caller_may_tell_the_polarisation_of_files_that_do_not(tmp_path):
    write(tmp_path / "20200103.tif")
    write(tmp_path / "20200115.tif", "VH")
    scenes = find_scenes(tmp_path, polarisation="VV", relative_orbit=14)
    assert [list(scene.hrefs) for scene in scenes] == [["VV"], ["VH"]]


@pytest.mark.parametrize(
    ("satellite", "absolute", "relative"),
    [
        ("A", 46117, 20), ("A", 39156, 59), ("A", 3072, 25), ("B", 3663, 137),
        ("C", 1681, 110),  # as sentineleof tests it (scottstanie/sentineleof)
        ("D", 2389, 73),  # by the manifest.safe that s1-reader was tried with (isce-framework/s1-reader, 151)
        ("D", 4762, 171),  # of September 2026, as the Copernicus Data Space lists it
    ],
)  # fmt: skip
def test_relative_orbits_are_numbered_as_real_items_have_them(satellite, absolute, relative):
    assert relative_orbit_of(satellite, absolute) == relative


@pytest.mark.parametrize(
    ("absolute", "time", "relative"),
    [
        (8018, (2026, 6, 8), 147),  # the last before it was moved, by both rules of sentineleof's pull request 86
        (8100, (2026, 6, 15), None),
        (8300, (2026, 6, 28), (8300 - 99) % 175 + 1),
        (8300, None, None),
    ],
)
def test_the_orbit_of_sentinel_1c_is_unknown_while_it_moves_and_counted_anew_after(absolute, time, relative):
    assert relative_orbit_of("C", absolute, time and datetime(*time, tzinfo=UTC)) == relative


@pytest.mark.parametrize(("unit", "units"), [("dB", "db"), ("decibel", "db"), ("1", "linear"), ("", "linear")])
def test_the_unit_of_a_band_is_believed_where_neither_name_nor_user_tells(tmp_path, unit, units):
    path = tmp_path / "s1_ro14_20200103_HH.tif"
    write(path)
    with rasterio.open(path, "r+") as file:
        file.units = (unit,)
    assert find_scenes(tmp_path)[0].units == units
    assert find_scenes(tmp_path, units="linear")[0].units == "linear"


def test_a_band_that_says_decibel_in_its_name_is_believed_too(tmp_path):
    write(tmp_path / "20200103.tif", "HH_dB")
    (scene,) = find_scenes(tmp_path)
    assert (scene.units, list(scene.hrefs)) == ("db", ["HH"])


def test_decibels_are_known_by_the_name(tmp_path):
    write(tmp_path / "s1_ro14_20200103_HH_dB.tif")
    write(tmp_path / "s1_ro14_20200115_HH.tif")
    assert [scene.units for scene in find_scenes(tmp_path)] == ["db", "linear"]


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("s3://bucket/RTC/1/IW/17/R/MJ/2020/S1A_20200103_17RMJ_ASC/Gamma0_VV.tif", "gamma0"),
        ("S1A_IW_20200101T153005_DVP_RTC30_G_gpuned_8C2A_VV.tif", "gamma0"),  # HyP3
        ("S1A_IW_20200101T153005_DVP_RTC30_G_sdufem_8C2A_VV.tif", "sigma0"),
        ("https://a.net/sigma0_hh.tif?sig=gamma0", "sigma0"),
        ("sigma_nought_hv.tif", "sigma0"),
        ("beta0_hh.tif", "beta0"),
        ("OPERA_L2_RTC-S1_T137-292320-IW1_20211119T015859Z_20250830T120333Z_S1A_30_v1.0_VH.tif", "unknown"),
        ("gamma0/hh.tif", "unknown"),  # a folder may be called anything
    ],
)
def test_names_tell_sigma_from_gamma_nought(href, expected):
    assert convention_of_name(href) == expected


def test_the_convention_of_two_polarisations_is_the_same():
    def both(co, cross):
        hrefs = {"HH": (f"{co}_HH.tif",), "HV": (f"{cross}_HV.tif",)}
        return [Scene(id="a", time=datetime(2020, 1, 2, tzinfo=UTC), relative_orbit=1, orbit_state=None, hrefs=hrefs)]

    assert common_convention(both("gamma0", "gamma0"), "HH+HV") == "gamma0"
    assert common_convention(both("gamma0", "sigma0"), "HH") == "gamma0"
    with pytest.raises(InputError, match=r"sigma0_HV\.tif: sigma0 found, gamma0 expected"):
        common_convention(both("gamma0", "sigma0"), "HH+HV")
