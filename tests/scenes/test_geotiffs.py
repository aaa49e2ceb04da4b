"""glaciersar.scenes.geotiffs: folders as programs and archives leave them"""

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, record_checksums, verify_checksums, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes, search_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import TILE, backscatter, write_raster

GRID = TILE.geobox(pixel=500)
PRODUCT = "S1{}_IW_GRDH_1SDV_{}_{}_{:06d}_058549_BB15"
OPERA = "OPERA_L2_RTC-S1_T137-292320-IW1_20231203T015910Z_20250830T120333Z_S1A_30_v1.0"
STATIC = "OPERA_L2_RTC-S1-STATIC_T137-292320-IW1_20140403_S1A_30_v1.0"


@pytest.fixture
def write(tmp_path, rng):
    """Write rasters of speckle under given names, of one band or of several named ones."""

    def write_files(*names, bands=("",), folder=tmp_path):
        for name in names:
            path = folder / f"{name}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            profile = {"crs": str(GRID.crs), "transform": GRID.affine, "height": GRID.shape[0], "width": GRID.shape[1]}
            with rasterio.open(path, "w", driver="GTiff", dtype="float32", count=len(bands), **profile) as file:
                for number, band in enumerate(bands, 1):
                    file.write(backscatter(rng, GRID.shape.shape), number)
                    file.set_band_description(number, band)
        return tmp_path

    return write_files


def product(satellite, day, absolute):
    return PRODUCT.format(satellite, f"{day}T014342", f"{day}T014446", absolute)


def test_passes_of_two_satellites_on_one_orbit_are_one_series(write):
    names = [product("A", "20250601", 59447), product("C", "20250607", 2496), product("D", "20250613", 2541)]
    folder = write(*(f"{name}_VV" for name in names))
    scenes = find_scenes(folder)
    assert [scene.relative_orbit for scene in scenes] == [50, 50, 50]
    assert [scene.platform for scene in scenes] == ["sentinel-1a", "sentinel-1c", "sentinel-1d"]
    assert [scene.time.day for scene in choose_series(scenes, polarisation="VV", dates=0)] == [1, 7, 13]


def test_a_known_orbit_is_never_dropped_for_an_unknown_one_and_what_is_left_out_is_printed(write, capsys):
    on_its_way = product("C", "20260616", 8100)  # between two orbits
    known = [product("A", day, 59447 + 175 * k) for k, day in enumerate(("20260601", "20260613", "20260625"))]
    scenes = find_scenes(write(*(f"{name}_VV" for name in (on_its_way, *known))))
    assert f"relative orbit of 1 of 4 scenes unknown, such as {on_its_way}" in capsys.readouterr().out
    chosen = choose_series(scenes, polarisation="VV", dates=0)
    assert [scene.relative_orbit for scene in chosen] == [50, 50, 50]
    said = "relative orbit 50 taken, 3 scenes; left out by their relative orbit: 1 of unknown"
    assert said in capsys.readouterr().out
    assert choose_series(scenes, polarisation="VV", relative_orbit=50, dates=0) == chosen
    assert "1 scenes of unknown relative orbit left out, 50 was asked for" in capsys.readouterr().out


def test_names_of_s1tiling_tell_direction_orbit_and_time(write):
    names = ["s1a_33XWG_vv_ASC_014_20230105t160245", "s1a_33XWG_vv_DES_110_20230105txxxxxx"]
    masks = [f"{name}_BorderMask" for name in names]
    ascending, descending = sorted(find_scenes(write(*names, *masks)), key=lambda scene: scene.orbit_state)
    assert (ascending.orbit_state, ascending.relative_orbit) == ("ascending", 14)
    assert ascending.time == datetime(2023, 1, 5, 16, 2, 45, tzinfo=UTC)
    assert (descending.orbit_state, descending.relative_orbit) == ("descending", 110)
    assert descending.time == datetime(2023, 1, 5, tzinfo=UTC)
    assert (ascending.platform, list(ascending.hrefs)) == ("sentinel-1a", ["VV"])


