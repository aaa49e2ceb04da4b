"""Map rasters larger than memory: read and written in windows; a killed run resumes (`raster_run`)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from odc.geo.geobox import GeoBox

from glaciersar.inference.calibration import Calibration
from glaciersar.inference.ensemble import Networks
from glaciersar.inference.map_product import MapReport
from glaciersar.inference.out_of_memory import map_within_memory, smaller_tilings
from glaciersar.inference.predictor import Predictor
from glaciersar.inference.prepared_mapping import prepare_mapping
from glaciersar.inference.prepared_scenes import Preview
from glaciersar.inference.raster_run import OnBlock, RasterRun
from glaciersar.inference.sliding_window import DEFAULT_TILING, Tiling, WindowLayout
from glaciersar.io.atomic import wrap_write_errors
from glaciersar.io.lock import exclusive_lock
from glaciersar.io.rasters import WRITE_ERRORS, small_cache
from glaciersar.radiometry import Prepared
from glaciersar.scenes.coherence import CoherencePair
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.scene import Scene


def map_scenes(
    network: Networks,
    chosen: Sequence[Scene],
    geobox: GeoBox,
    polarisation: str,
    path: str | Path,
    *,
    pairs: Sequence[CoherencePair] = (),
    tiling: Tiling = DEFAULT_TILING,
    dtype: str = "float32",
    calibration: Calibration | None = None,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    compile: bool = False,
    progress: bool = False,
    on_block: OnBlock | None = None,
    max_offset: float = MAX_OFFSET,
    **tags: str,
) -> tuple[MapReport, Preview]:
    """Map the probability of glacier from the scenes of one orbit, whatever their size, into `path` and beside it.

    Args:
        network: From `pretrained.load`, of one feature of backscatter, or of co- and cross-polarised, and of coherence
            beside them or alone; or several such, from `ensemble.load_networks`, whose mean is the map.
        chosen: From `selection.choose_series`, any number of dates, of which the network is shown as many as it was
            trained on, some repeated where there are fewer; where one misses a part, it is filled from the others. Of
            no matter for coherence alone.
        geobox: The grid of the map.
        polarisation: "HH", "HV", "VV" or "VH"; for a network of two, "HH+HV" or "VV+VH".
        path, dtype, calibration, progress, on_block: As for `map_raster`.
        pairs: Of coherence, from `chosen_pairs.choose_pairs`, as many as dates; for a network that takes it.
        tiling, backend, precision, device: As for `sliding_window.map_array`.
        compile: As for `backends.make_predictor`.
        max_offset: How far dates may lie from one another, pixels; infinity allows anything.
        tags: More metadata for the files.

    Returns:
        What was mapped, and a coarse preview of the series, for a figure and for its gaps.

    Raises:
        InputError: Before anything is written: weights for other features or another number of dates, an empty area,
            scenes without one of two polarisations, pairs that are missing, too many or of another orbit, dates that
            lie too far from one another, what `preview.read_preview` and `map_raster` refuse.
    """
    series = prepare_mapping(
        network,
        chosen,
        geobox,
        polarisation,
        pairs=pairs,
        tiling=tiling,
        backend=backend,
        precision=precision,
        device=device,
        compile=compile,
        max_offset=max_offset,
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

    Writes cloud-optimised GeoTIFFs: `path`, the glacier mask, with a calibration the confidence, and of several
    networks the standard deviation between them, blended as their mean is; beside probability.tif they are glacier.tif,
    confidence.tif and spread.tif. A killed run resumes at its last complete row of windows
    if it is started again with the same settings, and its files are the same to the byte. Where the memory of a GPU is
    not enough for a window, the map is started anew with smaller ones, and their side is in the metadata as `window`.

    Args:
        predictor: From `backends.make_predictor` or, of several networks, `ensemble.make_predictor`.
        read: Reads the prepared series of any part of the grid; called in a thread, for a GPU in several at a time.
        geobox: The grid.
        path: The probability to write.
        tiling: As for `sliding_window.map_array`.
        dtype: Of probability and confidence: "float32", NaN where there is no data; or "uint8" in 254 steps, 255 where
            there is none, with the scale in the file: a quarter of the size, off by at most 0.004, never across 0.5.
        calibration: From `calibration.fit_calibration` or `calibration.read_calibration`, for the confidence; of
            several networks that of their mean.
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
    run = RasterRun(predictor, read, geobox, path, WindowLayout.over(shape, tiling), dtype, calibration, tags, on_block)
    _ = run.bands  # refuses an unknown dtype
    runs = {tried: run.with_windows(tried) for tried in (tiling, *smaller_tilings(tiling, shape))}
    with exclusive_lock(path.parent, file_name=path.name), wrap_write_errors(path, *WRITE_ERRORS), small_cache():
        begun = next((k for k, run in enumerate(runs.values()) if run.is_begun(inputs)), 0)
        return map_within_memory(lambda tried: runs[tried].map_all(inputs, progress=progress), [*runs][begun:])
