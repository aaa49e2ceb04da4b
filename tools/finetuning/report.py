"""Write docs/fine-tuning.md, its table and its figure from the scores that are there."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glaciersar.io.atomic import atomic_write
from glaciersar.plots.layout import COLUMN_WIDTH, in_print, outside_legend
from glaciersar.plots.printing import save_figure
from glaciersar.simulate.climates import GLACIAL
from tools.finetuning import measure
from tools.finetuning.plan import AS_SHIPPED, DECODER_FIRST, FULL_RATE, SCRATCH, TENTH_RATE, TUNED, Plan

PAGE = """# How many labelled tiles pay

Made by `python -m tools.finetuning` from {trainings} of {planned} planned trainings on *simulated* radar; "–" stands
for one that is still to be done. A new region has few labels. Is it better to train on them from scratch, or to start
from weights that ship with the package?

**The region.** *Simulated* landscapes of 10 km at {pixel:g} m, around {place}, each with its terrain, glaciers and one
year from one orbit. Its climate is *{climate}*, which `{start}`, trained on *simulated* Svalbard, has never seen: the
firn line is {firn:g} m higher, melt begins {melt:g} days earlier and frost comes as much later, fjords do not freeze,
and the radar looks in another direction. A tile is one landscape. {tests} others are tested on, and no training saw
them; one more validates, by which nothing is chosen.

**The trainings.** `{model}` of width {width}, patches of {patch} pixels, {batch} a step. From scratch: {fresh_steps}
steps at a highest learning rate of {rate:g}. Fine-tuned: {tuned_steps} steps at a third of it, which was set
beforehand. Each seed draws its own tiles, first weights and patches; of a seed, the fewer tiles are among the more.
The trainings are short: the numbers compare two ways with few labels, and tell nothing about how good either can
become.

![IoU against labelled tiles, from scratch and fine-tuned, on simulated radar](../figures/fine-tuning/curve.png)

**IoU of *simulated* radar**, pooled over the pixels of the test tiles, against reference outlines: the mean over seeds,
and in brackets each seed. `{start}` as it ships has {shipped:.3f}.

{table}

{findings}

