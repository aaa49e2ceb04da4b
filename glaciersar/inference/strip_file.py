"""The file of a strip: what a network gave for its windows, in a ZIP of NumPy arrays, each with its checksum.

A window at pixel row 608 and column 0 has `608-0/valid.npy`, `608-0/filled.npy` and, if it has radar,
`608-0/probability.npy`, and of several networks `608-0/spread.npy`; `strip.json` tells of which map and which strip
they are.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write

RECORD = "strip.json"
KEYS = (
    "strip",
    "strips",
    "shape",
    "affine",
    "crs",
    "tiling",
    "windows",
    "inputs",
    "tags",
    "predictor",
    "threads",
    "dates",
)
"""Of the record."""
LEVEL = 1  # of DEFLATE: masks shrink to nothing by any, and probabilities little by the slowest
LARGEST = 10_000_000
"""Bytes of a record, far more than the names of any series take."""
MOST = 1_000_000
"""Strips of a map."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, NotImplementedError)
"""What Python raises for a file that is cut, altered or of another kind."""

Corner = tuple[int, int]
"""First row and column of a window in the raster of the whole map."""


@dataclass(frozen=True, kw_only=True)
class KeptWindow:
    """What the network gave for one window."""

    probability: NDArray[np.float32] | None
    """(h, w) of glacier; None without radar."""
    valid: NDArray[np.bool_]
    """(h, w) as in `radiometry.Prepared`."""
    filled: NDArray[np.intp]
    """(h, w) as in `radiometry.Prepared`."""
    spread: NDArray[np.float32] | None = None
    """(h, w) between the networks, of several."""


@dataclass(frozen=True)
class StripWriter:
    """Adds windows to the file of a strip."""

    archive: zipfile.ZipFile

    def add(self, corner: Corner, window: KeptWindow) -> None:
        """Write a window."""
        self._add(corner, "valid", window.valid)
        self._add(corner, "filled", window.filled.astype(np.uint16))
        if window.probability is not None:
            self._add(corner, "probability", window.probability)
        if window.spread is not None:
            self._add(corner, "spread", window.spread)

    def _add(self, corner: Corner, name: str, values: NDArray[Any]) -> None:
        with self.archive.open(_member(corner, name), "w", force_zip64=True) as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)

    def finish(self, record: Mapping[str, Any]) -> None:
        """Write the record, which comes last: a file without it is no strip."""
        self.archive.writestr(RECORD, json.dumps(record))


@contextmanager
def create_strip(path: Path) -> Iterator[StripWriter]:
    """Create the file of a strip, whole or not at all."""
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive,
    ):
        yield StripWriter(archive)


@dataclass(frozen=True)
class StripReader:
    """The file of a strip."""

    path: Path
    archive: zipfile.ZipFile
    record: dict[str, Any]
    """`KEYS`, as `strips.map_strip` writes them."""

    def corners(self) -> list[Corner]:
        """List its windows."""
        folders = [name.partition("/")[0] for name in self.archive.namelist() if name.endswith("/valid.npy")]
        try:
            return [(int(row), int(column)) for row, column in (folder.split("-") for folder in folders)]
        except ValueError as error:
            raise _broken(self.path, error) from error

    def window(self, corner: Corner, shape: tuple[int, int]) -> KeptWindow:
        """Read a window.

        Raises:
            InputError: It is damaged, or has another shape.
        """
        found = KeptWindow(
            probability=self._read_share(corner, "probability", shape),
            spread=self._read_share(corner, "spread", shape),
            valid=self._read(_member(corner, "valid"), shape, np.bool_),
            filled=self._read(_member(corner, "filled"), shape, np.uint16).astype(np.intp),
        )
        if (found.probability is not None) != bool(found.valid.any()):
            raise InputError(f"{self.path}: a window whose radar and map disagree found, a whole strip expected")
        return found

    def _read_share(self, corner: Corner, kind: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        name = _member(corner, kind)
        return self._read(name, shape, np.float32) if name in self.archive.NameToInfo else None

    def _read(self, name: str, shape: tuple[int, int], dtype: type[np.generic]) -> NDArray[Any]:
        try:
            size = self.archive.getinfo(name).file_size
            if size > np.dtype(dtype).itemsize * shape[0] * shape[1] + 1000:  # before memory is taken
                raise ValueError(f"{size} bytes in {name}")
            with self.archive.open(name) as stream:
                values: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                stream.read()  # to its end, where the checksum is compared
        except BROKEN as error:
            raise _broken(self.path, error) from error
        if values.shape != shape or values.dtype != dtype:
            raise InputError(
                f"{self.path}: {name} of {values.shape} {values.dtype} found, {shape} {np.dtype(dtype)} expected"
            )
        return values


@contextmanager
def open_strip(path: Path) -> Iterator[StripReader]:
    """Open the file of a strip.

    Raises:
        InputError: It is missing, or is none.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file, a strip of a map expected")
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise _broken(path, error) from error
    with archive:
        try:
            if archive.getinfo(RECORD).file_size > LARGEST:
                raise ValueError(f"a {RECORD} of more than {LARGEST} bytes")
            record = json.loads(archive.read(RECORD))
            if not isinstance(record, dict) or set(record) != set(KEYS):
                raise ValueError(f"other entries than {', '.join(sorted(KEYS))} in {RECORD}")
            strip, strips = int(record["strip"]), int(record["strips"])
            if not 1 <= strip <= strips <= MOST:
                raise ValueError(f"strip {strip} of {strips}")
        except (*BROKEN, RecursionError) as error:
            raise _broken(path, error) from error
        yield StripReader(path, archive, record)


def _member(corner: Corner, name: str) -> str:
    return f"{corner[0]}-{corner[1]}/{name}.npy"


def _broken(path: Path, error: Exception) -> InputError:
    found = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: no whole strip of a map found ({found}), a file that map_strip wrote expected")
