"""Scores and differences in words and equations, for notebooks: the numbers come from tables."""

from collections.abc import Mapping

import pandas as pd

from glaciersar.evaluation.statistics import MARGIN

SIGNIFICANT = 0.05
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
