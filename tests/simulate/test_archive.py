import itertools
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from benchmarks.other_processor import environments
from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.evaluation import annotators
from glaciersar.io import rasters
from glaciersar.simulate import settings, stac
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from tests.support.archives import write_raster

pytestmark = pytest.mark.slow

SMALL = {"tiles_per_side": 1, "pixel": 100.0, "years": (2016,), "relative_orbits": (14,)}

MADE = {
    "landscapes": 2,
    "tiles_per_side": 1,
    "pixel": 100.0,
    "pairing": "one_orbit",
    "controls": 1,
    "repeat_days": 18,
    "seed": 4,
}


def simulate(out, *, replace=False, **settings):
    return simulate_archive(out, ArchiveSettings(**settings), replace=replace, progress=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two landscapes and a negative control, each seen in two years from one orbit."""
    return simulate(tmp_path_factory.mktemp("archives") / "small", **MADE)


@pytest.fixture(scope="module")
def items(made):
    return list(pystac.Catalog.from_file(str(made)).get_items(recursive=True))


def pixels(path):
    with rasterio.open(path) as file:
        return file.read(1)


def test_pystac_reads_a_collection_for_each_landscape_and_an_item_for_each_date(made, items):
    catalog = pystac.Catalog.from_file(str(made))
    assert [child.id for child in catalog.get_children()] == ["landscape-00", "landscape-01", "control-00"]
    assert 105 < len(items) < 123  # six series of some 20 dates
    for item in items:
        assert {"hh", "hv", "incidence"} <= set(item.assets)
        assert item.properties["sat:relative_orbit"] in (14, 174)
        assert item.datetime.tzinfo is not None


def test_items_carry_the_fields_of_a_real_one(items, shared):
    (path,) = (shared / "data/stac").glob("S1A_EW_GRDM_*.json")
    real = json.loads(path.read_text())
    wanted = {key for key in real["properties"] if key.startswith(("sar:", "sat:"))} - {
        "sat:platform_international_designator"
    }
    assert wanted <= set(items[0].properties)
    for key in ("sar:looks_equivalent_number", "sar:pixel_spacing_range", "sar:frequency_band", "sar:instrument_mode"):
        assert type(items[0].properties[key]) in (type(real["properties"][key]), float)


def test_a_series_has_a_date_at_each_pass_but_a_few_and_never_misses_two_in_a_row(items):
    series = {}
    for item in items:
        key = (item.collection_id, item.properties["sat:relative_orbit"], item.datetime.year)
        series.setdefault(key, []).append(item.datetime)
    assert len(series) == 6
    for dates in series.values():
        gaps = {b - a for a, b in itertools.pairwise(sorted(dates))}
        assert gaps <= {timedelta(days=18), timedelta(days=36)}
        assert 18 <= len(dates) <= 21


def test_the_files_are_cogs_where_the_items_say(items):
    for item in (items[0], items[-1]):
        for asset in item.assets.values():
            with rasterio.open(asset.get_absolute_href()) as file:
                assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert file.crs.to_epsg() == 32633
                assert list(file.transform) == item.properties["proj:transform"]
                assert list(file.shape) == item.properties["proj:shape"] == [100, 100]
                assert np.isnan(file.nodata)


def test_the_pixels_are_linear_power(items):
    for item in items[::9]:
        for key in ("hh", "hv"):
            values = pixels(item.assets[key].get_absolute_href())
            radiometry.check_units(values, units="linear", name=key)
            assert np.isfinite(values).all()
    angle = pixels(items[0].assets["incidence"].get_absolute_href())
    assert 30 < angle.min() < angle.max() < 46


def test_links_hold_when_the_archive_is_moved(made, tmp_path):
    moved = tmp_path / "elsewhere"
    made.parent.rename(moved)
    try:
        catalog = pystac.Catalog.from_file(str(moved / "catalog.json"))
        for item in itertools.islice(catalog.get_items(recursive=True), 3):
            assert Path(item.assets["hh"].get_absolute_href()).is_relative_to(moved)
            assert pixels(item.assets["hh"].get_absolute_href()).shape == (100, 100)
    finally:
        moved.rename(made.parent)


def test_outlines_have_three_layers_with_landscape_and_year(made):
    path = made.parent / "outlines.gpkg"
    for layer in ("reference", "second_annotator", "truth"):
        shapes = gpd.read_file(path, layer=layer)
        assert shapes.crs.to_epsg() == 32633
        assert {"landscape", "year", "geometry"} <= set(shapes.columns)
        assert set(zip(shapes.landscape, shapes.year, strict=True)) == {
            (name, year) for name in ("landscape-00", "landscape-01") for year in (2016, 2020)
        }  # fmt: skip
    assert 0.5 < annotators.inter_annotator_agreement(path).iou.min() < 1


def test_the_record_of_the_settings_lies_beside_the_catalogue(made):
    written = json.loads((made.parent / "settings.json").read_text())
    assert written["seed"] == 4
    assert written["pairing"] == "one_orbit"
    assert (made.parent / "landscape-00" / "dem.tif").exists()
    assert set(np.unique(pixels(made.parent / "landscape-00" / "zones_2020.tif"))) <= set(range(1, 11))


def test_the_same_seed_gives_the_same_pixels_however_many_landscapes(made, items, tmp_path):
    alone = simulate(tmp_path / "alone", **(MADE | {"landscapes": 1}))
    again = [
        item
        for item in pystac.Catalog.from_file(str(alone)).get_items(recursive=True)
        if item.collection_id == "landscape-00"
    ]
    first = [item for item in items if item.collection_id == "landscape-00"]
    assert [item.id for item in again] == [item.id for item in first]
    for one, two in zip(first[::7], again[::7], strict=True):
        for key in ("hh", "hv"):
            before, after = (pixels(item.assets[key].get_absolute_href()) for item in (one, two))
            assert np.array_equal(before, after)


def test_an_archive_already_made_is_left_as_it_is(made):
    before = made.stat().st_mtime_ns
    again = simulate(made.parent, **MADE)
    assert again == made
    assert made.stat().st_mtime_ns == before


def test_an_archive_made_by_other_code_is_not_taken_for_the_same(tmp_path, monkeypatch):
    simulate(tmp_path / "out", **SMALL, repeat_days=90)
    monkeypatch.setattr(settings, "CODE", tmp_path)  # a simulator without any code
    with pytest.raises(InputError, match="out: exists and was not made with these settings"):
        simulate(tmp_path / "out", **SMALL, repeat_days=90)
    before = (tmp_path / "out/settings.json").read_text()
    simulate(tmp_path / "out", **SMALL, repeat_days=90, replace=True)
    assert (tmp_path / "out/settings.json").read_text() != before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert simulate(tmp_path / "out", **SMALL, repeat_days=90) == tmp_path / "out/catalog.json"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_holds_something_else_is_refused(made, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("of mine")
    with pytest.raises(InputError, match="mine: exists and was not made with these settings"):
        simulate(tmp_path / "mine", **SMALL)
    with pytest.raises(InputError, match="was not made with these settings"):
        simulate(made.parent, **SMALL)


def test_an_archive_of_other_settings_is_replaced_if_asked_and_anything_else_never(tmp_path):
    first = simulate(tmp_path / "out", **SMALL, repeat_days=90)
    catalog = simulate(tmp_path / "out", **SMALL, repeat_days=90, seed=2, replace=True)
    assert catalog == first
    assert json.loads((tmp_path / "out/settings.json").read_text())["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("of mine")
    with pytest.raises(InputError, match="mine: exists"):
        simulate(tmp_path / "mine", **SMALL, replace=True)


def test_nothing_is_left_when_the_work_breaks_off(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(stac, "collection", broken)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "out", **SMALL, repeat_days=90)
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_refused_before_anything_is_written(tmp_path):
    for wrong in ({"pixel": 30}, {"years": ()}, {"relative_orbits": (7,)}, {"levels": tmp_path / "no.yaml"}):
        with pytest.raises(InputError):
            simulate(tmp_path / "out", **(SMALL | wrong))
    assert list(tmp_path.iterdir()) == []


def test_where_the_elevation_model_has_no_value_the_archive_has_none(tmp_path):
    y, x = np.mgrid[:60, :60]
    dem = np.maximum(500 - 10 * np.hypot(x - 30, y - 30), -20).astype(np.float32)
    dem[:20, 20:40] = -9999
    grid = GeoBox.from_bbox((600_000, 8_700_000, 606_000, 8_706_000), "EPSG:32633", resolution=100)
    write_raster(tmp_path / "dem.tif", dem, grid, nodata=-9999)
    top = gpd.GeoSeries([shapely.Point(603_000, 8_703_000).buffer(1500)], crs="EPSG:32633")
    top.to_file(tmp_path / "top.gpkg")
    catalog = simulate(
        tmp_path / "out", dem=tmp_path / "dem.tif", outlines=tmp_path / "top.gpkg", pixel=100, years=(2016,),
        relative_orbits=(14,), repeat_days=90,
    )  # fmt: skip
    missing = dem == -9999
    for item in pystac.Catalog.from_file(str(catalog)).get_items(recursive=True):
        for key in ("hh", "hv", "incidence"):
            np.testing.assert_array_equal(np.isnan(pixels(item.assets[key].get_absolute_href())), missing)
    np.testing.assert_array_equal(np.isnan(pixels(catalog.parent / "dem/dem.tif")), missing)
    np.testing.assert_array_equal(pixels(catalog.parent / "dem/zones_2016.tif") == 0, missing)


def test_values_are_rounded_by_less_than_a_hundredth_of_a_decibel(rng):
    values = (rng.random(10_000) * 10.0 ** rng.integers(-6, 2, 10_000)).astype(np.float32)
    values[::3] *= -1
    rounded = rasters._rounded(values)
    assert np.abs(10 * np.log10(rounded / values)).max() < 0.01
    assert len(np.unique(rounded.view(np.uint32) & 0x7FFF)) == 1  # the spare bits are zero


def test_nodata_survives_the_rounding():
    assert np.isnan(rasters._rounded(np.array([np.nan, 1.0], np.float32))).tolist() == [True, False]


CHILD = """
import sys
import numpy as np
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings

if __name__ == "__main__":
    values = np.linspace(-3, 3, 9_999)
    print((np.exp(values) ** 0.3).tobytes().hex(), np.exp(values.astype(np.float32)).tobytes().hex())
    settings = ArchiveSettings(landscapes=2, tiles_per_side=1, pixel=80, years=(2016, 2020),
                               pairing="one_series", controls=1, seed=5)
    simulate_archive(sys.argv[1], settings, progress=False)
"""


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """One archive, simulated in child processes: on this processor by one thread, and as if on others by two."""
    processors = environments()
    if not processors:
        pytest.skip("NumPy computes alike on every processor of this kind")
    folder = tmp_path_factory.mktemp("processors")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    children = {"this": {**os.environ, **dict.fromkeys(threads, "1")}}
    children |= {name: {**os.environ, **variables, **threads} for name, variables in processors.items()}
    digits = {
        name: subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, str(folder / name)],
            env=environment, check=True, capture_output=True, text=True,
        ).stdout
        for name, environment in children.items()
    }  # fmt: skip
    return folder, list(processors), digits


def test_the_processors_that_are_compared_do_compute_other_last_digits(everywhere):
    _, processors, digits = everywhere
    assert any(digits[name] != digits["this"] for name in processors)


def test_on_another_processor_masks_zones_terrain_and_outlines_are_the_same_to_the_bit(everywhere):
    folder, processors, _ = everywhere
    for name in processors:
        for path in (folder / "this").glob("*/*.tif"):  # elevation, zones, incidence
            np.testing.assert_array_equal(
                pixels(folder / name / path.relative_to(folder / "this")), pixels(path), err_msg=f"{name} {path.name}"
            )
        for layer in ("reference", "second_annotator", "truth"):
            here, there = (gpd.read_file(folder / who / "outlines.gpkg", layer=layer) for who in ("this", name))
            assert list(here.columns) == list(there.columns)
            assert here.geometry.to_wkb().tolist() == there.geometry.to_wkb().tolist()


def test_on_another_processor_backscatter_is_the_same_within_a_ten_thousandth_of_a_decibel(everywhere):
    folder, processors, _ = everywhere
    for name in processors:
        paths = sorted((folder / "this").glob("*/*/h?.tif"))
        assert len(paths) > 100
        for path in paths:
            here, there = pixels(path), pixels(folder / name / path.relative_to(folder / "this"))
            np.testing.assert_allclose(there, here, rtol=2.3e-5, err_msg=f"{name} {path}")  # 1e-4 dB


def test_a_name_with_a_dot_is_that_of_a_folder(tmp_path):
    for name in ("arch.v1", "arch"):
        path = simulate(tmp_path / "made" / name, landscapes=1, tiles_per_side=1, pixel=500, years=[2020])
        assert path == tmp_path / "made" / name / "catalog.json"
    plain, dotted = sorted((tmp_path / "made").iterdir())
    assert (plain.name, dotted.name) == ("arch", "arch.v1")
    texts = [{path.relative_to(made): path.read_text() for path in made.rglob("*.json")} for made in (plain, dotted)]
    assert Path("catalog.json") in texts[0]
    assert texts[0] == texts[1]
