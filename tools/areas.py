"""Measure the same ice in several coordinate systems, and write the areas to docs/areas.md.

python -m tools.areas [docs/areas.md]
"""

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import geodesy, outlines
from glaciersar.io.atomic import atomic_write

GEOD = pyproj.Geod(ellps="WGS84")
RADIUS = 5_000.0
"""Of the disc of ice, metres along geodesics."""
CORNERS = 720
"""Of its outline; its area is that of the polygon of geodesics between them."""
SIDE = 512
"""Pixels along each side of the map of it."""
PLACES = {
    "Svalbard": ((14.0, 78.5), (32633, 32635, 3857, 3413, 3575, 4326, 3035)),
    "Nepal": ((86.9, 28.0), (32645, 32644, 32633, 3857, 4326, 4087)),
    "Alps": ((7.6, 46.0), (32632, 3413, 3035, 3857, 4326, 2056)),
    "Patagonia": ((-73.2, -50.3), (32718, 32719, 3857, 4326)),
    "Antarctica": ((-62.0, -77.0), (3031, 32720, 4326, 3976)),
    "Chukotka": ((179.95, 67.0), (32660, 32601, 3413)),
}
"""Longitude and latitude, degrees, and the systems that people have maps of a place in, by their EPSG codes."""


def disc_of_ice(longitude: float, latitude: float) -> tuple[gpd.GeoSeries, float]:
    """Draw a disc around a place; returns it, in a system around the place, and its geodesic area, km²."""
    azimuths = np.linspace(0, 360, CORNERS, endpoint=False)
    start = np.full(CORNERS, longitude), np.full(CORNERS, latitude)
    east, north, _ = GEOD.fwd(start[0], start[1], azimuths, np.full(CORNERS, RADIUS))
    area, _ = GEOD.polygon_area_perimeter(east, north)
    plane = f"+proj=aeqd +lon_0={longitude} +lat_0={latitude} +datum=WGS84"
    x, y = pyproj.Transformer.from_crs(4326, plane, always_xy=True).transform(east, north)
    return gpd.GeoSeries([shapely.Polygon(np.column_stack((x, y)))], crs=plane), abs(area) / 1e6


def compare() -> pd.DataFrame:
    """Measure the disc of each place in each system: in the plane of the system, by outline, and by pixels, km²."""
    rows = []
    for place, ((longitude, latitude), systems) in PLACES.items():
        disc, area = disc_of_ice(longitude, latitude)
        for code in systems:
            ice = disc.to_crs(code)
            box = GeoBox.from_bbox(ice.total_bounds, f"EPSG:{code}", shape=(SIDE, SIDE))
            mask = outlines.to_mask(ice.to_frame("geometry"), box)  # (H, W)
            rows.append(
                {
                    "place": place,
                    "latitude": latitude,
                    "system": f"EPSG:{code}, {ice.crs.name}",
                    "geodesic": area,
                    "in the plane": np.nan if ice.crs.is_geographic else float(ice.area.iloc[0]) / 1e6,
                    "outline": float(geodesy.areas_km2(ice).iloc[0]),
                    "pixels": float(geodesy.pixel_areas_km2(box)[mask].sum()),
                }
            )
    return pd.DataFrame(rows)


def write(path: str | Path) -> pd.DataFrame:
    """Write the comparison as a page of the documentation."""
    table = compare()
    shown = table.assign(latitude=table["latitude"].map("{:g}".format))
    for name in ("geodesic", "in the plane", "outline", "pixels"):
        shown[name] = ["none" if np.isnan(value) else f"{value:.2f}" for value in table[name]]
    text = f"""# The same ice in several coordinate systems

Made by `python -m tools.areas`: a disc of {RADIUS / 1e3:g} km around each place, its area in km² by geodesics on the
WGS 84 ellipsoid (Karney 2013), and as it is found in each system from its outline and from the {SIDE} × {SIDE} pixels
of a map. *In the plane* is what a program finds that takes the coordinates of the system for metres on the ground;
degrees have none. `glaciersar.geodesy` carries outlines and pixels to an equal-area projection around them;
`tests/test_geodesy.py` holds it to geodesics for ice of another shape in the same systems.

{shown.to_markdown(index=False, disable_numparse=True)}
"""
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return table


if __name__ == "__main__":
    print(write(sys.argv[1] if len(sys.argv) > 1 else "docs/areas.md").to_string())
