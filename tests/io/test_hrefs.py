"""glaciersar.io.hrefs"""

import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.io import hrefs
from glaciersar.io.hrefs import ALLOW, check_href

LIST = "https://archive.example/catalog.json"
ADDRESSES = [
    "127.0.0.1",
    "2130706433",  # decimal
    "0x7f000001",
    "0177.0.0.1",  # octal
    "127.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
    "localhost",
    "a.localhost",
    "LOCALHOST.",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "%6cocalhost",
]


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """Names resolve without a network: inside.example to a private address, all others to a public one."""

    def resolve(host, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7" if "inside" in host else "93.184.215.14", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.delenv(ALLOW, raising=False)
    hrefs._addresses.cache_clear()
    yield
    hrefs._addresses.cache_clear()


@pytest.mark.parametrize("host", [*ADDRESSES, "inside.example"])
@pytest.mark.parametrize("form", ["http://{}/a.tif", "https://{}:8080/a.tif", "https://archive.example@{}/a.tif"])
def test_private_addresses_in_any_notation_are_refused(host, form):
    with pytest.raises(InputError, match=r"archive\.example/catalog\.json: href .* private or local address"):
        check_href(form.format(host), LIST)


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd",
        "../../a.tif",
        "a.tif",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "<VRTDataset></VRTDataset>",
        "vrt:///etc/a.tif?bands=1",
        "/vsicurl/http://127.0.0.1/a.tif",
        "/vsizip/vsicurl/https://other.example/a.zip/a.tif",
        "zip+https://other.example/a.zip!a.tif",
        "ftp://other.example/a.tif",
        "gopher://other.example/a.tif",
        "NETCDF:/etc/a.nc:b",
        "GTIFF_DIR:1:/etc/a.tif",
        "http://other.example\\@127.0.0.1/a.tif",
        "http://other.example /a.tif",
        "http:///a.tif",
        "http://[::1/a.tif",
    ],
)
def test_files_chains_and_odd_urls_of_a_list_from_a_server_are_refused(href):
    with pytest.raises(InputError, match="public address expected"):
        check_href(href, LIST)


@pytest.mark.parametrize(
    "href", ["https://other.example/a.tif?b=c&d=%2F", "http://93.184.215.14/a.tif", "s3://bucket/a.tif", LIST]
)
def test_public_addresses_pass(href):
    check_href(href, LIST)


@pytest.mark.parametrize("source", ["/data/catalog.json", "catalog.json", "file:///data/catalog.json", ""])
@pytest.mark.parametrize("href", ["/data/a.tif", "file:///data/a.tif", "http://127.0.0.1/a.tif", "/vsizip/a.zip/a.tif"])
def test_a_list_on_this_disk_may_name_what_it_likes(source, href):
    check_href(href, source)


def test_a_server_of_the_user_may_name_itself_and_no_other():
    check_href("http://127.0.0.1:9000/a.tif", "http://127.0.0.1:8000/catalog.json")
    with pytest.raises(InputError, match="private"):
        check_href("http://127.0.0.2/a.tif", "http://127.0.0.1:8000/catalog.json")


def test_what_is_allowed_by_name_passes(monkeypatch, tmp_path):
    monkeypatch.setenv(ALLOW, f"10.0.0.7, lab.localhost,{tmp_path}")
    for href in ("http://10.0.0.7/a.tif", "https://lab.localhost/a.tif", f"file://{tmp_path}/a.tif", f"{tmp_path}/b"):
        check_href(href, LIST)
    for href in ("http://10.0.0.8/a", f"{tmp_path}/../a.tif", f"file://{tmp_path}/%2e%2e/a.tif", f"{tmp_path}2/a.tif"):
        with pytest.raises(InputError):
            check_href(href, LIST)


@given(st.integers(0, 2**32 - 1))
def test_every_notation_of_an_address_is_judged_alike(number):
    a, b, c, d = number.to_bytes(4, "big")
    forms = [f"{a}.{b}.{c}.{d}", str(number), hex(number), f"{a}.{b}.{c * 256 + d}", f"[::ffff:{a}.{b}.{c}.{d}]"]
    assert len({bool(hrefs._refusal(f"http://{form}/a.tif", "")) for form in forms}) == 1


@given(st.text())
def test_any_text_is_either_followed_or_refused(text):
    with suppress(InputError):
        check_href(text, LIST)
