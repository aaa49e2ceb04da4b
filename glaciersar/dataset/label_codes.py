"""Masks of labels as rasters: which numbers in them mean glacier, which unknown, which neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader

from glaciersar.errors import InputError
from glaciersar.io.rasters import opened


@dataclass(frozen=True, kw_only=True)
class LabelCodes:
    """What the numbers in masks mean; NaN and the nodata value that a file declares are unknown besides."""

    glacier: Sequence[int]
    """Numbers of glacier, one at least."""
    unknown: Sequence[int] = ()
    """Numbers of pixels that count in no loss and no score."""
    other: Sequence[int] | None = None
    """Numbers of all else, such as land and water. None takes every further number for it, which is printed; otherwise
    a further number is refused."""

    def __post_init__(self) -> None:
        if not self.glacier:
            raise InputError("label codes: no code of glacier found, one at least expected")
        listed = [*self.glacier, *self.unknown, *(self.other or ())]
        for code in sorted({code for code in listed if listed.count(code) > 1}):
            raise InputError(f"label codes: {code} found twice, each code with one meaning expected")

    @classmethod
    def parse(cls, glacier: str, unknown: str = "") -> "LabelCodes":
        """Read numbers that are parted by commas or spaces, such as "1, 2"."""
        numbers = []
        for text in (glacier, unknown):
            words = text.replace(",", " ").split()
            if strange := [word for word in words if not word.removeprefix("-").isdecimal()]:
                raise InputError(f"label codes: {strange[0]!r} found, whole numbers such as 2 or 1, 2 expected")
            numbers.append(tuple(int(word) for word in words))
        return cls(glacier=numbers[0], unknown=numbers[1])

    @property
    def text(self) -> str:
        """The meanings in words, such as "glacier 2, unknown 0, other 1, 3"."""
        kinds = {"glacier": self.glacier, "unknown": self.unknown, "other": self.other or ()}
        return ", ".join(f"{kind} {_listed(codes)}" for kind, codes in kinds.items() if codes)


@dataclass(frozen=True, kw_only=True)
class Mask:
    """One mask, told by its codes."""

    glacier: NDArray[np.bool_]
    """(H, W) glacier; never where unknown."""
    known: NDArray[np.bool_]
    """(H, W) glacier or not is known."""
    geobox: GeoBox
    """Its pixel grid."""
    assumed: tuple[int, ...]
    """Numbers found that no code names, taken for other."""


def read_mask(path: str | Path, codes: LabelCodes) -> Mask:
    """Read a mask of one band with a CRS.

    Raises:
        InputError: It is missing or damaged, holds fractions or a code that is not expected, or declares the code of
            glacier to be nodata.
    """
    with opened(path, "a mask of labels") as file:
        return _told(file, codes)


def _told(file: DatasetReader, codes: LabelCodes) -> Mask:
    if file.count != 1:
        raise InputError(f"{file.name}: {file.count} bands found, a mask of labels in one expected")
    if file.crs is None:
        raise InputError(f"{file.name}: no coordinate system found, expected one with the labels")
    nodata = file.nodata
    if nodata is not None and nodata in (*codes.glacier, *(codes.other or ())):
        raise InputError(f"{file.name}: nodata {nodata:g} found, which is a code here; expected {codes.text}")
    values = file.read(1)  # (H, W)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    if nodata is not None:
        missing |= values == nodata
    missing |= np.isin(values, list(codes.unknown))
    assumed = _unnamed(values[~missing], file.name, codes)
    glacier = np.isin(values, list(codes.glacier)) & ~missing
    geobox = GeoBox((file.height, file.width), file.transform, file.crs.to_string())
    return Mask(glacier=glacier, known=~missing, geobox=geobox, assumed=assumed)


def _unnamed(known: NDArray[Any], name: str, codes: LabelCodes) -> tuple[int, ...]:
    """List the numbers that no code names, or refuse them where all codes are named."""
    found = np.unique(known)
    if found.size and (found % 1 != 0).any():
        part = found[found % 1 != 0][0]
        raise InputError(f"{name}: value {part:g} found, whole numbers expected: {codes.text}")
    further = tuple(int(code) for code in found if code not in (*codes.glacier, *(codes.other or ())))
    if codes.other is not None and further:
        raise InputError(f"{name}: code {_listed(further)} found, expected {codes.text}")
    return further


def _listed(codes: Sequence[int]) -> str:
    return ", ".join(str(code) for code in codes)
