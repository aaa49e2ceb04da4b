"""Hold the simulator to what is known of Svalbard and its radar, and write the comparison to docs/simulator.md.

python -m tools.simulator_facts [docs/simulator.md]
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import grid, outlines
from glaciersar.evaluation.metrics import Confusion
from glaciersar.io.atomic import atomic_write
from glaciersar.simulate import radar, reference_outlines
from glaciersar.simulate.backscatter_levels import read_levels
from glaciersar.simulate.geometry import view_from_orbit
from glaciersar.simulate.landscape import Landscape, draw_landscape
from glaciersar.simulate.places import bounds_of
from glaciersar.simulate.random_fields import random_stream
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.simulate.zones import Zone

YEARS = (2016, 2020)
DATES = 6  # whose drift is measured, of each landscape
SWATH = "Interferometric wide swath of Sentinel-1"
AUSTFONNA = "Rees, Dowdeswell and Diament 1995, ERS over Austfonna"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What is known of one quantity."""

    name: str
    """Column of `measure_landscapes`' summary."""
    known: str
    """As the source says it."""
    source: str
    low: float
    """The simulator must lie within `low` … `high`."""
    high: float
    at_most: tuple[float, float] | None = None
    """Of a quantity that scatters between landscapes more than its band is wide: it may lie beyond the band by two
    standard errors, but not beyond these."""


FACTS = (
    Fact(name="incidence, lowest (degrees)", known="30", low=30, high=33, source=SWATH),
    Fact(name="incidence, highest (degrees)", known="46", low=43, high=46, source=SWATH),
    Fact(name="ice of a landscape (fraction)", known="0.47 of the published tiles", low=0.35, high=0.6,
         source="Outlines of the Norwegian Polar Institute in the published 747 tiles"),
    Fact(name="sea of a landscape (fraction)", known="0.21 of the published tiles", low=0.15, high=0.28,
         source="GSHHG coastline in the published 747 tiles"),
    Fact(name="firn and superimposed ice of all ice (fraction)", known="about 0.4", low=0.3, high=0.5,
         source="60 % of Svalbard's ice lies below 450 m, near the equilibrium line (Noël and others 2020)"),
    Fact(name="ice below 450 m (fraction)", known="0.6", low=0.45, high=0.7, source="Noël and others 2020"),
    Fact(name="perimeter over area of ice (1/km)", known="0.48 or more", low=0.48, high=0.8,
         at_most=(0.4, 0.8),
         source="Generalised outlines of the Norwegian Polar Institute, a lower bound"),
    Fact(name="IoU of two annotators", known="0.97 to 0.985", low=0.97, high=0.985,
         at_most=(0.96, 0.985),
         source="38 m between ten annotators (arXiv 2501.05281); 1.5 % of area (Nuth and others 2013)"),
    Fact(name="IoU of two annotators, hard setting", known="0.933", low=0.91, high=0.955,
         source="A setting: 80 m between two annotators"),
    Fact(name="change of area 2016 to 2020 (% a year)", known="-0.7 to -0.8", low=-0.8, high=-0.7,
         at_most=(-1.0, -0.45),
         source="The authors' follow-up: -227 to -260 km² a year of 31 900 km²"),
    Fact(name="winter deviation of firn between dates (dB)", known="0.1 to 0.2", low=0.1, high=0.2,
         at_most=(0.05, 0.2),
         source="Percolation facies of Greenland and Alaska (Partington 1998), without the calibration of the radar"),
    Fact(name="firn in winter, VV at 23° (dB, sigma nought)", known="about -3", low=-4, high=-2,
         source=AUSTFONNA),
    Fact(name="firn, winter minus summer (dB)", known="5 to 10", low=5, high=10, source=AUSTFONNA),
    Fact(name="bare ice in August, VV at 23° (dB, sigma nought)", known="about -5", low=-6.5, high=-3.5,
         source=AUSTFONNA),
    Fact(name="calibration between dates (dB)", known="0.33", low=0.25, high=0.42,
         source="The specified 1 dB is three standard deviations"),
)  # fmt: skip


def draw_landscapes(count: int, *, pixel: float, seed: int = 1) -> Iterator[tuple[Landscape, int, int]]:
    """Draw landscapes as an archive of two tiles a side does: each with the orbit that sees it and its seed."""
    settings = ArchiveSettings(landscapes=count, pixel=pixel, seed=seed, years=YEARS, pairing="one_orbit")
    for k in range(count):
        bounds = bounds_of(settings.corner(k), settings.tiles_per_side)
        geobox = GeoBox.from_bbox(bounds, grid.SVAL.crs, resolution=pixel, tight=True)
        own = int(random_stream(seed, "landscapes", k).integers(2**31))
        yield draw_landscape(f"landscape-{k:02d}", geobox, years=YEARS, seed=own), settings.pairs(k, bounds)[0][1], own


