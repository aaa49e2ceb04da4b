"""Coverage of the 95 % intervals: how often they hold the true area or change of simulated landscapes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from glaciersar import outlines, radiometry
from glaciersar.grid import Tile
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.inference.prepared_scenes import match_polarisations
from glaciersar.inference.sliding_window import map_array
from glaciersar.inventory import area, block_sums, change
from glaciersar.models import Network
from glaciersar.simulate import backscatter_levels, radar, random_fields, reference_outlines
from glaciersar.simulate.landscape import draw_landscape
from glaciersar.simulate.settings import DAY_OF_FIRST_PASS

TILE = Tile(column=20, row=30)  # of every landscape; its position does not matter

Map = tuple[NDArray[np.float32], Mapping[str, NDArray[np.bool_]]]
"""The probability of glacier (H, W), and the masks "truth" and "reference" (outlines of an annotator), (H, W) each."""


@dataclass(frozen=True, kw_only=True)
class LandscapeSums:
    """The sums of a map of a landscape in one year."""

    blocks: pd.DataFrame
    """From `block_sums.sum_blocks`."""
    known: Mapping[str, float]
    """Glacier area of the masks "truth" and "reference", km²."""
    perimeter: float
    """Of the mapped glacier outlines, km."""


def map_landscapes(
    model: Network,
    *,
    landscapes: int,
    pixel: float,
    years: Sequence[int],
    relative_orbit: int,
    looks: float = 10.7,
    dates: int = 15,
    seed: int,
    progress: bool = False,
) -> Iterator[dict[int, Map]]:
    """Simulate landscapes of one 10 km tile with a radar series for each year, and map them.

    Args:
        model: From `pretrained.load`.
        landscapes: Number of landscapes.
        pixel: Metres, as in the training of the model.
        years: Of the series.
        relative_orbit: 14 or 174.
        looks: Equivalent number of looks of a pixel.
        dates: Number of dates of a year, 24 days apart.
        seed: Landscape k does not depend on their number; none occurs in an archive of `simulate_archive`.
        progress: Show a progress bar.

    Yields:
        The map by year.
    """
    assumed = backscatter_levels.read_levels()
    polarisations = match_polarisations(model, "HH+HV" if model.features > 1 else "HH")
    for k in tqdm(range(landscapes), desc="landscapes", disable=not progress):
        own = int(random_fields.random_stream(seed, "coverage", k).integers(2**31))
        landscape = draw_landscape(f"coverage-{k}", TILE.geobox(pixel=pixel), years=years, seed=own)
        maps: dict[int, Map] = {}
        for year in years:
            first = date(year, 1, 1) + timedelta(days=DAY_OF_FIRST_PASS[relative_orbit])
            days = [first + timedelta(days=24 * step) for step in range(dates)]
            seen = radar.prepare_series(landscape, year, relative_orbit, levels=assumed, looks=looks, seed=own)
            images = [radar.observe(seen, day, key=day.toordinal()) for day in days]
            prepared = radiometry.stack_features(
                [
                    radiometry.prepare(np.stack([image[kind] for image in images]), feature=feature)
                    for feature, kind in polarisations.items()
                ]
            )
            drawn = reference_outlines.annotate(landscape, year, annotator="reference", seed=own)
            known = {"truth": landscape.glacier[year], "reference": outlines.to_mask(drawn, landscape.geobox)}
            maps[year] = (map_array(model, prepared.series, valid=prepared.valid), known)
        yield maps


def sum_landscapes(
    maps: Iterable[Mapping[int, Map]], *, pixel: float, calibration: Calibration = UNCALIBRATED
) -> list[dict[int, LandscapeSums]]:
    """Sum the maps of landscapes by block, one map at a time; memory grows with the number of blocks.

    Args:
        maps: From `map_landscapes`.
        pixel: Metres.
        calibration: From `calibration.fit_calibration`.
    """
    box = TILE.geobox(pixel=pixel)
    return [
        {
            year: LandscapeSums(
                blocks=block_sums.sum_blocks(calibration(probability), box.affine),
                known={  # summed in the order of the mapped area, at which an interval may end
                    name: float(block_sums.sum_blocks(mask.astype(float), box.affine)["expected"].sum())
                    for name, mask in masks.items()
                },
                perimeter=float(outlines.from_mask(probability > 0.5, box).length.sum()) / 1e3,
            )
            for year, (probability, masks) in years.items()
        }
        for years in maps
    ]


def measure_areas(
    landscapes: Sequence[Mapping[int, LandscapeSums]],
    known: pd.DataFrame,
    *,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give the intervals of the area of each landscape in its last year, beside the true area.

    Args:
        landscapes: From `sum_landscapes`.
        known: Residuals of the validation tiles, from `area.residuals`.
        disagreement: Standard deviation of the distance between boundaries, metres, for `area.boundary_error`.
        draws: Bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        A row each landscape: truth, reference, expected (km²), and low and high of "blocks", "residuals" and
        "boundary", such as low_blocks.
    """
    rows = []
    for k, years in enumerate(landscapes):
        last = years[max(years)]
        found = area.intervals(
            last.blocks,
            known,
            {"total": last.perimeter},
            disagreement=disagreement,
            draws=draws,
            seed=seed + k,
        )
        rows.append(dict(last.known) | found.loc["total"].rename({"area": "expected"}).to_dict())
    return pd.DataFrame(rows)


