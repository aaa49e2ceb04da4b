"""Draw the bed of a landscape: rivers incise valleys, and former glaciers widen them to troughs and fjords."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from glaciersar.simulate.random_fields import Field, fractal_field, smooth_field
from glaciersar.simulate.rounding import blur, evaluate

Grid = NDArray[np.float64]

STRIDE = 8  # cells of the bed for each cell of the rivers; sets the distance between valleys
_NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def incise(
    elevation: Grid, uplift: Grid, *, spacing: float, steps: int, outlets: NDArray[np.bool_]
) -> tuple[Grid, Grid]:
    """Incise rivers into rising land by the stream-power law, dz/dt = U - K √A S.

    Each step is implicit along the rivers (Braun and Willett 2013, Geomorphology 180), and the recursion from
    mouth to source is solved by pointer doubling, for all cells at once. Time and K are scaled to 1.

    Args:
        elevation: (H, W) metres.
        uplift: (H, W) metres a step.
        spacing: Cell size, metres.
        steps: Number of steps.
        outlets: (H, W) cells that keep their elevation: the sea and the rim.

    Returns:
        (H, W) elevation, metres, and (H, W) drained area, km².
    """
    land = elevation.astype(float).copy()
    for _ in range(steps):
        land = np.where(outlets, land, land + uplift)
        receiver, distance = _flow_directions(land, spacing=spacing, outlets=outlets)
        drained = _drainage_area(receiver) * spacing**2
        land = _solve_along_rivers(land.ravel(), 0.05 * np.sqrt(drained) / distance, receiver).reshape(land.shape)
    return land, drained.reshape(land.shape) / 1e6


def _flow_directions(land: Grid, *, spacing: float, outlets: NDArray[np.bool_]) -> tuple[NDArray[np.intp], Grid]:
    """Find the neighbour that each cell drains to (itself in pits and outlets), flat index, and its distance, m."""
    height, width = land.shape
    padded = np.pad(land, 1, constant_values=np.inf)
    index = np.arange(land.size).reshape(land.shape)
    receiver, distance, steepest = index.copy(), np.full(land.shape, spacing), np.zeros(land.shape)
    for row, column in _NEIGHBOURS:
        run = spacing * math.sqrt(row**2 + column**2)
        drop = (land - padded[1 + row : 1 + row + height, 1 + column : 1 + column + width]) / run
        better = (drop > steepest) & ~outlets
        steepest = np.where(better, drop, steepest)
        receiver = np.where(better, index + row * width + column, receiver)
        distance = np.where(better, run, distance)
    return receiver.ravel(), distance.ravel()


def _drainage_area(receiver: NDArray[np.intp]) -> Grid:
    """Count the cells that drain through each cell, itself included, by pointer doubling."""
    sink = receiver.size
    root = receiver == np.arange(sink)
    pointer = np.append(np.where(root, sink, receiver), sink)
    count = np.append(np.ones(sink), 0.0)
    while (pointer[:sink] != sink).any():
        count = count + np.bincount(pointer, weights=count, minlength=sink + 1)
        count[sink] = 0
        pointer = pointer[pointer]
    return count[:sink]


def _solve_along_rivers(land: Grid, factor: Grid, receiver: NDArray[np.intp]) -> Grid:
    """Solve z = (z0 + F z_receiver) / (1 + F) along every river; roots keep z0."""
    root = receiver == np.arange(receiver.size)
    offset = np.where(root, land, land / (1 + factor))
    slope = np.where(root, 0.0, factor / (1 + factor))
    pointer = receiver
    while slope.any():
        offset, slope, pointer = offset + slope * offset[pointer], slope * slope[pointer], pointer[pointer]
        slope[slope < 1e-12] = 0
    return offset


def slump_slopes(land: Grid, *, spacing: float, steepest: float, rounds: int) -> Grid:
    """Lower slopes steeper than `steepest` (rise over run) by moving the excess to lower neighbours."""
    for _ in range(rounds):
        for axis in (0, 1):
            drop = np.diff(land, axis=axis)
            excess = np.sign(drop) * np.maximum(np.abs(drop) - steepest * spacing, 0) / 4
            before = [(0, 0), (0, 0)]
            after = [(0, 0), (0, 0)]
            before[axis], after[axis] = (0, 1), (1, 0)
            land = land + np.pad(excess, before) - np.pad(excess, after)
    return land


def draw_bed(
    shape: tuple[int, int],
    *,
    spacing: float,
    sea_fraction: float,
    relief: float,
    plateau: float,
    rng: np.random.Generator,
) -> Grid:
    """Draw the bed of a landscape.

    Args:
        shape: (H, W) cells.
        spacing: Cell size, metres; about 200.
        sea_fraction: Fraction of the area below the sea, 0 to 1, before the fjords are cut.
        relief: Elevation of the highest percent of the land, metres.
        plateau: 0 for ridges and peaks, 1 for a smooth plateau with an ice cap.
        rng: Random stream.

    Returns:
        (H, W) bed elevation in metres; the sea floor is negative.
    """
    coarse = (shape[0] // STRIDE + 2, shape[1] // STRIDE + 2)
    base = fractal_field(coarse, 20_000 / STRIDE / spacing, rng, exponent=3.4).astype(float)
    height = base - np.quantile(base, sea_fraction)  # the coast lies at 0
    rim = np.zeros(coarse, bool)
    rim[[0, -1], :] = rim[:, [0, -1]] = True
    outlets = (height < 0) | (rim & (height < np.quantile(height[rim], 0.35)))
    gentle = smooth_field(coarse, 3_000 / STRIDE / spacing, rng)
    rise = np.clip(0.5 + 0.6 * height, 0.2, 1.1) * evaluate(np.exp, 0.3 * gentle)
    start = np.where(outlets, 0.0, 20 + 60 * np.maximum(height, 0) + 12 * smooth_field(coarse, 2, rng))
    land, drained = incise(start, 10 * rise, spacing=STRIDE * spacing, steps=200, outlets=outlets)
    upland = np.where(outlets, 0.0, 0.4 + 0.3 * evaluate(np.tanh, height))  # the plateau, without rivers
    land = (1 - plateau) * land / _highest(land) + plateau * upland / _highest(upland)
    land = relief * np.where(height < 0, 0.3 * np.maximum(height, -0.8), land)
    bent = [
        0.9 * smooth_field(shape, 3_000 / spacing, rng) + 0.5 * smooth_field(shape, 900 / spacing, rng) for _ in "xy"
    ]
    fine = [_interpolate_bent(part, shape, bent) for part in (land, evaluate(np.log, drained).astype(float))]
    land = fine[0] + 0.02 * relief * fractal_field(shape, 1_200 / spacing, rng)
    land = cut_troughs(land, evaluate(np.exp, fine[1]).astype(float), spacing=spacing)
    return slump_slopes(land, spacing=spacing, steepest=0.65, rounds=20)


def cut_troughs(land: Grid, drained: Grid, *, spacing: float) -> Grid:
    """Widen the main valleys to troughs with flat floors and steep walls; near the sea they become fjords.

    Half the width and the depth of a trough grow with the 0.3rd power of the area it drains, as the glacier that
    filled it did.

    Args:
        land: (H, W) metres.
        drained: (H, W) area that drains through each cell, km².
        spacing: Cell size, metres.
    """
    trunk = (drained > 1.5) & (land > -50)
    if not trunk.any():
        return land
    distance, (row, column) = ndimage.distance_transform_edt(~trunk, sampling=spacing, return_indices=True)
    size = evaluate(np.power, blur(drained[row, column], 2), 0.3)
    floor = blur((land - 45 * evaluate(np.power, np.maximum(drained, 1), 0.3))[row, column], 2)
    wall: Grid = floor + 0.65 * np.maximum(distance - 300 * size, 0) + 0.05 * distance
    return np.minimum(land, wall)


def _interpolate_bent(grid: Grid, shape: tuple[int, int], bent: list[Field]) -> Grid:
    """Interpolate to the fine grid, slightly bent, as rivers on a grid run in eight directions only."""
    place = np.indices(shape) / STRIDE + np.stack(bent)
    bent_grid: Grid = ndimage.map_coordinates(grid, place, order=1, mode="nearest")
    return bent_grid


def _highest(land: Grid) -> float:
    """Estimate the highest elevation: the 99th percentile of the land."""
    return max(float(np.quantile(land[land > 0], 0.99)) if (land > 0).any() else 1.0, 1e-6)
