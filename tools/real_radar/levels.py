"""Set the backscatter of real land without glaciers beside that of the simulator's zones, month by month."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from glaciersar import radiometry
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import filter_scenes
from glaciersar.simulate.zones import Zone
from tools.real_radar.controls import BURSTS, CALIFORNIA, FORESTS, Control

YEAR = 2016
COMPARED = {
    FORESTS: (Zone.FOREST,),
    "coastal hills": (Zone.DRY_HILLS, Zone.FIELDS),
    "open ocean": (Zone.WATER,),
    "glacier": (Zone.ICE, Zone.FIRN),
}
"""Kind of real surface, and the simulated zones that stand beside it; for glacier there is no real one."""
LEAST_PIXELS = 2000


def level_table(controls: Sequence[Control], archive: str | Path) -> pd.DataFrame:
    """Tabulate the monthly median of real land and of simulated zones, and how much they vary.

    Args:
        controls: From `controls.read_controls`.
        archive: Folder of the simulated archive, with its zones.

    Returns:
        A row a surface: the median of each month in dB, VV or *simulated* HH, "–" without a date; the standard
        deviation in dB between the pixels of a date (texture and speckle) and between the dates of a pixel, medians
        over dates, pixels, and bursts, samples or landscapes.
    """
    rows = []
    simulated = list(_zone_series(Path(archive)))
    for kind, zones in COMPARED.items():
        real = [(c.power.reshape(len(c.power), -1), c.months) for c in controls if _kind(c) == kind]
        if real:
            rows.append({"surface": f"real: {kind}"} | _describe(real))
        for zone in zones:
            found = [(power, months) for name, power, months in simulated if name == zone]
            rows.append({"surface": f"*simulated*: {zone.name}"} | _describe(found))
    return pd.DataFrame(rows)


def _kind(control: Control) -> str:
    return BURSTS[control.name] if control.place == CALIFORNIA else control.place


def _zone_series(archive: Path) -> Iterator[tuple[Zone, NDArray[np.float32], tuple[int, ...]]]:
    """Read the series of every zone of each landscape, HH: zone, linear power (T, pixels), months."""
    by_landscape: dict[str, list[Scene]] = {}
    for scene in filter_scenes(find_scenes(archive / "catalog.json"), year=YEAR, polarisation="HH"):
        by_landscape.setdefault(_landscape(scene), []).append(scene)
    for name, scenes in sorted(by_landscape.items()):
        with rasterio.open(archive / name / f"zones_{YEAR}.tif") as file:
            zones = file.read(1)  # (H, W)
        power = read_series(scenes, covering_geobox(scenes, "HH"), "HH").power  # (T, H, W)
        for zone in {zone for several in COMPARED.values() for zone in several}:
            if (zones == zone).sum() >= LEAST_PIXELS:
                yield zone, power[:, zones == zone], tuple(scene.time.month for scene in scenes)


def _landscape(scene: Scene) -> str:
    """Name the landscape of a simulated scene by the folder that its images lie in."""
    return Path(scene.hrefs["HH"][0]).parents[1].name


def _describe(series: Iterable[tuple[NDArray[np.float32], tuple[int, ...]]]) -> dict[str, str]:
    """Describe series of linear power (T, pixels), one a burst, sample or landscape, in dB."""
    monthly: dict[int, list[float]] = {month: [] for month in range(1, 13)}
    between_pixels, between_dates = [], []
    for power, months in series:
        decibel = radiometry.to_decibel(power, floor=radiometry.NOISE_FLOOR)
        for month, median in zip(months, np.nanmedian(decibel, axis=1), strict=True):
            monthly[month].append(float(median))
        between_pixels.append(float(np.median(np.nanstd(decibel, axis=1))))
        between_dates.append(float(np.median(np.nanstd(decibel, axis=0))))
    shown = {str(month): f"{np.median(found):.1f}" if found else "–" for month, found in monthly.items()}
    spread = {"between pixels": between_pixels, "between dates": between_dates}
    return shown | {name: f"{np.median(found):.1f}" if found else "–" for name, found in spread.items()}
