"""One map on its way from windows to finished files, row by row of windows, each of which is saved.

Memory holds the window that is mapped, the next one, which a thread reads meanwhile, and the strip that a row of
windows has in common with the next. A GPU maps faster than one thread reads: for it several read, and it maps a window
while the one before is blended and written.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import tee
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
from glaciersar.inference.calibration import Calibration
from glaciersar.inference.map_product import CALLED, COUNTS, DATES, FILLED, VALID, WRITTEN, Band, MapReport
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.resumable import Progress
from glaciersar.inference.sliding_window import Place, Tiling, WindowLayout, blend_row
from glaciersar.io.rasters import open_map, read_window
from glaciersar.radiometry import Prepared

_Window = tuple[Prepared, Tensor | None]
"""What was read, and its map of each plane (P, h, w), None without radar."""

READERS = 8  # threads that read for a GPU, where there are so many cores; each holds a window


def count_readers(predictor: Predictor) -> int:
    """Tell how many threads read windows for a predictor: several for a GPU, as there are cores."""
    return max(1, min(READERS, (os.cpu_count() or 1) - 1)) if predictor.on_gpu else 1


def map_window(predictor: Predictor, prepared: Prepared) -> Tensor | None:
    """Map a window, (1, h, w), or of several networks mean and spread (2, h, w); None without radar."""
    if not prepared.valid.any():
        return None
    series = torch.from_numpy(prepared.series)  # ([F,] T, h, w)
    planes: Tensor = predictor.planes(series.reshape(1, -1, *series.shape[-3:]))[0]  # (1, F, T, h, w) -> (P, h, w)
    return planes


class OnBlock(Protocol):
    """Is told of each block of a map that is finished: to show it, for one."""

    def __call__(self, place: Place, probability: NDArray[np.float32], *, resumed: bool) -> None:
        """Take a block's rows and columns, its probability (h, w), and whether an earlier run has mapped it."""


@dataclass(frozen=True)
class RasterRun:
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

    def with_windows(self, tiling: Tiling) -> "RasterRun":
        """Give the run with the windows of a tiling, of which the tags tell where they are not the given ones."""
        given = self.layout.tiling
        if tiling == given:
            return self
        window = f"{tiling.window} pixels, as memory was not enough for {given.window}"
        return replace(self, layout=WindowLayout.over(self.layout.shape, tiling), tags={**self.tags, "window": window})

    @property
    def bands(self) -> list[Band]:
        """The rasters to write."""
        members = self.predictor.members
        return map_product.rasters_of(self.path, self.dtype, self.calibration, self.tags, members=members)

    @property
    def planes(self) -> int:
        """What is blended: the probability, and of several networks their spread."""
        return min(self.predictor.members, 2)

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
        carry = np.concatenate([layout.carry().numpy()] * self.planes)
        fresh = Progress(rows=0, carry=carry, counts=np.zeros(COUNTS, np.int64))
        state = resumable.create_or_resume(folder, bands, self.geobox, settings, fresh)
        columns = range(len(layout.lefts))
        places = [layout.window(row, column) for row in range(state.rows, len(layout.tops)) for column in columns]
        self._tell_of_resumed(state.rows)
        total, done = len(layout.tops) * len(columns), state.rows * len(columns)
        title = f"mapping ({self.predictor})"
        bar = tqdm(total=total, initial=done, desc=title, unit="window", disable=not progress)
        threads = count_readers(self.predictor)
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

    def _map_window(self, prepared: Prepared) -> _Window:
        return prepared, map_window(self.predictor, prepared)

    def _map_row(self, row: int, state: Progress, windows: Iterator[_Window], bar: "tqdm[Any]") -> Progress:
        """Map one row of windows and write the pixels that are finished with it."""
        layout, carry, counts = self.layout, torch.from_numpy(state.carry), state.counts.copy()
        maps = (
            _count_window(next(windows), layout.finished(row, column), counts, bar)
            for column in range(len(layout.lefts))
        )
        blended = [
            blend_row(layout, row, _take_plane(copy, k), carry[2 * k : 2 * k + 2])
            for k, copy in enumerate(tee(maps, self.planes))  # a copy is ahead of the other by one window
        ]
        with resumable.open_rasters(self.folder, self.bands) as write:
            for blocks in zip(*blended, strict=True):
                place = blocks[0][0]
                probability, *spread = (block.numpy() for _, block in blocks)
                counts[WRITTEN] += np.isfinite(probability).sum()
                counts[CALLED] += (probability > 0.5).sum()
                drawn = map_product.values(
                    probability, self.dtype, self.calibration, spread=spread[0] if spread else None
                )
                write(Window.from_slices(*place), drawn)
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
        written = [band.path for band in self.bands]
        for kind in map_product.MORE:  # one that an earlier map left there does not belong to this one
            if (path := map_product.sibling_path(self.path, kind)) not in written:
                path.unlink(missing_ok=True)


def _take_plane(windows: Iterable[tuple[Tensor | None, Tensor]], k: int) -> Iterator[tuple[Tensor | None, Tensor]]:
    """Take one plane of the maps of windows, as `blend_row` wants them."""
    return ((None if planes is None else planes[k], seen) for planes, seen in windows)


def _count_window(
    window: _Window, finished: Place, counts: NDArray[np.int64], bar: "tqdm[Any]"
) -> tuple[Tensor | None, Tensor]:
    """Count the pixels of a window that are finished with it, which are its first ones."""
    prepared, planes = window
    down, across = (slice(0, side.stop - side.start) for side in finished)
    counts[VALID] += prepared.valid[down, across].sum()
    counts[FILLED] += prepared.filled[down, across].sum()
    counts[DATES] = prepared.series.shape[-3]
    bar.update()
    return planes, torch.from_numpy(prepared.valid)
