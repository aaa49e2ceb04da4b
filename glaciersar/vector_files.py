"""Look into a vector file before GDAL opens it: some of its formats are lists of other files and of servers."""

import re
from pathlib import Path

from glaciersar.errors import InputError

HEAD = 65536
"""Bytes that are looked at; GDAL knows its formats by fewer."""

_LIST = re.compile(rb"<(?:OGR\w*DataSource|VRTDataset|GDAL_\w+|WMT_MS_Capabilities|\w*:?WFS_Capabilities)")
_KNOWN_XML = re.compile(rb"<(?:\w+:)?(?:kml|gpx|FeatureCollection|GML)\b")


def check_vector_file(path: str | Path) -> None:
    """Refuse a file that names other files or servers, and what is no file but a pipe or device; folders pass.

    Args:
        path: Of a file that is there.

    Raises:
        InputError: It is refused.
    """
    path = Path(path)
    if path.is_dir():
        return
    if not path.is_file():
        raise InputError(f"{path}: a pipe or device found, a vector file expected")
    with path.open("rb") as file:
        head = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    if _LIST.search(head) or (head.startswith(b"<") and not _KNOWN_XML.search(head)):
        raise InputError(f"{path}: XML that names other files or servers found, a GeoPackage, GeoJSON or KML expected")
