"""Landscapes with known glaciers, drawn from a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from glaciersar.errors import InputError
from glaciersar.simulate import ice, random_fields, terrain
from glaciersar.simulate.climates import find_climate
from glaciersar.simulate.rounding import blur, evaluate, norm
from glaciersar.simulate.zones import place_zones

SPACING = 150.0  # metres, of the grid on which the ice flows
MARGIN = 4000.0  # metres simulated around the landscape, so that its edges are like its middle
FIRST_YEAR = 2014  # the first year of Sentinel-1
MIN_GLACIER_AREA = 40_000.0  # m²; smaller patches of ice are removed
COLD_ELA, COLD_YEARS = -180.0, 400.0  # equilibrium line against today's, metres, while the glaciers grow, and how long
ELA_BY_RELIEF = 0.5  # metres for each metre of relief; the snow line rises from the coast inland (Koryakin 1990)
WARM_ELA, WARM_YEARS = 230.0, 30.0  # and of the decades before the first year, in which they shrink
SURGE_SLIDING = 100.0  # added to the sliding factor, which is 1 without a surge, at the centre of a surge
SURGE_RADIUS = 3000.0  # metres, of the area that surges
SURGE_YEARS = 2  # duration of a surge, years


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """The known state of one landscape: surface, glaciers and zones."""

    name: str
    geobox: GeoBox
    """Pixel grid, metres."""
    surface: NDArray[np.float32]
    """(H, W) elevation of land, ice or sea in 2014, metres. Later changes are small beside the relief."""
    ela: float
    """Equilibrium-line altitude, metres."""
    glacier: Mapping[int, NDArray[np.bool_]]
    """Year to (H, W) truth."""
    zones: Mapping[int, NDArray[np.uint8]]
    """Year to (H, W) codes of `zones.Zone`."""
    known: NDArray[np.bool_]
    """(H, W) False where a user's elevation model has no value. The other fields are extrapolated there, so that no
    filter meets an edge; these values are not written."""
    climate: str = "arctic"
    """One of `climates.GLACIAL`, or of `temperate.CLIMATES`."""

    @property
    def pixel(self) -> float:
        """Pixel size, metres."""
        return abs(float(self.geobox.resolution.x))


def draw_landscape(
    name: str, geobox: GeoBox, *, years: Sequence[int], seed: int, surge: int = 0, climate: str = "arctic"
) -> Landscape:
    """Draw a landscape: a bed, the glaciers that grow on it, and their state in each year.

    Args:
        name: Name of the landscape.
        geobox: Pixel grid, metres.
        years: Years wanted, none before 2014.
        seed: The same seed gives the same landscape.
        surge: Year after which a glacier surges, so that its front advances while the others retreat; 0 for none.
        climate: One of `climates.GLACIAL`. Bed and glaciers of a seed are the same in each; zones and seasons differ.

    Returns:
        The landscape; glaciers shrink a little from year to year.
    """
    _check_years(years, surge)
    rng = random_fields.random_stream(seed, "landscape")
    pixel = abs(float(geobox.resolution.x))
    shape = tuple(int(np.ceil((n * pixel + 2 * MARGIN) / SPACING)) for n in geobox.shape)
    relief = rng.uniform(520, 900)
    bed = terrain.draw_bed(
        (shape[0], shape[1]),
        spacing=SPACING,
        sea_fraction=rng.uniform(0.05, 0.42),
        relief=relief,
        plateau=0.8 * rng.beta(0.6, 2.0),
        rng=rng,
    )
    ela = float(np.clip(430 + ELA_BY_RELIEF * (relief - 710) + rng.normal(0, 35), 280, 600))
    ela_field = ela + 40 * random_fields.smooth_field(bed.shape, 3_000 / SPACING, rng).astype(float)
    states, sliding = _grow_glaciers(bed, ela_field, years=sorted({FIRST_YEAR, *years}), surge=surge)
    to_pixels = PixelInterpolation(bed.shape, geobox, pixel)
    fine_bed = to_pixels(bed) + _slope_detail(to_pixels(bed), pixel, rng)
    grown = {year: _surface_and_glacier(fine_bed, bed, ice_state, to_pixels) for year, ice_state in states.items()}
    top, _ = grown.pop(FIRST_YEAR) if FIRST_YEAR not in years else grown[FIRST_YEAR]
    surface = np.maximum(top, 0).astype(np.float32)
    usual, surging = (
        to_pixels(ice.speed(bed, states[FIRST_YEAR], spacing=SPACING, sliding=factor)) for factor in (1.0, sliding)
    )
    water = {year: (fine_bed <= 0) & ~glacier for year, (_, glacier) in grown.items()}
    ela += find_climate(climate).firn_line  # of today: the glaciers have grown under a lower one
    return Landscape(
        name=name,
        geobox=geobox,
        surface=surface,
        ela=ela,
        glacier={year: glacier for year, (_, glacier) in grown.items()},
        zones={
            year: place_zones(
                surface,
                glacier,
                water[year],
                ela=ela + 1.7 * (year - FIRST_YEAR),  # 17 m a decade, van Pelt 2019
                pixel=pixel,
                speed=surging if surge and year > surge else usual,
                rng=random_fields.random_stream(seed, "zones"),
                snow_rng=random_fields.random_stream(seed, "snow patches", year),
            )
            for year, (_, glacier) in grown.items()
        },
        known=np.ones(surface.shape, bool),
        climate=climate,
    )


def _check_years(years: Sequence[int], surge: int) -> None:
    if surge and surge < FIRST_YEAR:
        raise InputError(f"surge={surge} found, expected a year from {FIRST_YEAR} on, or 0 for none")
    if not years or min(years) < FIRST_YEAR:
        raise InputError(f"years={tuple(years)} found, expected at least one year and none before {FIRST_YEAR}")


def _grow_glaciers(
    bed: NDArray[np.float64], ela_field: NDArray[np.float64], *, years: Sequence[int], surge: int
) -> tuple[dict[int, NDArray[np.float64]], NDArray[np.float64]]:
    """Grow the ice in a cold climate, let it shrink in a warm one until the first year, and continue year by year.

    Returns:
        Year to ice thickness, metres, and the sliding factor of a surge.
    """
    slope = norm(*np.gradient(blur(bed, 1), SPACING))
    ridge = bed - blur(bed, 500 / SPACING)
    snow_loss = 8 * np.maximum(slope - 0.42, 0) + 0.012 * np.maximum(ridge - 60, 0)  # walls and crests hold little snow
    cold, warm = (ice.mass_balance(ela_field + change, snow_loss=snow_loss) for change in (COLD_ELA, WARM_ELA))
    thickness = ice.grow_ice(bed, cold, spacing=SPACING, years=COLD_YEARS)
    thickness = ice.grow_ice(bed, warm, spacing=SPACING, years=WARM_YEARS, thickness=thickness)
    sliding = _surge_sliding(bed, thickness, ela_field)
    states = {}
    for year in range(FIRST_YEAR, years[-1] + 1):
        if year > FIRST_YEAR:
            faster = sliding if surge and surge < year <= surge + SURGE_YEARS else 1.0
            thickness = ice.grow_ice(bed, warm, spacing=SPACING, years=1, step=0.5, thickness=thickness, sliding=faster)
        if year in years:
            states[year] = thickness
    return states, sliding


def _surge_sliding(
    bed: NDArray[np.float64], thickness: NDArray[np.float64], ela_field: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the sliding factor of a surge; it is largest at the thickest ice below the equilibrium line."""
    inner = round(MARGIN / SPACING)
    low = np.where(bed + thickness < ela_field, thickness, 0)
    thick = low[inner:-inner, inner:-inner]
    row, column = np.unravel_index(np.argmax(thick), thick.shape)
    rows, columns = np.indices(bed.shape, dtype=float)
    distance = SPACING * norm(rows - row - inner, columns - column - inner)
    return 1 + SURGE_SLIDING * evaluate(np.exp, -((distance / SURGE_RADIUS) ** 2)).astype(float)


