"""Map a large region as many jobs, a few rows of windows each, and join what they made without a seam.

The windows of all strips lie on one grid, that of the whole map. The file of a strip holds what the network gave for
its windows, before they are blended; `join_strips` blends them by the code of a run in one piece and in its order, so
the files are the same to the byte, if that computes on as many threads. A strip is as large as its pixels in float32,
and the overlap of its windows more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from odc.geo.geobox import GeoBox
from rasterio import Affine
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.inference import large_raster
from glaciersar.inference.ahead import compute_ahead
from glaciersar.inference.calibration import Calibration
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.map_product import MapReport
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.prepared_mapping import PreparedMapping, prepare_mapping
from glaciersar.inference.prepared_scenes import file_state
from glaciersar.inference.raster_run import OnBlock, count_readers, map_window
from glaciersar.inference.sliding_window import DEFAULT_TILING, Tiling, WindowLayout
from glaciersar.inference.strip_file import KEYS, KeptWindow, StripReader, create_strip, open_strip
from glaciersar.io.rasters import small_cache
from glaciersar.radiometry import Prepared
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.scene import Scene

LARGEST_SIDE = 10_000_000
"""Pixels: a side of a map around the Earth has less than half as many of 10 m."""


def map_strip(
    network: Networks,
    chosen: Sequence[Scene],
    geobox: GeoBox,
    polarisation: str,
    path: str | Path,
    *,
    strip: int,
    strips: int,
    pairs: Sequence[CoherencePair] = (),
    tiling: Tiling = DEFAULT_TILING,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    progress: bool = False,
    max_offset: float = MAX_OFFSET,
    **tags: str,
) -> Path:
    """Map the windows of one strip into `path`, whole or not at all; for `join_strips`.

    Killed, it starts anew: a strip should be no more than what may be lost.

    Args:
        network, chosen, geobox, polarisation: As for `large_raster.map_scenes`: of the whole region, not of the strip.
        path: The file to write, such as strips/03-of-10.zip.
        strip: Which one, 1 for the uppermost.
        strips: Into how many the region is cut, no more than it has rows of windows.
        pairs, tiling, backend, precision, device, max_offset, tags: As for `large_raster.map_scenes`.
        progress: Show a progress bar.

    Raises:
        InputError: No such strip, what `map_scenes` refuses, or windows too large for the memory of the GPU.
    """
    layout = WindowLayout.over((geobox.shape[0], geobox.shape[1]), tiling)
    rows = rows_of_strip(len(layout.tops), strip, strips)
    settings: dict[str, Any] = {"tiling": tiling, "backend": backend, "precision": precision, "device": device}
    mapping = prepare_mapping(network, chosen, geobox, polarisation, pairs=pairs, max_offset=max_offset, **settings)
    record = _record(mapping, geobox, layout, tags) | {"strip": strip, "strips": strips}
    try:
        _map_rows(mapping, geobox, layout, rows, Path(path), record, progress=progress)
    except torch.OutOfMemoryError as error:
        found = f"windows of {tiling.window} pixels need more memory than the GPU has"
        raise InputError(f"{path}: {found}, a smaller window for all strips expected") from error
    return Path(path)


def join_strips(
    strips: Sequence[str | Path],
    path: str | Path,
    *,
    dtype: str = "float32",
    calibration: Calibration | None = None,
    progress: bool = False,
    on_block: OnBlock | None = None,
) -> MapReport:
    """Join all strips of a region to the map that one run would have written, in the same files, equal to the byte.

    Neither the network nor the scenes are needed, nor more memory than for mapping. Killed, it goes on where it was.

    Args:
        strips: The files of `map_strip`, in any order.
        path, dtype, calibration, progress, on_block: As for `large_raster.map_raster`.

    Raises:
        InputError: A strip that is missing, there twice, of another map or damaged; or what `map_raster` refuses.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(open_strip(Path(strip))) for strip in strips]
        record = _check_complete(readers)
        geobox, tiling, kept = _parse(record, readers[0].path)
        layout = WindowLayout.over((geobox.shape[0], geobox.shape[1]), tiling)
        if record["windows"] != _windows(layout):
            raise InputError(f"{readers[0].path}: windows of another version of glaciersar found, of this one expected")
        return large_raster.map_raster(
            kept,
            _Joined(readers, geobox, layout, planes=min(kept.members, 2)).read,
            geobox,
            path,
            tiling=tiling,
            dtype=dtype,
            calibration=calibration,
            inputs={"strips": [file_state(str(reader.path)) for reader in readers]},
            progress=progress,
            on_block=on_block,
            **record["tags"],
        )


