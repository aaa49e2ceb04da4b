"""Map rasters larger than memory: read in windows, written in windows, gone on with after a kill.

Held are one window that is mapped, the next one, which a thread reads meanwhile, and the strip that a row of windows
has in common with the next.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from torch import Tensor
from tqdm import tqdm

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.inference import backends, map_product, resumable
from glaciersar.inference.backends import Predictor
from glaciersar.inference.calibration import Calibration
from glaciersar.inference.resumable import Progress
from glaciersar.inference.sliding_window import DEFAULT_TILING, Place, Tiling, WindowLayout, blend_row
from glaciersar.io.lock import exclusive_lock
from glaciersar.models import Network, features
from glaciersar.radiometry import Prepared
from glaciersar.scenes.preview import read_preview
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene, merge_passes
from glaciersar.scenes.temporal_coverage import data_source, incomplete_dates

DTYPES = ("float32", "uint8")
CACHE = 16_000_000  # bytes that GDAL keeps of the rasters; its own default grows with the machine
VALID, WRITTEN, FILLED, CALLED, DATES = range(COUNTS := 5)  # what is counted on the way

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class MapReport:
    """What was mapped, and into which files."""

    probability: Path
    """Probability of glacier."""
    glacier: Path
    """0 no glacier, 1 glacier (probability above 0.5), 255 no data."""
    confidence: Path | None
    """Calibrated probability that the call is right, if a calibration was given."""
    pixels: int
    """Of the raster."""
    valid: int
    """Pixels that radar sees."""
    written: int
    """Pixels with a probability: all that radar sees."""
    filled: int
    """Values of these that were missing and filled from the pixel's other dates."""
    called: int
    """Pixels called glacier."""
    dates: int
    """Of the series."""
    predictor: str
    """What mapped: backend, precision, device."""

    @property
    def files(self) -> list[Path]:
        """The files written."""
        return [path for path in (self.probability, self.glacier, self.confidence) if path is not None]

    @property
    def unseen_share(self) -> float:
        """Share of the pixels without radar."""
        return 1 - self.valid / self.pixels

    @property
    def filled_share(self) -> float:
        """Share of the values, among valid pixels, that were missing and filled."""
        return self.filled / (self.valid * self.dates)

    @property
    def glacier_share(self) -> float:
        """Share of the valid pixels that are called glacier."""
        return self.called / self.valid


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A series seen coarsely, before it is read in windows."""

    days: tuple[str, ...]
    """Of the dates, such as 2020-01-16."""
    gaps: Mapping[str, float]
    """Dates that miss a part of what the others see: its share, by day."""
    backscatter: NDArray[np.floating]
    """(h, w) dB, median of the dates, NaN without radar; the sides at most 500."""


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
    progress: bool = False,
    **tags: str,
) -> tuple[MapReport, Preview]:
    """Map the probability of glacier from the scenes of one orbit, whatever their size, into `path` and beside it.

    Args:
        network: From `pretrained.load`, of one feature of backscatter.
        chosen: From `scenes.choose_series`, any number of dates; where one misses a part, it is filled from the others.
        geobox: The grid of the map.
        polarisation: "HH", "HV", "VV" or "VH".
        path: As for `map_raster`.
        tiling, backend, precision: As for `mapping.map_array`.
        dtype, calibration, progress: As for `map_raster`.
        tags: More metadata for the files.

    Returns:
        What was mapped, and the series seen coarsely, for a figure and for its gaps.

    Raises:
        InputError: Before anything is written: weights for other features, what `scenes.look` and `map_raster` refuse.
    """
    feature, *more = features.features_of(network)
    if more:
        found = ", ".join((feature, *more))
        raise InputError(f"{network.name}: weights for the features {found} found, for one of backscatter expected")
    radiometry.check_backscatter(feature)
    WindowLayout.over((geobox.shape[0], geobox.shape[1]), tiling)  # refuses an empty area
    look = _read_preview(chosen, geobox, polarisation, feature)
    passes = merge_passes(chosen)
    size = len(passes) * geobox.shape[0] * geobox.shape[1]
    predictor = backends.make_predictor(network, backend=backend, precision=precision, size=size)

    def read(part: GeoBox) -> Prepared:
        series = read_series(passes, part, polarisation, check=False)
        return radiometry.prepare(series.power, feature=feature)

    about = {
        "model": network.name,
        "dates": " ".join(look.days),
        "polarisation": polarisation,
        "data": data_source(chosen),
        "trained_on": network.metadata.get("trained_on", "unknown data"),
    }
    rasters = [_state_of(href) for scene in passes for href in scene.hrefs[polarisation]]
    mapped = map_raster(
        predictor,
        read,
        geobox,
        path,
        tiling=tiling,
        dtype=dtype,
        calibration=calibration,
        made_of={"weights": _hash(network), "feature": feature, "rasters": rasters},
        progress=progress,
        **about | tags,
    )
    return mapped, look


def map_raster(
    predictor: Predictor,
    read: Callable[[GeoBox], Prepared],
    geobox: GeoBox,
    path: str | Path,
    *,
    tiling: Tiling = DEFAULT_TILING,
    dtype: str = "float32",
    calibration: Calibration | None = None,
    made_of: Mapping[str, Any],
    progress: bool = False,
    **tags: str,
) -> MapReport:
    """Map the probability of glacier window by window, as `mapping.map_array` does in memory, to the same digits.

    Written are cloud-optimised GeoTIFFs: `path`, the mask of glacier, and with a calibration the confidence; for
    probability.tif beside it glacier.tif and confidence.tif. A run that was killed goes on at its last whole row of
    windows if it is started again with the same settings, and the files are the same to the byte.

    Args:
        predictor: From `backends.make_predictor`.
        read: Gives the prepared series of any part of the grid; called in a thread.
        geobox: The grid.
        path: The probability to write.
        tiling: As for `mapping.map_array`.
        dtype: Of probability and confidence: "float32", NaN where there is no data; or "uint8" of 254 steps, 255 where
            there is none, with the scale in the file, a quarter of the room and off by at most 0.004, never across 0.5.
        calibration: From `calibration.fit_calibration` or `calibration.read_calibration`, for the confidence.
        made_of: What else determines the map, for JSON: weights, rasters. An unfinished map of another is started anew.
        progress: Show a progress bar, with the time left.
        tags: Metadata for the files.

    Raises:
        InputError: Before work starts: an impossible setting, an empty area, a folder without permission or room,
            another process that writes this map. Later: what `read` raises, no pixel with radar, a disk that filled up
            meanwhile; no broken file is left.
    """
    path = Path(path)
    shape = geobox.shape[0], geobox.shape[1]
    layout = WindowLayout.over(shape, tiling)
    if dtype not in DTYPES:
        raise InputError(f"dtype={dtype!r} found, one of {', '.join(DTYPES)} expected")
    bands = map_product.rasters_of(path, dtype, calibration, tags)
    settings = {
        "grid": [*layout.shape, *geobox.affine[:6], str(geobox.crs)],
        "windows": [*layout.size, layout.tops, layout.lefts, tiling.sigma, tiling.halo],
        "dtype": dtype,
        "calibration": calibration and asdict(calibration),
        "predictor": str(predictor),
        "tags": tags,
        "made_of": made_of,
    }
    folder = path.parent / f".{path.stem}-unfinished"
    with (
        exclusive_lock(path.parent, file_name=path.name),
        resumable.raster_write_errors(path),
        rasterio.Env(GDAL_CACHEMAX=CACHE),
    ):
        fresh = Progress(rows=0, carry=layout.carry().numpy(), counts=np.zeros(COUNTS, np.int64))
        state = resumable.create_or_resume(folder, bands, geobox, settings, fresh)
        columns = range(len(layout.lefts))
        places = [layout.window(row, column) for row in range(state.rows, len(layout.tops)) for column in columns]
        total, done = len(layout.tops) * len(columns), state.rows * len(columns)
        bar = tqdm(total=total, initial=done, desc=f"mapping ({predictor})", unit="window", disable=not progress)
        with bar, closing(_one_ahead(lambda place: read(geobox[place]), places)) as windows:
            for row in range(state.rows, len(layout.tops)):
                carry, counts = torch.from_numpy(state.carry), state.counts.copy()
                maps = (_map_window(predictor, next(windows), layout.finished(row, k), counts, bar) for k in columns)
                with resumable.open_rasters(folder, bands) as write:
                    for place, block in blend_row(layout, row, maps, carry):
                        probability = block.numpy()
                        counts[WRITTEN] += np.isfinite(probability).sum()
                        counts[CALLED] += (probability > 0.5).sum()
                        write(Window.from_slices(*place), map_product.values(probability, dtype, calibration))
                state = Progress(rows=row + 1, carry=carry.numpy(), counts=counts)
                resumable.save_progress(folder, state)
        if not state.counts[VALID]:
            resumable.remove_unfinished(folder)
            found = f"no radar found in {layout.shape[0]} × {layout.shape[1]} pixels"
            raise InputError(f"{path}: {found}, backscatter in some of them expected")
        resumable.finish_rasters(folder, bands)
        if calibration is None:  # one that an earlier map left there does not belong to this one
            map_product.sibling_path(path, "confidence").unlink(missing_ok=True)
    return _report(bands, layout, state.counts, str(predictor))


def _report(
    bands: Sequence[map_product.Band], layout: WindowLayout, counts: NDArray[np.int64], predictor: str
) -> MapReport:
    """Tell what was mapped, from the counts of a finished run."""
    valid, written, filled, called, dates = counts.tolist()
    probability, glacier, *confidence = (band.path for band in bands)
    return MapReport(
        probability=probability,
        glacier=glacier,
        confidence=confidence[0] if confidence else None,
        pixels=layout.shape[0] * layout.shape[1],
        valid=valid,
        written=written,
        filled=filled,
        called=called,
        dates=dates,
        predictor=predictor,
    )


def _map_window(
    predictor: Predictor, prepared: Prepared, finished: Place, counts: NDArray[np.int64], bar: tqdm
) -> tuple[Tensor | None, Tensor]:
    """Map a window if it has radar, and count the pixels that are finished with it, which are its first ones."""
    down, across = (slice(0, side.stop - side.start) for side in finished)
    counts[VALID] += prepared.valid[down, across].sum()
    counts[FILLED] += prepared.filled[down, across].sum()
    counts[DATES] = len(prepared.series)
    glacier = None
    if prepared.valid.any():
        (glacier,) = predictor(torch.from_numpy(prepared.series)[None, None])  # (1, 1, T, h, w) -> (h, w)
    bar.update()
    return glacier, torch.from_numpy(prepared.valid)


def _one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """Call a function on each item in a thread, so that the next result is made while one is in use."""
    with ThreadPoolExecutor(1) as thread:
        made: Future[Result] | None = None
        for item in items:
            next_one = thread.submit(function, item)
            if made is not None:
                yield made.result()
            made = next_one
        if made is not None:
            yield made.result()


def _read_preview(chosen: Sequence[Scene], geobox: GeoBox, polarisation: str, feature: str) -> Preview:
    series = read_preview(chosen, geobox, polarisation)
    prepared = radiometry.prepare(series.power, feature=feature)
    median = radiometry.unscale(np.median(prepared.series, axis=0), feature=feature)
    return Preview(
        days=tuple(f"{time:%Y-%m-%d}" for time in series.times),
        gaps=incomplete_dates(series),
        backscatter=np.where(prepared.valid, median, np.nan),
    )


def _hash(network: Network) -> str:
    """Tell weights apart."""
    known = hashlib.sha256()
    for name, values in network.state_dict().items():
        known.update(name.encode() + values.cpu().numpy().tobytes())
    return known.hexdigest()


def _state_of(href: str) -> list[str | int]:
    """Tell a raster apart from the one that lay there at another time, as far as it lies on this disk."""
    found = Path(href).stat() if Path(href).exists() else None
    return [href, found.st_size, found.st_mtime_ns] if found else [href]
