"""Count how often the 95 % intervals hold the truth: 200 landscapes of 1, 4 and 16 tiles, and others of shifted levels.

Run it from the root of the repository, after `make reproduce`:

    python -m tools.coverage RUN [--part K/N]      # maps landscapes; N parts may run side by side, or one after another
    python -m tools.coverage RUN --count           # counts what is mapped, into figures/evidence/coverage.csv and .md

Each landscape is one file under RUN/coverage/MODEL; one that is there is not mapped again, so a killed run goes on.
Each fifth of the landscapes gets its intervals from the residuals of the other four, and all of them get those from the
few landscapes of RUN/dataset/val.h5, which a user has. Landscapes with levels that are shifted by ±3 dB get theirs from
the residuals of usual ones: the radar that nobody calibrated for. Most landscapes have one tile, which is mapped soon;
all together take some hours on two cores.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.evaluation import annotators, metrics
from glaciersar.inference import calibration
from glaciersar.inventory import block_sums, coverage_landscapes, error_model, interval_coverage
from glaciersar.inventory.coverage_landscapes import LandscapeSums
from glaciersar.io.atomic import atomic_write, require_file
from glaciersar.models import pretrained
from tools.evidence.stamp import hash_code

SIDES = {1: 0.6, 2: 0.3, 4: 0.1}
"""Tiles along a side, and the share of the usual landscapes that have them."""
SHIFTS = {-3.0: 0.5, 3.0: 0.5}
"""dB that the levels of glacier zones are shifted by, and how many landscapes are, as a share of the usual ones."""
FOLDS = 5
GROUPED_BY = ("tiles", "orbit", "incidence")
FIELDS = ["year", *block_sums.KEYS, *block_sums.SUMS]
SEED = 101  # no method was chosen by a look at landscapes of this seed


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is mapped and counted."""

    run: Path
    """Folder of a run with dataset and trained models."""
    model: str
    """Name of a run of 04-train."""
    landscapes: int
    """With usual levels, of all numbers of tiles."""
    years: tuple[int, int]
    """First and last year."""
    orbits: tuple[int, ...]
    """Relative orbits, in turn."""
    draws: int
    """Of each interval."""

    @property
    def folder(self) -> Path:
        """Where the sums of landscapes lie."""
        return self.run / "coverage" / self.model


def sets_of_landscapes(landscapes: int) -> dict[str, tuple[int, float, int]]:
    """List tiles along a side, shift of the levels and number of landscapes, at least `FOLDS`, by name of the set."""
    usual = {f"side{side}": (side, 0.0, share) for side, share in SIDES.items()}
    shifted = {f"shift{shift:+.0f}": (1, shift, share) for shift, share in SHIFTS.items()}
    sets = usual | shifted
    return {name: (side, shift, max(FOLDS, round(share * landscapes))) for name, (side, shift, share) in sets.items()}


def write_sums(path: Path, sums: LandscapeSums) -> None:
    """Write the sums of a landscape as a JSON file."""
    blocks = pd.concat([part.assign(year=year) for year, part in sums.blocks.items()])
    content = {
        "name": sums.name,
        "orbit": sums.orbit,
        "incidence": sums.incidence,
        "tiles": sums.tiles,
        "reference": sums.reference,
        "perimeter": sums.perimeter,
        "at_sea": sorted(sums.at_sea),
        "blocks": {name: blocks[name].tolist() for name in FIELDS},
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content) + "\n")


def read_sums(path: Path) -> LandscapeSums:
    """Read what `write_sums` wrote."""
    content = json.loads(path.read_text())
    blocks = pd.DataFrame(content["blocks"])
    years = {name: {int(k): float(value) for k, value in content[name].items()} for name in ("reference", "perimeter")}
    return LandscapeSums(
        name=content["name"],
        orbit=content["orbit"],
        incidence=content["incidence"],
        tiles=content["tiles"],
        blocks={int(str(year)): part[FIELDS[1:]].reset_index(drop=True) for year, part in blocks.groupby("year")},
        reference=years["reference"],
        perimeter=years["perimeter"],
        at_sea=frozenset(content["at_sea"]),
    )


def map_part(options: Options, part: int, parts: int) -> None:
    """Map the landscapes of one part of all that are not mapped yet, and write their sums."""
    weights = _weights(options)
    network = pretrained.load(weights)
    rule = calibration.read_calibration(weights.with_name("calibration.json"))
    _check_settings(options, weights)
    pixel = pixel_size(options.run / "dataset" / "val.h5")
    for name, (side, shift, number) in sets_of_landscapes(options.landscapes).items():
        waiting = [k for k in range(part - 1, number, parts) if not _path(options, name, k).exists()]
        mapped = coverage_landscapes.map_landscapes(
            network,
            landscapes=waiting,
            pixel=pixel,
            years=options.years,
            relative_orbits=options.orbits,
            tiles_per_side=side,
            shift_db=shift,
            seed=SEED,
            progress=True,
        )
        for k, landscape in zip(waiting, mapped, strict=True):
            write_sums(_path(options, name, k), coverage_landscapes.sum_landscape(landscape, calibration=rule))


def _weights(options: Options) -> Path:
    return require_file(options.run / "models" / options.model / "weights.safetensors", made_by="04-train")


def _path(options: Options, name: str, k: int) -> Path:
    return options.folder / f"{name}-{k:03d}.json"


