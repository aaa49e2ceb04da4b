"""Backscatter images of a landscape: gamma nought, linear power, HH and HV, date by date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from glaciersar.simulate import geometry, season, speckle
from glaciersar.simulate.geometry import View
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.levels import POLARISATIONS, STATES, Levels
from glaciersar.simulate.noise import random_stream, smooth_field, streaks
from glaciersar.simulate.rounding import blur, evaluate
from glaciersar.simulate.season import draw_season, surface_states
from glaciersar.simulate.zones import GLACIER, Zone

Field = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """All that stays the same between the dates of one landscape, year and orbit."""

    view: View
    season: season.Season
    levels: Levels
    looks: float
    """Equivalent number of looks of a pixel."""
    still: NDArray[np.float32]
    """(polarisation, state, H, W) dB without speckle: level, incidence, texture and the slope's gain."""
    noise: NDArray[np.float32]
    """(polarisation, H, W) noise power."""
    water: NDArray[np.bool_]
    """(H, W)."""
    shelter: Field
    """(H, W) share of land around, 0 to 1: the heads of fjords freeze first."""
    brash: Field
    """(H, W) how much of the water is brash ice from calving, 0 to 1."""
    lasting: NDArray[np.float32]
    """(polarisation, H, W) the part of the speckle that comes back on every date, a normal field."""
    persistence: Field
    """(H, W) its share of the variance."""
    seed: int
    """Of the random stream of the dates."""


def prepare_pass(
    landscape: Landscape, year: int, relative_orbit: int, *, levels: Levels, looks: float, seed: int
) -> Pass:
    """Compute what stays the same over a year: done once, so that a date costs little.

    Args:
        landscape: The ground.
        year: One of its years.
        relative_orbit: 14 or 174.
        levels: Backscatter by zone.
        looks: Equivalent number of looks, 4.4 for IW GRDH at 10 m and 10.7 for EW GRDM at 40 m.
        seed: Seed of the landscape.
    """
    zones = landscape.zones[year]
    seen = geometry.view(landscape.surface, landscape.geobox, relative_orbit)
    rng = random_stream(seed, "speckle", relative_orbit)
    water = zones == Zone.WATER
    front = ndimage.binary_dilation(np.isin(zones, GLACIER), iterations=2) & water
    uneven = smooth_field(zones.shape, 700 / landscape.pixel, random_stream(seed, "brash", year))
    reach = 700 * evaluate(np.exp, 0.6 * uneven)  # metres that brash ice drifts
    distance = ndimage.distance_transform_edt(~front, sampling=landscape.pixel) if front.any() else np.inf
    return Pass(
        view=seen,
        season=draw_season(landscape, year, seed=seed),
        levels=levels,
        looks=looks,
        still=_still(landscape, zones, seen, levels, seed),
        noise=_noise(seen.incidence, levels),
        water=water,
        shelter=ndimage.uniform_filter((~water).astype(np.float32), round(5000 / landscape.pixel), mode="nearest"),
        brash=evaluate(special.expit, (reach - distance) / 150) * water,
        lasting=np.stack([speckle.gaussian(zones.shape, rng) for _ in POLARISATIONS]),
        persistence=levels.persistence[zones],
        seed=seed,
    )


