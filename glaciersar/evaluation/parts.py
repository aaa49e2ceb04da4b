"""Score a network on the tiles of a dataset file in parts: by several processes, or by jobs of a cluster.

Part k of n maps every n-th tile and keeps what it found. The parts are joined tile by tile in the order of the dataset
file, so that the scores are those of one process to the bit: the same maps are counted in the same order, each once.
A killed run keeps the parts that it has finished.
"""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import torch

from glaciersar.dataset.hdf5 import list_groups
from glaciersar.dataset.summary import pixel_size
from glaciersar.devices import choose_device
from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import TileResult
from glaciersar.evaluation.scoring import map_tiles, score_results
from glaciersar.io.atomic import atomic_write, visible
from glaciersar.io.process_pool import WorkerDiedError, run_all
from glaciersar.models import pretrained
from glaciersar.models.features import features_of

HEADER = "header"
"""In a file of a part: what decides its maps, its place among the others, and the shapes of its tiles, as JSON."""


def score_in_parts(
    weights: str | Path,
    test: str | Path,
    folder: str | Path,
    *,
    parts: int,
    workers: int,
    window: int = 384,
    dates: Sequence[int] | None = None,
    truth: gpd.GeoDataFrame | None = None,
    device: str = "auto",
    threads: int = 1,
) -> pd.DataFrame:
    """Score a network by several processes; where an earlier run has left parts in the folder, by those it lacks.

    Args:
        weights, test, folder, window, dates, device, threads: As for `map_part`.
        parts: How many parts, each a file in the folder.
        workers: Processes side by side.
        truth: True outlines of a simulated archive, as for `scoring.score_results`.

    Returns:
        The frame of `scoring.score_results`.

    Raises:
        InputError: What `map_part` and `join_parts` refuse, or a process has ended without a word.
    """
    how: dict[str, Any] = {"window": window, "dates": dates, "device": device, "threads": threads}
    jobs = [(weights, test, (k, parts), folder) for k in range(1, parts + 1)]
    try:
        with closing(run_all(partial(map_part, **how), jobs, workers=workers)) as mapped:
            list(mapped)
    except WorkerDiedError as error:
        found = f"{test}: the process of part {error.job + 1} of {parts} was ended from outside"
        raise InputError(f"{found}; started again, the run keeps the finished parts in {folder}") from error
    return score_results(join_parts(folder), pixel=pixel_size(test), truth=truth)


def map_part(
    weights: str | Path,
    test: str | Path,
    part: tuple[int, int],
    folder: str | Path,
    *,
    window: int = 384,
    dates: Sequence[int] | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Path:
    """Map the tiles of one part and keep reference, map and valid pixels of each in a file, a bit a pixel.

    Args:
        weights: For `pretrained.load`.
        test: The dataset file.
        part: (k, n): part k of n, k from 1 to n; it has the tiles k, k + n, k + 2n … of the file.
        folder: Where the file of the part goes; one that is there already for the same maps is kept.
        window, dates, device: As for `scoring.map_tiles`.
        threads: CPU threads of torch in this process. The last bits of a map depend on it, so all parts have the same.

    Raises:
        InputError: A part that does not exist, or what `scoring.map_tiles` refuses.
    """
    k, n = part
    network = pretrained.load(weights)
    names = [entry.name for entry in list_groups(test, features=features_of(network))]
    if not 1 <= k <= n <= len(names):
        raise InputError(
            f"{test}: part {k} of {n} found, 1 to n of n expected, and no more parts than its {len(names)} tiles"
        )
    header = {
        "weights": network.checksum(),
        "recipe": network.metadata.get("recipe", ""),
        "bytes": Path(test).stat().st_size,
        "tiles": names,
        "window": window,
        "dates": None if dates is None else list(dates),
        "device": str(choose_device(device)),
        "threads": threads,
        "parts": n,
        "part": k,
    }
    path = Path(folder) / f"part-{k}-of-{n}.npz"
    if path.exists() and {**_read_header(path), "shapes": None} == {**header, "shapes": None}:
        return path
    kept: dict[str, Any] = {}
    shapes = {}
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for result in map_tiles(network, test, window=window, dates=dates, device=device, names=names[k - 1 :: n]):
            valid = np.ones_like(result.truth) if result.valid is None else result.valid
            kept[result.name] = np.packbits(np.stack([result.truth, result.found.astype(bool), valid]))
            shapes[result.name] = result.truth.shape
    finally:
        torch.set_num_threads(before)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, allow_pickle=False, **{HEADER: np.array(json.dumps({**header, "shapes": shapes}))}, **kept
        )
    return path


def join_parts(folder: str | Path) -> Iterator[TileResult]:
    """Give the maps of all parts in the order of the dataset file, each once, one in memory.

    Args:
        folder: Holds the files of `map_part`, and of no other run.

    Raises:
        InputError: Before the first tile: a part is missing or there twice, parts of different weights, settings,
            dataset files or numbers of parts, or a file that is broken.
    """
    headers = {path: _read_header(path) for path in visible(Path(folder).glob("*.npz"))}
    if not headers:
        raise InputError(f"{folder}: no part found, files part-K-of-N.npz expected")
    first, *others = headers
    for path in others:
        for name, value in headers[first].items():
            if name not in ("part", "shapes") and headers[path].get(name) != value:
                raise InputError(f"{path}: {name} differs from that of {first.name}, parts of one run expected")
    files: dict[int, Path] = {}
    for path, header in headers.items():
        if header["part"] in files:
            raise InputError(f"{path}: part {header['part']} found again, as in {files[header['part']].name}")
        files[header["part"]] = path
    count, names = headers[first]["parts"], headers[first]["tiles"]
    if missing := [str(k) for k in range(1, count + 1) if k not in files]:
        raise InputError(f"{folder}: part {', '.join(missing)} of {count} missing, all expected")
    return (_read_tile(files[k % count + 1], headers[files[k % count + 1]], name) for k, name in enumerate(names))


def _read_header(path: Path) -> dict[str, Any]:
    try:
        with np.load(path) as file:
            header: dict[str, Any] = json.loads(str(file[HEADER]))
        _ = header["part"], header["parts"], header["tiles"], header["shapes"]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no part of an evaluation found, remove the file and map that part again") from error
    return header


def _read_tile(path: Path, header: dict[str, Any], name: str) -> TileResult:
    try:
        with np.load(path) as file:
            height, width = header["shapes"][name]
            bits = np.unpackbits(file[name], count=3 * height * width)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: {name} cannot be read, remove the file and map that part again") from error
    truth, found, valid = bits.reshape(3, height, width).astype(bool)
    return TileResult(name=name, truth=truth, found=found, valid=valid)
