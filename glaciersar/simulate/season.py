"""The year of snow: when it gets wet, when it is gone, when all freezes again, and rain in winter."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import special

from glaciersar.simulate import noise
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.rounding import evaluate
from glaciersar.simulate.zones import Zone

Field = NDArray[np.float32]

ONSET = 156.0  # day of the year on which melt begins at 200 m: 5 June
LATER = 0.03  # days for each metre
FREEZE = 278.0  # day on which all is frozen at sea level: 5 October
EARLIER = 25 / 800  # days for each metre
WARM_SUMMERS = {2020: 14.0}  # days by which the snow was gone early: most of it after 1 August 2020 (NVE report 3/2021)


@dataclass(frozen=True, kw_only=True)
class Season:
    """Days of the year on which the ground changes, and the winter's rain."""

    onset: Field
    """(H, W) first day of wet snow."""
    gone: Field
    """(H, W) day on which the snow is gone; after `freeze` where it never is."""
    freeze: Field
    """(H, W) day on which it is frozen again."""
    rain: tuple[tuple[float, float], ...]
    """Winter rain on snow: day and the elevation up to which it rained, metres."""
    elevation: Field
    """(H, W) metres."""


def draw_season(landscape: Landscape, year: int, *, seed: int) -> Season:
    """Draw the season of a landscape in a year; both years of weather and patches on the ground are random."""
    weather, patches = noise.random_stream(seed, "weather", year), noise.random_stream(seed, "patches")
    early, late, snowy = weather.normal(0, 6), weather.normal(0, 6), weather.normal(0, 8)
    snowy -= WARM_SUMMERS.get(year, 0.0)
    z, zones = landscape.surface, landscape.zones[year]
    patch = noise.smooth_field(z.shape, 400 / landscape.pixel, patches)
    drift = noise.smooth_field(z.shape, 150 / landscape.pixel, patches)
    onset = ONSET + early + LATER * (z - 200) + 2 * patch
    freeze = FREEZE + late - EARLIER * z + 2 * patch
    first = ONSET + early - LATER * 200 + 25 + snowy  # day on which the shore is free of snow
    last = FREEZE + late - EARLIER * landscape.ela + 0.5 * snowy  # and the equilibrium line
    gone = first + (last - first) * np.maximum(z, 0) / landscape.ela + 5 * patch + 5 * drift
    gone = gone - 12 * (zones == Zone.TUNDRA) - 30 * (zones == Zone.ROCK) + 40 * (zones == Zone.SNOW_PATCH)
    freeze = freeze + 15 * (zones == Zone.FIRN)  # deep wet firn takes weeks to freeze
    days = np.concatenate(
        [weather.uniform(1, 120, weather.poisson(1.2)), weather.uniform(285, 365, weather.poisson(1.2))]
    )
    rain = tuple((float(day), float(weather.uniform(100, 700))) for day in sorted(days))
    return Season(
        onset=onset.astype(np.float32),
        gone=np.maximum(gone, onset + 10).astype(np.float32),
        freeze=freeze.astype(np.float32),
        rain=rain,
        elevation=z,
    )


def surface_states(season: Season, when: date) -> tuple[Field, Field, Field]:
    """Tell how far each pixel is dry, wet and bare on a date; three (H, W) shares that sum to 1.

    Backscatter rises already while the last snow runs off (Marin 2020), hence the long way from wet to bare.
    """
    day = when.timetuple().tm_yday
    melting = _step(day - season.onset, 3) * _step(season.freeze - day, 4)
    bare = melting * _step(day - season.gone + 4, 6)
    wet = melting - bare
    for start, limit in season.rain:
        if 0 <= day - start < 5:
            wet = np.maximum(wet, 0.9 * _step(limit - season.elevation, 40) * (1 - bare))
    return 1 - wet - bare, wet, bare


def _step(days: Field, width: float) -> Field:
    return evaluate(special.expit, days / width)
