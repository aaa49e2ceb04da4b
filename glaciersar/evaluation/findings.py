"""Scores, differences and drifts in words and equations, for notebooks: the numbers come from tables."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from glaciersar.evaluation.statistics import MARGIN, compare_arms

SIGNIFICANT = 0.05
WHOLE_YEAR = "whole year"
"""The choice of all dates."""
FOLLOW_UP_KM2, FOLLOW_UP_RATE, FOLLOW_UP_YEARS = 31_889.28, -227.0, 2024 - 2016
"""Glaciers of Svalbard above 2 km² in 2016, their change a year and the years it is over, as the authors' follow-up
tells: ICEmapper, README of February 2026."""
EQUATIONS = {
    "IoU": (r"\frac{TP}{TP+FP+FN}", "iou", ("tp", "fp", "fn")),
    "precision": (r"\frac{TP}{TP+FP}", "precision", ("tp", "fp")),
    "recall": (r"\frac{TP}{TP+FN}", "recall", ("tp", "fn")),
    "F1": (r"\frac{2\,TP}{2\,TP+FP+FN}", "f1", ("tp", "tp", "fp", "fn")),
}
"""Score, its definition, its column, and the counts below its line."""


def spell_out_scores(row: Mapping[str, float] | pd.Series) -> str:
    """Write out how the scores of a tile follow from its counts, as Markdown with equations.

    Args:
        row: Of the frame of `scoring.score_models`: tp, fp, fn and the scores.
    """
    lines = []
    for name, (definition, column, parts) in EQUATIONS.items():
        above = r"2\cdot" if name == "F1" else ""
        below = " + ".join(f"{int(row[part])}" for part in parts)
        value = f"{float(row[column]):.3f}"
        lines.append(rf"- **{name}** $= {definition} = \frac{{{above}{int(row['tp'])}}}{{{below}}} = {value}$")
    return "\n".join(lines)


def judge_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Say of each difference between two arms what it shows.

    Args:
        table: As `statistics.compare_arms` makes it: arm, other, difference, low, high, p_holm, equivalent.

    Returns:
        Columns arm, other, difference, low, high, and verdict: "better" or "worse" where the interval leaves out 0 and
        the difference over landscapes is more than chance (5 %, corrected by Holm); "as good as equal" where it is
        shown to be negligible, within ± 0.01; both may hold, of a small difference that is sure; else "open".
    """
    sure = (table["p_holm"] < SIGNIFICANT) & ((table["low"] > 0) | (table["high"] < 0))
    sides = table["difference"].gt(0).map({True: "better", False: "worse"})
    equal = table["equivalent"].astype(bool)
    verdict = sides.where(sure, "open")
    verdict = verdict.mask(equal & ~sure, "as good as equal").mask(equal & sure, sides + f", by less than {MARGIN}")
    return table[["arm", "other", "difference", "low", "high"]].assign(verdict=verdict)


def tell_differences(table: pd.DataFrame) -> str:
    """Tell differences in sentences, as Markdown: a line a pair, with its interval and what it shows.

    Args:
        table: As for `judge_differences`.
    """
    return "\n".join(
        f"- `{row.arm}` − `{row.other}`: {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}], {row.verdict}"
        for row in judge_differences(table).itertuples()
    )


def earliest_sufficient(seasons: pd.DataFrame, *, margin: float = MARGIN, draws: int = 10_000) -> pd.DataFrame:
    """Find how few dates from January on map as well as the whole year, with one network for any dates.

    The first k dates suffice if their IoU is shown to be less than `margin` below that of the whole year (the lower end
    of the interval of the difference, other seeds and landscapes included), and so it is for every larger k.

    Args:
        seasons: Columns choice ("whole year", "first 3"), seed, landscape, tp, fp, fn, tn.
        margin: Of the mean IoU over landscapes.
        draws: Bootstrap samples.

    Returns:
        A row for each number of dates, in its order: dates, difference, low, high (to the whole year), sufficient.
    """
    number = seasons["choice"].str.extract(r"^first (\d+)$")[0]
    own = seasons[number.notna() | (seasons["choice"] == WHOLE_YEAR)].rename(columns={"choice": "arm"})
    numbers = sorted(set(number.dropna().astype(int)))
    pairs = [(f"first {count}", WHOLE_YEAR) for count in numbers]
    table = compare_arms(own, pairs, draws=draws)[["difference", "low", "high"]]
    near = table["low"] > -margin
    return table.assign(sufficient=near[::-1].cummin()[::-1]).assign(dates=numbers)[
        ["dates", "difference", "low", "high", "sufficient"]
    ]


def name_drift(row: Mapping[Hashable, Any]) -> str:
    """Name a row of `label_drift.apparent_change`: what was drawn or trained in which style."""
    if row["source"] == "network":
        return f"network, {100 * row['share']:.0f} % of its outlines ragged"
    first, _, last = str(row["style"]).partition(", ")
    return f"reference, {first} and then {last}" if last else f"reference, {first} in both years"


def tell_drift(table: pd.DataFrame) -> str:
    """Tell what a style of drawing would do to the change of area that the authors' follow-up found, as Markdown.

    Args:
        table: As `label_drift.apparent_change` makes it: source, share, style, fraction, low, high.

    Returns:
        A line a row: the fraction of area with its interval, and the same fraction of the follow-up's area over its
        years. That holds if outlines of Svalbard have as much boundary for their area as the simulated ones.
    """
    a_year = FOLLOW_UP_KM2 / FOLLOW_UP_YEARS
    lines = []
    for row in table.to_dict("records"):
        share, low, high = (float(row[name]) for name in ("fraction", "low", "high"))
        lines.append(
            f"- {name_drift(row)}: {100 * share:+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}] of the area; "
            f"{share * a_year:+.0f} [{low * a_year:+.0f}, {high * a_year:+.0f}] km² a year of the follow-up's "
            f"{FOLLOW_UP_RATE:+.0f}, if all of Svalbard were so"
        )
    return "\n".join(lines)
