"""Which hrefs of a list from elsewhere are followed: public addresses, no files of this disk, nothing in a chain.

A list on this disk may name what it likes: whoever wrote it could as well have given the path. A list from a server may
name public hosts and its own one. GLACIERSAR_ALLOW names more: hosts and folders, with commas between.
"""

import ipaddress
import os
import re
import socket
import unicodedata
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from glaciersar.errors import InputError

ALLOW = "GLACIERSAR_ALLOW"
"""The environment variable with hosts and folders that lists from elsewhere may name."""
WEB = ("http", "https")
CLOUD = ("s3", "gs", "az", "oss")
"""Schemes of cloud storage, whose first part is no host but a bucket of a public provider."""

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|/vsi", re.IGNORECASE)
_EVIL = re.compile(r"[\x00-\x20\x7f\\<>]")  # two parsers may see two hosts in them, or XML
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_list_elsewhere(source: str) -> bool:
    """Tell whether a list was read from a server, not from this disk."""
    return bool(_REMOTE.match(source)) and not source.lower().startswith("file://")


def check_href(href: str, listed_in: str) -> None:
    """Refuse what a list from elsewhere must not name: files of this disk, private addresses, chains of GDAL.

    Args:
        href: Absolute, of a raster, another list or a redirection.
        listed_in: URL or path of the list, as the user gave it.

    Raises:
        InputError: It is refused; the message says how it is allowed.
    """
    if not is_list_elsewhere(listed_in) or _is_allowed(href):
        return
    reason = _refusal(href, _host(listed_in))
    if reason:
        raise InputError(
            f"{_short(listed_in)}: href {_short(href)} found, {reason}; a public address expected "
            f"(its host or folder in {ALLOW} allows it)"
        )


def _refusal(href: str, own_host: str) -> str:
    """Say why a href is refused; an empty text if it is not."""
    if _EVIL.search(href):
        return "which holds spaces, control characters, backslashes or XML"
    if not _REMOTE.match(href) or href.lower().startswith("file:"):
        return "a file of this disk"
    scheme = href.partition("://")[0].lower()
    if scheme in CLOUD:
        return ""
    if scheme not in WEB:
        return "a chain or protocol that is not followed"
    host = _host(href)
    if not host:
        return "without a host"
    if host == own_host:
        return ""
    bad = next((address for address in _addresses(host) if not _is_public(address)), None)
    return "" if bad is None else f"whose host is at the private or local address {bad}"


def _is_allowed(href: str) -> bool:
    """Tell whether the environment names the host of a URL, or a folder above a file."""
    entries = [entry.strip() for entry in os.environ.get(ALLOW, "").split(",") if entry.strip()]
    scheme = href.partition("://")[0].lower() if "://" in href else ""
    if _EVIL.search(href) or scheme not in ("", "file", *WEB):
        return False
    if scheme in WEB:
        return _host(href) in [entry.lower() for entry in entries if "/" not in entry]
    path = os.path.realpath(unquote(href[len("file://") :]) if scheme else href)
    folders = [os.path.realpath(entry) for entry in entries if "/" in entry]
    return any(os.path.commonpath([path, folder]) == folder for folder in folders)


def _host(url: str) -> str:
    """Return the host of a URL as a client would look it up, in lower case; empty if there is none."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""
    plain = unicodedata.normalize("NFKC", unquote(host)).lower()
    return re.sub("[。．｡]", ".", plain).rstrip(".").partition("%")[0]


@lru_cache(1024)
def _addresses(host: str) -> tuple[Address, ...]:
    """List the addresses of a host: a number in any notation, or a name as it resolves now; none if it does not."""
    try:
        return (ipaddress.ip_address(host),)
    except ValueError:
        pass
    try:
        return (ipaddress.IPv4Address(socket.inet_aton(host)),)  # also 2130706433, 0x7f.1 and 0177.0.0.1
    except (OSError, ValueError):
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return (ipaddress.ip_address("127.0.0.1"),)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return ()
    return tuple(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)


def _is_public(address: Address) -> bool:
    """Tell whether an address, and every IPv4 address within it, is one of the public network."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64 or int(address) >> 32 == 0:  # the latter is the old form ::127.0.0.1
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(part is not None and not _is_public(part) for part in inner):
            return False
    return address.is_global and not address.is_multicast


def _short(text: str) -> str:
    return repr(text[:120])[1:-1]