def _check_settings(options: Options, weights: Path) -> None:
    """Refuse to put landscapes beside those of other weights, another calibration, other years, orbits or code."""
    digest = hashlib.sha256(weights.read_bytes() + weights.with_name("calibration.json").read_bytes()).hexdigest()
    code = hash_code("glaciersar.inventory.coverage_landscapes")
    written = json.dumps({"weights": digest, "years": options.years, "orbits": options.orbits, "code": code})
    path = options.folder / "settings.json"
    if path.exists() and path.read_text() != written:
        raise InputError(
            f"{path}: other weights, years, orbits or code found, those of now expected; remove {options.folder}"
        )
    with atomic_write(path) as temporary:
        temporary.write_text(written)


def count(options: Options, out: Path) -> pd.DataFrame:
    """Count the coverage of areas and changes of all landscapes that are mapped, and write the table.

    Returns:
        A row each quantity ("area", "change"; km²), set, source of the residuals, group of landscapes or glaciers, and
        kind of interval.
    """
    sets = {
        name: _read_set(options, name, number) for name, (*_, number) in sets_of_landscapes(options.landscapes).items()
    }
    apart = annotators.archive_disagreement(options.run / "archive" / "outlines.gpkg").deviation
    few, tables = _validation_errors(options), {}
    many = [_errors_without(sets, fold) for fold in range(FOLDS)]
    for source, models in {"other landscapes": many, "val.h5": [few] * FOLDS}.items():
        measured = {name: _measure(options, found, models, apart) for name, found in sets.items()}
        usual = [frames for name, frames in measured.items() if name.startswith("side")]
        measured = {"all sides": {of: pd.concat([frames[of] for frames in usual]) for of in usual[0]}} | measured
        for name, frames in measured.items():
            for quantity, rows in frames.items():
                tables[quantity, name, source] = interval_coverage.grouped_coverage(rows, by=GROUPED_BY)
    tables = dict(sorted(tables.items(), key=lambda item: item[0][0]))  # areas before changes
    table = pd.concat(tables, names=["of", "set", "residuals of"])
    caption = (
        f"Coverage of 95 % intervals (km²) on simulated landscapes, {options.model}, run {options.run.name}, "
        f"tools/coverage.py; landscapes of 1, 4 and 16 tiles, levels shifted by −3 and +3 dB; "
        f"two annotators' boundaries lie {apart:.0f} m apart"
    )
    metrics.write_table(table, out / "coverage", caption=caption)
    return table


def _measure(
    options: Options,
    landscapes: Mapping[int, LandscapeSums],
    models: Sequence[error_model.ErrorModel],
    disagreement: float,
) -> dict[str, pd.DataFrame]:
    """Give areas and changes of a set, each fold by its own model of the errors."""
    parts = []
    for fold, model in enumerate(models):
        own = [sums for k, sums in landscapes.items() if k % FOLDS == fold]
        seed = SEED + options.landscapes * fold  # each landscape draws on its own
        parts.append(interval_coverage.measure(own, model, disagreement, draws=options.draws, seed=seed))
    return {of: pd.concat([part[of] for part in parts]) for of in parts[0]}


def _read_set(options: Options, name: str, number: int) -> dict[int, LandscapeSums]:
    found = {k: path for k in range(number) if (path := _path(options, name, k)).exists()}
    if {k % FOLDS for k in found} != set(range(FOLDS)):
        raise InputError(f"{options.folder}: {len(found)} landscapes of {name} found, at least {FOLDS} expected")
    return {k: read_sums(path) for k, path in found.items()}


def _errors_without(sets: Mapping[str, Mapping[int, LandscapeSums]], fold: int) -> error_model.ErrorModel:
    """Fit the errors of all usual landscapes but those of a fold."""
    usual = [found for name, found in sets.items() if name.startswith("side")]
    known = [sums for found in usual for k, sums in found.items() if k % FOLDS != fold]
    return error_model.fit_errors(coverage_landscapes.landscape_residuals(known))


def _validation_errors(options: Options) -> error_model.ErrorModel:
    weights = _weights(options)
    rule = calibration.read_calibration(weights.with_name("calibration.json"))
    scenes = block_sums.sum_tiles(pretrained.load(weights), options.run / "dataset" / "val.h5", calibration=rule)
    return error_model.fit_errors(error_model.residuals(scenes))


def main(arguments: Sequence[str]) -> None:
    """Map a part of the landscapes, or count."""
    parser = argparse.ArgumentParser(prog="tools.coverage", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a run, such as runs/simulated")
    parser.add_argument("--model", default="unet3d")
    parser.add_argument("--landscapes", type=int, default=200, help="with usual levels (default 200)")
    parser.add_argument("--years", type=int, nargs=2, default=[2016, 2020])
    parser.add_argument("--orbits", type=int, nargs="+", default=[14, 174])
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--part", default="1/1", help="which of how many parts, such as 2/4")
    parser.add_argument("--count", action="store_true", help="count what is mapped")
    parser.add_argument("--out", type=Path, default=Path("figures/evidence"))
    known = parser.parse_args(arguments)
    options = Options(
        run=known.run,
        model=known.model,
        landscapes=known.landscapes,
        years=(known.years[0], known.years[1]),
        orbits=tuple(known.orbits),
        draws=known.draws,
    )
    if known.count:
        print(count(options, known.out).round(3).to_string())
        return
    part, _, parts = known.part.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--part {known.part} found, such as 2/4 expected")
    map_part(options, int(part), int(parts))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"tools.coverage: {error}")
