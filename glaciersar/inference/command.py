"""The commands `glaciersar map` and `glaciersar join`: a region in one piece, or in strips that are joined."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.inference import strips
from glaciersar.inference.backends import BACKENDS, PRECISIONS
from glaciersar.inference.calibration import Calibration, read_calibration
from glaciersar.inference.ensemble import load_networks
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.map_product import DTYPES, MapReport
from glaciersar.inference.region import choose_region
from glaciersar.inference.sliding_window import DEFAULT_TILING, Tiling
from glaciersar.scenes.coherence import find_pairs
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.scene import PAIRS, POLARISATIONS
from glaciersar.scenes.search import find_scenes

CHOICES = ("polarisation", "start", "end", "relative_orbit", "orbit_state", "dates", "pixel", "crs")
"""Options that `region.choose_region` takes by the same names."""


def map_main(arguments: Sequence[str]) -> int:
    """Run `glaciersar map`: all that some scenes cover, or one strip of it."""
    given = _map_parser().parse_args(arguments)
    networks = load_networks(given.weights)
    if not (given.scenes or given.coherence):
        raise InputError("no scenes and no --coherence found, one of them expected")
    orbit = given.relative_orbit or None
    scenes = []
    if given.scenes:
        kind, units = given.polarisation, given.units
        scenes = find_scenes(given.scenes, units=units, relative_orbit=orbit, polarisation=kind)
    pairs = find_pairs(given.coherence, relative_orbit=orbit) if given.coherence else []
    asked = {name: getattr(given, name) for name in CHOICES}
    region = choose_region(networks, scenes, pairs=pairs, **asked)
    settings: dict[str, Any] = {
        "pairs": region.pairs,
        "tiling": Tiling(window=given.window, overlap=given.overlap),
        "backend": given.backend,
        "precision": given.precision,
        "device": given.device,
        "max_offset": given.max_offset,
        "progress": not given.quiet,
    }
    if given.strip:
        strip, count = _strip(given.strip)
        if given.dtype or given.calibration:
            raise InputError("--dtype or --calibration found beside --strip, expected for glaciersar join")
        settings |= {"strip": strip, "strips": count}
        print(strips.map_strip(networks, region.chosen, region.grid, region.polarisation, given.out, **settings))
        return 0
    settings |= {"dtype": given.dtype or DTYPES[0], "calibration": _calibration(given)}
    mapped, look = map_scenes(networks, region.chosen, region.grid, region.polarisation, given.out, **settings)
    print(look.summary)
    _tell(mapped)
    return 0


def join_main(arguments: Sequence[str]) -> int:
    """Run `glaciersar join`: the strips of a map."""
    given = _join_parser().parse_args(arguments)
    calibration, dtype = _calibration(given), given.dtype or DTYPES[0]
    _tell(strips.join_strips(given.strips, given.out, dtype=dtype, calibration=calibration, progress=not given.quiet))
    return 0


def _strip(text: str) -> tuple[int, int]:
    """Read 3/10."""
    if not re.fullmatch(r"\d{1,9}/\d{1,9}", text):
        raise InputError(f"--strip {text} found, a strip of all such as 3/10 expected")
    strip, _, count = text.partition("/")
    return int(strip), int(count)


def _calibration(given: argparse.Namespace) -> Calibration | None:
    return read_calibration(given.calibration) if given.calibration else None


def _tell(mapped: MapReport) -> None:
    print(f"mapped by {mapped.predictor}; {mapped.glacier_fraction:.1%} of what radar sees is called glacier")
    print(f"{mapped.unseen_fraction:.1%} without radar, {mapped.filled_fraction:.2%} of the values filled in time")
    print(f"written: {', '.join(map(str, mapped.files))}")


def _map_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glaciersar map",
        allow_abbrev=False,
        description="Map all that some scenes cover in their last year, or one strip of it for glaciersar join.",
    )
    parser.add_argument("scenes", nargs="?", help="a STAC catalogue, or a folder of GeoTIFFs; none of coherence alone")
    parser.add_argument(
        "--weights",
        required=True,
        action="append",
        help="trained weights: a file, or the name of published ones; given several times, all of them map together",
    )
    parser.add_argument("--strip", metavar="K/N", help="map the K-th of N strips only, 1/N the uppermost, into --out")
    _add_series(parser)
    parser.add_argument("--units", choices=("linear", "db"), help="of GeoTIFFs (default: what the archive declares)")
    parser.add_argument("--crs", default="", help="of the map, such as EPSG:3413 (default: of the scenes, or place)")
    parser.add_argument("--pixel", type=float, default=0.0, help="of the map, metres (default: that of the scenes)")
    parser.add_argument("--window", type=int, default=DEFAULT_TILING.window, help="longest side, pixels (default 640)")
    parser.add_argument("--overlap", type=float, default=DEFAULT_TILING.overlap, help="of windows (default 0.05)")
    parser.add_argument("--backend", choices=BACKENDS, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:NUMBER (default auto)")
    return _add_output(parser, "probability.tif, or the file of the strip")


def _add_series(parser: argparse.ArgumentParser) -> None:
    """Add what chooses the series among all scenes and pairs."""
    parser.add_argument(
        "--polarisation",
        choices=(*POLARISATIONS, *PAIRS),
        default="",
        help="one alone is also that of GeoTIFFs that do not tell theirs (default: what is there, HH before VV)",
    )
    parser.add_argument("--coherence", help="a folder of GeoTIFFs, each of two passes, for weights that take it")
    parser.add_argument("--start", default="", help="first day, such as 2022-01-01 (default: the last year there is)")
    parser.add_argument("--end", default="", help="the day after the last one")
    parser.add_argument(
        "--relative-orbit",
        type=int,
        default=0,
        help="1 to 175, also that of GeoTIFFs that do not tell theirs (default: the lowest there is)",
    )
    parser.add_argument("--orbit-state", default="", help="ascending or descending (default: the one with more scenes)")
    parser.add_argument("--dates", type=int, default=15, help="of the series; 0 takes all (default 15)")
    parser.add_argument(
        "--max-offset",
        type=float,
        default=MAX_OFFSET,
        help=f"pixels that dates may lie from one another, inf allows anything (default {MAX_OFFSET:g})",
    )


def _join_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glaciersar join",
        allow_abbrev=False,
        description="Join the strips of glaciersar map --strip to the map that one run would have written.",
    )
    parser.add_argument("strips", type=Path, nargs="+", help="all of them, in any order")
    return _add_output(parser, "probability.tif; the mask goes beside it")


def _add_output(parser: argparse.ArgumentParser, what: str) -> argparse.ArgumentParser:
    parser.add_argument("--out", type=Path, required=True, help=what)
    parser.add_argument("--dtype", choices=DTYPES, help="of probability and confidence (default float32)")
    parser.add_argument("--calibration", type=Path, help="of notebook 07, for the confidence")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser
