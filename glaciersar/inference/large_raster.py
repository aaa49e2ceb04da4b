"""Map rasters larger than memory: read and written in windows; a killed run resumes.

Memory holds the window that is mapped, the next one, which a thread reads meanwhile, and the strip that a row of
windows has in common with the next. A GPU maps faster than one thread reads: for it several read, and it maps a window
while the one before is blended and written.
"""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from torch import Tensor
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.inference import map_product, resumable
from glaciersar.inference.ahead import compute_ahead
from glaciersar.inference.backends import Predictor
from glaciersar.inference.calibration import Calibration
from glaciersar.inference.map_product import CALLED, COUNTS, DATES, FILLED, VALID, WRITTEN, Band, MapReport
from glaciersar.inference.out_of_memory import map_within_memory, smaller_tilings
from glaciersar.inference.prepared_mapping import prepare_mapping
from glaciersar.inference.prepared_scenes import Preview
from glaciersar.inference.resumable import Progress
from glaciersar.inference.sliding_window import DEFAULT_TILING, Place, Tiling, WindowLayout, blend_row
from glaciersar.io.atomic import wrap_write_errors
from glaciersar.io.lock import exclusive_lock
from glaciersar.io.rasters import WRITE_ERRORS, open_map, read_window, small_cache
from glaciersar.models import Network
from glaciersar.radiometry import Prepared
from glaciersar.scenes.scene import Scene

_Window = tuple[Prepared, Tensor | None]
"""What was read, and its map, None without radar."""

READERS = 8  # threads that read for a GPU, where there are so many cores; each holds a window


class OnBlock(Protocol):
    """Is told of each block of a map that is finished: to show it, for one."""

    def __call__(self, place: Place, probability: NDArray[np.float32], *, resumed: bool) -> None:
        """Take a block's rows and columns, its probability (h, w), and whether an earlier run has mapped it."""


def map_scenes(
    network: Network,
    chosen: Sequence[Scene],
    geobox: GeoBox,
    polarisation: str,
    path: str | Path,
    *,
    tiling: Tiling = DEFAULT_TILING,
    dtype: str = "float32",
    calibration: Calibration | None = None,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    progress: bool = False,
    on_block: OnBlock | None = None,
    **tags: str,
) -> tuple[MapReport, Preview]:
    """Map the probability of glacier from the scenes of one orbit, whatever their size, into `path` and beside it.

    Args:
        network: From `pretrained.load`, of one feature of backscatter, or of co- and cross-polarised.
        chosen: From `selection.choose_series`, any number of dates, of which the network is shown as many as it was
            trained on; where one misses a part, it is filled from the others.
        geobox: The grid of the map.
        polarisation: "HH", "HV", "VV" or "VH"; for a network of two, "HH+HV" or "VV+VH".
        path, dtype, calibration, progress, on_block: As for `map_raster`.
        tiling, backend, precision, device: As for `sliding_window.map_array`.
        tags: More metadata for the files.

    Returns:
        What was mapped, and a coarse preview of the series, for a figure and for its gaps.

    Raises:
        InputError: Before anything is written: weights for other features or another number of dates, an empty area,
            scenes without one of two polarisations, what `preview.read_preview` and `map_raster` refuse.
    """
    series = prepare_mapping(
        network, chosen, geobox, polarisation, tiling=tiling, backend=backend, precision=precision, device=device
    )
    mapped = map_raster(
        series.predictor,
        series.read,
        geobox,
        path,
        tiling=tiling,
        dtype=dtype,
        calibration=calibration,
        inputs=series.inputs,
        progress=progress,
        on_block=on_block,
        **series.tags | tags,
    )
    return mapped, series.look