@pytest.mark.parametrize(
    ("ascending", "descending"),
    [
        ("S1_VV_{}_ASC", "S1_VV_{}_DESC"),
        ("ASCENDING_{}_VV", "DESCENDING_{}_VV"),
        ("ASC/{}_VV", "DESC/{}_VV"),
        ("vv-{}-asc", "vv-{}-desc"),
        ("{}_VV_Asc", "{}_VV_Desc"),
        ("Ascending/2023/{}_VV", "descending/2023/{}_VV"),
        ("Asc/2023/{}_VV", "des/2023/{}_VV"),
    ],
)
def test_ascending_and_descending_are_never_mixed(write, ascending, descending, capsys):
    days = ["2023-01-05", "2023-01-17", "2023-01-29"]
    folder = write(*(ascending.format(day) for day in days), *(descending.format(day) for day in days[:2]))
    scenes = find_scenes(folder)
    assert len(scenes) == 5, "both of one day stay"
    assert "newer processing" not in capsys.readouterr().out
    chosen = choose_series(scenes, polarisation="VV", dates=0)
    assert [scene.orbit_state for scene in chosen] == ["ascending"] * 3
    assert "ascending passes taken, 3 scenes; 2 left out" in capsys.readouterr().out
    other = choose_series(scenes, polarisation="VV", orbit_state="descending", dates=0)
    assert [scene.orbit_state for scene in other] == ["descending"] * 2
    with pytest.raises(InputError, match="ascending and descending passes found"):
        read_series(scenes, GRID, "VV")


@pytest.mark.parametrize(
    ("one", "other"), [("orbit14", "orbit22"), ("ro014/2023", "ro022/2023"), ("x/Relorb_14", "x/RELORB_22")]
)
def test_orbits_are_told_by_folders_too_and_never_mixed(write, one, other, capsys):
    days = ["2023-01-05", "2023-01-17"]
    folder = write(*(f"{place}/{day}_VV" for place in (one, other) for day in days))
    for source in (folder, folder / "**" / "*.tif"):
        scenes = find_scenes(source)
        assert sorted(scene.relative_orbit for scene in scenes) == [14, 14, 22, 22]
    assert [scene.relative_orbit for scene in choose_series(scenes, polarisation="VV", dates=0)] == [14, 14]
    assert "left out by their relative orbit: 2 of 22" in capsys.readouterr().out


def test_folders_that_are_links_tell_by_the_names_that_they_have_in_the_given_one(write, tmp_path):
    write("store/a/2023-01-05_VV", "store/b/2023-01-05_VV")
    (tmp_path / "given").mkdir()
    for link, target in (("orbit14", "a"), ("orbit22", "b")):
        (tmp_path / "given" / link).mkdir()
        raster = tmp_path / "store" / target / "2023-01-05_VV.tif"
        (tmp_path / "given" / link / "2023-01-05_VV.tif").symlink_to(raster)
    assert sorted(scene.relative_orbit for scene in find_scenes(tmp_path / "given")) == [14, 22]


def test_what_a_name_says_goes_before_its_folders(write):
    (scene,) = find_scenes(write("ASC/orbit22/2023-01-05_ro14_DESC_VV"))
    assert (scene.relative_orbit, scene.orbit_state) == (14, "descending")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ASC/x/DESC/2023-01-05_VV", r"folders ASC \(ascending\) and DESC \(descending\) found"),
        ("orbit14/orbit22/2023-01-05_VV", r"folders orbit14 \(14\) and orbit22 \(22\) found"),
        ("asc_desc/2023-01-05_VV", "folder asc_desc: ascending and descending found"),
        ("2023-01-05_ro14_orbit22_VV", "relative orbits 14 and 22 found in the name, one expected"),
    ],
)
def test_contradicting_words_are_refused(write, name, sentence):
    with pytest.raises(InputError, match=sentence):
        find_scenes(write(name))


