"""Figures of the experiment of `make evidence`: arms, dates, seasons, differences, errors, drift; *simulated* radar.

Every function takes tables as the experiment writes them (`evaluation.evidence.read_part`).
"""

from datetime import datetime

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glaciersar.evaluation.evidence import pooled_iou
from glaciersar.evaluation.findings import WHOLE_YEAR, name_drift
from glaciersar.evaluation.statistics import MARGIN
from glaciersar.plots.layout import PAGE_WIDTH, in_print, outside_legend

NO_NETWORK = ("threshold", "boosting", "second_annotator", "truth")
PAPER = "paper, real data"
MODELS = ("unet3d", "ulstm")
BLUE, ORANGE, GREEN = (sns.color_palette("colorblind")[k] for k in (0, 1, 2))
COLOURS = dict(zip(MODELS, (BLUE, ORANGE), strict=True))
MARKS = dict(zip(MODELS, "os", strict=True))
DATES = pd.date_range("2018-01-06", periods=15, freq="24D")
"""About when the dates of a year are; which year does not matter."""


@in_print
def arms(scores: pd.DataFrame, counts: pd.DataFrame) -> Figure:
    """Show the IoU of every arm with intervals and seeds, and the paper's number in a panel with an axis of its own.

    Args:
        scores: A row an arm, in the order to show: arm, iou, low, high (pooled), mean_iou, mean_low, mean_high (over
            landscapes), and the IoU on real data in the column `PAPER`.
        counts: Columns arm, seed, landscape, tp, fp, fn, tn, and perhaps against.
    """
    figure, (axis, paper) = plt.subplots(
        1, 2, figsize=(PAGE_WIDTH, 1.3 + 0.36 * len(scores)), sharey=True, width_ratios=(4, 1), layout="constrained"
    )
    rows = {str(arm): row for row, arm in enumerate(scores["arm"])}
    marks = {False: {"fmt": "o", "color": BLUE}, True: {"fmt": "s", "color": ORANGE}}
    for no_network, own in scores.groupby(scores["arm"].isin(NO_NETWORK)):
        where = own["arm"].map(rows)
        label = "no network" if no_network else "network"
        _interval(axis, own, where - 0.2, label=f"{label}, pooled", **marks[bool(no_network)])
    _interval(
        axis, scores, scores["arm"].map(rows) + 0.22, prefix="mean_", fmt="D", color="0.35", mfc="white",
        label="mean over landscapes",
    )  # fmt: skip
    seeds = pooled_iou(counts[~counts["arm"].isin(NO_NETWORK) & counts["arm"].isin(rows)], ["arm", "seed"])
    axis.scatter(seeds["iou"], seeds["arm"].map(rows), s=12, color=GREEN, label="one seed, pooled")
    axis.set_yticks(list(rows.values()), [f"{arm} (no network)" if arm in NO_NETWORK else arm for arm in rows])
    axis.set(xlabel="IoU with 95 % interval, simulated radar", ylim=(len(rows) - 0.5, -0.5))
    paper.scatter(scores[PAPER], scores["arm"].map(rows), marker="*", s=60, color="black")
    paper.set(title=PAPER, xlabel="IoU", xlim=(0.9, 1))
    paper.tick_params(left=False)
    _finish(figure)
    return figure


@in_print
def number_of_dates(counts: pd.DataFrame, single: pd.DataFrame) -> Figure:
    """Show the IoU against the number of dates that a network is trained with and maps from, and that of single dates.

    Args:
        counts: Columns arm, seed, landscape, tp, fp, fn, tn, and perhaps against. An arm is named by its network and
            how many dates it has, such as unet3d_5; without a number it has all. Other arms are left out.
        single: Columns seed, date, chosen (on validation), landscape, tp, fp, fn, tn: one network on each single date.
    """
    counts = counts[counts["arm"].str.fullmatch(rf"({'|'.join(MODELS)})(_\d+)?")]
    seeds = counts.groupby("arm")["seed"].agg(set)
    counts = counts[counts["seed"].isin(set.intersection(*seeds))]  # those that every arm has
    figure, (numbers, year) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3), sharey=True, layout="constrained")
    for model, colour in COLOURS.items():
        named = counts["arm"].replace(model, f"{model}_{len(DATES)}").str.extract(rf"^{model}_(\d+)$")[0]
        own = counts.assign(dates=named.astype(float))[named.notna()]
        _band(numbers, pooled_iou(own, ["dates", "seed"]), "dates", color=colour, label=model)
    numbers.set(xlabel="dates", ylabel="pooled IoU, simulated radar", xticks=[1, 2, 3, 5, 8, 15])
    iou = pooled_iou(single, ["date", "seed"]).assign(time=lambda table: DATES[table["date"].to_numpy(int)])
    _band(year, iou, "time", color=GREEN, label="one date, one_date")
    picked = iou.merge(single.loc[single["chosen"].astype(bool), ["date", "seed"]].drop_duplicates())
    rings = {"s": 60, "facecolors": "none", "edgecolors": "black", "zorder": 3}
    year.scatter(picked["time"], picked["iou"], label="chosen on validation, by seed", **rings)
    _months(year, "the single date that is shown")
    _finish(figure)
    return figure


