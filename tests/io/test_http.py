"""glaciersar.io.http, against a web server on loopback whose faults the test chooses"""

import re

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioIOError

from glaciersar.errors import InputError
from glaciersar.io import http
from tests.support.archives import TILE, backscatter, write_raster
from tests.support.servers import free_port, serve

GRID = TILE.geobox(pixel=50)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)


@pytest.fixture
def web(tmp_path, rng):
    """A server of one raster of four blocks; its name is new each time, because GDAL remembers what it has read."""
    write_raster(tmp_path / "vv.tif", backscatter(rng, GRID.shape), GRID, tiled=True, blockxsize=128, blockysize=128)
    with serve(tmp_path) as web:
        yield web


@pytest.fixture
def stored(tmp_path, web):
    with rasterio.open(tmp_path / "vv.tif") as file:
        return file.read(1)


def read(url):
    with http.open_href(url) as file:
        return file.read(1)


def test_a_local_raster_opens_as_usual(tmp_path, web, stored):
    np.testing.assert_array_equal(read(str(tmp_path / "vv.tif")), stored)


@pytest.mark.parametrize("fault", ["429", "later", "500", "502", "503", "504", "mute"])
@pytest.mark.parametrize("where", ["HEAD", "GET"])
def test_a_raster_reads_the_same_after_a_fault(web, stored, where, fault):
    web.faults += [(where, fault)]
    np.testing.assert_array_equal(read(f"{web.url}/vv.tif"), stored)
    assert not web.faults


