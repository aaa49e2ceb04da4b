"""Glacier flow in the shallow-ice approximation, on a coarse grid, with mass balance, sliding and calving.

`∂s/∂t = ∇·(D ∇s) + b` with `D = (ρg)³ |∇s|² (2A/5 H⁵ + F H³)`: Glen's law with n = 3 (Cuffey and Paterson 2010, The
Physics of Glaciers, chapter 8) and sliding (Budd and others 1979, Journal of Glaciology 23). D is taken from the last
step and the surface solved implicitly, rows and columns in turn (after Hindmarsh and Payne 1996, Annals of Glaciology
23), so that steps of years are stable.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from glaciersar.simulate.rounding import rounded

Grid = NDArray[np.float64]

SECONDS = 3.156e7  # a year
RATE_FACTOR = 2.4e-24  # A at 0 °C, Pa⁻³ s⁻¹
SLIDING_COEFFICIENT = 5.7e-20  # F, Pa⁻³ m² s⁻¹
RHO_G_CUBED = (910 * 9.81) ** 3 * SECONDS  # (ρg)³ times the seconds of a year
BALANCE_GRADIENT = 0.0034  # metres of ice a year for each metre; Hornsund, Laska 2017
MAX_ACCUMULATION = 0.7  # metres of ice a year
MAX_DIFFUSIVITY = 2.0e6  # m²/a; at this value the surface is already flat over any cell


def mass_balance(ela: Grid, *, snow_loss: Grid | float = 0.0) -> Callable[[Grid], Grid]:
    """Make the mass balance of a surface: linear about the equilibrium line, at most `MAX_ACCUMULATION`.

    Args:
        ela: (H, W) equilibrium-line altitude, metres.
        snow_loss: (H, W) snow that wind and avalanches remove from steep slopes, metres of ice a year.
    """
    return lambda surface: np.minimum(BALANCE_GRADIENT * (surface - ela), MAX_ACCUMULATION) - snow_loss


def grow_ice(
    bed: Grid,
    balance: Callable[[Grid], Grid],
    *,
    spacing: float,
    years: float,
    step: float = 2.0,
    thickness: Grid | None = None,
    sliding: Grid | float = 1.0,
) -> Grid:
    """Run the ice for some years; ice that floats calves off.

    Args:
        bed: (H, W) metres, sea level 0.
        balance: Mass balance (metres of ice a year) of a surface.
        spacing: Cell size, metres.
        years: Length of the run, years.
        step: Time step, years.
        thickness: (H, W) ice at the start, metres; none if not given.
        sliding: (H, W) factor on the sliding coefficient; more than 1 where the ice surges.

    Returns:
        (H, W) ice thickness, metres.
    """
    ice = np.zeros_like(bed) if thickness is None else thickness.copy()
    ice_free = np.maximum(bed, 0)  # surface without ice: the bed, or the sea
    sliding = np.broadcast_to(sliding, bed.shape)
    for _ in range(round(years / step)):
        surface = np.where(ice > 0, bed + ice, ice_free)
        slope_squared = _steepness(surface, spacing)
        for axis in (0, 1):
            surface = _diffuse(surface, ice, slope_squared, sliding, step / spacing**2, axis)
        ice = np.maximum(np.maximum(surface, ice_free) - bed, 0) * ((ice > 0) | (surface > ice_free + 0.05))
        ice = np.where((ice <= 0) & (bed < 0), 0, np.maximum(ice + step * balance(bed + ice), 0))
        ice[(bed < 0) & (ice < -bed * 1028 / 910 + 5)] = 0  # ice that floats calves
        ice = rounded(ice)
    return ice


def _steepness(surface: Grid, spacing: float) -> Grid:
    """Compute |∇s|², from a smoothed surface, which keeps the scheme free of ripples."""
    rows, columns = np.gradient(ndimage.uniform_filter(surface, 3), spacing)
    steepness: Grid = rows**2 + columns**2
    return steepness


def _diffusivity(ice: Grid, slope_squared: Grid, sliding: Grid | float) -> Grid:
    cubed = ice * ice * ice  # powers differ between processors, products do not
    return np.minimum(
        RHO_G_CUBED * slope_squared * cubed * (2 / 5 * RATE_FACTOR * (ice * ice) + sliding * SLIDING_COEFFICIENT),
        MAX_DIFFUSIVITY,
    )


def speed(bed: Grid, ice: Grid, *, spacing: float, sliding: Grid | float = 1.0) -> Grid:
    """Compute the mean speed of the ice over its depth, metres a year, (H, W)."""
    slope_squared = _steepness(np.where(ice > 0, bed + ice, np.maximum(bed, 0)), spacing)
    return _diffusivity(ice, slope_squared, sliding) * np.sqrt(slope_squared) / np.maximum(ice, 1)


def _diffuse(surface: Grid, ice: Grid, slope_squared: Grid, sliding: Grid, ratio: float, axis: int) -> Grid:
    """Solve one implicit step along an axis: all lines at once, as one tridiagonal system."""
    if axis == 0:
        return _diffuse(surface.T, ice.T, slope_squared.T, sliding.T, ratio, 1).T
    upper = np.where(surface[:, 1:] > surface[:, :-1], ice[:, 1:], ice[:, :-1])
    thickness = np.where(upper > 0, (ice[:, 1:] + ice[:, :-1]) / 2, 0)  # no flux out of a cell without ice
    middle = ((field[:, 1:] + field[:, :-1]) / 2 for field in (slope_squared, sliding))
    between = ratio * _diffusivity(thickness, *middle)
    right, left = np.pad(between, ((0, 0), (0, 1))), np.pad(between, ((0, 0), (1, 0)))
    bands = np.stack([-np.roll(right.ravel(), 1), (1 + left + right).ravel(), -np.roll(left.ravel(), -1)])
    solved: Grid = linalg.solve_banded((1, 1), bands, surface.ravel(), overwrite_ab=True, check_finite=False)
    return solved.reshape(surface.shape)
