"""Layover and shadow, as the masks of OPERA and HyP3 tell them: there is no measurement of the ground.

OPERA RTC-S1 (NAME_mask.tif): 0 neither, 1 shadow, 2 layover, 3 both, 255 outside of the image. HyP3 (NAME_ls_map.tif)
adds up 1 tested, 2 and 4 layover, 8 and 16 shadow; 0 was not tested. As their product specifications have it.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

_OPERA = re.compile(r"(OPERA_L2_RTC-S1_.+)_(?:HH|HV|VV|VH)(\.tiff?)")
_HYP3 = re.compile(r"(.+_RTC\d\d_\w+)_(?:HH|HV|VV|VH)(\.tiff?)")
_MASK = re.compile(r"OPERA_L2_RTC-S1_.+_mask\.tiff?|.+_RTC\d\d_\w+_ls_map\.tiff?")
OPERA_OUTSIDE = 255


def mask_name(name: str) -> str | None:
    """Return the name of the mask that belongs to a raster of OPERA or HyP3; None for names of others."""
    if found := _OPERA.fullmatch(name):
        return f"{found[1]}_mask{found[2]}"
    if found := _HYP3.fullmatch(name):
        return f"{found[1]}_ls_map{found[2]}"
    return None


def is_mask(href: str) -> bool:
    """Tell by its name whether a raster is such a mask."""
    return _MASK.fullmatch(_name(href)) is not None


def mask_of(href: str, masks: Sequence[str]) -> str | None:
    """Choose, among the masks of a scene, the one that belongs to a raster; None where there is none."""
    wanted = mask_name(_name(href))
    return next((mask for mask in masks if _name(mask) == wanted), None)


def is_unseen(values: NDArray[np.integer], name: str) -> NDArray[np.bool_]:
    """Tell, by the code of a mask, where the radar saw no ground: layover or shadow; any shape.

    Args:
        values: Of the mask.
        name: Of its file, which tells whose code it is.
    """
    unseen: NDArray[np.bool_] = values > 1 if "_ls_map" in _name(name) else (values > 0) & (values != OPERA_OUTSIDE)
    return unseen


def _name(href: str) -> str:
    return PurePosixPath(href.partition("?")[0]).name