@in_print
def seasons(table: pd.DataFrame) -> Figure:
    """Show what one network maps without a season, from the year's first dates, and from single dates.

    Args:
        table: Columns seed, choice ("whole year", "without winter", "first 3", "only 0"), landscape, tp, fp, fn, tn.
    """
    iou = pooled_iou(table, ["choice", "seed"])
    figure, (left_out, year) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3), layout="constrained")
    named = iou[iou["choice"].str.match(rf"{WHOLE_YEAR}|without ")]
    rows = {choice: row for row, choice in enumerate(named["choice"].unique())}
    left_out.scatter(named["iou"], named["choice"].map(rows), s=16, color=GREEN, label="one seed")
    mean = named.groupby("choice", sort=False)["iou"].mean()
    left_out.scatter(mean, mean.index.map(rows), s=50, marker="D", color=BLUE, label="mean over seeds")
    left_out.set_yticks(list(rows.values()), list(rows))
    left_out.set(xlabel="pooled IoU, simulated radar", ylim=(len(rows) - 0.5, -0.5))
    whole = iou[iou["choice"] == WHOLE_YEAR].assign(choice=f"first {len(DATES)}")
    kinds = {"first": ("from January to this date", BLUE, 1), "only": ("this date only", ORANGE, 0)}
    for kind, (label, colour, less) in kinds.items():
        found = pd.concat([iou, whole])
        number = found["choice"].str.extract(rf"^{kind} (\d+)$")[0]
        own = found[number.notna()].assign(time=DATES[number.dropna().to_numpy(int) - less])
        _band(year, own, "time", color=colour, label=label)
    _months(year, "date")
    year.set(ylabel="pooled IoU, simulated radar")
    _finish(figure)
    return figure


@in_print
def differences(table: pd.DataFrame) -> Figure:
    """Show differences of IoU between arms with intervals, a row a pair, beside what would be negligible.

    Args:
        table: As `evaluation.statistics.compare_arms` makes it: arm, other, difference, low, high (means over
            landscapes), p_holm.
    """
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 1.4 + 0.24 * len(table)), layout="constrained")
    axis.axvspan(-MARGIN, MARGIN, color="0.88", label=f"negligible, within ± {MARGIN}")
    axis.axvline(0, color="0.4", linewidth=1)
    rows = pd.Series(np.arange(len(table)), index=table.index)
    sure = table["p_holm"] < 0.05
    kinds = {"more than chance (Holm, 5 %)": (sure, BLUE), "may be chance": (~sure, "white")}
    for label, (own, fill) in kinds.items():
        if own.any():
            _interval(axis, table[own], rows[own], of="difference", fmt="o", color=BLUE, mfc=fill, label=label)
    axis.set_yticks(rows, table["arm"] + " − " + table["other"])
    axis.set(
        xlabel="difference of IoU with 95 % interval, mean over landscapes, simulated radar",
        ylim=(len(table) - 0.5, -0.5),
    )
    _finish(figure)
    return figure


@in_print
def errors(table: pd.DataFrame) -> Figure:
    """Show the share of wrong pixels by zone, incidence, size of glacier and view, unet3d and ulstm side by side.

    Of a size of glacier, where all pixels are glacier, it is the share that was missed.

    Args:
        table: Columns arm, sea ("counted", "masked"), division ("zone", "incidence", "size", "view"), class, tp, fp,
            fn, tn.
    """
    table = table[table["arm"].isin(MODELS)]
    panels = {"zone": "zone", "incidence": "incidence", "size": "size of glacier (missed)", "view": "view of the radar"}
    figure, axes = plt.subplots(2, 2, figsize=(PAGE_WIDTH, 6), height_ratios=(3, 1), layout="constrained")
    for axis, (division, title) in zip(axes.flat, panels.items(), strict=True):
        own = table[table["division"] == division]
        rows = {str(name): row for row, name in enumerate(own["class"].unique())}
        for (arm, sea), part in own.groupby(["arm", "sea"]):
            share = 100 * (part["fp"] + part["fn"]) / part[["tp", "fp", "fn", "tn"]].sum(axis=1)
            height = part["class"].map(rows) + (-0.16 if arm == MODELS[0] else 0.16)
            colour = COLOURS[str(arm)]
            style = {"s": 22, "color": colour} if sea == "counted" else {"s": 70, "fc": "none", "ec": colour}
            axis.scatter(share, height, label=f"{arm}, sea {sea}", marker=MARKS[str(arm)], clip_on=False, **style)
        axis.set_yticks(list(rows.values()), [name.replace("_", " ") for name in rows])
        axis.set(title=title, xlabel="wrong pixels (%),\nsimulated radar", ylim=(len(rows) - 0.5, -0.5), xlim=(0, None))
    _finish(figure)
    return figure