{rates}Seeds: {seeds}. So few, all scored on the same tiles, tell nothing of a difference as small as that of two seeds.
The *simulated* region differs from *simulated* Svalbard in what is named above, a real one in more: with real
radar neither the curve nor the best rate need be these. [Real radar](real-radar.md) has fine-tuning on radar of another
kind. Every score stands in `figures/fine-tuning/scores.csv`. How to fine-tune:
[Start from trained weights](train.md#start-from-trained-weights).
"""

RATES = """**Learning rate, and the decoder first**, all fine-tuned on {tiles} tiles. With *the decoder first* only
the decoder learns for half of the steps (`decoder_first`), at a third of the rate.

{table}

The best of the three rates here: {best}.

"""
COLUMNS = {FULL_RATE: "the full rate", TUNED: "a third", TENTH_RATE: "a tenth", DECODER_FIRST: "the decoder first"}


def write(plan: Plan, work: Path, page: Path, figures: Path) -> None:
    """Write the page and beside it the table of all scores and the figure.

    Args:
        plan: What was compared.
        work: Folder of its scores.
        page: The page.
        figures: Folder of scores.csv and curve.png.
    """
    scores = measure.read(work).round({"iou": 4})
    measure.write(scores, figures / "scores.csv")
    save_figure(draw(scores), figures / "curve.png", note="simulated radar, tools/finetuning")
    with atomic_write(page) as temporary:
        temporary.write_text(text(plan, scores), encoding="utf-8")


def text(plan: Plan, scores: pd.DataFrame) -> str:
    """Write the page from the scores of `measure.read`."""
    fresh, climate = plan.fresh, GLACIAL[plan.archive.climate]
    longitude, latitude = plan.archive.place.split(",")
    curve = scores[scores["arm"].isin([SCRATCH, TUNED])]
    return PAGE.format(
        trainings=int((scores["arm"] != AS_SHIPPED).sum()),
        planned=len(plan.seeds) * sum(len(plan.arms(count)) for count in plan.counts),
        pixel=plan.archive.pixel,
        place=f"{latitude}° N, {longitude}° E",
        climate=plan.archive.climate,
        start=plan.start,
        firn=climate.firn_line,
        melt=climate.melt_days,
        tests=plan.tests,
        model=fresh.model,
        width=fresh.width,
        patch=fresh.patch,
        batch=fresh.batch,
        fresh_steps=fresh.epochs * fresh.steps_per_epoch,
        rate=fresh.learning_rate,
        tuned_steps=plan.tuned_steps,
        shipped=shipped_iou(scores),
        table=markdown(summarize(curve)[[SCRATCH, TUNED]]),
        findings=findings(scores),
        rates=compare_rates(plan, scores),
        seeds=", ".join(map(str, sorted(curve["seed"].unique()))),
    )


def compare_rates(plan: Plan, scores: pd.DataFrame) -> str:
    """Write the part about learning rates, by the seeds that have all of it; empty where none has."""
    cells = scores[(scores["tiles"] == plan.rates_at) & scores["arm"].isin(COLUMNS)]
    complete = cells.groupby("seed").filter(lambda cell: len(cell) == len(COLUMNS))
    if complete.empty:
        return ""
    best = complete[complete["arm"] != DECODER_FIRST].groupby("arm")["iou"].mean().idxmax()
    table = summarize(complete).rename(columns=COLUMNS)[list(COLUMNS.values())]
    return RATES.format(tiles=plan.rates_at, table=markdown(table), best=COLUMNS[str(best)])


def shipped_iou(scores: pd.DataFrame) -> float:
    """Give the IoU of the weights as they ship."""
    return float(scores.loc[scores["arm"] == AS_SHIPPED, "iou"].iloc[0])


def summarize(scores: pd.DataFrame) -> pd.DataFrame:
    """Tabulate mean and single IoUs of the seeds: a row a number of tiles, a column an arm."""
    cells = scores.sort_values("seed").groupby(["tiles", "arm"])["iou"]
    told = cells.agg(lambda ious: f"{ious.mean():.3f} ({', '.join(f'{iou:.3f}' for iou in ious)})")
    return told.unstack("arm").fillna("–")


def findings(scores: pd.DataFrame) -> str:
    """Say by the mean IoUs how far fine-tuning is ahead, how many tiles a fresh training takes, and what shipped do."""
    means = scores.groupby(["arm", "tiles"])["iou"].mean()
    scratch, tuned, shipped = means[SCRATCH], means[TUNED], shipped_iou(scores)
    apart = ", ".join(f"{gain:+.3f} on {_tiles(count)}" for count, gain in (tuned - scratch).dropna().items())
    fewest = tuned.index.min()
    enough = scratch.index[scratch >= tuned[fewest]]
    tried = f"{_listed(scratch.index)} did not do"
    took = f"it took {_tiles(enough.min())}" if len(enough) else tried
    better, worse = tuned.index[tuned > shipped], tuned.index[tuned <= shipped]
    return (
        f"Fine-tuned less from scratch: {apart}. From scratch {took} to score as fine-tuned on {_tiles(fewest)}. "
        f"Fine-tuned networks that score above the weights as they ship: on {_listed(better)}; not above: on "
        f"{_listed(worse)}."
    )


def _listed(counts: "pd.Index[int]") -> str:
    return f"{', '.join(map(str, counts))} tile{'' if list(counts) == [1] else 's'}" if len(counts) else "none"


def _tiles(count: int) -> str:
    return f"{count} tile{'' if count == 1 else 's'}"


def markdown(table: pd.DataFrame) -> str:
    """Write a table whose rows are numbers of labelled tiles."""
    return str(table.rename_axis("labelled tiles").rename_axis(None, axis=1).reset_index().to_markdown(index=False))


@in_print
def draw(scores: pd.DataFrame) -> Figure:
    """Draw IoU against labelled tiles: a point a seed, a line through the means, dashed the weights as they ship."""
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH * 1.3, 2.7), layout="constrained")
    counts = sorted(scores.loc[scores["tiles"] > 0, "tiles"].unique())
    place = {count: k for k, count in enumerate(counts)}
    for arm, colour, marker in ((TUNED, "#0072B2", "o"), (SCRATCH, "#D55E00", "s")):
        part = scores[scores["arm"] == arm]
        means = part.groupby("tiles")["iou"].mean()
        axis.plot([place[count] for count in means.index], means, color=colour, marker=marker, ms=3, label=arm)
        axis.plot(part["tiles"].map(place), part["iou"], marker, mec=colour, mfc="none", ms=6, mew=0.7)
    axis.axhline(shipped_iou(scores), color="0.35", linestyle="--", lw=1, label=AS_SHIPPED)
    axis.set_xticks(list(place.values()), [str(count) for count in counts])
    axis.set(xlabel="labelled tiles of 10 km", ylabel="IoU, simulated radar", ylim=(0, 1))
    axis.grid(alpha=0.3)
    single = Line2D([], [], ls="", marker="o", mec="0.35", mfc="none", ms=6, mew=0.7, label="a seed alone")
    outside_legend(figure, [*axis.get_legend_handles_labels()[0], single])
    return figure