def test_a_slow_block_is_asked_for_again(web, stored, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", (30.0, 0.5))
    web.faults += [("GET", "slow")]
    np.testing.assert_array_equal(read(f"{web.url}/vv.tif"), stored)
    assert not web.faults


def test_several_faults_in_a_row_pass(web, stored):
    web.faults += [("GET", fault) for fault in ("503", "mute", "429", "500")]
    np.testing.assert_array_equal(read(f"{web.url}/vv.tif"), stored)
    assert not web.faults


@pytest.mark.parametrize(("where", "fault"), [("GET", "cut"), ("GET", "mute"), ("HEAD", "mute")])
def test_a_block_that_is_cut_short_is_read_again_and_gives_no_wrong_pixels(web, stored, where, fault):
    url = f"{web.url}/vv.tif"
    web.faults += [(where, fault), (where, fault)]
    np.testing.assert_array_equal(http.read_with_retry(url, lambda: read(url)), stored)
    assert not web.faults


def test_a_line_that_stays_broken_is_an_error_and_no_pixels(web, stored):
    url = f"{web.url}/vv.tif"
    web.lasting += [("GET", "cut")]
    with pytest.raises(RasterioIOError):
        http.read_with_retry(url, lambda: read(url))
    assert web.count("GET .* cut") == http.TRIES + 1


def test_a_local_file_that_is_broken_is_not_tried_again(tmp_path, web):
    path = tmp_path / "vv.tif"
    path.write_bytes(path.read_bytes()[:-20_000])
    calls = []
    with pytest.raises(RasterioIOError):
        http.read_with_retry(str(path), lambda: calls.append(1) or read(str(path)))
    assert len(calls) == 1


def test_a_file_that_has_changed_is_read_as_it_is_now(web, tmp_path, stored):
    read(f"{web.url}/vv.tif")
    write_raster(tmp_path / "vv.tif", stored + 1, GRID, tiled=True, blockxsize=128, blockysize=128)
    np.testing.assert_array_equal(read(f"{web.url}/vv.tif"), stored + 1)


def test_a_server_that_stays_busy_is_given_up(web):
    web.lasting += [(".", "503")]
    with pytest.raises(RasterioIOError, match="503"):
        read(f"{web.url}/vv.tif")
    assert http.TRIES < web.count("503") <= 2 * (http.TRIES + 1)  # GDAL asks for the head of a file twice


def test_no_sidecar_file_is_looked_for(web, stored):
    read(f"{web.url}/vv.tif")
    assert {request.split()[1] for request in web.asked} == {"/vv.tif"}


@pytest.fixture
def signing(web, monkeypatch):
    """The web server as an account of the Planetary Computer, which gives files only to a token."""
    web.token = "one"
    monkeypatch.setattr(http, "SIGNED", re.compile(rf"({re.escape(web.url)})/([^/?]+)\.tif"))
    monkeypatch.setattr(http, "_tokens", {})
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{web.url}/token")
    return web


def test_urls_of_the_planetary_computer_are_signed_and_others_are_left_alone(monkeypatch, tmp_path):
    document = {"token": "sv=1&sig=abc", "msft:expiry": "2999-01-01T00:00:00Z"}
    monkeypatch.setattr(http, "_tokens", {})
    with serve(tmp_path) as web:
        monkeypatch.setenv("PC_SDK_SAS_URL", web.url)
        web.documents = {"/sentinel1euwestrtc/sentinel1-grd-rtc": document}
        url = "https://sentinel1euwestrtc.blob.core.windows.net/sentinel1-grd-rtc/GRD/2020/1/a/iw-vv.rtc.tiff"
        assert http.sign_href(url) == f"{url}?sv=1&sig=abc"
        assert http.sign_href(url.replace("vv", "vh")).endswith("vh.rtc.tiff?sv=1&sig=abc")
        assert len(web.asked) == 1  # one token does for a container
        for other in (http.sign_href(url), "https://example.org/a.tif", "/data/a.tif", "s3://bucket/a.tif"):
            assert http.sign_href(other) == other


def test_a_token_that_runs_out_soon_is_replaced(signing, monkeypatch):
    monkeypatch.setattr(http, "_tokens", {})
    http.sign_href(f"{signing.url}/vv.tif")
    http.sign_href(f"{signing.url}/vv.tif")
    assert signing.count("GET /token/") == 1
    ((key, (token, end)),) = http._tokens.items()
    http._tokens[key] = token, end.replace(year=2020)
    http.sign_href(f"{signing.url}/vv.tif")
    assert signing.count("GET /token/") == 2


def test_a_signature_that_is_no_longer_taken_is_replaced_once(signing, stored):
    np.testing.assert_array_equal(read(f"{signing.url}/vv.tif"), stored)
    signing.token = "two"  # what was signed with the first is refused from now on
    np.testing.assert_array_equal(read(f"{signing.url}/vv.tif"), stored)
    assert signing.count("GET /token/") == 2
    assert signing.count("sig=one 403") <= 2  # GDAL asks for the head of a file twice
    signing.lasting += [("sig=", "403")]
    signing.token = "three"
    with pytest.raises(RasterioIOError, match="403"):
        read(f"{signing.url}/vv.tif")
    assert signing.count("GET /token/") == 3


@pytest.mark.parametrize("answer", ["500", "html", "cut", "404"])
def test_a_service_that_gives_no_token_is_named(signing, answer):
    signing.lasting += [("/token/", answer)]
    with pytest.raises(InputError, match=rf"{signing.url}/token/.*: no signature given .*, a token expected"):
        http.sign_href(f"{signing.url}/vv.tif")


def test_a_session_reads_the_whole_answer_or_none(web, tmp_path, stored):
    web.faults += [("GET", "cut"), ("GET", "503"), ("GET", "mute"), ("GET", "cut")]
    with http.retry_session() as session:
        answer = session.get(f"{web.url}/vv.tif", timeout=http.TIMEOUT)
    assert answer.content == (tmp_path / "vv.tif").read_bytes()
    assert not web.faults


@pytest.mark.parametrize(
    ("fault", "words"), [("cut", "broken|Connection|Read"), ("mute", "no connection"), ("403", "HTTP status 403")]
)
def test_reasons_are_told_in_words(web, fault, words):
    web.lasting += [(".", fault)]
    with http.retry_session() as session, pytest.raises(Exception) as caught:  # noqa: PT011
        session.get(f"{web.url}/vv.tif", timeout=http.TIMEOUT).raise_for_status()
    assert re.search(words, http.failure_reason(caught.value))
    assert "0x" not in http.failure_reason(caught.value)


def test_a_server_that_stays_busy_longer_than_gdal_asks_is_asked_again(web, tmp_path):
    url = f"{web.url}/vv.tif"
    web.faults += [("vv.tif", "503")] * (2 * (http.TRIES + 1) + 1)
    with rasterio.open(tmp_path / "vv.tif") as file:
        stored = file.read(1)
    np.testing.assert_array_equal(http.read_with_retry(url, lambda: read(url)), stored)
    assert not web.faults


def test_nobody_at_an_address_is_told():
    url = f"http://127.0.0.1:{free_port()}/a"
    with http.retry_session() as session, pytest.raises(Exception) as caught:  # noqa: PT011
        session.get(url, timeout=http.TIMEOUT)
    assert http.failure_reason(caught.value).startswith("no connection to 127.0.0.1")
