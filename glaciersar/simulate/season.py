"""Seasons of the snow cover: melt onset, snow-free date, freeze-up, and rain on snow in winter."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy import special

from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.random_fields import Field, random_stream, smooth_field
from glaciersar.simulate.rounding import evaluate
from glaciersar.simulate.zones import Zone

ONSET_DAY = 156.0  # day of the year on which melt begins at 200 m: 5 June
ONSET_DELAY = 0.03  # days later for each metre of elevation
FREEZE_DAY = 278.0  # day of freeze-up at sea level: 5 October
FREEZE_ADVANCE = 25 / 800  # days earlier for each metre of elevation
EARLY_SNOWMELT = {2020: 14.0}  # days that the snow was gone early; most of it after 1 August 2020 (NVE report 3/2021)


@dataclass(frozen=True, kw_only=True)
class Season:
    """Days of the year on which the surface changes state, and the rain in winter."""

    onset: Field
    """(H, W) first day of wet snow."""
    snow_free: Field
    """(H, W) first day without snow; after `freeze` where snow lasts through the summer."""
    freeze: Field
    """(H, W) day of freeze-up."""
    rain: tuple[tuple[float, float], ...]
    """Rain on snow in winter: day, and the elevation up to which it rains, metres."""
    elevation: Field
    """(H, W) metres."""


def draw_season(landscape: Landscape, year: int, *, seed: int) -> Season:
    """Draw the season of a landscape in a year, with random weather and a patchy snow cover."""
    weather, patches = random_stream(seed, "weather", year), random_stream(seed, "patches")
    early, late, snowy = weather.normal(0, 6), weather.normal(0, 6), weather.normal(0, 8)
    snowy -= EARLY_SNOWMELT.get(year, 0.0)
    z, zones = landscape.surface, landscape.zones[year]
    patch = smooth_field(z.shape, 400 / landscape.pixel, patches)
    drift = smooth_field(z.shape, 150 / landscape.pixel, patches)
    onset = ONSET_DAY + early + ONSET_DELAY * (z - 200) + 2 * patch
    freeze = FREEZE_DAY + late - FREEZE_ADVANCE * z + 2 * patch
    first = ONSET_DAY + early - ONSET_DELAY * 200 + 25 + snowy  # first snow-free day at the shore
    last = FREEZE_DAY + late - FREEZE_ADVANCE * landscape.ela + 0.5 * snowy  # and at the equilibrium line
    snow_free = first + (last - first) * np.maximum(z, 0) / landscape.ela + 5 * patch + 5 * drift
    snow_free = snow_free - 12 * (zones == Zone.TUNDRA) - 30 * (zones == Zone.ROCK) + 40 * (zones == Zone.SNOW_PATCH)
    freeze = freeze + 15 * (zones == Zone.FIRN)  # deep wet firn takes weeks to freeze
    days = np.concatenate(
        [weather.uniform(1, 120, weather.poisson(1.2)), weather.uniform(285, 365, weather.poisson(1.2))]
    )
    rain = tuple((float(day), float(weather.uniform(100, 700))) for day in sorted(days))
    return Season(
        onset=onset.astype(np.float32),
        snow_free=np.maximum(snow_free, onset + 10).astype(np.float32),
        freeze=freeze.astype(np.float32),
        rain=rain,
        elevation=z,
    )


def surface_states(season: Season, when: date) -> tuple[Field, Field, Field]:
    """Compute how dry, wet and bare each pixel is on a date: three (H, W) fractions that sum to 1.

    Backscatter rises while the last snow melts (Marin 2020), so the transition from wet to bare takes days.
    """
    day = when.timetuple().tm_yday
    melting = _transition(day - season.onset, 3) * _transition(season.freeze - day, 4)
    bare = melting * _transition(day - season.snow_free + 4, 6)
    wet = melting - bare
    for start, limit in season.rain:
        if 0 <= day - start < 5:
            wet = np.maximum(wet, 0.9 * _transition(limit - season.elevation, 40) * (1 - bare))
    return 1 - wet - bare, wet, bare


def _transition(days: Field, width: float) -> Field:
    """Compute a smooth step from 0 to 1 around day 0."""
    return evaluate(special.expit, days / width)
