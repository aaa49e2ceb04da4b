"""Draw the scores of a part together: tables with intervals, differences, errors by class."""

from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation import error_analysis, metrics, statistics
from glaciersar.evaluation.metrics import Confusion
from tools.evidence.plan import MAIN, Part, Plan
from tools.evidence.score import write
from tools.evidence.stamp import write_stamp

ONE_DATE = ("one_date", "mean", "statistics")  # a series must beat the best of these
BASELINES = ("threshold", "boosting", "second_annotator")
"""Arms without a network. They have one seed; the annotator none."""
PAPER = {"unet3d": 0.964, "ulstm": 0.964}
"""IoU of the paper on its test subset of real data: Maslov and others 2024, IGARSS."""
DRAWS = 10_000


def write_part(plan: Plan, name: str, work: Path, figures: Path) -> None:
    """Write the tables of a part, and the stamp that says what made them."""
    part, out = plan.parts[name], figures / name
    out.mkdir(parents=True, exist_ok=True)
    counts = gather(part, work, "counts.csv")
    write(counts, out / "counts.csv")
    note = "*simulated* radar, `make evidence`"
    if name == MAIN:
        _write_main(plan, part, counts, work, out, note)
    else:
        table = summarize(counts, seedless=())
        caption = f"IoU of the arms of part {name} with 95 % intervals, {note}"
        metrics.write_table(table, out / "scores", caption=caption)
    seconds = float(gather(part, work, "seconds.csv")["seconds"].sum())
    write_stamp(out / "stamp.json", command=f"make evidence PART={name}", seconds=seconds)


def gather(part: Part, work: Path, file: str) -> pd.DataFrame:
    """Put a table of every arm and seed of a part one below the other, with columns arm and seed first."""
    frames = []
    for arm in part.arms:
        for seed in part.seeds:
            path = work / "scores" / arm / str(seed) / file
            if path.exists():
                frames.append(pd.read_csv(path).assign(arm=arm, seed=seed))
    if not frames:
        raise InputError(f"{work}: no {file} of part {part.name} found, those of its arms and seeds expected")
    table = pd.concat(frames, ignore_index=True)
    return table[["arm", "seed", *[name for name in table if name not in ("arm", "seed")]]]


def _write_main(plan: Plan, part: Part, counts: pd.DataFrame, work: Path, out: Path, note: str) -> None:
    baselines = [
        pd.read_csv(work / "scores" / name / "counts.csv").assign(arm=name, seed=part.seeds[0]) for name in BASELINES
    ]
    counts = pd.concat([counts, *baselines], ignore_index=True)
    write(counts, out / "counts.csv")
    table = summarize(counts, seedless=BASELINES)
    table["paper, real data"] = table["arm"].map(PAPER)
    caption = f"IoU, precision and recall with 95 % intervals over seeds and landscapes, {note}; last column: the paper"
    metrics.write_table(table, out / "scores", caption=caption)
    metrics.write_table(compare(counts), out / "differences", caption=f"Differences of IoU between arms, {note}")
    errors = gather(part, work, "errors.csv")
    classes = [
        error_analysis.sum_counts([own], ["sea", "division", "class"]).assign(arm=arm)
        for arm, own in errors.groupby("arm", sort=False)
    ]
    write(pd.concat(classes, ignore_index=True), out / "errors.csv")
    write(gather(part, work, "dates.csv"), out / "dates.csv")


def summarize(counts: pd.DataFrame, *, seedless: tuple[str, ...]) -> pd.DataFrame:
    """Score every arm against the reference with intervals, and against the truth.

    Returns:
        A row an arm: iou, low, high (pooled), mean_iou, mean_low, mean_high (over landscapes), precision, recall, f1
        (pooled over seeds and landscapes), boundary median and 95 % (medians over landscapes, metres), iou_truth.
    """
    own = counts[counts["against"] == "reference"]
    scores = statistics.score_arms(own, seedless=seedless, draws=DRAWS)
    by_statistic = {name: table.set_index("arm") for name, table in scores.groupby("statistic")}
    rows = []
    for arm, table in own.groupby("arm", sort=False):
        total = Confusion(*(int(table[name].sum()) for name in statistics.COUNTS))
        true = counts[(counts["arm"] == arm) & (counts["against"] == "truth")]
        pooled, mean = (by_statistic[statistic].loc[str(arm)] for statistic in ("pooled", "mean"))
        rows.append(
            {
                "arm": arm,
                **{name: pooled[name] for name in ("iou", "low", "high")},
                **{f"mean_{name}": mean[name] for name in ("iou", "low", "high")},
                "precision": total.precision,
                "recall": total.recall,
                "f1": total.f1,
                "boundary_median": table["median"].median(),
                "boundary_p95": table["p95"].median(),
                "iou_truth": Confusion(*(int(true[name].sum()) for name in statistics.COUNTS)).iou,
            }
        )
    return pd.DataFrame(rows)


def compare(counts: pd.DataFrame) -> pd.DataFrame:
    """Compare the arms of the main part in the pairs that the paper is about."""
    own = counts[counts["against"] == "reference"]
    scores = statistics.score_arms(own, seedless=BASELINES, draws=100)
    mean = scores[scores["statistic"] == "mean"].set_index("arm")["iou"]
    best = str(mean[list(ONE_DATE)].idxmax())
    pairs = [
        ("unet3d", best),
        ("ulstm", best),
        ("ulstm", "unet3d"),
        ("ulstm_deep", "ulstm"),
        ("unet3d_shuffled", "unet3d"),
        ("channels", "unet3d"),
        ("unet3d_weighted", "unet3d"),
        ("unet3d_as_released", "unet3d"),
        ("boosting", "unet3d"),
        ("unet3d", "second_annotator"),
    ]
    return statistics.compare_arms(own, pairs, seedless=BASELINES, draws=DRAWS)
