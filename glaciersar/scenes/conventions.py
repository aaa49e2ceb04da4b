"""Sigma or gamma nought: what the names of rasters tell, and that they do not contradict each other."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from glaciersar.errors import InputError
from glaciersar.scenes.records import Scene

CONVENTIONS = ("gamma0", "sigma0")
"""Backscatter per area seen from the radar, and per area on the ground: 1 dB apart at 37 degrees."""
UNTOLD = "untold"

_NAMED = re.compile(r"(?<![a-z])(gamma|sigma|beta)[-_ ]?(?:0|nought|naught)(?!\d)", re.IGNORECASE)
_HYP3 = re.compile(r"_RTC\d\d_[GS]_([gs])[pda]")


def convention_of(href: str) -> str:
    """Tell from the name of a raster: Gamma0_VV.tif, or HyP3's …_RTC30_G_gp…; "untold" where it says nothing."""
    name = PurePosixPath(href.partition("?")[0]).name
    if found := _NAMED.search(name):
        return f"{found[1].lower()}0"
    if found := _HYP3.search(name):
        return {"g": "gamma0", "s": "sigma0"}[found[1]]
    return UNTOLD


def agree(scenes: Iterable[Scene], polarisation: str, *, declared: str = "") -> str:
    """Tell the convention of a series; values cannot, as the two differ by about one decibel.

    Args:
        scenes: Of one series.
        polarisation: "HH", "HV", "VV" or "VH".
        declared: "gamma0" or "sigma0" if the user knows; empty takes what the names tell.

    Returns:
        "gamma0", "sigma0", or "untold" where neither user nor names tell.

    Raises:
        InputError: Names contradict each other or what was declared, or tell of another convention.
    """
    if declared and declared not in CONVENTIONS:
        raise InputError(f"convention={declared!r} found, {' or '.join(CONVENTIONS)} expected")
    known = declared
    for scene in scenes:
        for href in scene.hrefs.get(polarisation, ()):
            found = convention_of(href)
            if found == UNTOLD:
                continue
            if found not in CONVENTIONS or (known and found != known):
                name = PurePosixPath(href.partition("?")[0]).name
                raise InputError(f"{name}: {found} found, {known or ' or '.join(CONVENTIONS)} expected")
            known = found
    return known or UNTOLD