def rows_of_strip(rows: int, strip: int, strips: int) -> range:
    """Tell which rows of windows are a strip's; together they are all, as many to each as possible.

    Args:
        rows: Of windows, of the whole map.
        strip: From 1.
        strips: In all.

    Raises:
        InputError: There is no such strip, or a strip would be empty.
    """
    if not 1 <= strips <= rows:
        raise InputError(f"strips={strips} found, 1 to {rows} expected: the map has {rows} rows of windows")
    if not 1 <= strip <= strips:
        raise InputError(f"strip={strip} found, 1 to {strips} expected")
    return range((strip - 1) * rows // strips, strip * rows // strips)


def _map_rows(
    mapping: PreparedMapping,
    geobox: GeoBox,
    layout: WindowLayout,
    rows: range,
    path: Path,
    record: Mapping[str, Any],
    *,
    progress: bool,
) -> None:
    """Map some rows of windows, while threads read the next ones."""
    places = [layout.window(row, column) for row in rows for column in range(len(layout.lefts))]
    threads = count_readers(mapping.predictor)
    dates = 0
    title = f"strip {record['strip']} of {record['strips']} ({mapping.predictor})"
    with (
        create_strip(path) as file,
        small_cache(),
        tqdm(total=len(places), desc=title, unit="window", disable=not progress) as bar,
        closing(compute_ahead(lambda place: mapping.read(geobox[place]), places, threads=threads)) as series,
    ):
        for (down, across), prepared in zip(places, series, strict=True):
            planes = map_window(mapping.predictor, prepared)
            shares = [] if planes is None else list(planes.float().cpu().numpy())
            kept = dict(zip(("probability", "spread"), [*shares, None, None], strict=False))
            window = KeptWindow(valid=prepared.valid, filled=prepared.filled, **kept)
            file.add((down.start, across.start), window)
            dates = prepared.series.shape[-3]
            bar.update()
        file.finish({**record, "dates": dates})


def _record(mapping: PreparedMapping, geobox: GeoBox, layout: WindowLayout, tags: Mapping[str, str]) -> dict[str, Any]:
    """List what all strips of a map have in common, as JSON gives it back."""
    return {
        "shape": list(layout.shape),
        "affine": list(geobox.affine[:6]),
        "crs": str(geobox.crs),
        "tiling": asdict(layout.tiling),
        "windows": _windows(layout),
        "inputs": mapping.inputs,
        "tags": {**mapping.tags, **tags},
        "threads": 0 if mapping.predictor.on_gpu else torch.get_num_threads(),  # the last bits depend on it
        "predictor": {name: getattr(mapping.predictor, name) for name in ("backend", "precision", "device")},
    }


def _windows(layout: WindowLayout) -> list[Any]:
    return [list(layout.size), layout.tops, layout.lefts]


def _check_complete(strips: Sequence[StripReader]) -> dict[str, Any]:
    """Return what the strips have in common, if they are all strips of one map, each once."""
    if not strips:
        raise InputError("no strip given, all strips of a map expected")
    first = strips[0]
    for other in strips[1:]:
        for key in KEYS:
            if key != "strip" and other.record[key] != first.record[key]:
                raise InputError(f"{other.path}: another {key} than in {first.path} found, strips of one map expected")
    count = first.record["strips"]
    numbers = Counter(strip.record["strip"] for strip in strips)
    doubled = [strip for strip in strips if numbers[strip.record["strip"]] > 1]
    if doubled:
        raise InputError(f"{doubled[1].path}: strip {doubled[1].record['strip']} found twice, each once expected")
    if missing := sorted({*range(1, count + 1)} - set(numbers)):
        names = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
        raise InputError(f"{first.path}: strip {names} of {count} missing, all of them expected")
    return first.record


def _parse(record: Mapping[str, Any], path: Path) -> tuple[GeoBox, Tiling, "_Kept"]:
    """Read grid, tiling and predictor from a record, which may have been altered."""
    try:
        height, width = map(int, record["shape"])
        geobox = GeoBox((height, width), Affine(*map(float, record["affine"])), str(record["crs"]))
        backend, precision, device = (str(record["predictor"][name]) for name in ("backend", "precision", "device"))
        members = int(record["tags"].get("members", 1))
        run = _kept_planes if members > 1 else _kept_map
        kept = _Kept(backend=backend, precision=precision, device=device, run=run, members=members)
        if max(geobox.shape) > LARGEST_SIDE:
            raise ValueError(f"{geobox.shape[0]} × {geobox.shape[1]} pixels")
        if members < 1:
            raise ValueError(f"{members} networks")
        if (
            type(record["dates"]) is not int
            or record["dates"] < 1
            or not all(isinstance(text, str) for text in record["tags"].values())
        ):
            raise ValueError("no dates, or tags that are no text")
        return geobox, Tiling(**record["tiling"]), kept
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # RuntimeError: of PROJ
        found = " ".join(str(error).split())
        raise InputError(f"{path}: no record of a map found ({found}), a file that map_strip wrote expected") from error


def _kept_map(series: torch.Tensor) -> torch.Tensor:  # (1, 1, T, h, w) -> (1, h, w)
    return series[:, 0, 0]


def _kept_planes(series: torch.Tensor) -> torch.Tensor:  # (1, 2, T, h, w) -> (1, 2, h, w)
    return series[:, :, 0]


@dataclass(frozen=True)
class _Kept(Predictor):
    """Gives the probability that was kept, and a spread if there is one, which `_Joined.read` hands on as a series."""

    @property
    def on_gpu(self) -> bool:
        """Never: it is only told which device mapped the windows."""
        return False


class _Joined:
    """Reads the windows of all strips as if they were a series: its dates are the probability, over and over.

    A spread is its second feature.
    """

    def __init__(self, strips: Sequence[StripReader], geobox: GeoBox, layout: WindowLayout, planes: int) -> None:
        self.geobox, self.size, self.dates, self.planes = geobox, layout.size, strips[0].record["dates"], planes
        self.strip_of = {corner: strip for strip in strips for corner in strip.corners()}
        expected = {(top, left) for top in layout.tops for left in layout.lefts}
        if set(self.strip_of) != expected:
            raise InputError(
                f"{strips[0].path.parent}: {len(self.strip_of)} windows in the strips found, {len(expected)} expected"
            )

    def read(self, part: GeoBox) -> Prepared:
        """Read the window that covers a part of the grid."""
        column, row = self.geobox.wld2pix(part.affine.c, part.affine.f)  # type: ignore[no-untyped-call]
        corner = round(row), round(column)
        kept = self.strip_of[corner].window(corner, self.size)
        found = [kept.probability, kept.spread][: self.planes]
        if kept.probability is not None and (found[-1] is None or (kept.spread is not None) != (self.planes > 1)):
            raise InputError(f"{self.strip_of[corner].path}: a window found that not all networks mapped")
        shown = np.stack([np.zeros(self.size, np.float32) if plane is None else plane for plane in found])  # (P, h, w)
        strides = shown.strides[0], 0, *shown.strides[1:]
        series = as_strided(shown, (self.planes, self.dates, *self.size), strides)  # takes no memory
        return Prepared(series=series, valid=kept.valid, filled=kept.filled)
