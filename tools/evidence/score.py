"""Train and score one arm of the experiment with one seed: long tables of counts, a row a landscape or class."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from glaciersar import outlines
from glaciersar.dataset.date_sampling import DATES
from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.evaluation import baselines, error_analysis
from glaciersar.evaluation.metrics import Confusion, TileResult, boundary_distances
from glaciersar.evaluation.scoring import map_outlines, map_tiles
from glaciersar.evaluation.single_dates import best_date, count_by_date
from glaciersar.grid import Group
from glaciersar.io.atomic import atomic_write
from glaciersar.models import Network, pretrained
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.training.loop import train
from tools.evidence import labels
from tools.evidence.plan import MAIN, Arm, Plan, Shift

AGAINST = ("reference", "truth")


def weights_of(work: Path, arm: str, seed: int) -> Path:
    """Tell where the trained weights of an arm lie."""
    return work / "models" / arm / str(seed) / "weights.safetensors"


def train_arm(plan: Plan, arm: Arm, seed: int, work: Path) -> Network:
    """Train an arm, or take up a training that was killed; returns the network that is kept."""
    weights = weights_of(work, arm.name, seed)
    train(arm.config(plan.training, seed=seed), work / "datasets" / arm.data, weights.parent, progress=False)
    return pretrained.load(weights)


def score_arm(plan: Plan, arm: Arm, seed: int, work: Path) -> None:
    """Train an arm and score it on the test landscapes of its dataset; writes counts.csv and what else it measures.

    Every arm has counts.csv (landscape, against, counts, boundary distances). Those of the part "main" have errors.csv
    (by class) and distances.csv, too; one_date has dates.csv, unet3d_any seasons.csv and
    season_zones.csv, a drawing style areas.csv.
    """
    start = time.monotonic()
    model = train_arm(plan, arm, seed, work)
    folder = work / "scores" / arm.name / str(seed)
    archive = work / "archives" / str(plan.datasets[arm.data]["archive"])
    data = work / "datasets" / arm.data
    dates = None
    if arm.options.get("date_sampling") == "one":
        by_date = {name: count_by_date(model, data / f"{name}.h5") for name in ("val", "test")}
        dates = [best_date(by_date["val"])]
        write(_date_table(by_date["test"], chosen=dates[0]), folder / "dates.csv")
    truth = outlines.read_outlines(archive / "outlines.gpkg", layer="truth")
    results = list(map_tiles(model, data / "test.h5", dates=dates))
    if arm.options.get("date_sampling") == "subset":
        by_landscape, by_zone = _season_tables(model, data / "test.h5", archive)
        write(by_landscape, folder / "seasons.csv")
        write(by_zone, folder / "season_zones.csv")
    if arm.name in plan.parts[MAIN].arms:
        errors, distances = error_analysis.count_errors(results, archive, pixel=pixel_size(data / "test.h5"))
        write(errors, folder / "errors.csv")
        write(distances, folder / "distances.csv")
    if "ragged_share" in plan.datasets[arm.data]:
        write(_drift_table(plan, model, work), folder / "areas.csv")
    seconds = pd.DataFrame({"seconds": [time.monotonic() - start]})  # less, where a killed run went on
    write(seconds, folder / "seconds.csv")
    write(count_landscapes(results, truth, pixel=pixel_size(data / "test.h5")), folder / "counts.csv")


def score_shift(plan: Plan, shift: Shift, seed: int, work: Path) -> None:
    """Score the trained weights of an arm on the test landscapes of another dataset; writes counts.csv.

    Raises:
        InputError: The arm is not trained.
    """
    start = time.monotonic()
    weights = weights_of(work, shift.arm, seed)
    if not weights.exists():
        raise InputError(f"{weights}: not there; `python -m tools.evidence score {shift.arm} {seed}` expected before")
    test = work / "datasets" / shift.data / "test.h5"
    layers = work / "archives" / str(plan.datasets[shift.data]["archive"]) / "outlines.gpkg"
    truth = outlines.read_outlines(layers, layer="truth")
    counts = count_landscapes(list(map_tiles(pretrained.load(weights), test)), truth, pixel=pixel_size(test))
    folder = work / "scores" / shift.name / str(seed)
    write(pd.DataFrame({"seconds": [time.monotonic() - start]}), folder / "seconds.csv")
    write(counts, folder / "counts.csv")


def score_baselines(plan: Plan, work: Path) -> None:
    """Score what is no network on the main dataset: a threshold, gradient boosting, the second annotator, the truth."""
    data, archive = work / "datasets" / MAIN, work / "archives" / str(plan.datasets[MAIN]["archive"])
    layers = archive / "outlines.gpkg"
    truth, second = (outlines.read_outlines(layers, layer=name) for name in ("truth", "second_annotator"))
    pixel = pixel_size(data / "test.h5")
    maps = {
        "boosting": baselines.map_by_booster(baselines.fit_booster(data / "train.h5"), data / "test.h5"),
        "second_annotator": map_outlines(second, data / "test.h5"),
        "threshold": baselines.map_by_threshold(baselines.fit_threshold(data / "train.h5"), data / "test.h5"),
        "truth": map_outlines(truth, data / "test.h5"),
    }
    for name, results in maps.items():
        write(count_landscapes(list(results), truth, pixel=pixel), work / "scores" / name / "counts.csv")


def count_landscapes(results: Sequence[TileResult], truth: gpd.GeoDataFrame, *, pixel: float) -> pd.DataFrame:
    """Count maps against the reference and against the truth.

    Args:
        results: Maps beside the reference.
        truth: True outlines with a column year.
        pixel: Side of a pixel, metres.

    Returns:
        Columns landscape (name of the tile, year and orbit), against, tp, fp, fn, tn, and the median and 95 % of the
        boundary distances, metres.
    """
    rows = []
    for result in results:
        group = Group.parse(result.name)
        box = group.tile.geobox(pixel=pixel)
        true = outlines.to_mask(outlines.outlines_of_year(truth, group.year), box)
        for against, mask in zip(AGAINST, (result.truth, true), strict=True):
            found = np.asarray(result.found, bool)
            apart = boundary_distances(mask, found, pixel, result.valid)
            median, p95 = np.percentile(apart, (50, 95)) if apart.size else (np.nan, np.nan)
            counts = asdict(Confusion.of(mask, found, result.valid))
            rows.append({"landscape": result.name, "against": against, **counts, "median": median, "p95": p95})
    return pd.DataFrame(rows)


def _drift_table(plan: Plan, model: Network, work: Path) -> pd.DataFrame:
    """Measure the areas of the landscapes that are seen in two years."""
    name = str(plan.datasets[labels.PAIRS]["archive"])
    settings = ArchiveSettings(**plan.archives[name])
    return labels.areas_by_year(model, settings, work / "archives" / name, work / "datasets" / labels.PAIRS / "test.h5")


def _date_table(by_date: dict[str, tuple[Confusion, ...]], *, chosen: int) -> pd.DataFrame:
    """Tabulate the counts of each single date, and which one validation chose."""
    return pd.DataFrame(
        {"landscape": name, "date": date, "chosen": date == chosen, **asdict(counts)}
        for name, all_dates in by_date.items()
        for date, counts in enumerate(all_dates)
    )


def _season_tables(model: Network, test: Path, archive: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count what one network maps without one season, from the year's first dates, and from single dates.

    The nearest of these dates stand for the others, as in training: of the first three the third for all later ones.

    Returns:
        Counts by choice of dates and landscape; and, without seasons only, by choice and zone of all landscapes.
    """
    choices: dict[str, Sequence[int]] = {"whole year": range(DATES)}
    for name, left_out in {"winter": range(5), "early summer": range(5, 8), "late summer": range(8, 11)}.items():
        choices[f"without {name}"] = [date for date in range(DATES) if date not in left_out]
    choices["without autumn"] = range(11)
    seasons = list(choices)
    choices |= {f"first {count}": range(count) for count in range(1, DATES)}
    choices |= {f"only {date}": [date] for date in range(DATES)}
    rows, zones = [], []
    for choice, dates in choices.items():
        results = list(map_tiles(model, test, dates=list(dates)))
        for result in results:
            counts = asdict(Confusion.of(result.truth, np.asarray(result.found, bool), result.valid))
            rows.append({"choice": choice, "landscape": result.name, **counts})
        if choice in seasons:
            zones.append(error_analysis.count_by_zone(results, archive).assign(choice=choice))
    return pd.DataFrame(rows), pd.concat(zones, ignore_index=True)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)
