"""glaciersar.scenes on real radar and real catalogues; none of them shows a glacier of Svalbard"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import merge_passes
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_dates, filter_scenes


@pytest.fixture(scope="module")
def california(shared):
    return find_scenes(shared / "data/sentinel1-rtc-california")


@pytest.fixture(scope="module")
def baker(shared):
    return find_scenes(shared / "data/stac/sentinel1-rtc-mtbaker-257-items.json")


def test_the_california_folder_is_21_passes_of_four_bursts_in_two_polarisations(california):
    assert len(california) == 21
    assert {scene.relative_orbit for scene in california} == {137}
    assert all({kind: len(hrefs) for kind, hrefs in s.hrefs.items()} == {"VV": 4, "VH": 4} for s in california)
    assert california[0].time == datetime(2021, 11, 19, 1, 58, 59, tzinfo=UTC)
    assert california[-1].time.date().isoformat() == "2025-01-02"


@pytest.mark.parametrize("polarisation", ["VV", "VH"])
def test_the_california_series_reads_whole_and_lies_in_california(california, polarisation):
    scenes = california[:3]
    geobox = covering_geobox(scenes, polarisation)
    assert geobox.shape == (3194, 2838)
    west, south, east, north = transform_bounds(str(geobox.crs), "EPSG:4326", *geobox.boundingbox.bbox)
    assert -121 < west < east < -119
    assert 34 < south < north < 36
    power = read_series(scenes, geobox, polarisation).power
    found = [values_of(href) for scene in scenes for href in scene.hrefs[polarisation]]  # bursts that don't overlap
    measured = np.concatenate([values[values > 0] for values in found])
    assert measured.size >= 3 * 4 * 100 * 100 - 10  # a few zeros on the ocean are no measurement
    np.testing.assert_array_equal(np.sort(power[np.isfinite(power)]), np.sort(measured))


def values_of(href):
    with rasterio.open(href) as file:
        return file.read(1)


@pytest.mark.parametrize("burst", ["292320-IW1", "292320-IW2", "292322-IW2", "292324-IW2"])
def test_hills_keep_their_pattern_from_date_to_date_and_the_open_ocean_does_not(california, burst):
    own = [replace(s, hrefs={"VV": tuple(h for h in s.hrefs["VV"] if burst in h)}) for s in california]
    power = read_series(own, covering_geobox(own, "VV"), "VV").power
    np.testing.assert_array_equal(power[0], values_of(own[0].hrefs["VV"][0]))  # no resampling on its own grid
    correlation = np.corrcoef(10 * np.log10(power).reshape(21, -1))
    all_pairs, one_autumn = correlation[np.triu_indices(21, k=1)], correlation[:6, :6][np.triu_indices(6, k=1)]
    if burst.endswith("IW1"):
        assert np.abs(all_pairs).max() < 0.1
    else:
        assert 0.7 < np.median(one_autumn) < 0.9  # within six weeks of 2021
        assert all_pairs.min() > 0.2  # over three years


def test_decibels_declared_for_the_california_power_are_refused(shared):
    scenes = find_scenes(shared / "data/sentinel1-rtc-california/2023-12-03", units="db")
    with pytest.raises(InputError, match=r"OPERA_L2_RTC-S1_T137-292320-IW1_20231203.*look like linear power"):
        read_series(scenes, covering_geobox(scenes, "VV"), "VV")


def test_there_is_no_hh_in_california(california):
    with pytest.raises(InputError, match="no scene with polarisation HH; found 21 scenes of VH, VV"):
        filter_scenes(california, polarisation="HH")


def test_the_items_of_mount_baker_become_scenes(baker):
    assert len(baker) == 257
    assert len(filter_scenes(baker, year=2020)) == 89
    assert {scene.relative_orbit for scene in baker} == {13, 64, 86, 115, 137}
    assert {scene.orbit_state for scene in filter_scenes(baker, relative_orbit=13)} == {"descending"}
    assert all(set(scene.hrefs) == {"VV", "VH", "incidence"} for scene in baker)
    assert all(href.startswith("https://") for scene in baker for hrefs in scene.hrefs.values() for href in hrefs)
    assert {scene.units for scene in baker} == {"linear"}
    assert merge_passes(baker) == baker


def test_a_real_year_gives_fifteen_dates_and_a_real_gap_is_named(baker):
    times = [scene.time for scene in filter_scenes(baker, year=2020, relative_orbit=137)]
    chosen = choose_dates(times)
    assert (np.diff(chosen) == 2).all()
    gap = [scene.time for scene in filter_scenes(baker, year=2018, relative_orbit=64)]
    with pytest.raises(InputError, match="a date is missing: no scene between 2018-07-27 and 2018-12-30"):
        choose_dates(gap)
    with pytest.raises(InputError, match="9 dates found from 2021-01-05 to 2021-04-23"):
        choose_dates([scene.time for scene in filter_scenes(baker, year=2021, relative_orbit=137)])


def test_a_real_manifest_reads_back_the_same(baker, tmp_path):
    assert read_manifest(write_manifest(baker, tmp_path / "scenes.json")) == baker


def test_single_real_items_are_read_by_kind(shared):
    stac = shared / "data/stac"
    for ground in ("S1A_EW_GRDM*.json", "S1A_IW_GRDH*.json"):
        with pytest.raises(InputError, match=r"\(GRD\) in the geometry of the radar found, with a proj:transform"):
            find_scenes(next(stac.glob(ground)))
    (corrected,) = find_scenes(next(stac.glob("S1A_20200103*.json")))
    assert set(corrected.hrefs) == {"VV", "VH", "incidence"}
    with pytest.raises(InputError, match=r"S1A_IW_SL1__1_SH_.*complex single-look data \(SLC\) found"):
        find_scenes(next(stac.glob("S1A_IW_SL1*.json")))


def test_rasters_that_the_archive_no_longer_holds_are_named(shared, tmp_path):
    item = json.loads(next((shared / "data/stac").glob("S1A_EW_GRDM*.json")).read_text())
    item["properties"]["sar:product_type"] = "RTC"
    (tmp_path / "item.json").write_text(json.dumps(item))
    scenes = find_scenes(tmp_path / "item.json")
    with pytest.raises(InputError, match=r"ew-hh\.tiff: no such file"):
        covering_geobox(scenes, "HH")
