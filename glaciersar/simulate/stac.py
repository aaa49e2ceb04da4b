"""Describe simulated scenes as STAC items, with the fields that items of real Sentinel-1 archives have."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import geopandas as gpd
import shapely
from odc.geo.geobox import GeoBox

from glaciersar.geodesy import join_at_180, split_at_180
from glaciersar.io.extras import require_extra

if TYPE_CHECKING:
    from pystac import Collection, Item

EXTENSIONS = [
    "https://stac-extensions.github.io/sar/v1.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
]
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
FIRST_ORBIT = datetime(2014, 4, 3, tzinfo=UTC)  # launch of Sentinel-1A, from which orbits are counted


def item(
    name: str, *, time: datetime, relative_orbit: int, geobox: GeoBox, looks: float, incidence: float, collection: str
) -> "Item":
    """Describe one scene. Its rasters lie beside it; the raster of incidence serves all scenes of an orbit.

    Args:
        name: Identifier.
        time: Start of the acquisition, UTC.
        relative_orbit: 14 or 174.
        geobox: Pixel grid.
        looks: Equivalent number of looks.
        incidence: Mean of the scene, degrees.
        collection: The landscape's name.
    """
    pystac = require_extra("pystac")
    box = geobox.boundingbox
    corners = gpd.GeoSeries.from_xy(
        [box.left, box.right, box.right, box.left], [box.bottom, box.bottom, box.top, box.top], crs=str(geobox.crs)
    ).to_crs("EPSG:4326")
    whole = join_at_180(shapely.Polygon(list(corners)))
    outline = split_at_180(whole)
    west, south, east, north = whole.bounds
    record: Item = pystac.Item(
        id=name,
        geometry=shapely.geometry.mapping(outline),
        bbox=[west, south, east - 360 if east > 180 else east, north],
        datetime=time,
        collection=collection,
        stac_extensions=EXTENSIONS,
        properties=_properties(time, relative_orbit, geobox, looks, incidence),
    )
    for key, title in (("hh", "Gamma nought HH, linear power"), ("hv", "Gamma nought HV, linear power")):
        record.add_asset(key, pystac.Asset(f"./{key}.tif", title=title, media_type=COG, roles=["data"]))
    record.add_asset(
        "incidence",
        pystac.Asset(
            f"../incidence_ro{relative_orbit}.tif", title="Incidence angle, degrees", media_type=COG, roles=["data"]
        ),
    )
    return record


def _properties(
    time: datetime, relative_orbit: int, geobox: GeoBox, looks: float, incidence: float
) -> dict[str, object]:
    pystac = require_extra("pystac")
    pixel = abs(float(geobox.resolution.x))
    wide = pixel > 20  # EW, else IW
    return {
        "title": "Simulated Sentinel-1 backscatter",
        "platform": "simulated",
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        "gsd": pixel,
        "start_datetime": pystac.utils.datetime_to_str(time),
        "end_datetime": pystac.utils.datetime_to_str(time + timedelta(seconds=25)),
        "sar:frequency_band": "C",
        "sar:center_frequency": 5.405,
        "sar:observation_direction": "right",
        "sar:instrument_mode": "EW" if wide else "IW",
        "sar:product_type": "RTC",
        "sar:polarizations": ["HH", "HV"],
        "sar:resolution_range": 93 if wide else 20,
        "sar:resolution_azimuth": 87 if wide else 22,
        "sar:pixel_spacing_range": pixel,
        "sar:pixel_spacing_azimuth": pixel,
        "sar:looks_range": 6 if wide else 5,
        "sar:looks_azimuth": 2 if wide else 1,
        "sar:looks_equivalent_number": looks,
        "sat:orbit_state": "ascending",
        "sat:relative_orbit": relative_orbit,
        "sat:absolute_orbit": _absolute_orbit(time, relative_orbit),
        "view:incidence_angle": round(incidence, 2),
        "proj:epsg": geobox.crs.epsg if geobox.crs is not None else None,
        "proj:code": str(geobox.crs),
        "proj:shape": list(geobox.shape),
        "proj:transform": list(geobox.affine),
    }


def _absolute_orbit(time: datetime, relative_orbit: int) -> int:
    """Compute the absolute orbit: 175 take 12 days, and Sentinel-1A's relative orbit is (absolute - 73) mod 175 + 1."""
    cycle = (time - FIRST_ORBIT) // timedelta(days=12)
    return 175 * cycle + relative_orbit + 72


def collection(name: str, *, items: list["Item"], description: str) -> "Collection":
    """Make the collection of the scenes of one landscape."""
    pystac = require_extra("pystac")
    boxes = [record.bbox for record in items if record.bbox]
    times = [record.datetime for record in items if record.datetime]
    extent = pystac.Extent(pystac.SpatialExtent([boxes[0]]), pystac.TemporalExtent([[min(times), max(times)]]))
    record: Collection = pystac.Collection(name, description=description, extent=extent, license="other")
    record.add_items(items)
    return record