def measure_landscape(landscape: Landscape, orbit: int, seed: int) -> dict[str, float]:
    """Measure one landscape: areas in km², lengths in km, sums of pixels, and means of backscatter."""
    unit = (landscape.pixel / 1e3) ** 2
    zones, glacier = landscape.zones[2016], landscape.glacier
    incidence = view_from_orbit(landscape.surface, landscape.geobox, orbit).incidence
    found = {
        "all": zones.size * unit,
        "sea": float((zones == Zone.WATER).sum()) * unit,
        "upper": float(np.isin(zones, (Zone.FIRN, Zone.SUPERIMPOSED)).sum()) * unit,
        "low": float((glacier[2016] & (landscape.surface < 450)).sum()) * unit,
        "lowest": float(incidence.min()),
        "highest": float(incidence.max()),
        "perimeter": _perimeter(landscape),
    }
    found |= {f"ice {year}": float(glacier[year].sum()) * unit for year in YEARS}
    for name, error in (("usual", reference_outlines.USUAL_ERROR), ("hard", reference_outlines.HARD_ERROR)):
        both, either = _agreement(landscape, seed, error)
        found |= {f"both {name}": both * unit, f"either {name}": either * unit}
    return found | _backscatter(landscape, orbit, seed) | {"drift": _drift(landscape, orbit, seed)}


def _perimeter(landscape: Landscape) -> float:
    """Measure the outlines of 2016 as a map shows them, without the edges of the landscape, km."""
    shapes = outlines.from_mask(landscape.glacier[2016], landscape.geobox)
    drawn = gpd.GeoSeries(shapes.simplify(2 * landscape.pixel), crs=shapes.crs)
    inside = shapely.box(*landscape.geobox.boundingbox).buffer(-landscape.pixel)
    return float(drawn.boundary.intersection(inside).length.sum()) / 1e3


def _agreement(landscape: Landscape, seed: int, error: float) -> tuple[int, int]:
    """Count the pixels that both annotators drew, and those that either did, over both years."""
    counts = Confusion()
    for year in YEARS:
        one, other = (
            outlines.to_mask(
                reference_outlines.annotate(landscape, year, annotator=name, seed=seed, label_error=error),
                landscape.geobox,
            )
            for name in ("reference", "second_annotator")
        )
        counts += Confusion.of(one, other)
    return counts.tp, counts.tp + counts.fp + counts.fn


def _backscatter(landscape: Landscape, orbit: int, seed: int) -> dict[str, float]:
    """Measure firn and bare ice through 2016 by a perfectly calibrated radar without rain on snow, dB in HH."""
    assumed = read_levels()
    levels = replace(assumed, calibration=0.0, between_landscapes=np.zeros_like(assumed.between_landscapes))
    series = radar.prepare_series(landscape, 2016, orbit, levels=levels, looks=10.7, seed=seed)
    series = replace(series, season=replace(series.season, rain=()))
    tongue = (landscape.zones[2016] == Zone.ICE) & (landscape.surface < landscape.ela - 150)
    where = {"firn": landscape.zones[2016] == Zone.FIRN, "tongue": tongue}
    days = {"winter": [date(2016, 1, 10) + timedelta(days=12 * k) for k in range(8)], "august": [date(2016, 8, 20)]}
    found: dict[str, float] = {}
    for season, dates in days.items():
        images = [radar.observe(series, day, key=day.toordinal())["HH"] for day in dates]
        for name, mask in where.items():
            state = 0 if season == "winter" else (1 if name == "firn" else 2)
            zone = Zone.FIRN if name == "firn" else Zone.ICE
            # as ERS saw it: sigma nought at 23 degrees
            moved = 10 ** (levels.slope[zone, state] * (23 - series.view.incidence) / 10) * np.cos(np.radians(23))
            means = [10 * np.log10((image * moved)[mask].mean()) if mask.sum() > 300 else np.nan for image in images]
            found |= {f"{name} {season}": float(np.mean(means)), f"{name} {season} deviation": float(np.std(means))}
    return found


