"""Map real Sentinel-1 series of land without glaciers: all that is called glacier there is false."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glaciersar import radiometry
from glaciersar.dataset.date_sampling import DATES, spread_dates
from glaciersar.errors import InputError
from glaciersar.inference.sliding_window import map_array
from glaciersar.models import Network
from glaciersar.models.features import backscatter_features
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tools.real_radar.intervals import ratio_of_sums

CALIFORNIA, FORESTS = "coast of California", "forests of Finland"
FORESTS_AS_TRAINED = "forests of Finland, as 15 dates"
BURSTS = {
    "292320-IW1": "open ocean",
    "292320-IW2": "coastal hills",
    "292322-IW2": "coastal hills",
    "292324-IW2": "coastal hills",
}
VV_ASCENDING, NODATA = 0, -9999  # in BioMassters' files
MONTHS = list(calendar.month_name)[1:]


@dataclass(frozen=True, kw_only=True)
class Control:
    """One real series over land or sea without a glacier."""

    place: str
    """`CALIFORNIA`, `FORESTS` or `FORESTS_AS_TRAINED`."""
    name: str
    """Burst or sample."""
    power: NDArray[np.float32]
    """(T, H, W) backscatter, VV, linear power; NaN without a value."""
    months: tuple[int, ...]
    """(T,) month of each date, 1 to 12."""


def read_controls(folder: str | Path) -> list[Control]:
    """Read the real negative controls from the folder of real data, the forests as they are and as 15 dates."""
    forests = read_forests(Path(folder) / "biomassters-s1")
    return [*read_california(Path(folder) / "sentinel1-rtc-california"), *forests, *map(spread_over_year, forests)]


def read_california(folder: Path) -> list[Control]:
    """Read 15 dates, evenly chosen, of each burst over California on its own grid of 30 m."""
    found = find_scenes(folder)
    scenes = [found[index] for index in spread_dates(DATES, of=len(found))]
    months = tuple(scene.time.month for scene in scenes)
    controls = []
    for burst in BURSTS:
        own = [replace(scene, hrefs={"VV": tuple(h for h in scene.hrefs["VV"] if burst in h)}) for scene in scenes]
        power = read_series(own, covering_geobox(own, "VV"), "VV").power
        controls.append(Control(place=CALIFORNIA, name=burst, power=power, months=months))
    return controls


def read_forests(folder: Path) -> list[Control]:
    """Read twelve months of each BioMassters sample, VV ascending, from January to December as networks know a year."""
    paths = sorted(folder.glob("sample_*.npz"))
    if not paths:
        raise InputError(f"{folder}: no file sample_*.npz found, at least one expected")
    controls = []
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            decibel, months = file["s1"][:, VV_ASCENDING], [MONTHS.index(str(name)) + 1 for name in file["months"]]
        order = np.argsort(months)  # the files begin in September
        power = radiometry.to_power(np.where(decibel == NODATA, np.nan, decibel)[order])  # (12, H, W)
        year = tuple(sorted(months))
        controls.append(Control(place=FORESTS, name=path.stem, power=power.astype(np.float32), months=year))
    return controls


def spread_over_year(control: Control) -> Control:
    """Show twelve months as the 15 dates that networks are trained on: each date the month nearest to it."""
    nearest = np.rint(np.linspace(0, len(control.months) - 1, DATES)).astype(int)
    months = tuple(control.months[index] for index in nearest)
    return replace(control, place=FORESTS_AS_TRAINED, power=control.power[nearest], months=months)


def glacier_counts(model: Network, control: Control) -> tuple[int, int]:
    """Map a control and count the pixels called glacier (p > 0.5), and all pixels with radar."""
    prepared = radiometry.prepare(control.power, feature=backscatter_features(model)[0])
    found = map_array(model, prepared.series[None], valid=prepared.valid, backend="torch", precision="float32")
    return int((found > 0.5).sum()), int(prepared.valid.sum())  # NaN is not above


def false_shares(models: dict[str, Network], controls: Sequence[Control], *, seed: int = 1) -> pd.DataFrame:
    """Measure the share of each control, and of all of a place, that each network calls glacier.

    Returns:
        A row a burst or sample and one "all" a place, columns place, name and one a model; "all" with the interval
        over bursts or samples.
    """
    counts = {name: [glacier_counts(model, control) for control in controls] for name, model in models.items()}
    rows: list[dict[str, str]] = []
    for place in dict.fromkeys(control.place for control in controls):
        own = [index for index, control in enumerate(controls) if control.place == place]
        for index in own:
            shares = {name: f"{found[index][0] / found[index][1]:.3f}" for name, found in counts.items()}
            rows.append({"place": place, "name": controls[index].name, **shares})
        whole = {}
        for name, found in counts.items():
            called, seen = zip(*(found[index] for index in own), strict=True)
            whole[name] = str(ratio_of_sums(called, seen, seed=seed))
        rows.append({"place": place, "name": "all", **whole})
    return pd.DataFrame(rows)
