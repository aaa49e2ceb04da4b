"""Gather the figures of a run for print: in the order of the paper, with captions, each checked."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from glaciersar.evaluation.metrics import write_table
from glaciersar.io.atomic import visible
from glaciersar.plots.layout import PAGE_WIDTH, SMALL, in_print
from glaciersar.plots.printing import read_print

LARGEST_PDF = 2 * 2**20
COLUMNS = 4  # pictures in a row of an overview
CAPTIONS: dict[str, tuple[str, str]] = {
    "study-area": ("10-figures", "Study area: tiles by subset"),
    "dates": ("01-scenes", "Passes of each year and orbit, and the dates that stand for the year"),
    "split": ("02-dataset", "Tiles by subset under the glacier outlines"),
    "tiles": ("02-dataset", "Training tiles: one date of radar and the reference outlines"),
    "year": ("02-dataset", "A year of backscatter of glacier and of land and sea: median, 10th to 90th percentile"),
    "series": ("02-dataset", "The series of one training tile"),
    "networks": ("03-models", "The networks: blocks and their shapes"),
    "functions": ("03-models", "Gate, activation and loss beside the defaults of PyTorch"),
    "pixel-course": ("03-models", "Single pixels on their way through the encoders"),
    "schedule": ("04-train", "Learning rate by epoch"),
    "augmentations": ("04-train", "A tile after each augmentation alone"),
    "training": ("10-figures", "Loss and validation IoU of all models by epoch"),
    "training-MODEL": ("04-train", "Loss and validation IoU of MODEL by epoch"),
    "scores": ("05-evaluate", "IoU of each test tile by model"),
    "models-on-a-tile": ("05-evaluate", "The maps of all models of one test tile beside each other"),
    "evidence-MODEL": ("06-ablations", "Experiment: MODEL"),
    "errors-MODEL": (
        "10-figures",
        "Test tiles: radar, outlines and errors of MODEL, its confidence",
    ),
    "reliability-MODEL": ("07-confidence", "Reliability of the confidence of MODEL, before and after calibration"),
    "areas-MODEL": ("07-confidence", "Glacier areas of test tiles by MODEL with 95 % intervals"),
    "coverage-MODEL": ("07-confidence", "Intervals in other landscapes against their truth: MODEL"),
    "map": ("08-map", "Probability of glacier beside the radar that it was mapped from"),
    "outlines-MODEL": ("09-change", "Outlines of each year by MODEL, by their confidence"),
    "change-MODEL": ("09-change", "Area gained and lost, mapped by MODEL"),
    "change-intervals-MODEL": ("09-change", "Changes of area by MODEL with 95 % intervals"),
    "bands-MODEL": ("09-change", "Area by elevation in the first and the last year, by MODEL"),
}
"""Notebook and caption by the name of the file, in the order of the figures; MODEL stands for the rest of a name."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A figure of a run."""

    picture: Path
    notebook: str
    caption: str


def find_figures(work: str | Path) -> Iterator[Found]:
    """Go through the figures and the map of a run in the order of CAPTIONS; those without a caption come last."""
    pictures = sorted([*visible(Path(work).glob("figures/*.png")), *Path(work).glob("map/map.png")])
    matched = [(*_caption(picture.stem), picture) for picture in pictures]
    for _, (notebook, caption), picture in sorted(matched, key=lambda row: (row[0], row[2].stem)):
        yield Found(picture=picture, notebook=notebook, caption=caption)


def _caption(stem: str) -> tuple[int, tuple[str, str]]:
    """Return the place, notebook and caption of a figure by the name of its file; the longest name that fits."""
    fits = []
    for place, (name, (notebook, caption)) in enumerate(CAPTIONS.items()):
        if match := re.fullmatch(name.replace("MODEL", "(.+)"), stem):
            fits.append((len(name), place, (notebook, caption.replace("MODEL", (match.groups() or ("",))[0]))))
    if not fits:
        return len(CAPTIONS), ("unknown", "no caption")
    _, place, found = max(fits)
    return place, found


def gather_figures(work: str | Path) -> pd.DataFrame:
    """Copy every figure of a run into figures/print as PNG and PDF, and list them.

    The list is also written as figures/print/figures.csv, .md and .tex.

    Args:
        work: Folder of a run.

    Returns:
        A row a figure, by its number: file (without its ending), notebook, caption, and source, the note below it.
    """
    target = Path(work) / "figures" / "print"
    shutil.rmtree(target, ignore_errors=True)  # a figure that is no longer made does not stay
    target.mkdir(parents=True)
    rows = []
    for found in find_figures(work):
        for file in (found.picture, found.picture.with_suffix(".pdf")):
            if file.exists():
                shutil.copy2(file, target / file.name)
        told = read_print(found.picture)
        source = told.source if told else ""
        rows.append((found.picture.stem, found.notebook, found.caption, source))
    table = pd.DataFrame(rows, columns=["file", "notebook", "caption", "source"])
    table.index = pd.RangeIndex(1, len(table) + 1, name="figure")
    write_table(table.reset_index(), target / "figures", caption="The figures of the run")
    return table


def check_figures(work: str | Path) -> pd.DataFrame:
    """Measure the gathered figures against what a printer asks for.

    Returns:
        A row a file: width (mm), smallest text (pt), PDF (KiB), and wrong: what is amiss, or nothing.
    """
    rows = {path.stem: _check(path) for path in sorted((Path(work) / "figures" / "print").glob("*.png"))}
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["width (mm)", "smallest text (pt)", "PDF (KiB)", "wrong"]
    )


def _check(path: Path) -> tuple[float, float, float, str]:
    told, pdf = read_print(path), path.with_suffix(".pdf")
    size = pdf.stat().st_size if pdf.exists() else 0
    if told is None:
        return float("nan"), float("nan"), size / 1024, "not measured: its notebook has to run again"
    wrong = {
        "no PDF": not size,
        f"PDF above {LARGEST_PDF / 2**20:g} MiB": size > LARGEST_PDF,
        f"wider than {25.4 * PAGE_WIDTH:.0f} mm": told.width > 25.4 * PAGE_WIDTH + 0.5,
        f"text below {SMALL:g} pt": told.smallest < SMALL,
        f"text over a picture or a text: {told.covered}": bool(told.covered),
        "no caption": _caption(path.stem)[0] == len(CAPTIONS),
    }
    return told.width, told.smallest, size / 1024, "; ".join(name for name, found in wrong.items() if found)


@in_print
def overview(work: str | Path) -> Figure:
    """Show all gathered figures small, with their numbers: to look through, not to read."""
    table = pd.read_csv(Path(work) / "figures" / "print" / "figures.csv", index_col="figure")
    rows = -(-len(table) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(PAGE_WIDTH, 1.7 * rows), squeeze=False, layout="constrained")
    figure.set_dpi(90)  # a notebook keeps it
    for axis in axes.flat:
        axis.axis("off")
    for axis, (number, name) in zip(axes.flat, table["file"].items(), strict=False):
        axis.imshow(plt.imread(Path(work) / "figures" / "print" / f"{name}.png"), interpolation="antialiased")
        axis.set_title(f"{number} {name}")
    return figure
