"""Simulated landscapes that several tests share; each is drawn once in a run."""

from functools import cache

from odc.geo.geobox import GeoBox

from glaciersar.simulate.landscape import Landscape, draw_landscape

BOX = GeoBox.from_bbox((600_000, 8_700_000, 607_680, 8_707_680), "EPSG:32633", resolution=60)
"""128 × 128 pixels of 60 m."""


@cache
def draw(seed: int) -> Landscape:
    """Draw a landscape on `BOX` in 2016 and 2020: seed 8 has every zone of Svalbard, and as much ice as land."""
    return draw_landscape("here", BOX, years=(2016, 2020), seed=seed)
