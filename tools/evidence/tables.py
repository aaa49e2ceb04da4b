"""Draw the scores of a part together: tables with intervals, differences, errors by class."""

from pathlib import Path

import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation import error_analysis, label_drift, metrics, statistics
from glaciersar.evaluation.metrics import Confusion
from tools.evidence import contrasts
from tools.evidence.plan import MAIN, Part, Plan
from tools.evidence.score import write
from tools.evidence.stamp import code_hash, plan_hash, read_stamp, write_stamp

ONE_DATE = ("one_date", "mean", "statistics")  # a series must beat the best of these
BASELINES = ("threshold", "boosting", "second_annotator", "truth")
"""Arms without a network. They have one seed; the annotator and the truth none."""
PAPER = {"unet3d": 0.964, "ulstm": 0.964}
"""IoU of the paper on its test subset of real data: Maslov and others 2024, IGARSS."""
DRAWS = 10_000
FILES = ("counts.csv", "errors.csv", "dates.csv", "seasons.csv", "season_zones.csv", "areas.csv", "seconds.csv")


def write_part(plan: Plan, name: str, work: Path, figures: Path) -> None:
    """Write the tables of a part from the seeds that are there, and the stamp that says what made them.

    Scores in `work` are copied to the folder of their seed, seed-N, beside those of other arms that were committed
    before. So the seeds and arms of a part may be trained at different times. A seed counts once it has all arms.
    """
    part, out = plan.parts[name], figures / name
    for seed in part.seeds:
        _collect_seed(part, seed, work, out, plan=plan_hash(plan, part))
        if missing := missing_arms(part, seed, out):
            print(f"{out}: seed {seed} is left out of the tables until it has {', '.join(missing)}")
    if name == MAIN and all((work / "scores" / arm / "counts.csv").exists() for arm in BASELINES):
        paths = {arm: work / "scores" / arm / "counts.csv" for arm in BASELINES}
        rows = [pd.read_csv(path).assign(arm=arm, seed=part.seeds[0]) for arm, path in paths.items()]
        write(pd.concat(rows, ignore_index=True), out / "baselines.csv")
    if all(missing_arms(part, seed, out) for seed in part.seeds):
        return
    counts = gather(part, out, "counts.csv")
    note = f"*simulated* radar, {counts['seed'].nunique()} of {len(part.seeds)} seeds, `make evidence`"
    if name == MAIN:
        _write_main(part, counts, out, note)
    else:
        write(counts, out / "counts.csv")
        caption = f"IoU of the arms of part {name} with 95 % intervals, {note}"
        metrics.write_table(summarize(counts), out / "scores", caption=caption)
        _write_differences(plan, part, counts, figures, note)
    if (out / f"seed-{part.seeds[0]}" / "areas.csv").exists():
        _write_drift(plan, part, out, note)
    for file in ("seasons.csv", "season_zones.csv", "dates.csv"):
        if any((out / f"seed-{seed}" / file).exists() for seed in part.seeds):
            write(gather(part, out, file), out / file)


def _write_drift(plan: Plan, part: Part, out: Path, note: str) -> None:
    """Tell how much of a change of area the style of drawing makes, in references and in maps."""
    areas = gather(part, out, "areas.csv")
    share = {arm: float(plan.datasets[part.arms[arm].data]["ragged_share"]) for arm in areas["arm"].unique()}
    areas = areas.assign(share=areas["arm"].map(share))
    first, last = int(areas["year"].min()), int(areas["year"].max())
    drift = label_drift.apparent_change(areas, first=first, last=last, draws=DRAWS)
    caption = f"Change of glacier area from {first} to {last} that the style of drawing alone makes, {note}"
    metrics.write_table(drift, out / "drift", caption=caption, digits=4)


