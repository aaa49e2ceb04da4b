"""Frozen lists of an archive that signs its rasters: when signatures run out, nothing is lost or taken for a change"""

from dataclasses import replace

import pytest
from archives import write_raster

from glaciersar import remote
from glaciersar.errors import InputError
from glaciersar.scenes import changes, find, footprint, freeze, mark, read_series, thaw

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def scenes(web):
    return find(f"{web.url}/catalog.json")[:3]


@pytest.fixture
def frozen(scenes, signing, tmp_path):
    return freeze(mark(scenes), tmp_path / "scenes.json")


def test_a_list_is_marked_by_what_is_signed_and_keeps_no_signature(frozen, signing):
    assert all(found.etag and found.size for scene in thaw(frozen) for found in scene.marks.values())
    assert "sig=" not in frozen.read_text()
    assert signing.count("GET /token/") == 1


def test_marks_are_compared_after_their_signature_has_run_out(frozen, signing):
    signing.token = "two"  # the one at hand is refused with 403 from now on
    assert changes(thaw(frozen)).empty
    assert 1 <= signing.count("HEAD .*sig=one 403") <= signing.count("HEAD .*sig=two 200")


def test_what_has_changed_and_vanished_is_told_after_the_signature_has_run_out(frozen, signing, simulated):
    scenes = thaw(frozen)
    changed, vanished = (simulated.parent / scenes[k].hrefs["HH"][0].removeprefix(f"{signing.url}/") for k in (0, 1))
    kept = {path: path.read_bytes() for path in (changed, vanished)}
    grid = footprint(find(simulated), "HH")
    signing.token = "two"
    try:
        write_raster(changed, read_series(find(simulated)[:1], grid, "HH").power[0] * 2, grid)
        vanished.unlink()
        found = changes(scenes)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert list(zip(found["scene"], found["what"], strict=True)) == [
        (scenes[0].id, "changed"), (scenes[1].id, "vanished"),
    ]  # fmt: skip


def test_where_no_new_signature_is_given_a_raster_is_unknown_and_not_vanished(frozen, signing):
    signing.token = "two"
    signing.lasting += [("GET /token/", "500")]
    found = changes(thaw(frozen))
    assert set(found["what"]) == {"unknown"}
    assert found["found"].str.contains(r"no signature given \(HTTP status 500\)", regex=True).all()


def test_a_signature_that_is_refused_anew_is_unknown_too(frozen, signing):
    signing.lasting += [("HEAD .*sig=", "403")]
    assert set(changes(thaw(frozen))["found"]) == {"HTTP status 403"}
    with pytest.raises(InputError, match=r"\.tif: HTTP status 403, a raster expected \(\d+ of \d+ rasters cannot be"):
        mark(thaw(frozen))


def test_many_rasters_with_one_signature_that_has_run_out_ask_for_few_new_ones(frozen, signing):
    asked = signing.count("GET /token/")
    signing.token = "two"
    scenes = thaw(frozen)
    rasters = sum(len(hrefs) for scene in scenes for hrefs in scene.hrefs.values())
    assert rasters > remote.TRIES
    changes(scenes)
    assert signing.count("GET /token/") - asked == 1


def test_a_list_of_signed_addresses_is_signed_anew(scenes, signing, tmp_path):
    signed = [remote.sign(href) for href in scenes[0].hrefs["HH"]]
    assert all(href.endswith("?sig=one") for href in signed)
    old = {**scenes[0].hrefs, "HH": tuple(signed)}
    path = freeze([replace(scenes[0], hrefs=old)], tmp_path / "signed.json")
    signing.token = "two"
    assert changes(thaw(path)).empty
    grid = footprint(thaw(path), "HH")
    assert read_series(thaw(path), grid, "HH").power.shape == (1, *grid.shape)