def test_a_word_of_french_is_no_direction(write):
    (scene,) = find_scenes(write("glacier_des_bossons/glacier_des_bossons_2023-01-05_VV"))
    assert scene.orbit_state is None


def test_a_name_that_says_both_directions_is_refused(write):
    with pytest.raises(InputError, match="ascending and descending found in the name"):
        find_scenes(write("20230105_ASC_DESC_VV"))


def test_two_rasters_of_a_day_that_nothing_tells_apart_are_refused(write):
    with pytest.raises(InputError, match=r"20230105_\w+ and 20230105_\w+: two rasters of one place on 2023-01-05"):
        find_scenes(write("20230105_VV_first", "20230105_VV_second"))


@pytest.mark.parametrize("number", ["ro0", "orbit_176", "relorb-999"])
def test_a_number_that_is_no_relative_orbit_is_refused(write, number):
    with pytest.raises(InputError, match="found in the name, 1 to 175 expected"):
        find_scenes(write(f"20230105_{number}_VV"))


def test_a_given_orbit_that_files_do_not_tell_is_said(write, capsys):
    find_scenes(write("20230105_VV", "20230117_ro14_VV"), relative_orbit=14)
    assert "relative orbit 14, as given, taken for 1 files that do not tell theirs" in capsys.readouterr().out


def test_what_opera_puts_beside_its_backscatter_neither_stops_nor_replaces_anything(write, capsys):
    static = ("incidence_angle", "local_incidence_angle", "mask", "number_of_looks", "rtc_anf_gamma0_to_sigma0")
    folder = write(f"{OPERA}_VV", f"{OPERA}_VH", f"{OPERA}_mask", *(f"{STATIC}_{layer}" for layer in static))
    (scene,) = find_scenes(folder)
    assert sorted(scene.hrefs) == ["VH", "VV", "layover_shadow"]
    said = capsys.readouterr().out
    assert "5 files beside the backscatter left out (1 incidence_angle, 1 local_incidence_angle, 1 mask," in said
    assert "layover and shadow of 1 of 1 scenes are masked" in said


def test_coherence_and_what_comes_with_it_is_no_backscatter_and_counted(write, capsys):
    pair = "S1AA_20230105T063005_20230117T063006_VVP012_INT40_G_ueF_1234"
    pairs = ("S1_ro14_20230105_20230117_VV_coh", *(f"{pair}_{part}" for part in ("corr", "amp", "unw_phase", "dem")))
    (scene,) = find_scenes(write("S1A_ro14_20230105T160000_VV", *pairs))
    assert [len(hrefs) for hrefs in scene.hrefs.values()] == [1]
    said = "5 files beside the backscatter left out (1 amp, 2 coherence, 1 dem, 1 unw_phase)"
    assert said in capsys.readouterr().out


def test_a_folder_of_companions_alone_is_refused_by_what_they_are(write):
    with pytest.raises(InputError, match=r"no GeoTIFF found but 1 dem, expected"):
        find_scenes(write("S1A_IW_20200103T233556_DVP_RTC10_G_gpuned_5A7B_dem"))


def test_what_macos_leaves_beside_files_is_no_raster(write):
    folder = write("20230105_VV")
    (folder / "._20230105_VV.tif").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        ")
    (scene,) = find_scenes(folder)
    assert len(scene.hrefs["VV"]) == 1


def test_a_given_polarisation_reaches_the_files_of_snap(write):
    folder = write(f"{product('A', '20230105', 46117)}_Orb_NR_Cal_TF_TC")
    with pytest.raises(InputError, match=r"no polarisation \(HH, HV, VV, VH\) found in the name, expected one; pass"):
        find_scenes(folder)
    (scene,) = search_scenes(folder, polarisation="VV")
    assert (list(scene.hrefs), scene.relative_orbit) == (["VV"], 20)