def _collect_seed(part: Part, seed: int, work: Path, out: Path, *, plan: str) -> None:
    """Copy the scores of the arms with one seed that are there, beside those that this code made before; stamp them."""
    done = [arm for arm in part.scored if (work / "scores" / arm / str(seed) / "counts.csv").exists()]
    if not done:
        return
    folder, seconds = out / f"seed-{seed}", 0.0
    kept = arms_of_this_code(folder) - set(done)
    for file in FILES:
        paths = {arm: work / "scores" / arm / str(seed) / file for arm in done}
        frames = [pd.read_csv(path).assign(arm=arm, seed=seed) for arm, path in paths.items() if path.exists()]
        if file == "errors.csv" and frames:  # of all landscapes together: a table a landscape would be large
            by = ["arm", "seed", "sea", "division", "class"]
            frames = [frame.groupby(by, as_index=False, sort=False)[statistics.COUNTS].sum() for frame in frames]
        if kept and (folder / file).exists():
            before = pd.read_csv(folder / file)
            frames.append(before[before["arm"].isin(kept)])
        if not frames:
            (folder / file).unlink(missing_ok=True)  # of other code
            continue
        table = pd.concat(frames, ignore_index=True)
        table = table.sort_values("arm", key=lambda arms: arms.map(part.scored.index), kind="stable")
        if file == "seconds.csv":
            seconds = float(table["seconds"].sum())
        write(table[["arm", "seed", *[name for name in table if name not in ("arm", "seed")]]], folder / file)
    command = f"make evidence PART={part.name} SEEDS={seed}"
    write_stamp(folder / "stamp.json", command=command, plan=plan, seconds=seconds)


def arms_of_this_code(folder: Path) -> set[str]:
    """List the arms of a seed whose committed scores were made by the present code."""
    path = folder / "stamp.json"
    if not path.exists() or read_stamp(path)["code"] != code_hash():
        return set()
    return set(pd.read_csv(folder / "counts.csv")["arm"])


def missing_arms(part: Part, seed: int, out: Path) -> list[str]:
    """List the arms of a part that have no scores yet with one seed."""
    path = out / f"seed-{seed}" / "counts.csv"
    there = set(pd.read_csv(path)["arm"]) if path.exists() else set()
    return [arm for arm in part.scored if arm not in there]


def gather(part: Part, out: Path, file: str) -> pd.DataFrame:
    """Put a table of every seed of a part that has all arms one below the other."""
    paths = [out / f"seed-{seed}" / file for seed in part.seeds if not missing_arms(part, seed, out)]
    frames = [pd.read_csv(path) for path in paths if path.exists()]
    if not frames:
        raise InputError(f"{out}: no {file} of part {part.name} found, that of one seed at least expected")
    return pd.concat(frames, ignore_index=True)


def _write_differences(plan: Plan, part: Part, counts: pd.DataFrame, figures: Path, note: str) -> None:
    """Compare the arms of a part with its reference, if the tables of that are there, and with each other."""
    from_part, reference = plan.reference(part)
    needed = sorted({from_part.name} | ({MAIN} if part.shifts else set()))
    for other in needed:
        if not (path := figures / other / "counts.csv").exists():
            print(f"{path}: not there, part {part.name} is not compared; make evidence PART={other} makes it")
            break
    else:
        others = pd.concat([pd.read_csv(figures / other / "counts.csv") for other in needed], ignore_index=True)
        differences = compare_with_reference(part, counts, others, reference=reference.name)
        if len(differences):
            caption = f"Differences of IoU to `{reference.name}` of part {from_part.name}, {note}"
            metrics.write_table(differences, figures / part.name / "differences", caption=caption)
    unseen = contrasts.compare_unseen(plan, part, with_glacier(counts), draws=DRAWS)
    if len(unseen):
        caption = f"Differences of IoU on an orbit or year that training has seen and not seen, {note}"
        metrics.write_table(unseen, figures / part.name / "unseen", caption=caption)
    apart = contrasts.compare_apart(with_glacier(counts), draws=DRAWS)
    if len(apart):
        caption = f"Differences of pooled IoU between arms that test on other tiles each, {note}"
        metrics.write_table(apart, figures / part.name / "apart", caption=caption)


def _write_main(part: Part, counts: pd.DataFrame, out: Path, note: str) -> None:
    counts = pd.concat([counts, pd.read_csv(out / "baselines.csv")], ignore_index=True)
    write(counts, out / "counts.csv")
    table = summarize(counts, seedless=BASELINES)
    table["paper, real data"] = table["arm"].map(PAPER)
    caption = f"IoU, precision and recall with 95 % intervals over seeds and landscapes, {note}; last column: the paper"
    metrics.write_table(table, out / "scores", caption=caption)
    metrics.write_table(compare(counts), out / "differences", caption=f"Differences of IoU between arms, {note}")
    errors = gather(part, out, "errors.csv")
    classes = [
        error_analysis.sum_counts([own], ["sea", "division", "class"]).assign(arm=arm)
        for arm, own in errors.groupby("arm", sort=False)
    ]
    write(pd.concat(classes, ignore_index=True), out / "errors.csv")