def map_raster(
    predictor: Predictor,
    read: Callable[[GeoBox], Prepared],
    geobox: GeoBox,
    path: str | Path,
    *,
    tiling: Tiling = DEFAULT_TILING,
    dtype: str = "float32",
    calibration: Calibration | None = None,
    inputs: Mapping[str, Any],
    progress: bool = False,
    on_block: OnBlock | None = None,
    **tags: str,
) -> MapReport:
    """Map window by window, to the same digits as `sliding_window.map_array` does in memory.

    Writes cloud-optimised GeoTIFFs: `path`, the glacier mask, and with a calibration the confidence; beside
    probability.tif they are glacier.tif and confidence.tif. A killed run resumes at its last complete row of windows
    if it is started again with the same settings, and its files are the same to the byte. Where the memory of a GPU is
    not enough for a window, the map is started anew with smaller ones, and their side is in the metadata as `window`.

    Args:
        predictor: From `backends.make_predictor`.
        read: Reads the prepared series of any part of the grid; called in a thread, for a GPU in several at a time.
        geobox: The grid.
        path: The probability to write.
        tiling: As for `sliding_window.map_array`.
        dtype: Of probability and confidence: "float32", NaN where there is no data; or "uint8" in 254 steps, 255 where
            there is none, with the scale in the file: a quarter of the size, off by at most 0.004, never across 0.5.
        calibration: From `calibration.fit_calibration` or `calibration.read_calibration`, for the confidence.
        inputs: What else determines the map, for JSON: weights, rasters. With others, an unfinished map starts anew.
        progress: Show a progress bar, with the time left.
        on_block: Called with each finished block of the map, first those that an earlier run has mapped.
        tags: Metadata for the files.

    Raises:
        InputError: Before work starts: an impossible setting, an empty area, a folder without permission or room,
            another process that writes this map. Later: what `read` raises, no pixel with radar, a disk that filled up
            meanwhile; no broken file is left.
    """
    path, shape = Path(path), (geobox.shape[0], geobox.shape[1])
    run = _Run(predictor, read, geobox, path, WindowLayout.over(shape, tiling), dtype, calibration, tags, on_block)
    _ = run.bands  # refuses an unknown dtype
    runs = {tried: run.with_windows(tried) for tried in (tiling, *smaller_tilings(tiling, shape))}
    with exclusive_lock(path.parent, file_name=path.name), wrap_write_errors(path, *WRITE_ERRORS), small_cache():
        begun = next((k for k, run in enumerate(runs.values()) if run.is_begun(inputs)), 0)
        return map_within_memory(lambda tried: runs[tried].map_all(inputs, progress=progress), [*runs][begun:])


