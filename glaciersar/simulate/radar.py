"""Simulate the backscatter images of a landscape: gamma nought, linear power, HH and HV, date by date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from glaciersar.simulate import geometry, season, speckle
from glaciersar.simulate.backscatter_levels import POLARISATIONS, STATES, Levels
from glaciersar.simulate.geometry import View
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.random_fields import random_stream, smooth_field, streaks
from glaciersar.simulate.rounding import blur, evaluate
from glaciersar.simulate.season import count_ice_layers, draw_season, surface_states
from glaciersar.simulate.zones import GLACIER, TEMPERATE, Zone

Field = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SceneSeries:
    """What all dates of one landscape, year and orbit have in common."""

    view: View
    season: season.Season
    levels: Levels
    looks: float
    """Equivalent number of looks of a pixel."""
    without_speckle: NDArray[np.float32]
    """(polarisation, state, H, W) dB before speckle: level, incidence, texture and the gain of the slope."""
    noise: NDArray[np.float32]
    """(polarisation, H, W) noise floor, power."""
    water: NDArray[np.bool_]
    """(H, W) sea and lakes."""
    land_nearby: Field
    """(H, W) fraction of land within 2.5 km, 0 to 1; the heads of fjords freeze first."""
    brash_ice: Field
    """(H, W) fraction of the water covered by brash ice from calving, 0 to 1."""
    persistent: NDArray[np.float32]
    """(polarisation, H, W) part of the speckle that is the same on every date, as a normal field."""
    persistence: Field
    """(H, W) fraction of the variance of the speckle that is the same on every date."""
    between_dates: Field
    """(H, W) standard deviation between dates, as soil is wet or dry and leaves frozen or rained on, dB."""
    pixel: float
    """Pixel size, metres."""
    seed: int
    """Seed of the landscape; each date opens its own random stream."""


def prepare_series(
    landscape: Landscape, year: int, relative_orbit: int, *, levels: Levels, looks: float, seed: int
) -> SceneSeries:
    """Compute once what all dates of a year have in common.

    Args:
        landscape: Surface, glaciers and zones.
        year: One of the landscape's years.
        relative_orbit: 14 or 174.
        levels: Backscatter by zone.
        looks: Equivalent number of looks, 4.4 for IW GRDH at 10 m and 10.7 for EW GRDM at 40 m.
        seed: Seed of the landscape.
    """
    zones = landscape.zones[year]
    rng = random_stream(seed, "speckle", year, relative_orbit)
    water = zones == Zone.WATER
    surface = np.where(water, np.float32(0), landscape.surface)  # where a front retreated, ice stood in 2014
    view = geometry.view_from_orbit(surface, landscape.geobox, relative_orbit)
    front = ndimage.binary_dilation(np.isin(zones, GLACIER), iterations=2) & water
    variation = smooth_field(zones.shape, 700 / landscape.pixel, random_stream(seed, "brash", year))
    reach = 700 * evaluate(np.exp, 0.6 * variation)  # metres that brash ice drifts
    distance = ndimage.distance_transform_edt(~front, sampling=landscape.pixel) if front.any() else np.inf
    return SceneSeries(
        view=view,
        season=draw_season(landscape, year, seed=seed),
        levels=levels,
        looks=looks,
        without_speckle=_without_speckle(landscape, zones, view, levels, seed=seed, year=year),
        noise=_noise(view.incidence, levels),
        water=water,
        land_nearby=ndimage.uniform_filter((~water).astype(np.float32), round(5000 / landscape.pixel), mode="nearest"),
        brash_ice=evaluate(special.expit, (reach - distance) / 150) * water,
        persistent=np.stack([speckle.gaussian(zones.shape, rng) for _ in POLARISATIONS]),
        persistence=levels.persistence[zones],
        between_dates=levels.between_dates[zones],
        pixel=landscape.pixel,
        seed=seed,
    )


def observe(series: SceneSeries, when: date, *, key: int) -> dict[str, Field]:
    """Simulate the image of one date.

    Args:
        series: From `prepare_series`.
        when: Date of the acquisition.
        key: Number of the acquisition; each has its own random stream.

    Returns:
        Polarisation to (H, W) gamma nought, linear power. It can be a little below 0 where the noise that is
        subtracted exceeds the signal.
    """
    levels = series.levels
    rng = random_stream(series.seed, "date", key)
    fractions = _state_fractions(series, when)
    calibration = rng.normal(0, levels.calibration)
    wind = levels.wind * (rng.normal() + 0.5 * smooth_field(series.water.shape, 60, rng))  # patches of wind and calm
    brash = series.brash_ice * np.float32(rng.uniform(0.2, 1.0))  # it drifts: no two dates are alike
    winter = levels.snow_pack * rng.normal() + levels.ice_layers * count_ice_layers(series.season, when)
    ground = fractions[0] * winter + _weather(series, rng)
    melange_texture = levels.melange_texture * smooth_field(series.water.shape, 2, rng)
    images = {}
    for index, polarisation in enumerate(POLARISATIONS):
        decibel = sum(
            fraction * state for fraction, state in zip(fractions, series.without_speckle[index], strict=True)
        )
        decibel = np.where(series.water, decibel + fractions[2] * wind, decibel + ground) + calibration
        decibel = decibel + brash * (levels.melange[index] + melange_texture - decibel)
        power = evaluate(np.exp, np.log(10) / 10 * decibel.astype(np.float64))
        if series.view.layover.any():  # echoes at the same range add up; the local mean approximates the sum
            power = np.where(series.view.layover, blur(power, 2), power)
        power = np.where(series.view.shadow, 0, power)
        fresh = speckle.gaussian(power.shape, rng)
        normal = np.sqrt(series.persistence) * series.persistent[index] + np.sqrt(1 - series.persistence) * fresh
        subtracted = series.noise[index] * (1 + levels.noise_error * rng.normal())
        measured = (power + series.noise[index]) * speckle.gamma(normal, series.looks) - subtracted
        images[polarisation] = measured.astype(np.float32)
    return images


def _weather(series: SceneSeries, rng: np.random.Generator) -> Field | float:
    """Draw what the weather of a date changes on the land of negative controls: (H, W) dB, half of it local."""
    if not series.between_dates.any():
        return 0.0
    local = smooth_field(series.water.shape, 2000 / series.pixel, rng)
    return series.between_dates * np.float32(np.sqrt(0.5)) * (local + np.float32(rng.normal()))


def _state_fractions(series: SceneSeries, when: date) -> tuple[Field, Field, Field]:
    """Compute the fractions of dry, wet and bare surface; for water of dry fast ice, wet fast ice and open water."""
    dry, wet, bare = surface_states(series.season, when)
    day = when.timetuple().tm_yday
    growth = np.clip((day + 20) / 110, 0, 1) if day < 300 else np.clip((day - 345) / 110, 0, 1)
    cover = (
        series.season.sea_ice * growth / (1 + np.exp(np.clip((day - 160) / 5, -30, 30)) if day < 300 else 1)
    )  # breaks up in June
    fast = cover * evaluate(special.expit, (series.land_nearby - 1 + 0.55 * cover) / 0.02)
    melted = wet + bare
    dry = np.where(series.water, fast * (1 - melted), dry).astype(np.float32)
    wet = np.where(series.water, fast * melted, wet).astype(np.float32)
    return dry, wet, 1 - dry - wet


def _without_speckle(
    landscape: Landscape, zones: NDArray[np.uint8], view: View, levels: Levels, *, seed: int, year: int
) -> NDArray[np.float32]:
    """Compute (polarisation, state, H, W) backscatter in dB before speckle."""
    texture = _texture(landscape, zones, random_stream(seed, "texture", year))  # (polarisation, H, W), unit variance
    angle = np.clip(view.local, 8, 75) - np.float32(levels.reference_incidence)
    local = _brighter_here(zones, levels, landscape.pixel, random_stream(seed, "levels"))
    common = levels.texture[zones] * texture + 10 * evaluate(np.log10, view.gain)
    backscatter = np.empty((len(POLARISATIONS), len(STATES), *zones.shape), np.float32)
    blend = _blender(zones, landscape.pixel)
    for state in range(len(STATES)):
        incidence = levels.slope[:, state][zones] * angle
        for index in range(len(POLARISATIONS)):
            backscatter[index, state] = (
                blend(levels.level[:, state, index][zones]) + incidence + common[index] + local[state]
            )
    return backscatter


def _brighter_here(zones: NDArray[np.uint8], levels: Levels, pixel: float, rng: np.random.Generator) -> Field:
    """Draw (state, H, W) dB by which a zone is brighter here than elsewhere.

    It is one value a zone in a landscape. That of the negative controls varies over 2 km and by season, as their plants
    and soils do: a few landscapes stand for many.
    """
    place = rng.normal(0, levels.between_landscapes, len(Zone) + 1).astype(np.float32)[zones]
    local = np.repeat(place[np.newaxis], len(STATES), axis=0)
    temperate = np.isin(zones, TEMPERATE)
    if temperate.any():
        always, *by_state = (smooth_field(zones.shape, 2000 / pixel, rng) for _ in range(1 + len(STATES)))
        within = np.stack([0.8 * always + 0.6 * own for own in by_state]) * levels.between_landscapes[zones]
        local = np.where(temperate, within, local).astype(np.float32)
    return local


def _blender(zones: NDArray[np.uint8], pixel: float) -> Callable[[Field], Field]:
    """Make a function that blurs the borders of zones, by 60 m on glaciers and 25 m on land; not those of water."""
    groups = [
        (np.isin(zones, GLACIER).astype(np.float32), 60 / pixel),
        ((~np.isin(zones, (*GLACIER, Zone.WATER))).astype(np.float32), 25 / pixel),
    ]
    fractions = [np.maximum(blur(member, sigma), 1e-6) for member, sigma in groups]

    def blend(level: Field) -> Field:
        for (member, sigma), fraction in zip(groups, fractions, strict=True):
            level = np.where(member > 0, blur(level * member, sigma) / fraction, level)
        return level

    return blend


def _texture(landscape: Landscape, zones: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the texture of the surface, of unit variance: streaks along the flow on ice, fine on rock, broad on firn."""
    shape, pixel = zones.shape, landscape.pixel
    down = np.gradient(-blur(landscape.surface, 200 / pixel))
    flow = streaks((down[0], down[1]), 1500 / pixel, rng, width=50 / pixel)
    broad = smooth_field(shape, 600 / pixel, rng)
    flowing = np.isin(zones, (Zone.ICE, Zone.CREVASSED, Zone.DEBRIS))
    texture = []
    for _ in POLARISATIONS:
        fine = smooth_field(shape, max(90 / pixel, 1.5), rng)
        on_firn = 0.9 * broad + 0.44 * fine
        on_ice = 0.75 * flow + 0.44 * broad + 0.49 * fine
        on_land = 0.85 * fine + 0.53 * broad
        texture.append(np.where(flowing, on_ice, np.where(np.isin(zones, (1, 2)), on_firn, on_land)))
    return np.stack(texture).astype(np.float32)


def _noise(incidence: Field, levels: Levels) -> NDArray[np.float32]:
    """Compute the (polarisation, H, W) noise floor; it rises towards the edges of each sub-swath of 5 degrees."""
    place = np.mod((incidence - 20) / 5, 1) * 2 - 1  # -1 … 1 over a sub-swath
    shape = (0.8 + 0.6 * place**2).astype(np.float32)  # mean 1
    return np.stack([np.float32(10 ** (level / 10)) * shape for level in levels.noise])
