"""glaciersar.scenes.cubes"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, backscatter, year_of_dates

xarray = pytest.importorskip("xarray", reason="cubes need the extra cubes")
GRID = TILE.geobox(pixel=500)
TIMES = year_of_dates(3)


def make(rng, *, kinds=("VV", "VH"), time="t", north_up=True, crs="spatial_ref"):
    """A cube of speckle, as rioxarray or openEO describe its grid."""
    left, _, _, top = GRID.boundingbox.bbox
    rows, columns = GRID.shape
    coords = {
        time: [np.datetime64(moment.replace(tzinfo=None), "ns") for moment in TIMES],
        "y": top - 500 * (np.arange(rows) + 0.5),
        "x": left + 500 * (np.arange(columns) + 0.5),
    }
    power = {kind: np.stack([backscatter(rng, GRID.shape.shape) for _ in TIMES]) for kind in kinds}
    cube = xarray.Dataset({kind: ((time, "y", "x"), values) for kind, values in power.items()}, coords)
    if crs:
        cube = cube.assign({crs: ((), 0, {"crs_wkt": GRID.crs.to_wkt()})})
    return (cube if north_up else cube.isel(y=slice(None, None, -1))), power


@pytest.mark.parametrize("given", [{}, {"time": "time", "crs": "crs"}, {"north_up": False}])
def test_a_cube_with_a_time_axis_is_a_series_of_scenes(tmp_path, rng, given, capsys):
    cube, power = make(rng, **given)
    cube.to_netcdf(tmp_path / "glacier.nc", engine="scipy")
    scenes = find_scenes(tmp_path / "glacier.nc")
    assert "6 rasters unpacked into glacier.nc-scenes" in capsys.readouterr().out
    assert [scene.time for scene in scenes] == TIMES
    assert covering_geobox(scenes, "VV") == GRID
    for kind, values in power.items():
        np.testing.assert_array_equal(read_series(scenes, GRID, kind).power, values)
    find_scenes(tmp_path / "glacier.nc")
    assert "already unpacked" in capsys.readouterr().out


def test_bands_of_one_variable_are_told_by_their_names(tmp_path, rng, capsys):
    cube, power = make(rng, kinds=("VV", "VH", "angle"))
    stacked = cube[["VV", "VH", "angle"]].to_dataarray("bands").rename("backscatter").to_dataset()
    stacked = stacked.assign(spatial_ref=cube["spatial_ref"])
    stacked["bands"] = stacked["bands"].astype("S8").astype(str)
    stacked.to_netcdf(tmp_path / "a.nc", engine="scipy")
    scenes = find_scenes(tmp_path / "a.nc")
    assert "angle left out" in capsys.readouterr().out
    np.testing.assert_array_equal(read_series(scenes, GRID, "VH").power, power["VH"])


def test_units_of_a_variable_are_believed(tmp_path, rng):
    cube, power = make(rng, kinds=("VV",))
    decibel = cube.assign(VV=(10 * np.log10(cube["VV"])).assign_attrs(units="dB"))
    decibel.to_netcdf(tmp_path / "a.nc", engine="scipy")
    scenes = find_scenes(tmp_path / "a.nc")
    np.testing.assert_allclose(read_series(scenes, GRID, "VV").power, power["VV"], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda cube: cube.drop_vars("spatial_ref"), "no coordinate system found"),
        (lambda cube: cube.isel(t=0), "one of time"),
        (lambda cube: cube.rename(VV="B1", VH="B2"), "B1, B2 found, one of HH, HV, VV, VH expected"),
        (lambda cube: cube.isel(x=[0, 1, 5]), "x in uneven steps found"),
        (lambda cube: cube.rename(x="lon"), "x and y expected"),
    ],
)
def test_what_is_no_such_cube_is_refused(tmp_path, rng, change, sentence):
    change(make(rng)[0]).to_netcdf(tmp_path / "a.nc", engine="scipy")
    with pytest.raises(InputError, match=rf"a\.nc: .*{sentence}"):
        find_scenes(tmp_path / "a.nc")


@pytest.mark.parametrize("content", [b"", b"CDF\1broken", b"\x89HDF\r\n\x1a\n" + bytes(80), b"words"])
def test_a_damaged_cube_is_refused(tmp_path, content):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.nc: "):
        find_scenes(tmp_path / "a.nc")
    with pytest.raises(InputError, match="no such file, expected a data cube"):
        find_scenes(tmp_path / "b.nc")


def test_a_cube_that_was_replaced_leaves_no_date_of_the_former_one(tmp_path, rng, capsys):
    path = tmp_path / "a.nc"
    cube, _ = make(rng)
    cube.to_netcdf(path, engine="scipy")
    find_scenes(path)
    other, power = make(rng)
    later = other.assign_coords(t=other["t"] + np.timedelta64(5, "D"))
    later.isel(t=slice(0, 2)).to_netcdf(path, engine="scipy")
    scenes = find_scenes(path)
    assert "4 rasters unpacked into a.nc-scenes; 6 that it no longer holds removed" in capsys.readouterr().out
    assert [scene.time.day for scene in scenes] == [moment.day + 5 for moment in TIMES[:2]]
    np.testing.assert_array_equal(read_series(scenes, GRID, "VV").power, power["VV"][:2])


def test_an_older_cube_in_the_place_of_another_is_unpacked_too_and_a_missing_raster_written_again(tmp_path, rng):
    path = tmp_path / "a.nc"
    cube, _ = make(rng)
    cube.to_netcdf(path, engine="scipy")
    find_scenes(path)
    other, power = make(rng)
    other.to_netcdf(path, engine="scipy")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    for _ in range(2):
        scenes = find_scenes(path)
        np.testing.assert_array_equal(read_series(scenes, GRID, "VH").power, power["VH"])
        Path(scenes[1].hrefs["VH"][0]).unlink()


def test_a_date_or_a_polarisation_that_a_cube_holds_twice_is_refused(tmp_path, rng):
    cube, _ = make(rng)
    cube.isel(t=[0, 0, 1]).to_netcdf(tmp_path / "a.nc", engine="scipy")
    with pytest.raises(InputError, match=r"a\.nc: 20200102T063005Z twice found on the axis t, each date once expected"):
        find_scenes(tmp_path / "a.nc")
    cube.assign(Gamma0_VV=cube["VV"]).to_netcdf(tmp_path / "b.nc", engine="scipy")
    with pytest.raises(InputError, match=r"b\.nc: VV twice found \(VV and Gamma0_VV\), one of each expected"):
        find_scenes(tmp_path / "b.nc")


def test_orbit_and_direction_of_each_date_are_those_of_its_scene(tmp_path, rng):
    cube, _ = make(rng)
    directions = ("t", ["ascending", "DESCENDING", ""])
    told = cube.assign_coords({"sat:relative_orbit": ("t", [14, 22, 14]), "sat:orbit_state": directions})
    told.to_netcdf(tmp_path / "a.nc", engine="scipy")
    scenes = find_scenes(tmp_path / "a.nc")
    assert [scene.relative_orbit for scene in scenes] == [14, 22, 14]
    assert [scene.orbit_state for scene in scenes] == ["ascending", "descending", None]
    cube.assign_coords(orbit=14, orbit_direction="ASC").to_netcdf(tmp_path / "b.nc", engine="scipy")
    assert {(scene.relative_orbit, scene.orbit_state) for scene in find_scenes(tmp_path / "b.nc")} == {
        (14, "ascending")
    }
    cube.assign_coords(orbit=46117).to_netcdf(tmp_path / "c.nc", engine="scipy")
    assert [scene.relative_orbit for scene in find_scenes(tmp_path / "c.nc")] == [None] * 3


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"relative_orbit": 46117}, r"relative_orbit from 46117 to 46117 found, 1 to 175 expected"),
        ({"orbit_state": "left"}, r"orbit_state 'left' found, ascending or descending expected"),
    ],
)
def test_an_orbit_and_a_direction_that_are_none_are_refused(tmp_path, rng, told, sentence):
    make(rng)[0].assign_coords(told).to_netcdf(tmp_path / "a.nc", engine="scipy")
    with pytest.raises(InputError, match=rf"a\.nc: {sentence}"):
        find_scenes(tmp_path / "a.nc")


def test_dates_and_polarisations_in_the_name_of_a_cube_are_not_those_of_its_rasters(tmp_path, rng):
    make(rng)[0].to_netcdf(tmp_path / "S1_VV_2019-01-01_2019-12-31_ro14.nc", engine="scipy")
    scenes = find_scenes(tmp_path / "S1_VV_2019-01-01_2019-12-31_ro14.nc")
    assert [scene.time for scene in scenes] == TIMES
    assert [(scene.relative_orbit, sorted(scene.hrefs)) for scene in scenes] == [(14, ["VH", "VV"])] * 3


def needs(library):
    missing = importlib.util.find_spec(library) is None
    return pytest.mark.skipif(missing, reason=f"{library} is not installed, which the extra cubes brings")


def write(cube, path, **options):
    """Write a cube by its suffix, compressed as usual."""
    if path.suffix == ".zarr":
        cube.to_zarr(path, **options)
    else:
        encoding = {name: {"zlib": True} for name, values in cube.data_vars.items() if values.ndim == 3}
        cube.to_netcdf(path, engine="h5netcdf", encoding=encoding, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("a.nc", {}, marks=needs("h5netcdf")),
        pytest.param("a.zarr", {}, marks=needs("zarr")),
        pytest.param("a.zarr", {"zarr_format": 2, "consolidated": True}, marks=needs("zarr")),
        pytest.param("a.zarr", {"zarr_format": 2, "consolidated": False}, marks=needs("zarr")),
    ],
)
def test_compressed_cubes_of_netcdf_4_and_zarr_are_read(tmp_path, rng, name, options):
    for north_up, folder in ((True, "up"), (False, "down")):
        cube, power = make(rng, north_up=north_up)
        (tmp_path / folder).mkdir()
        write(cube, tmp_path / folder / name, **options)
        scenes = find_scenes(tmp_path / folder / name)
        assert [scene.time for scene in scenes] == TIMES
        np.testing.assert_array_equal(read_series(scenes, GRID, "VH").power, power["VH"])


@needs("zarr")
def test_values_of_a_zarr_folder_that_were_rewritten_are_read_anew(tmp_path, rng):
    path = tmp_path / "a.zarr"
    write(make(rng)[0], path)
    find_scenes(path)
    rewritten, power = make(rng)
    rewritten[["VV"]].drop_vars(["t", "x", "y"]).to_zarr(path, mode="r+")
    np.testing.assert_array_equal(read_series(find_scenes(path), GRID, "VV").power, power["VV"])


@needs("zarr")
def test_two_cubes_of_one_name_have_folders_of_their_own(tmp_path, rng):
    zarr, of_zarr = make(rng)
    netcdf, of_netcdf = make(rng)
    write(zarr, tmp_path / "a.zarr")
    netcdf.to_netcdf(tmp_path / "a.nc", engine="scipy")
    for name, power in (("a.zarr", of_zarr), ("a.nc", of_netcdf), ("a.zarr", of_zarr)):
        np.testing.assert_array_equal(read_series(find_scenes(tmp_path / name), GRID, "VV").power, power["VV"])


@pytest.mark.parametrize(
    ("name", "part"),
    [pytest.param("a.nc", "", marks=needs("h5netcdf")), pytest.param("a.zarr", "VV/c", marks=needs("zarr"))],
)
def test_damage_in_the_values_of_a_cube_is_said_of_the_cube(tmp_path, rng, name, part):
    path = tmp_path / name
    write(make(rng)[0], path)
    file = next(found for found in sorted((path / part).rglob("*")) if found.is_file()) if part else path
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = b"U" * len(content[middle : middle + 4000])
    file.write_bytes(content[:20] if part else content)
    with pytest.raises(InputError, match=rf"{name}: cannot be read \("):
        find_scenes(path)


def test_what_reads_a_cube_is_named_where_it_is_missing(tmp_path):
    if importlib.util.find_spec("zarr") is not None:
        pytest.skip("zarr is installed")
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(InputError, match=r'zarr does, .* comes with pip install "glaciersar\[cubes\]"'):
        find_scenes(tmp_path / "a.zarr")