def measure_changes(
    landscapes: Sequence[Mapping[int, LandscapeSums]], known: pd.DataFrame, *, draws: int = 10_000, seed: int
) -> pd.DataFrame:
    """Give the intervals of the rate of change of each landscape from its first to its last year, beside the true rate.

    Args:
        landscapes: From `sum_landscapes`, of two years or more.
        known: Residuals of the validation tiles, from `area.residuals`.
        draws: Bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        A row each landscape: truth, reference, expected (km² a year), and low and high of "blocks" and "residuals".
    """
    rows = []
    for k, years in enumerate(landscapes):
        first, last = min(years), max(years)
        blocks = {year: years[year].blocks for year in (first, last)}
        row = {
            name: (years[last].known[name] - years[first].known[name]) / (last - first) for name in years[last].known
        }
        tables = {
            "blocks": change.rates_by_blocks(blocks, draws=draws, seed=seed + k),
            "residuals": change.rates_by_residuals(blocks, known, draws=draws, seed=seed + k),
        }
        for name, table in tables.items():
            found = table.loc["total"].iloc[0]
            row |= {"expected": found["rate"], f"low_{name}": found["low"], f"high_{name}": found["high"]}
        rows.append(row)
    return pd.DataFrame(rows)


def interval_coverage(landscapes: pd.DataFrame, *, against: str = "truth") -> pd.DataFrame:
    """Measure the coverage of each interval: the fraction of landscapes whose truth it holds.

    Args:
        landscapes: From `measure_areas` or `measure_changes`.
        against: The column that counts as the truth.

    Returns:
        A row each kind of interval: coverage (of the interval), its standard error, the median width, and bias and
        error (root mean square) of the expected value, in the unit of the frame.
    """
    rows, errors = {}, landscapes["expected"] - landscapes[against]
    kinds = [str(column).removeprefix("low_") for column in landscapes if str(column).startswith("low_")]
    for name in kinds:
        low, high = landscapes[f"low_{name}"], landscapes[f"high_{name}"]
        fraction = float(((low <= landscapes[against]) & (landscapes[against] <= high)).mean())
        rows[name] = {
            "coverage": fraction,
            "standard_error": float(np.sqrt(fraction * (1 - fraction) / len(landscapes))),
            "width": float((high - low).median()),
            "bias": float(errors.mean()),
            "error": float(np.sqrt((errors**2).mean())),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("interval")