def observe(view_pass: Pass, when: date, *, key: int) -> dict[str, Field]:
    """Take one image.

    Args:
        view_pass: What `prepare` made.
        when: Date of the acquisition.
        key: Number that tells this acquisition's random stream from all others.

    Returns:
        Polarisation to (H, W) gamma nought, linear power. It can be a little below 0 where the noise that is
        subtracted exceeds the signal.
    """
    p, levels = view_pass, view_pass.levels
    rng = random_stream(p.seed, "date", key)
    shares = _shares(p, when)
    calibration = rng.normal(0, levels.calibration)
    wind = levels.wind * (rng.normal() + 0.5 * smooth_field(p.water.shape, 60, rng))  # patches of wind and calm
    floes = p.brash * np.float32(rng.uniform(0.2, 1.0))  # brash ice drifts: no two dates alike
    lumps = levels.melange_texture * smooth_field(p.water.shape, 2, rng)
    images = {}
    for index, polarisation in enumerate(POLARISATIONS):
        decibel = sum(share * still for share, still in zip(shares, p.still[index], strict=True))
        decibel = np.where(p.water, decibel + shares[2] * wind, decibel) + calibration
        decibel = decibel + floes * (levels.melange[index] + lumps - decibel)
        power = evaluate(np.exp, np.log(10) / 10 * decibel.astype(np.float64))
        if p.view.layover.any():  # what lies at the same distance adds up: the mean around stands for it
            power = np.where(p.view.layover, blur(power, 2), power)
        power = np.where(p.view.shadow, 0, power)
        fresh = speckle.gaussian(power.shape, rng)
        normal = np.sqrt(p.persistence) * p.lasting[index] + np.sqrt(1 - p.persistence) * fresh
        subtracted = p.noise[index] * (1 + levels.noise_error * rng.normal())
        seen = (power + p.noise[index]) * speckle.gamma(normal, p.looks) - subtracted
        images[polarisation] = seen.astype(np.float32)
    return images


def _shares(p: Pass, when: date) -> tuple[Field, Field, Field]:
    """Split each pixel into dry, wet and bare; for water: cold fast ice, wet fast ice and open water."""
    dry, wet, bare = surface_states(p.season, when)
    day = when.timetuple().tm_yday
    growth = np.clip((day + 20) / 110, 0, 1) if day < 300 else np.clip((day - 345) / 110, 0, 1)
    cover = growth / (1 + np.exp(np.clip((day - 160) / 5, -30, 30)) if day < 300 else 1)  # gone in June
    fast = cover * evaluate(special.expit, (p.shelter - 1 + 0.55 * cover) / 0.02)
    melted = wet + bare
    dry = np.where(p.water, fast * (1 - melted), dry).astype(np.float32)
    wet = np.where(p.water, fast * melted, wet).astype(np.float32)
    return dry, wet, 1 - dry - wet


def _still(
    landscape: Landscape, zones: NDArray[np.uint8], seen: View, levels: Levels, seed: int
) -> NDArray[np.float32]:
    """Compute (polarisation, state, H, W) backscatter in dB before speckle."""
    texture = _texture(landscape, zones, random_stream(seed, "texture"))  # (polarisation, H, W), unit variance
    angle = np.clip(seen.local, 8, 75) - np.float32(levels.reference_incidence)
    common = levels.texture[zones] * texture + 10 * evaluate(np.log10, seen.gain)
    still = np.empty((len(POLARISATIONS), len(STATES), *zones.shape), np.float32)
    blend = _blender(zones, landscape.pixel)
    for state in range(len(STATES)):
        incidence = levels.slope[:, state][zones] * angle
        for index in range(len(POLARISATIONS)):
            still[index, state] = blend(levels.level[:, state, index][zones]) + incidence + common[index]
    return still


def _blender(zones: NDArray[np.uint8], pixel: float) -> Callable[[Field], Field]:
    """Make a function that lets zones pass into each other: 60 m on ice, 25 m on land; water stays apart."""
    groups = [
        (np.isin(zones, GLACIER).astype(np.float32), 60 / pixel),
        ((~np.isin(zones, (*GLACIER, Zone.WATER))).astype(np.float32), 25 / pixel),
    ]
    shares = [np.maximum(blur(member, sigma), 1e-6) for member, sigma in groups]

    def blend(level: Field) -> Field:
        for (member, sigma), share in zip(groups, shares, strict=True):
            level = np.where(member > 0, blur(level * member, sigma) / share, level)
        return level

    return blend


def _texture(landscape: Landscape, zones: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the ground's own texture: drawn out along the flow on ice, fine on rock, broad on firn."""
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
    """Compute (polarisation, H, W) noise power: it rises towards the edges of each sub-swath of 5 degrees."""
    place = np.mod((incidence - 20) / 5, 1) * 2 - 1  # -1 … 1 over a sub-swath
    shape = (0.8 + 0.6 * place**2).astype(np.float32)  # mean 1
    return np.stack([np.float32(10 ** (level / 10)) * shape for level in levels.noise])
