"""The command line: `glaciersar run`, `train`, `map`, `join`, `simulate` and `doctor`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glaciersar import __version__, parameters
from glaciersar.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is one sentence on stderr and exit status 2."""
    try:
        known, rest = _parser().parse_known_args(arguments)
        if known.command == "run":
            return _run(known, rest)
        if known.command == "train":
            return _train(rest)
        if known.command in ("map", "join"):
            return _map(known.command, rest)
        if rest:
            raise InputError(f"unknown argument {rest[0]!r}; see glaciersar {known.command} --help")
        return _doctor(known) if known.command == "doctor" else _simulate(known)
    except InputError as error:
        print(f"glaciersar: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glaciersar", allow_abbrev=False, description="Glacier mapping from Sentinel-1 SAR time series."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser(
        "run",
        help="run a notebook with checked parameters",
        description="Run a notebook through papermill; its parameters are given as --name value and checked.",
        epilog="glaciersar run NOTEBOOK --help lists its parameters. Paths start at the folder you are in.",
        add_help=False,
        allow_abbrev=False,
    )
    run.add_argument("-h", "--help", action=_NotebookHelp, nargs=0, help="show this, and the notebook's parameters")
    run.add_argument("notebook", type=Path)
    run.add_argument("--out", type=Path, required=True, help="folder for the executed notebook")
    run.add_argument("--profile", help="take parameters from config/PROFILE.yaml beside the notebooks' folder")
    shown = run.add_mutually_exclusive_group()
    shown.add_argument("--watch", action="store_true", help="show each cell as it starts, what it prints, and its end")
    shown.add_argument("--quiet", action="store_true", help="no progress bar")

    commands.add_parser(
        "train",
        help="train a model (glaciersar train --help)",
        add_help=False,  # of its options, which `training.launch` reads
        allow_abbrev=False,
    )

    for name, what in (("map", "map all that scenes cover, or a strip of it"), ("join", "join the strips of a map")):
        commands.add_parser(name, help=f"{what} (glaciersar {name} --help)", add_help=False, allow_abbrev=False)

    simulate = commands.add_parser(
        "simulate",
        help="make a simulated radar archive from a seed, or over your own terrain",
        description="Write COGs, outlines and a static STAC catalogue of simulated Sentinel-1 backscatter.",
        allow_abbrev=False,
    )
    simulate.add_argument("--out", type=Path, required=True, help="folder of the new archive")
    simulate.add_argument("--dem", type=Path, help="your own elevation raster")
    simulate.add_argument("--outlines", type=Path, help="your own glacier outlines, with --dem")
    simulate.add_argument("--place", default="", help="longitude,latitude of the landscapes (default: Svalbard)")
    simulate.add_argument("--crs", default="", help="system of the tile grid, such as EPSG:3413 (default: UTM zone)")
    simulate.add_argument("--pixel", type=float, default=40.0, help="pixel size in metres (default 40)")
    simulate.add_argument("--landscapes", type=int, help="how many landscapes (default 3; with --dem it is one)")
    simulate.add_argument("--years", type=int, nargs="+", default=[2020], help="years of acquisition (default 2020)")
    simulate.add_argument("--orbits", type=int, nargs="+", default=[14], help="relative orbits, 14 or 174 (default 14)")
    simulate.add_argument("--seed", type=int, default=1)
    simulate.add_argument("--quiet", action="store_true", help="no progress bar")

    doctor = commands.add_parser(
        "doctor",
        help="tell on what networks compute here, and what fits into its memory",
        description="Print device, driver, cuDNN, precision, memory, what fits into it, cores, and OpenVINO.",
        allow_abbrev=False,
    )
    doctor.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:NUMBER (default auto)")
    return parser


class _NotebookHelp(argparse.Action):
    """Shows the help of `run` and, where a notebook stands before it, the parameters of that."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        notebook = getattr(namespace, "notebook", None)
        described = f"\n{parameters.describe(notebook)}" if notebook else ""  # before the help: it may be refused
        parser.print_help()
        if described:
            print(described)
        parser.exit()


def _run(known: argparse.Namespace, rest: Sequence[str]) -> int:
    from glaciersar import notebooks

    values: dict[str, Any] = {}
    if known.profile:
        config = known.notebook.resolve().parent.parent / "config"
        values |= notebooks.read_profile(config / f"{known.profile}.yaml", known.notebook)
    values |= notebooks.check_parameters(known.notebook, _pairs(rest))
    executed = notebooks.run_notebook(known.notebook, known.out, values, progress=not known.quiet, watch=known.watch)
    print(executed)
    return 0


def _pairs(rest: Sequence[str]) -> dict[str, str]:
    """Read --name value pairs."""
    pairs = {}
    words = iter(rest)
    for word in words:
        if not word.startswith("--"):
            raise InputError(f"{word!r} found, a parameter of the notebook as --name value expected")
        name, _, value = word[2:].partition("=")
        if "=" not in word:
            following = next(words, None)
            if following is None:
                raise InputError(f"--{name} stands without a value, --{name} VALUE expected")
            value = following
        pairs[name.replace("-", "_")] = value
    return pairs


def _train(rest: Sequence[str]) -> int:
    from glaciersar.training import launch

    return launch.main(rest, program="glaciersar train")


def _map(name: str, rest: Sequence[str]) -> int:
    from glaciersar.inference import command

    return command.map_main(rest) if name == "map" else command.join_main(rest)


def _simulate(known: argparse.Namespace) -> int:
    from glaciersar.simulate.archive import simulate_archive
    from glaciersar.simulate.settings import ArchiveSettings

    settings = ArchiveSettings(
        dem=known.dem,
        outlines=known.outlines,
        pixel=known.pixel,
        landscapes=known.landscapes or (1 if known.dem else 3),
        years=tuple(known.years),
        relative_orbits=tuple(known.orbits),
        seed=known.seed,
        place=known.place,
        crs=known.crs,
    )
    print(simulate_archive(known.out, settings, progress=not known.quiet))
    return 0


def _doctor(known: argparse.Namespace) -> int:
    from glaciersar.doctor import examine

    print(examine(known.device))
    return 0
