"""Frozen lists of an archive that signs its rasters: when signatures run out, nothing is lost or taken for a change"""

from dataclasses import replace

import pytest

from glaciersar.errors import InputError
from glaciersar.io import http
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.manifest import read_manifest, record_checksums, verify_checksums, write_manifest
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import write_raster

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def scenes(web):
    return find_scenes(f"{web.url}/catalog.json")[:3]


@pytest.fixture
def frozen(scenes, signing, tmp_path):
    return write_manifest(record_checksums(scenes), tmp_path / "scenes.json")


def test_a_list_is_marked_by_what_is_signed_and_keeps_no_signature(frozen, signing):
    assert all(found.etag and found.size for scene in read_manifest(frozen) for found in scene.marks.values())
    assert "sig=" not in frozen.read_text()
    assert signing.count("GET /token/") == 1


def test_marks_are_compared_after_their_signature_has_run_out(frozen, signing):
    signing.token = "two"  # the one at hand is refused with 403 from now on
    assert verify_checksums(read_manifest(frozen)).empty
    assert 1 <= signing.count("HEAD .*sig=one 403") <= signing.count("HEAD .*sig=two 200")


def test_what_has_changed_and_vanished_is_told_after_the_signature_has_run_out(frozen, signing, simulated):
    scenes = read_manifest(frozen)
    changed, vanished = (simulated.parent / scenes[k].hrefs["HH"][0].removeprefix(f"{signing.url}/") for k in (0, 1))
    kept = {path: path.read_bytes() for path in (changed, vanished)}
    grid = covering_geobox(find_scenes(simulated), "HH")
    signing.token = "two"
    try:
        write_raster(changed, read_series(find_scenes(simulated)[:1], grid, "HH").power[0] * 2, grid)
        vanished.unlink()
        found = verify_checksums(scenes)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert list(zip(found["scene"], found["what"], strict=True)) == [
        (scenes[0].id, "changed"), (scenes[1].id, "vanished"),
    ]  # fmt: skip


@pytest.mark.slow
def test_where_no_new_signature_is_given_a_raster_is_unknown_and_not_vanished(frozen, signing):
    signing.token = "two"
    signing.lasting += [("GET /token/", "500")]
    found = verify_checksums(read_manifest(frozen))
    assert set(found["what"]) == {"unknown"}
    assert found["found"].str.contains(r"no signature given \(HTTP status 500\)", regex=True).all()


def test_a_signature_that_is_refused_anew_is_unknown_too(frozen, signing):
    signing.lasting += [("HEAD .*sig=", "403")]
    assert set(verify_checksums(read_manifest(frozen))["found"]) == {"HTTP status 403"}
    with pytest.raises(InputError, match=r"\.tif: HTTP status 403, a raster expected \(\d+ of \d+ rasters cannot be"):
        record_checksums(read_manifest(frozen))


def test_many_rasters_with_one_signature_that_has_run_out_ask_for_few_new_ones(frozen, signing):
    asked = signing.count("GET /token/")
    signing.token = "two"
    scenes = read_manifest(frozen)
    rasters = sum(len(hrefs) for scene in scenes for hrefs in scene.hrefs.values())
    assert rasters > http.TRIES
    verify_checksums(scenes)
    assert signing.count("GET /token/") - asked == 1


def test_a_list_of_signed_addresses_is_signed_anew(scenes, signing, tmp_path):
    signed = [http.sign_href(href) for href in scenes[0].hrefs["HH"]]
    assert all(href.endswith("?sig=one") for href in signed)
    old = {**scenes[0].hrefs, "HH": tuple(signed)}
    path = write_manifest([replace(scenes[0], hrefs=old)], tmp_path / "signed.json")
    signing.token = "two"
    assert verify_checksums(read_manifest(path)).empty
    grid = covering_geobox(read_manifest(path), "HH")
    assert read_series(read_manifest(path), grid, "HH").power.shape == (1, *grid.shape)
