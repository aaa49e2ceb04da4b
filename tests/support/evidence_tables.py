"""Tables in the form of the experiment of `make evidence`, with invented numbers."""

from pathlib import Path

import numpy as np
import pandas as pd

from glaciersar.evaluation import statistics

LANDSCAPES = [f"landscape-{k}" for k in range(12)]
ARMS = {
    "main": ["one_date", "mean", "unet3d", "ulstm", "threshold", "second_annotator"],
    "steps": ["unet3d_short", "ulstm_short", "unet3d_2x", "ulstm_2x"],
    "dates": [f"{model}_{n}" for model in ("unet3d", "ulstm") for n in (1, 2, 3, 5, 8)] + ["unet3d_any"],
    "data": ["hv", "half", "unet3d_brighter"],
    "training": ["width_4", "without_flip"],
}
SEEDLESS = ("threshold", "second_annotator")


def write_tables(folder: Path, *, seeds: tuple[int, ...] = (1, 2, 3)) -> Path:
    """Write all parts into a folder; the later an arm in its list, the better it maps."""
    rng = np.random.default_rng(4)
    main = _counts(rng, ARMS["main"], seeds)
    _write(folder / "main", scores=_scores(main, SEEDLESS).assign(**{"paper, real data": 0.964}), counts=main)
    pairs = [("unet3d", "one_date"), ("ulstm", "unet3d")]
    _write(folder / "main", differences=statistics.compare_arms(main, pairs, seedless=SEEDLESS, draws=200))
    _write(folder / "main", errors=_errors(rng), dates=_by(rng, "date", range(15), seeds).assign(chosen=False))
    for part in ("steps", "dates", "data", "training"):
        counts = _counts(rng, ARMS[part], seeds)
        both = pd.concat([main[main["arm"] == "unet3d"], counts])
        apart = statistics.compare_arms(both, [(arm, "unet3d") for arm in ARMS[part]], draws=200)
        _write(folder / part, scores=_scores(counts), counts=counts, differences=apart)
    choices = ["whole year", "without winter", *(f"first {n}" for n in range(1, 15)), *(f"only {k}" for k in range(15))]
    _write(folder / "dates", seasons=_by(rng, "choice", choices, seeds))
    zones = [_by(rng, "choice", choices[:2], seeds).assign(zone=zone) for zone in ("firn", "snow_patch")]
    _write(folder / "dates", season_zones=pd.concat(zones))
    unseen = pd.DataFrame(
        {"arm": ["orbit_14"], "other": ["half"], "difference": [0.01], "on": ["unseen relative_orbit"]}
    )
    _write(folder / "data", unseen=unseen, apart=unseen.assign(arm="random", other="blocked"))
    drift = {"source": ["network", "reference"], "share": [0.5, np.nan], "style": ["", "smooth"], "km2": [0.1, 0.2]}
    drift |= {"fraction": [0.01, 0.02], "low": [0.0, 0.01], "high": [0.02, 0.03]}
    _write(folder / "drift", scores=_scores(_counts(rng, ["ragged_0", "ragged_50"], seeds)), drift=pd.DataFrame(drift))
    return folder


def _write(folder: Path, **tables: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


def _count(rng: np.random.Generator, level: float) -> dict[str, int]:
    right = int(1000 * np.clip(level + 0.02 * rng.standard_normal(), 0, 1))
    return {"tp": right, "fp": 100, "fn": 1000 - right, "tn": 500}


def _counts(rng: np.random.Generator, arms: list[str], seeds: tuple[int, ...]) -> pd.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "landscape": name} | _count(rng, 0.6 + 0.3 * place / len(arms))
        for place, arm in enumerate(arms)
        for seed in (seeds[:1] if arm in SEEDLESS else seeds)
        for name in LANDSCAPES
    ]
    return pd.DataFrame(rows)


def _by(rng: np.random.Generator, column: str, values: object, seeds: tuple[int, ...]) -> pd.DataFrame:
    rows = [
        {column: value, "seed": seed, "landscape": name} | _count(rng, 0.7)
        for value in pd.Series(values)
        for seed in seeds
        for name in LANDSCAPES
    ]
    return pd.DataFrame(rows)


def _scores(counts: pd.DataFrame, seedless: tuple[str, ...] = ()) -> pd.DataFrame:
    by = dict(tuple(statistics.score_arms(counts, seedless=seedless, draws=200).groupby("statistic")))
    columns = ["arm", "iou", "low", "high"]
    mean = by["mean"][columns].rename(columns={name: f"mean_{name}" for name in columns[1:]})
    return by["pooled"][columns].merge(mean, on="arm")


def _errors(rng: np.random.Generator) -> pd.DataFrame:
    classes = {"zone": ["firn", "bare_ice", "snow_patch"], "incidence": ["30–34°", "34–38°"], "size": ["< 1 km²"]}
    classes |= {"view": ["seen", "layover"]}
    rows = [
        {"arm": arm, "sea": sea, "division": division, "class": name} | _count(rng, 0.8)
        for arm in ("unet3d", "ulstm")
        for sea in ("counted", "masked")
        for division, names in classes.items()
        for name in names
    ]
    return pd.DataFrame(rows)
