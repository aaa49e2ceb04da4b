"""Ice that flows: the shallow-ice approximation on a coarse grid, with melt, snow and calving.

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
RATE = 2.4e-24  # A at 0 °C, Pa⁻³ s⁻¹
SLIDING = 5.7e-20  # F, Pa⁻³ m² s⁻¹
WEIGHT = (910 * 9.81) ** 3 * SECONDS  # (ρg)³, per year
GRADIENT = 0.0034  # balance gradient, metres of ice a year for each metre; Hornsund, Laska 2017
MOST_SNOW = 0.7  # metres of ice a year
FASTEST = 2.0e6  # largest diffusivity, m²/a: the surface is flat over any cell long before


def balance(line: Grid, *, shed: Grid | float = 0.0) -> Callable[[Grid], Grid]:
    """Make the mass balance of a surface: linear about the equilibrium line, at most `MOST_SNOW`.

    Args:
        line: (H, W) equilibrium-line altitude, metres.
        shed: (H, W) what wind and avalanches take off steep ground, metres of ice a year.
    """
    return lambda surface: np.minimum(GRADIENT * (surface - line), MOST_SNOW) - shed


def grow_ice(
    bed: Grid,
    rate: Callable[[Grid], Grid],
    *,
    spacing: float,
    years: float,
    step: float = 2.0,
    thickness: Grid | None = None,
    slip: Grid | float = 1.0,
) -> Grid:
    """Run the ice for some years; ice that floats breaks off.

    Args:
        bed: (H, W) metres, sea level 0.
        rate: Mass balance (metres of ice a year) of a surface.
        spacing: Cell size, metres.
        years: How long.
        step: Time step, years.
        thickness: (H, W) ice at the start, metres; none if not given.
        slip: (H, W) how many times faster than usual the ice slides, where it surges.

    Returns:
        (H, W) ice thickness, metres.
    """
    ice = np.zeros_like(bed) if thickness is None else thickness.copy()
    ground = np.maximum(bed, 0)  # where there is no ice, the sea is the surface
    slip = np.broadcast_to(slip, bed.shape)
    for _ in range(round(years / step)):
        surface = np.where(ice > 0, bed + ice, ground)
        steep = _steepness(surface, spacing)
        for axis in (0, 1):
            surface = _diffuse(surface, ice, steep, slip, step / spacing**2, axis)
        ice = np.maximum(np.maximum(surface, ground) - bed, 0) * ((ice > 0) | (surface > ground + 0.05))
        ice = np.where((ice <= 0) & (bed < 0), 0, np.maximum(ice + step * rate(bed + ice), 0))
        ice[(bed < 0) & (ice < -bed * 1028 / 910 + 5)] = 0  # afloat: calved
        ice = rounded(ice)
    return ice


def _steepness(surface: Grid, spacing: float) -> Grid:
    """Compute |∇s|², from a smoothed surface: a diffusivity that ripples with s would make s ripple."""
    rows, columns = np.gradient(ndimage.uniform_filter(surface, 3), spacing)
    return rows**2 + columns**2


def _diffusivity(ice: Grid, steep: Grid, slip: Grid | float) -> Grid:
    cubed = ice * ice * ice  # a power is not the same on every processor, products are
    return np.minimum(WEIGHT * steep * cubed * (2 / 5 * RATE * (ice * ice) + slip * SLIDING), FASTEST)


def speed(bed: Grid, ice: Grid, *, spacing: float, slip: Grid | float = 1.0) -> Grid:
    """Compute the mean speed of the ice over its depth, metres a year, (H, W)."""
    steep = _steepness(np.where(ice > 0, bed + ice, np.maximum(bed, 0)), spacing)
    return _diffusivity(ice, steep, slip) * np.sqrt(steep) / np.maximum(ice, 1)


def _diffuse(surface: Grid, ice: Grid, steep: Grid, slip: Grid, ratio: float, axis: int) -> Grid:
    """Solve one implicit step along an axis: all lines at once, as one tridiagonal system."""
    if axis == 0:
        return _diffuse(surface.T, ice.T, steep.T, slip.T, ratio, 1).T
    upper = np.where(surface[:, 1:] > surface[:, :-1], ice[:, 1:], ice[:, :-1])
    thickness = np.where(upper > 0, (ice[:, 1:] + ice[:, :-1]) / 2, 0)  # no flux out of a cell without ice
    middle = ((field[:, 1:] + field[:, :-1]) / 2 for field in (steep, slip))
    between = ratio * _diffusivity(thickness, *middle)
    right, left = np.pad(between, ((0, 0), (0, 1))), np.pad(between, ((0, 0), (1, 0)))
    bands = np.stack([-np.roll(right.ravel(), 1), (1 + left + right).ravel(), -np.roll(left.ravel(), -1)])
    return linalg.solve_banded((1, 1), bands, surface.ravel(), overwrite_ab=True, check_finite=False).reshape(
        surface.shape
    )