def _drift(landscape: Landscape, orbit: int, seed: int) -> float:
    """Measure the variance between dates of the mean of the land in one dry winter, dB², by a radar that drifts.

    Images of the same dates by a radar that does not are taken off, and with them what weather and speckle change.
    """
    land = landscape.zones[2016] != Zone.WATER
    drifting = radar.prepare_series(landscape, 2016, orbit, levels=read_levels(), looks=10.7, seed=seed)
    drifting = replace(drifting, season=replace(drifting.season, rain=()))
    means = []
    for series in (drifting, replace(drifting, levels=replace(drifting.levels, calibration=0.0))):
        images = [radar.observe(series, date(2016, 1, 10), key=key)["HH"] for key in range(DATES)]
        means.append([10 * np.log10(image[land].mean()) for image in images])
    return float(np.var(np.subtract(means[0], means[1]), ddof=1))


def summarize(table: pd.DataFrame) -> dict[str, float]:
    """Reduce the measures of landscapes to the quantities of `FACTS`: ratios of sums, and means over landscapes."""
    total, mean = table.sum(), table.mean()
    ice = total["ice 2016"]
    return {
        "incidence, lowest (degrees)": table["lowest"].min(),
        "incidence, highest (degrees)": table["highest"].max(),
        "ice of a landscape (fraction)": ice / total["all"],
        "sea of a landscape (fraction)": total["sea"] / total["all"],
        "firn and superimposed ice of all ice (fraction)": total["upper"] / ice,
        "ice below 450 m (fraction)": total["low"] / ice,
        "perimeter over area of ice (1/km)": total["perimeter"] / ice,
        "IoU of two annotators": total["both usual"] / total["either usual"],
        "IoU of two annotators, hard setting": total["both hard"] / total["either hard"],
        "change of area 2016 to 2020 (% a year)": 100 * (total["ice 2020"] / ice - 1) / 4,
        "winter deviation of firn between dates (dB)": mean["firn winter deviation"],
        "firn in winter, VV at 23° (dB, sigma nought)": mean["firn winter"],
        "firn, winter minus summer (dB)": mean["firn winter"] - mean["firn august"],
        "bare ice in August, VV at 23° (dB, sigma nought)": mean["tongue august"],
        "calibration between dates (dB)": float(np.sqrt(mean["drift"])),
    }


def standard_errors(table: pd.DataFrame) -> dict[str, float]:
    """Estimate how far each quantity of `summarize` lies from that of endlessly many landscapes: the jackknife's error.

    Each landscape is left out once (Efron and Stein 1981, doi:10.1214/aos/1176345462). Needs two landscapes or more.
    """
    left_out = pd.DataFrame([summarize(table.drop(index=k)) for k in table.index])
    errors = np.sqrt((len(table) - 1) * left_out.var(ddof=0))
    return {str(name): float(error) for name, error in errors.items()}


def _is_within(fact: Fact, value: float, error: float) -> bool:
    if fact.at_most is None:
        return fact.low <= value <= fact.high
    lowest, highest = fact.at_most
    return lowest <= value <= highest and fact.low - 2 * error <= value <= fact.high + 2 * error


def compare(count: int, *, pixel: float) -> pd.DataFrame:
    """Compare the simulator with `FACTS` on some landscapes: known, simulated, its error, whether within, source."""
    rows = pd.DataFrame([measure_landscape(*drawn) for drawn in draw_landscapes(count, pixel=pixel)])
    found, errors = summarize(rows), standard_errors(rows)
    return pd.DataFrame(
        {
            "quantity": fact.name,
            "known": fact.known,
            "simulated": found[fact.name],
            "standard error": errors[fact.name],
            "held to": f"{fact.low:g} to {fact.high:g}",
            "within": _is_within(fact, round(found[fact.name], 6), errors[fact.name]),
            "source": fact.source,
        }
        for fact in FACTS
    )


def write(path: str | Path, *, count: int = 30, pixel: float = 40.0) -> pd.DataFrame:
    """Write the comparison as a page of the documentation."""
    table = compare(count, pixel=pixel)
    shown = table.drop(columns="within").round({"simulated": 3, "standard error": 3})
    text = f"""# The simulator beside what is known

Made by `python -m tools.simulator_facts` from {count} *simulated* landscapes of 20 km at {pixel:g} m, seed 1.
Standard errors tell how landscapes scatter (jackknife). `make test` holds the simulator to the same bands on fewer
landscapes, where perimeter, annotators, change and winter deviation may lie beyond them by two standard errors. Levels
of backscatter are sourced or assumed one by one in `glaciersar/simulate/backscatter.yaml`.

{shown.to_markdown(index=False, disable_numparse=True)}
"""
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return table


if __name__ == "__main__":
    print(write(sys.argv[1] if len(sys.argv) > 1 else "docs/simulator.md").to_string())
