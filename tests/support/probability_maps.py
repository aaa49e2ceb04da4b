"""A random probability map of 12 × 9 km, with a gap, for tests of areas."""

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

GRID = GeoBox.from_bbox((500_000, 8_700_000, 512_000, 8_709_000), "EPSG:32633", resolution=50, tight=True)  # 180 × 240
PIXEL = 50**2 / 1e6
"""Area of a pixel, km²."""


def random_map(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw probabilities of glacier from a smooth random field, (180, 240), NaN in a rectangle."""
    field = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 8)
    values: NDArray[np.float32] = (1 / (1 + np.exp(-5 * field / field.std()))).astype(np.float32)
    values[40:90, 30:60] = np.nan
    return values