@dataclass(frozen=True)
class _Run:
    """One map on its way from windows to finished files."""

    predictor: Predictor
    read: Callable[[GeoBox], Prepared]
    geobox: GeoBox
    path: Path
    layout: WindowLayout
    dtype: str
    calibration: Calibration | None
    tags: Mapping[str, str]
    on_block: OnBlock | None

    def with_windows(self, tiling: Tiling) -> "_Run":
        """Give the run with the windows of a tiling, of which the tags tell where they are not the given ones."""
        given = self.layout.tiling
        if tiling == given:
            return self
        window = f"{tiling.window} pixels, as memory was not enough for {given.window}"
        return replace(self, layout=WindowLayout.over(self.layout.shape, tiling), tags={**self.tags, "window": window})

    @property
    def bands(self) -> list[Band]:
        """The rasters to write."""
        return map_product.rasters_of(self.path, self.dtype, self.calibration, self.tags)

    @property
    def folder(self) -> Path:
        """Holds the rasters until they are finished."""
        return self.path.parent / f".{self.path.stem}-unfinished"

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the files of the map, besides its inputs; for JSON."""
        layout, tiling = self.layout, self.layout.tiling
        return {
            "grid": [*layout.shape, *self.geobox.affine[:6], str(self.geobox.crs)],
            "windows": [*layout.size, layout.tops, layout.lefts, tiling.sigma, tiling.halo],
            "dtype": self.dtype,
            "calibration": self.calibration and self.calibration.record(),
            "predictor": str(self.predictor),
            "tags": self.tags,
        }

    def is_begun(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether an earlier run with the same settings left it unfinished."""
        return resumable.is_unfinished(self.folder, self.settings | {"made_of": inputs})

    def map_all(self, inputs: Mapping[str, Any], *, progress: bool) -> MapReport:
        """Map the whole raster."""
        try:
            counts = self.map_rows(self.settings | {"made_of": inputs}, progress=progress)
        except torch.OutOfMemoryError:
            resumable.remove_unfinished(self.folder)
            raise
        self.finish(counts)
        return MapReport.of_counts(self.bands, self.layout.shape, counts, str(self.predictor))

    def map_rows(self, settings: Mapping[str, Any], *, progress: bool) -> NDArray[np.int64]:
        """Map the rows of windows that an earlier run has not, saving each; returns the counts of the whole raster."""
        layout, folder, bands = self.layout, self.folder, self.bands
        fresh = Progress(rows=0, carry=layout.carry().numpy(), counts=np.zeros(COUNTS, np.int64))
        state = resumable.create_or_resume(folder, bands, self.geobox, settings, fresh)
        columns = range(len(layout.lefts))
        places = [layout.window(row, column) for row in range(state.rows, len(layout.tops)) for column in columns]
        self._tell_of_resumed(state.rows)
        total, done = len(layout.tops) * len(columns), state.rows * len(columns)
        title = f"mapping ({self.predictor})"
        bar = tqdm(total=total, initial=done, desc=title, unit="window", disable=not progress)
        threads = max(1, min(READERS, (os.cpu_count() or 1) - 1)) if self.predictor.on_gpu else 1
        with (
            bar,
            closing(compute_ahead(self._read, places, threads=threads)) as series,
            closing(self._map_windows(series)) as windows,
        ):
            for row in range(state.rows, len(layout.tops)):
                state = self._map_row(row, state, windows, bar)
                resumable.save_progress(folder, state)
        return state.counts

    def _read(self, place: Place) -> Prepared:
        """Read a window, for a GPU into memory that it copies by itself."""
        prepared = self.read(self.geobox[place])
        if self.predictor.on_gpu and torch.cuda.is_available():
            return replace(prepared, series=torch.from_numpy(prepared.series).pin_memory().numpy())
        return prepared

    def _map_windows(self, series: Iterator[Prepared]) -> Generator[_Window, None, None]:
        """Map windows, one after another, on a GPU one ahead."""
        if self.predictor.on_gpu:
            return compute_ahead(self._map_window, series)
        return (self._map_window(prepared) for prepared in series)

    def _map_window(self, prepared: Prepared) -> tuple[Prepared, Tensor | None]:
        """Map a window if it has radar."""
        if not prepared.valid.any():
            return prepared, None
        series = torch.from_numpy(prepared.series)  # ([F,] T, h, w)
        (glacier,) = self.predictor(series.reshape(1, -1, *series.shape[-3:]))  # (1, F, T, h, w) -> (h, w)
        return prepared, glacier

    def _map_row(self, row: int, state: Progress, windows: Iterator[_Window], bar: "tqdm[Any]") -> Progress:
        """Map one row of windows and write the pixels that are finished with it."""
        layout, carry, counts = self.layout, torch.from_numpy(state.carry), state.counts.copy()
        maps = (
            _count_window(next(windows), layout.finished(row, column), counts, bar)
            for column in range(len(layout.lefts))
        )
        with resumable.open_rasters(self.folder, self.bands) as write:
            for place, block in blend_row(layout, row, maps, carry):
                probability = block.numpy()
                counts[WRITTEN] += np.isfinite(probability).sum()
                counts[CALLED] += (probability > 0.5).sum()
                write(Window.from_slices(*place), map_product.values(probability, self.dtype, self.calibration))
                if self.on_block is not None:
                    self.on_block(place, probability, resumed=False)
        return Progress(rows=row + 1, carry=carry.numpy(), counts=counts)

    def _tell_of_resumed(self, rows: int) -> None:
        """Show the rows of windows that an earlier run has mapped, one window in memory."""
        if self.on_block is None or not rows:
            return
        with open_map(self.folder / self.path.name) as file:
            for place in (self.layout.finished(row, k) for row in range(rows) for k in range(len(self.layout.lefts))):
                self.on_block(place, read_window(file, Window.from_slices(*place)), resumed=True)

    def finish(self, counts: NDArray[np.int64]) -> None:
        """Write the finished files; without any radar, refuse and leave nothing."""
        if not counts[VALID]:
            resumable.remove_unfinished(self.folder)
            found = f"no radar found in {self.layout.shape[0]} × {self.layout.shape[1]} pixels"
            raise InputError(f"{self.path}: {found}, backscatter in some of them expected")
        resumable.finish_rasters(self.folder, self.bands)
        if self.calibration is None:  # a confidence that an earlier map left there does not belong to this one
            map_product.sibling_path(self.path, "confidence").unlink(missing_ok=True)


def _count_window(
    window: _Window, finished: Place, counts: NDArray[np.int64], bar: "tqdm[Any]"
) -> tuple[Tensor | None, Tensor]:
    """Count the pixels of a window that are finished with it, which are its first ones."""
    prepared, glacier = window
    down, across = (slice(0, side.stop - side.start) for side in finished)
    counts[VALID] += prepared.valid[down, across].sum()
    counts[FILLED] += prepared.filled[down, across].sum()
    counts[DATES] = prepared.series.shape[-3]
    bar.update()
    return glacier, torch.from_numpy(prepared.valid)