class PixelInterpolation:
    """Interpolation from the coarse grid of the ice to the pixels."""

    def __init__(self, coarse: tuple[int, int], geobox: GeoBox, pixel: float) -> None:
        rows, columns = (((np.arange(n) + 0.5) * pixel + MARGIN) / SPACING - 0.5 for n in geobox.shape)
        self.pixel = pixel
        self._where = np.meshgrid(rows, columns, indexing="ij")

    def __call__(self, values: NDArray[np.floating], *, order: int = 3) -> NDArray[np.float32]:
        found: NDArray[np.floating] = ndimage.map_coordinates(values, self._where, order=order, mode="nearest")
        return found.astype(np.float32)


def _slope_detail(bed: NDArray[np.float32], pixel: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw ribs and gullies that run down steep slopes, metres; flat land stays smooth."""
    down = np.gradient(-blur(bed, 150 / pixel))
    slope = norm(*down) / pixel
    ribs = random_fields.streaks((down[0], down[1]), 500 / pixel, rng, width=60 / pixel)
    rough = random_fields.fractal_field(bed.shape, 400 / pixel, rng, exponent=2.8)
    steep = evaluate(np.power, np.clip(slope / 0.5, 0.06, 1), 1.2)
    return (steep * (8 * ribs + 6 * rough) * (bed > 0)).astype(np.float32)


def _surface_and_glacier(
    fine_bed: NDArray[np.float32],
    bed: NDArray[np.float64],
    thickness: NDArray[np.float64],
    to_pixels: PixelInterpolation,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Combine the coarse ice with the fine bed: (H, W) surface in metres and (H, W) glacier mask."""
    iced = thickness > 5
    if not iced.any():
        return fine_bed, np.zeros(fine_bed.shape, bool)
    row, column = ndimage.distance_transform_edt(~iced, return_distances=False, return_indices=True)
    extended = blur((bed + thickness)[row, column], 0.8)  # extended past the margin, up to the valley walls
    top = to_pixels(extended)
    covered = to_pixels(blur(iced.astype(float), 0.6)) - 0.5
    depth = blur(top - fine_bed, 50 / to_pixels.pixel)  # ice bridges gullies narrower than this
    glacier = _remove_small_patches((depth > 6) & (covered > 0), smallest=MIN_GLACIER_AREA / to_pixels.pixel**2)
    return np.where(glacier, top, fine_bed), glacier


def _remove_small_patches(glacier: NDArray[np.bool_], *, smallest: float) -> NDArray[np.bool_]:
    """Remove patches of ice, and then holes in it, of fewer than `smallest` pixels."""
    for wanted in (True, False):
        label, count = ndimage.label(glacier == wanted)
        size = np.bincount(label.ravel(), minlength=count + 1)
        glacier = np.where((size[label] < smallest) & (label > 0), not wanted, glacier)
    return glacier
