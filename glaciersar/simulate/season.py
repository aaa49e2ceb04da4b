"""Seasons of the snow cover: melt onset, snow-free date, freeze-up, and rain on snow in winter."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy import special

from glaciersar.simulate.climates import GLACIAL
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.random_fields import Field, random_stream, smooth_field
from glaciersar.simulate.rounding import evaluate
from glaciersar.simulate.zones import Zone

ONSET_DAY = 156.0  # day of the year on which melt begins at 200 m: 5 June
ONSET_DELAY = 0.03  # days later for each metre of elevation
FREEZE_DAY = 278.0  # day of freeze-up at sea level: 5 October
FREEZE_ADVANCE = 25 / 800  # days earlier for each metre of elevation
AUTUMN = 240  # day of the year that parts two winters
WET_DAYS = 5  # that snow stays wet after rain
MEAN_ELA, HIGHEST_ELA = (
    425.0,
    800.0,
)  # metres, of the equilibrium line in Svalbard (Möller and Kohler 2018; Koryakin 1990)
NEVER_SNOW = (-1000.0, 2000.0)  # days of melt onset and freeze-up that no year reaches
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
    """(H, W) metres, as of a place in Svalbard; see `draw_season`."""
    sea_ice: bool = True
    """Whether water freezes in winter."""


def draw_season(landscape: Landscape, year: int, *, seed: int) -> Season:
    """Draw the season of a landscape in a year, with random weather and a patchy snow cover.

    Days follow the elevation as in Svalbard. Where the equilibrium line lies higher than any there, as in the Alps,
    they follow the elevation above or below it: ice at 3,000 m melts in summer, too.
    """
    if landscape.climate not in GLACIAL:
        return _draw_temperate_season(landscape, year, seed=seed)
    climate = GLACIAL[landscape.climate]
    weather, patches = random_stream(seed, "weather", year), random_stream(seed, "patches", year)
    early, late, snowy = weather.normal(0, 6), weather.normal(0, 6), weather.normal(0, 8)
    early, late = early - climate.melt_days, late + climate.melt_days
    snowy -= EARLY_SNOWMELT.get(year, 0.0)
    raised = landscape.ela - MEAN_ELA if landscape.ela > HIGHEST_ELA else 0.0
    z, ela, zones = landscape.surface - np.float32(raised), landscape.ela - raised, landscape.zones[year]
    patch = smooth_field(z.shape, 400 / landscape.pixel, patches)
    drift = smooth_field(z.shape, 150 / landscape.pixel, patches)
    onset = ONSET_DAY + early + ONSET_DELAY * (z - 200) + 2 * patch
    freeze = FREEZE_DAY + late - FREEZE_ADVANCE * z + 2 * patch
    first = ONSET_DAY + early - ONSET_DELAY * 200 + 25 + snowy  # first snow-free day at the shore
    last = FREEZE_DAY + late - FREEZE_ADVANCE * ela + 0.5 * snowy  # and at the equilibrium line
    snow_free = first + (last - first) * np.maximum(z, 0) / ela + 5 * patch + 5 * drift
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
        sea_ice=climate.sea_ice,
    )


def _draw_temperate_season(landscape: Landscape, year: int, *, seed: int) -> Season:
    """Draw the season of a negative control: snow from December to April, or none at all in a dry climate."""
    weather = random_stream(seed, "weather", year)
    variation = 2 * smooth_field(landscape.surface.shape, 400 / landscape.pixel, random_stream(seed, "patches", year))
    snowy = landscape.climate == "boreal"
    onset = variation + (weather.normal(90, 8) if snowy else NEVER_SNOW[0])
    freeze = variation + (weather.normal(335, 8) if snowy else NEVER_SNOW[1])
    return Season(
        onset=onset.astype(np.float32),
        snow_free=(onset + 18).astype(np.float32),
        freeze=freeze.astype(np.float32),
        rain=(),
        elevation=landscape.surface,
        sea_ice=snowy,
    )


def count_ice_layers(season: Season, when: date) -> Field:
    """Count the ice layers that rain has left in the snow of this winter: (H, W), at most 2.

    Water that freezes in the snow scatters until the melt: backscatter is higher on all later dates of the winter.
    """
    day, layers = when.timetuple().tm_yday, np.zeros_like(season.elevation)
    for start, limit in season.rain:
        if start + WET_DAYS <= day and (start > AUTUMN) == (day > AUTUMN):
            layers = layers + _transition(limit - season.elevation, 40)
    return np.minimum(layers, 2)


def surface_states(season: Season, when: date) -> tuple[Field, Field, Field]:
    """Compute how dry, wet and bare each pixel is on a date: three (H, W) fractions that sum to 1.

    Backscatter rises while the last snow melts (Marin 2020), so the transition from wet to bare takes days.
    """
    day = when.timetuple().tm_yday
    melting = _transition(day - season.onset, 3) * _transition(season.freeze - day, 4)
    bare = melting * _transition(day - season.snow_free + 4, 6)
    wet = melting - bare
    for start, limit in season.rain:
        if 0 <= day - start < WET_DAYS:
            wet = np.maximum(wet, 0.9 * _transition(limit - season.elevation, 40) * (1 - bare))
    return 1 - wet - bare, wet, bare


def _transition(days: Field, width: float) -> Field:
    """Compute a smooth step from 0 to 1 around day 0."""
    return evaluate(special.expit, days / width)
