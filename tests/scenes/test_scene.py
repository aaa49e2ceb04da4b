"""glaciersar.scenes.scene"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import shapely

from glaciersar.errors import InputError
from glaciersar.scenes.scene import (
    PAIRS,
    FileChecksum,
    Scene,
    as_utc,
    check_one_orbit,
    holds,
    is_remote,
    merge_passes,
    rasters_of,
    split_pair,
)

START = datetime(2020, 1, 2, 6, 30, tzinfo=UTC)


def scene(seconds, name="a", orbit=14, **fields):
    fields = {"orbit_state": "ascending", "hrefs": {"HH": (f"{name}.tif",)}} | fields
    return Scene(id=name, time=START + timedelta(seconds=seconds), relative_orbit=orbit, **fields)


def test_strips_of_one_pass_become_one_scene_in_time_order():
    (merged,) = merge_passes([scene(27, "b"), scene(0, "a"), scene(54, "c")])
    assert merged.id == "a"
    assert merged.time == START
    assert merged.hrefs == {"HH": ("a.tif", "b.tif", "c.tif")}


def test_other_orbits_units_and_days_stay_apart():
    parts = [scene(0), scene(5, orbit=174), scene(9, units="db"), scene(86_400 * 6)]
    assert merge_passes(parts) == sorted(parts, key=lambda part: part.time)


def test_polarisations_of_one_pass_come_together():
    (merged,) = merge_passes([scene(0, "a"), scene(0, "b", hrefs={"HV": ("b.tif",)})])
    assert merged.hrefs == {"HH": ("a.tif",), "HV": ("b.tif",)}


def test_a_scene_listed_twice_counts_once():
    assert merge_passes([scene(0), scene(0)]) == [scene(0)]


def test_merging_again_changes_nothing():
    once = merge_passes([scene(27, "b"), scene(0, "a"), scene(86_400 * 12, "c")])
    assert merge_passes(once) == once


def test_outlines_of_strips_are_united_and_their_marks_kept():
    west, east = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    parts = [
        scene(0, "a", outline=west, checksums={"a.tif": FileChecksum(size=1)}),
        scene(9, "b", outline=east, checksums={"b.tif": FileChecksum(size=2)}),
    ]
    (merged,) = merge_passes(parts)
    assert merged.outline.equals(shapely.box(0, 0, 2, 1))
    assert merged.checksums == {"a.tif": FileChecksum(size=1), "b.tif": FileChecksum(size=2)}
    assert merge_passes([parts[0], replace(parts[1], outline=None)])[0].outline is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"relative_orbit": 174}, "relative orbits 14, 174 found"),
        ({"orbit_state": "descending"}, "ascending and descending passes found, one viewing direction expected"),
    ],
)
def test_passes_of_two_geometries_are_no_series(changed, sentence):
    passes = [scene(0), scene(86_400 * 12)]
    check_one_orbit(passes)
    with pytest.raises(InputError, match=sentence):
        check_one_orbit([passes[0], replace(passes[1], **changed)])


@pytest.mark.parametrize(
    ("href", "remote"),
    [
        ("https://example.org/a.tif", True),
        ("s3://bucket/a.tif", True),
        ("/vsicurl/https://example.org/a.tif", True),
        ("/vsizip/a.zip/a.tif", True),
        ("/data/a.tif", False),
        ("data/vsi/a.tif", False),
        ("C:/a.tif", False),
    ],
)
def test_urls_and_paths_of_gdal_are_not_on_this_disk(href, remote):
    assert is_remote(href) is remote


def test_times_become_utc_and_one_without_a_zone_is_utc():
    east = timezone(timedelta(hours=2))
    assert as_utc(datetime(2020, 1, 2, 8, 30, tzinfo=east)).isoformat() == START.isoformat()
    assert as_utc(START.replace(tzinfo=None)).isoformat() == START.isoformat()
    assert as_utc(START) == START


def test_a_pair_of_polarisations_is_the_co_and_then_the_cross_polarised():
    assert [split_pair(pair) for pair in (*PAIRS, "HV")] == [("HH", "HV"), ("VV", "VH"), ("HV",)]
    for unknown in ("HV+HH", "HH+VV", "HH+", "HH+HV+VV"):
        with pytest.raises(
            InputError, match=r"polarisation='.*' found, one of HH, HV, VV, VH, HH\+HV, VV\+VH expected"
        ):
            split_pair(unknown)


def test_a_scene_holds_both_polarisations_of_a_pair_or_none_of_them():
    both = scene(0, hrefs={"HH": ("co.tif",), "HV": ("cross.tif", "cross2.tif"), "incidence": ("angle.tif",)})
    assert [holds(both, kind) for kind in ("HH", "HV", "HH+HV", "VV+VH")] == [True, True, True, False]
    assert rasters_of(both, "HH+HV") == ("co.tif", "cross.tif", "cross2.tif")
    assert rasters_of(both, "VV+VH") == ()
    for kind, missing in (("HH", "HV"), ("HV", "HH")):
        with pytest.raises(InputError, match=rf"^a: no {missing} found, both of polarisation='HH\+HV' expected"):
            holds(scene(0, hrefs={kind: ("a.tif",)}), "HH+HV")