@in_print
def season_zones(table: pd.DataFrame) -> Figure:
    """Show how much more of each zone is wrong without a season than with the whole year, one network for any dates.

    Args:
        table: Columns seed, choice ("whole year", "without winter"), zone, tp, fp, fn, tn.
    """
    counts = table.groupby(["zone", "choice", "seed"])[["tp", "fp", "fn", "tn"]].sum()
    wrong = (100 * (counts["fp"] + counts["fn"]) / counts.sum(axis=1)).unstack("choice")  # (zones and seeds, choices)
    more = wrong.drop(columns=WHOLE_YEAR).sub(wrong[WHOLE_YEAR], axis=0).groupby("zone").mean()
    seasons = [choice for choice in table["choice"].unique() if choice in more.columns]
    zones = [zone for zone in table["zone"].unique() if zone in more.index]
    reach = max(float(more.abs().to_numpy().max()), 1e-9)
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 1.2 + 0.28 * len(zones)), layout="constrained")
    shown = more.loc[zones, seasons].rename(index=lambda zone: zone.replace("_", " "))
    sns.heatmap(shown, ax=axis, annot=True, fmt="+.1f", cmap="RdBu_r", vmin=-reach, vmax=reach, cbar=False)
    axis.tick_params(axis="y", rotation=0)
    axis.set_title("more wrong pixels than with the whole year (points of %), simulated radar")
    axis.set(xlabel="", ylabel="")
    return figure


@in_print
def drift(table: pd.DataFrame) -> Figure:
    """Show the change of area that the style of drawing alone makes, of networks and of references.

    Args:
        table: As `evaluation.label_drift.apparent_change` makes it: source, share, style, fraction, low, high.
    """
    percent = table.assign(**{name: 100 * table[name] for name in ("fraction", "low", "high")})
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 1.3 + 0.3 * len(table)), layout="constrained")
    axis.axvline(0, color="0.4", linewidth=1)
    rows = pd.Series(np.arange(len(table)), index=table.index)
    for (source, own), colour, mark in zip(percent.groupby("source"), (BLUE, ORANGE), "os", strict=False):
        _interval(axis, own, rows[own.index], of="fraction", fmt=mark, color=colour, label=str(source))
    axis.set_yticks(rows, [name_drift(row) for row in table.to_dict("records")])
    axis.set(
        xlabel="change of area that is none, 2016 to 2020 (% of the true area), simulated radar",
        ylim=(len(table) - 0.5, -0.5),
    )
    _finish(figure)
    return figure


def _interval(
    axis: Axes,
    table: pd.DataFrame,
    height: pd.Series,
    *,
    of: str = "iou",
    prefix: str = "",
    **style: object,
) -> None:
    """Draw estimates with their intervals, one a row; a bootstrap interval of few draws may leave its estimate out."""
    value = table[f"{prefix}{of}"]
    reach = [(value - table[f"{prefix}low"]).clip(lower=0), (table[f"{prefix}high"] - value).clip(lower=0)]
    axis.errorbar(value, height, xerr=reach, markersize=5, capsize=2, elinewidth=1.2, **style)  # type: ignore[arg-type]


def _band(axis: Axes, iou: pd.DataFrame, x: str, *, color: object, label: str) -> None:
    """Draw the mean over seeds as a line, and a band from the lowest to the highest seed."""
    by = iou.groupby(x)["iou"]
    low, high, mean = by.min(), by.max(), by.mean()
    axis.fill_between(mean.index, low, high, color=color, alpha=0.25, linewidth=0)
    axis.plot(mean.index, mean, marker="o", markersize=4, color=color, label=label)


def _months(axis: Axes, label: str) -> None:
    """Label an axis of dates with the first letters of the months."""
    axis.set_xticks(pd.date_range("2018-01-01", periods=12, freq="MS"), list("JFMAMJJASOND"))
    axis.set(xlabel=label, xlim=(datetime(2018, 1, 1), datetime(2018, 12, 31)))


def _finish(figure: Figure) -> None:
    """Add the legend above the panels, and leave out the frames."""
    outside_legend(figure)
    sns.despine(figure)
