"""Tables in pages that code makes whole: between <!-- NAME: made by SOURCE --> and <!-- end of NAME -->."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from tools import lock
from tools.evidence.plan import MAIN, PLAN, read_plan
from tools.numbers import commands

START = re.compile(r"<!-- ([a-z-]+): made by .*? -->\n")
BLOCK = "<!-- {name}: made by {source} -->\n"
END = "<!-- end of {name} -->"
SHOWN = ("numpy", "torch", "opencv-python-headless", "openvino", "rasterio", "scikit-learn", "snakemake", "papermill")
"""Packages of the lock whose versions matter most to the numbers."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands in a block."""

    source: str
    """What makes it, as its first line says."""
    make: Callable[[Path], str]
    """From the root of the repository."""


def put_block(text: str, name: str, content: str, *, source: str, where: str = "README.md") -> str:
    """Replace the text between the markers of the block `name`.

    Raises:
        InputError: The text has no such block.
    """
    pattern = re.compile(rf"<!-- {name}: made by .*? -->\n.*?<!-- end of {name} -->", re.DOTALL)
    if not pattern.search(text):
        raise InputError(f"{where}: no block <!-- {name}: made by … --> … <!-- end of {name} --> found, one expected")
    block = BLOCK.format(name=name, source=source) + content.strip() + "\n" + END.format(name=name)
    return pattern.sub(lambda _: block, text)


def fill(text: str, root: Path, *, where: str) -> str:
    """Make every block of a page anew.

    Raises:
        InputError: A block that no code makes, or one without an end.
    """
    for name in START.findall(text):
        if name not in BLOCKS:
            raise InputError(f"{where}: block {name!r} found, one of {', '.join(BLOCKS)} expected")
        text = put_block(text, name, BLOCKS[name].make(root), source=BLOCKS[name].source, where=where)
    return text


def _scores(root: Path) -> str:
    return (root / "figures/simulated/scores.md").read_text(encoding="utf-8")


def _evidence(root: Path) -> str:
    """Show the main table of the experiment: each arm's IoU with its interval, pooled and over landscapes."""
    main = root / "figures/evidence/main"
    table, counts = (pd.read_csv(main / name) for name in ("scores.csv", "counts.csv"))
    shown = pd.DataFrame({"arm": "`" + table["arm"] + "`"})
    for title, prefix in (("IoU, pooled", ""), ("IoU, mean of landscapes", "mean_")):
        value, low, high = (table[f"{prefix}{name}"].map("{:.3f}".format) for name in ("iou", "low", "high"))
        shown[title] = value + " (" + low + " to " + high + ")"
    shown["IoU against truth"] = table["iou_truth"].map("{:.3f}".format)
    shown["paper, real data"] = table["paper, real data"].map(lambda iou: "–" if pd.isna(iou) else f"{iou:.3f}")
    seeds, landscapes = (counts[name].nunique() for name in ("seed", "landscape"))
    head = f"*Simulated* radar; 95 % intervals over seeds and landscapes: {landscapes} landscapes, seeds: {seeds} of "
    planned = len(read_plan(root / PLAN).parts[MAIN].seeds)
    return f"{head}{planned}.\n\n{shown.to_markdown(index=False, disable_numparse=True)}"


def _settling(root: Path) -> str:
    """Show the scores of the seeds, and those of the first as if on another processor, beside each other."""
    runs = pd.read_csv(root / "figures/benchmarks/settling.csv")
    runs = runs[runs["validated"].str.startswith("settled")]
    elsewhere = runs["validated"] != "settled"
    runs["way"] = "seed " + runs["seed"].astype(str) + elsewhere.map({True: ", held to AVX2", False: ""})
    table = runs.pivot(index="network", columns="way", values="test IoU").loc[["unet3d", "ulstm"]]
    seeds = [name for name in map(str, table) if "," not in name]
    apart = (table["seed 1, held to AVX2"] - table["seed 1"]).abs().max()
    between = (table[seeds].max(axis=1) - table[seeds].min(axis=1)).max()
    table = table[[*seeds, "seed 1, held to AVX2"]].rename(index="`{}`".format)
    shown = table.map("{:.3f}".format).rename_axis(None).to_markdown(disable_numparse=True)
    return f"{shown}\n\nSo two processors differ by {apart:.3f}, and seeds by up to {between:.3f}."


def _seconds(root: Path) -> str:
    table = pd.read_csv(root / "figures/simulated/seconds.csv", keep_default_na=False)
    shown = pd.DataFrame({"step": table["step"], "minutes": (table["seconds"] / 60).map("{:.1f}".format)})
    return str(shown.to_markdown(index=False, disable_numparse=True))


def _versions(root: Path) -> str:
    versions = lock.read_versions(root)
    return ", ".join(f"{name} {versions[name]}" for name in SHOWN)


def _steps(root: Path) -> str:
    return _two_columns(commands.of_steps(root), "what in `figures/simulated`")


def _experiment(root: Path) -> str:
    return _two_columns(commands.of_experiment(root), "rows")


def _pages(root: Path) -> str:
    by_command: dict[str, list[str]] = {}
    for page, command in commands.PAGES.items():
        by_command.setdefault(command, []).append(f"[{page}]({page.removeprefix('docs/')})")
    return _two_columns([(command, ", ".join(pages)) for command, pages in by_command.items()], "page")


def _two_columns(rows: list[tuple[str, str]], title: str) -> str:
    lines = [f"| {made} | `{command}` |" for command, made in rows]
    return "\n".join([f"| {title} | command |", "|---|---|", *lines])


BLOCKS = {
    "scores": Block(source="notebooks/05-evaluate.ipynb with config/simulated.yaml", make=_scores),
    "evidence": Block(source="`make evidence` with config/evidence.yaml", make=_evidence),
    "settling": Block(source="tools.numbers from figures/benchmarks/settling.csv", make=_settling),
    "seconds": Block(source="tools.numbers from figures/simulated/seconds.csv", make=_seconds),
    "versions": Block(source="tools.numbers from requirements.lock", make=_versions),
    "steps": Block(source="tools.numbers from config/simulated.yaml and the notebooks", make=_steps),
    "experiment": Block(source="tools.numbers from config/evidence.yaml", make=_experiment),
    "pages": Block(source="tools.numbers", make=_pages),
}