def test_a_product_of_one_polarisation_tells_it(write):
    (scene,) = find_scenes(write(f"{product('A', '20230105', 46117).replace('1SDV', '1SSH')}_TC"))
    assert list(scene.hrefs) == ["HH"]


def test_both_polarisations_of_one_file_are_read_by_the_names_of_its_bands(write, capsys):
    bands = ("Sigma0_VH", "angle", "Sigma0_VV", "layover_shadow_mask", "projectedLocalIncidenceAngle")
    folder = write("S1_ro14_20230105T160245", bands=bands)
    (scene,) = find_scenes(folder)
    assert sorted(scene.hrefs) == ["VH", "VV", "incidence"]
    assert "bands 'layover_shadow_mask', 'projectedLocalIncidenceAngle' left out" in capsys.readouterr().out
    assert covering_geobox([scene], "VV") == GRID
    with rasterio.open(folder / "S1_ro14_20230105T160245.tif") as file:
        for kind, number in (("VV", 3), ("VH", 1)):
            np.testing.assert_array_equal(read_series([scene], GRID, kind).power[0], file.read(number))


def test_all_dates_of_one_file_are_read_by_the_names_of_its_bands(write):
    folder = write("svalbard_ro14_stack_HH", bands=[f"2023-01-{day:02}" for day in (5, 17, 29)])
    scenes = find_scenes(folder)
    assert [scene.time.day for scene in scenes] == [5, 17, 29]
    power = read_series(scenes, GRID, "HH").power
    with rasterio.open(folder / "svalbard_ro14_stack_HH.tif") as file:
        np.testing.assert_array_equal(power, file.read())


def test_dates_and_polarisations_of_one_file_are_read_too(write):
    times = ("20230105T160245", "20230117T160245")
    folder = write("ro14", bands=[f"{kind}_{time}" for time in times for kind in ("VV", "VH")])
    assert [sorted(scene.hrefs) for scene in find_scenes(folder)] == [["VH", "VV"], ["VH", "VV"]]


@pytest.mark.parametrize("bands", [("", ""), ("B1", "B2")])
def test_bands_without_telling_names_are_refused_with_the_way_out(write, bands):
    with pytest.raises(InputError, match=r"2 bands found .*names that tell polarisation or date .* expected"):
        find_scenes(write("20230105", bands=bands))


def test_two_bands_of_the_same_and_of_other_units_are_refused(write):
    with pytest.raises(InputError, match="two bands of VV at 2023-01-05T00:00:00 found, one expected"):
        find_scenes(write("20230105", bands=("VV", "Gamma0_VV")))
    with pytest.raises(InputError, match="bands in linear and db units found"):
        find_scenes(write("20230105", bands=("VV", "VH_dB")))


def test_a_manifest_keeps_the_bands_of_a_file_and_sees_that_it_changed(write, tmp_path):
    folder = write("S1_ro14_20230105", bands=("VV", "VH"))
    scenes = record_checksums(find_scenes(folder))
    manifest = write_manifest(scenes, tmp_path / "scenes.json")
    assert "vrt://S1_ro14_20230105.tif?bands=2" in manifest.read_text()
    read = read_manifest(manifest)
    assert read == scenes
    assert verify_checksums(read).empty
    write("S1_ro14_20230105", bands=("VV",))
    assert set(verify_checksums(read)["what"]) == {"changed"}


def test_a_file_of_several_bands_that_is_cut_off_is_refused(write):
    folder = write("S1_ro14_20230105", bands=("VV", "VH"))
    scenes = find_scenes(folder)
    path = folder / "S1_ro14_20230105.tif"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"S1_ro14_20230105\.tif: .* the file is truncated"):
        read_series(scenes, GRID, "VV")
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read_series(scenes, GRID, "VV")


def test_a_file_of_one_band_stays_a_plain_path(write):
    path = write_raster(write("20230105_VV") / "20230117_VV.tif", np.ones(GRID.shape, np.float32), GRID)
    assert find_scenes(path)[0].hrefs["VV"] == (str(path),)
