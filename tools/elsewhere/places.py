"""Places with a real inventory, the blocks of tiles that are simulated there, and areas beside the inventory's own."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from glaciersar import outlines
from glaciersar.geodesy import areas_km2
from glaciersar.grid import Grid, Tile, grid_at, middle

SIDE = 2
"""Tiles along each side of a block."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A real inventory, and the names that its form gives to what is needed of it."""

    name: str
    file: str
    """In the folder of the data."""
    area: str
    """Column with the inventory's own area, km²."""
    lowest: str
    """Column with the lowest elevation of a glacier, metres."""
    highest: str
    aspect: str
    """Column with the direction in which a glacier falls, degrees from north."""
    decimals: int
    """Of the column of areas."""
    form: str
    """ "RGI 6" or "RGI 7"."""

    @property
    def short(self) -> str:
        """Name of its files."""
        return self.name.split(",")[0].lower()


_SIX = {"area": "Area", "lowest": "Zmin", "highest": "Zmax", "aspect": "Aspect", "decimals": 3, "form": "RGI 6"}
_SEVEN = {"area": "area_km2", "lowest": "zmin_m", "highest": "zmax_m", "aspect": "aspect_deg", "form": "RGI 7"}
ALPS = Place(name="Alps, Hintereisferner", file="rgi7g_hef_complex.shp", decimals=12, **_SEVEN)
ICELAND = Place(name="Iceland, Mýrdalsjökull", file="RGI6_icecap.shp", **_SIX)  # type: ignore[arg-type]
NEPAL = Place(name="Nepal, Everest", file="everest_rgi60.gpkg", **_SIX)  # type: ignore[arg-type]
ALASKA = Place(name="Alaska, Columbia Glacier", file="RGI60-01.10689.shp", **_SIX)  # type: ignore[arg-type]
MAPPED = (ALPS, ICELAND, NEPAL)
"""Where radar is simulated; one glacier alone, such as Columbia, has no other to be told from."""
PLACES = (*MAPPED, ALASKA)


def read_glaciers(folder: str | Path, place: Place) -> gpd.GeoDataFrame:
    """Read the outlines of a place."""
    return outlines.read_outlines(Path(folder) / "outlines-elsewhere" / place.file)


def grid_of(glaciers: gpd.GeoDataFrame) -> Grid:
    """Choose the tile grid of glaciers, by their middle."""
    return grid_at(*middle(shapely.get_coordinates(glaciers.to_crs(4326).geometry.to_numpy())))


def areas_beside_inventory(glaciers: gpd.GeoDataFrame, place: Place) -> pd.DataFrame:
    """Measure outlines beside the area that their inventory gives them.

    Returns:
        A row each glacier: id, own_km2, ours_km2, relative, and rounding: whether the difference is no more than half
        of the last digit of the inventory.
    """
    ours, own = areas_km2(glaciers), pd.to_numeric(glaciers[place.area])
    half = 0.5 * 10.0**-place.decimals + 1e-6  # and a square metre, for the ellipsoid's areas in a projection
    return pd.DataFrame(
        {
            "id": glaciers["rgi_id"],
            "own_km2": own,
            "ours_km2": ours,
            "relative": ours / own - 1,
            "rounding": (ours - own).abs() <= half,
        }
    )


def choose_block(glaciers: gpd.GeoDataFrame, *, side: int = SIDE) -> list[Tile]:
    """Choose the square of side × side tiles that holds most glaciers wholly; of several that with most of their area.

    Returns:
        Its tiles, the lower left one first.
    """
    grid = grid_of(glaciers)
    placed = glaciers.to_crs(grid.crs)
    corners = np.floor((placed.total_bounds - np.tile(grid.origin, 2)) / grid.tile_size).astype(int)
    blocks = [
        Tile(column=column, row=row, grid=grid)
        for column in range(corners[0] - 1, corners[2] + 1)
        for row in range(corners[1] - 1, corners[3] + 1)
    ]
    km2 = areas_km2(placed)
    inside = {tile: km2[within(placed, square_of(tile, side))] for tile in blocks}
    first = max(blocks, key=lambda tile: (len(inside[tile]), float(inside[tile].sum())))
    return [first.neighbour(right=column, up=row) for row in range(side) for column in range(side)]


def square_of(corner: Tile, side: int = SIDE) -> shapely.Polygon:
    """Return the square of a block from its lower left tile, in the system of the grid."""
    left, bottom, _, _ = corner.bounds
    length = side * corner.grid.tile_size
    return shapely.box(left, bottom, left + length, bottom + length)


def within(glaciers: gpd.GeoDataFrame, square: shapely.Polygon) -> "pd.Series[bool]":
    """Tell which glaciers, in the system of the square, lie wholly within it."""
    found: pd.Series[bool] = glaciers.within(square)
    return found
