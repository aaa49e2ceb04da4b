"""Does a 95 % interval hold the true area 95 times in 100? Measured on simulated landscapes, whose truth is known."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from glaciersar import area, evaluation, outlines, radiometry
from glaciersar.confidence import NONE, Calibration
from glaciersar.grid import Tile
from glaciersar.mapping import map_array
from glaciersar.models import Network
from glaciersar.simulate import labels, landscape, levels, noise, radar
from glaciersar.simulate.settings import DAY_OF_FIRST_PASS

TILE = Tile(column=20, row=30)  # where the landscapes lie does not matter


def map_landscapes(
    model: Network,
    *,
    landscapes: int,
    pixel: float,
    year: int,
    relative_orbit: int,
    looks: float = 10.7,
    dates: int = 15,
    seed: int,
    progress: bool = False,
) -> Iterator[tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]]:
    """Draw landscapes of one 10 km tile, look at each with a simulated series, and map it.

    Args:
        model: From `pretrained.load`.
        landscapes: How many.
        pixel: Metres, as the model was trained on.
        year: Of the series.
        relative_orbit: 14 or 174.
        looks: Equivalent number of looks of a pixel.
        dates: How many dates stand for the year, 24 days apart.
        seed: Landscape k is the same whatever their number; none is one of an archive of `simulate_archive`.
        progress: Show a progress bar.

    Yields:
        The probability of glacier (H, W), and "truth" and "reference" (as an annotator draws it), (H, W) each.
    """
    assumed, first = levels.read(), date(year, 1, 1) + timedelta(days=DAY_OF_FIRST_PASS[relative_orbit])
    days = [first + timedelta(days=24 * k) for k in range(dates)]
    feature = evaluation.features_of(model)[0]
    for k in tqdm(range(landscapes), desc="landscapes", disable=not progress):
        own = int(noise.stream(seed, "coverage", k).integers(2**31))
        ground = landscape.draw(f"coverage-{k}", TILE.geobox(pixel=pixel), years=[year], seed=own)
        seen = radar.prepare(ground, year, relative_orbit, levels=assumed, looks=looks, seed=own)
        power = np.stack([radar.observe(seen, day, key=day.toordinal())["HH"] for day in days])
        prepared = radiometry.prepare(power, feature=feature)
        drawn = labels.annotate(ground, year, annotator="reference", seed=own)
        known = {"truth": ground.glacier[year], "reference": outlines.to_mask(drawn, ground.geobox)}
        yield map_array(model, prepared.series[None], valid=prepared.valid), known


def measure(
    maps: Iterator[tuple[NDArray[np.float32], Mapping[str, NDArray[np.bool_]]]],
    known: pd.DataFrame,
    *,
    pixel: float,
    calibration: Calibration = NONE,
    disagreement: float,
    draws: int = 10_000,
    seed: int,
) -> pd.DataFrame:
    """Give the intervals of each landscape, and what it holds in truth.

    Args:
        maps: From `map_landscapes`.
        known: Residuals of the validation tiles, from `area.residuals`.
        pixel: Metres.
        calibration: From `confidence.fit`.
        disagreement: Standard deviation of the distance between boundaries, metres, for `area.boundary_error`.
        draws: Bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        A row each landscape: truth, reference, expected (km²), and low and high of "blocks", "residuals" and
        "boundary", such as low_blocks.
    """
    transform = TILE.geobox(pixel=pixel).affine
    rows = []
    for k, (probability, masks) in enumerate(maps):
        blocks = area.add_up(calibration(probability), transform)
        total = float(blocks["expected"].sum())
        row = {name: float(mask.sum()) * pixel**2 / 1e6 for name, mask in masks.items()} | {"expected": total}
        for name, found in (
            ("blocks", area.block_bootstrap(blocks, draws=draws, seed=seed + k)),
            ("residuals", area.residual_interval(blocks, known, draws=draws, seed=seed + k)),
        ):
            row |= {f"{side}_{name}": float(found[side]["total"]) for side in ("low", "high")}
        outline = outlines.from_mask(probability > 0.5, TILE.geobox(pixel=pixel))
        half = area.boundary_error(float(outline.length.sum()) / 1e3, disagreement)
        rows.append(row | {"low_boundary": total - half, "high_boundary": total + half})
    return pd.DataFrame(rows)


def summarise(landscapes: pd.DataFrame, *, against: str = "truth") -> pd.DataFrame:
    """Count how often each interval holds the area.

    Returns:
        A row each kind of interval: coverage, its standard error, and the median width as a share of the median area.
    """
    rows = {}
    for name in ("blocks", "residuals", "boundary"):
        low, high, area_known = landscapes[f"low_{name}"], landscapes[f"high_{name}"], landscapes[against]
        share = float(((low <= area_known) & (area_known <= high)).mean())
        rows[name] = {
            "coverage": share,
            "standard_error": float(np.sqrt(share * (1 - share) / len(landscapes))),
            "width": float((high - low).median() / area_known.median()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("interval")
