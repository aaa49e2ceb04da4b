"""glaciersar.scenes.cubes"""

import importlib.util

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
    assert "6 rasters unpacked into glacier-scenes" in capsys.readouterr().out
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