def with_glacier(counts: pd.DataFrame) -> pd.DataFrame:
    """Leave out test tiles without glacier in the reference, which have no IoU of their own.

    Only whole landscapes have glacier for sure; of four tiles side by side, one may be without.
    """
    own = counts[counts["against"] == "reference"]
    iced = own.loc[own["tp"] + own["fn"] > 0, ["arm", "landscape"]].drop_duplicates()
    return counts.merge(iced)


def alike(counts: pd.DataFrame) -> list[list[str]]:
    """Group the arms that were scored on the same landscapes, in their order."""
    groups: dict[frozenset[str], list[str]] = {}
    for arm, own in counts.groupby("arm", sort=False):
        groups.setdefault(frozenset(own["landscape"]), []).append(str(arm))
    return list(groups.values())


def summarize(counts: pd.DataFrame, *, seedless: tuple[str, ...] = ()) -> pd.DataFrame:
    """Score every arm against the reference with intervals, and against the truth, on test tiles with glacier.

    Returns:
        A row an arm: iou, low, high (pooled), mean_iou, mean_low, mean_high (over landscapes), precision, recall, f1
        (pooled over seeds and landscapes), boundary median and 95 % (medians over landscapes, metres), iou_truth.
    """
    counts = with_glacier(counts)
    own = counts[counts["against"] == "reference"]
    scores = pd.concat(
        statistics.score_arms(
            own[own["arm"].isin(arms)], seedless=[arm for arm in seedless if arm in arms], draws=DRAWS
        )
        for arms in alike(own)
    )
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


def compare_with_reference(part: Part, counts: pd.DataFrame, others: pd.DataFrame, *, reference: str) -> pd.DataFrame:
    """Compare the arms of a part with its reference and with the weights they shift, on the same seeds and landscapes.

    Args:
        part: Not the main one.
        counts: Its counts.
        others: Counts of the reference, and of the weights that are shifted.
        reference: The unet3d that is trained as long as the part's arms.

    Returns:
        As `compare_arms`. Each trained arm is compared with the reference, where its test landscapes are the same, and
        one of another network also with its twin of the part, which differs by the network only; shifted weights are
        compared with what the same weights score on the dataset of the main part.

    Raises:
        InputError: Shifted weights were scored on other landscapes, or the reference lacks a seed of this part.
    """
    counts = counts[counts["against"] == "reference"]
    others = others[(others["against"] == "reference") & others["seed"].isin(part.seeds)]
    others = others[others["arm"].isin([reference, *(shift.arm for shift in part.shifts.values())])]
    same = [arm for arm in part.scored if _landscapes(counts, arm) == _landscapes(others, reference)]
    if moved := set(part.shifts) - set(same):
        raise InputError(f"part {part.name}: other test landscapes of {min(moved)} found, those of {MAIN} expected")
    pairs = [(arm, reference) for arm in part.arms if arm in same]
    pairs += [(arm, twin) for arm in part.arms if arm in same and (twin := _twin(part, arm)) in same]
    pairs += [(shift.name, shift.arm) for shift in part.shifts.values()]
    if not pairs:
        return pd.DataFrame()
    both = pd.concat([others, counts[counts["arm"].isin(same)]], ignore_index=True)
    return statistics.compare_arms(both, pairs, draws=DRAWS)


def _landscapes(counts: pd.DataFrame, arm: str) -> set[str]:
    return set(counts.loc[counts["arm"] == arm, "landscape"])


def _twin(part: Part, arm: str) -> str:
    """Find the unet3d of a part that differs from an arm by the network only; "" if there is none."""

    def rest(name: str) -> dict[str, object]:
        own = part.arms[name]
        return {"data": own.data, **own.options, "model": ""}

    unets = [name for name in part.arms if part.arms[name].options.get("model", "unet3d") == "unet3d" and name != arm]
    return next((name for name in unets if rest(name) == rest(arm)), "")
