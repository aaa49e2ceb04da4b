"""The page docs/ensembles.md and its figure, from the tables of `count`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from glaciersar.inventory.interval_coverage import FEWEST
from glaciersar.io.atomic import atomic_write

NAMES = {
    "residuals": "residuals alone",
    "bound": "with the spread between networks",
    "areas": "with the deviation of the networks' areas",
}
COLOURS = {"residuals": "#777777", "bound": "#0072B2", "areas": "#E69F00"}  # Okabe and Ito 2008

TEXT = """# Ensembles: how wide, and how right

Made by `python -m tools.ensembles RUN --weights …` from {count} networks ({kinds}), trained on *simulated* radar.
They map {val} validation and {test} test landscapes of one tile, whose true glacier area is known. {missing}

Several weight files map together (`glaciersar map SCENES --weights a.safetensors --weights b.safetensors --out
probability.tif`; a list in notebook 08): the map is the mean of their probabilities, and `spread.tif` beside it is
the standard deviation between them. In the intervals of area and change the spread is added to the error that the
residuals tell,

$$ \\operatorname{{Var}}(A) = \\operatorname{{Var}}(e) + s_A^2, \\qquad s_A = \\sum_i a_i\\,s_i, $$

over the pixels $i$ of a region with areas $a_i$, as if a network erred to one side all over the map. That is an upper
bound of how far the areas of the networks lie apart (`glaciersar.inventory.member_spread` has the reasons and the
source).

## What is added

{spreads}

*Spread* is $s_A$, *deviation* the standard deviation of the networks' own areas, whose errors partly cancel within a
landscape; *error* is how far the mean lies from the truth; all are medians over the landscapes, km². *Rank* is
Spearman's correlation of spread and error: 1 where the networks disagree just where their mean is wrong, 0 where the
spread tells nothing of it.

## Width and coverage

Each size takes as many ensembles as the networks make up without sharing one. The residuals are those of the
validation tiles, as a user has them, with the reference outlines as the truth; or those of four fifths of the test
landscapes, with their truth, for the other fifth. *Coverage* is the share of the landscapes whose true area lies in the
95 % interval, ± its standard error; *width* is a median, *score* the interval score, of which the smaller is the
better (Gneiting and Raftery 2007), *error* the root mean square of the expected area; km².

{table}

![Widths and coverage of intervals by the number of networks](../figures/ensembles/ensembles.png)

**Figure.** Median width (left) and coverage (right) of the 95 % intervals of area on *simulated* test landscapes by
the number of networks; above with the residuals of validation tiles, below with those of other test landscapes. The
grey band is a coverage of 0.93 to 0.97, bars are one standard error.

## What it says

{says}

On places like the validation tiles the residuals of the mean hold already what its networks disagree about, so there
the spread counts twice. It is added for places unlike them, where networks no longer agree and the residuals do not
know; that it is right there is not shown by these landscapes.
"""


def write_page(
    path: Path,
    table: pd.DataFrame,
    spreads: pd.DataFrame,
    *,
    counts: Mapping[str, int],
    kinds: Sequence[str],
    wanted: int,
) -> None:
    """Write the page.

    Args:
        path: The page.
        table: From `count.tabulate`.
        spreads: From `count.describe_spreads`.
        counts: Landscapes by subset.
        kinds: What the networks are, one each.
        wanted: How many networks there should be.
    """
    count = len(kinds)
    missing = "" if count >= wanted else f"{wanted} seeds were wanted; no more were trained when this was made."
    text = TEXT.format(
        count=count,
        kinds=", ".join(kinds),
        val=counts["val"],
        test=counts["test"],
        missing=missing,
        spreads=spreads.round(2).reset_index().to_markdown(index=False),
        table=_shown(table).to_markdown(index=False, disable_numparse=True),
        says=conclude(table),
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    rows = table.reset_index()
    rows = rows[(rows["networks"] > 1) | (rows["interval"] == "residuals")]
    return pd.DataFrame(
        {
            "networks": rows["networks"],
            "residuals of": rows["source"],
            "interval": rows["interval"].map(NAMES),
            "n": rows["n"],
            "coverage": [f"{c:.2f} ± {e:.2f}" for c, e in zip(rows["coverage"], rows["standard_error"], strict=True)],
            "width": rows["width"].map("{:.2f}".format),
            "score": rows["score"].map("{:.2f}".format),
            "error": rows["error"].map("{:.2f}".format),
        }
    )


def conclude(table: pd.DataFrame) -> str:
    """Say in a list how much wider the intervals of the largest ensemble are, and whether coverage got nearer."""
    most, lines = max(table.index.get_level_values("networks")), []
    sources = dict.fromkeys(table.index.get_level_values("source"))
    rows = dict(zip(table.index, table.to_dict("records"), strict=True))
    for source in sources:
        alone, single = rows[most, source, "residuals"], rows[1, source, "residuals"]
        for name in ("bound", "areas"):
            found = rows[most, source, name]
            before, after = (abs(row["coverage"] - 0.95) for row in (alone, found))
            verdict = "no nearer to 0.95" if after >= before else "nearer to 0.95"
            lines.append(
                f"- Residuals of {source}, {most} networks, {NAMES[name]}: {found['width'] / alone['width']:.2f} times "
                f"as wide as by the residuals alone; coverage {alone['coverage']:.2f} → {found['coverage']:.2f}, "
                f"{verdict}; score {alone['score']:.2f} → {found['score']:.2f}."
            )
        lines.append(
            f"- Residuals of {source}, the mean of {most} beside single networks, by the residuals alone: error "
            f"{single['error']:.2f} → {alone['error']:.2f} km², width {single['width']:.2f} → {alone['width']:.2f} km²."
        )
    if table["verdict"].isin(["too few to tell"]).any():
        lines.append(f"- Fewer than {FEWEST} landscapes are too few to tell whether a coverage is right.")
    return "\n".join(lines)


def draw(table: pd.DataFrame) -> Figure:
    """Draw width and coverage by the number of networks, a row each source of the residuals."""
    sources = list(dict.fromkeys(table.index.get_level_values("source")))
    figure, axes = plt.subplots(
        len(sources), 2, figsize=(9, 6.4), layout="constrained", sharex=True, sharey="col", squeeze=False
    )
    for row, source in zip(axes, sources, strict=True):
        for axis, column, what in zip(row, ("width", "coverage"), ("median width (km²)", "coverage"), strict=True):
            for k, (name, label) in enumerate(NAMES.items()):
                shown = table.xs((source, name), level=("source", "interval"))
                shown = shown if name == "residuals" else shown[shown.index > 1]
                at = shown.index.to_numpy(float) + 0.08 * (k - 1)  # beside one another
                error = shown["standard_error"] if column == "coverage" else None
                axis.errorbar(at, shown[column], error, fmt="os^"[k] + "-", color=COLOURS[name], label=label)
            axis.set(ylabel=what, title=f"residuals of {source}", xticks=sorted(set(table.index.get_level_values(0))))
            if column == "coverage":
                axis.axhspan(0.93, 0.97, color="0.9", zorder=0)
    axes[0, 0].set_ylim(0, 1.1 * table["width"].max())  # of all panels beside it, once all is drawn
    for axis in axes[-1]:
        axis.set_xlabel("networks that map together")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("95 % intervals of glacier area, simulated test landscapes")
    return figure
