"""Polygons that every later step can use: valid, of area, flat, each once. What had to be done is counted."""

import geopandas as gpd
import pandas as pd
import shapely

from glaciersar.geodesy import crosses_180, join_at_180

KEYS = frozenset(
    "fid id objectid ogc_fid uuid rgiid rgi_id glimsid glims_id glac_id anlys_id ident".split()  # noqa: SIM905
)
"""Columns, in small letters, that number rows: the same outline under two numbers is the same outline."""

SAID = {
    "mended": "invalid ones mended",
    "empty": "without a shape left out",
    "lines": "lines or points left out",
    "collapsed": "without an area left out",
    "mixed": "lines or points within outlines dropped",
    "heights": "with heights made flat",
    "twice": "drawn twice left out",
    "alike": "of one shape and year with another kept, as their other columns differ",
    "across": "on both sides of 180° joined there",
}
"""What `clean` counts, and how it is said."""


def area_parts(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Keep the polygons of each shape: lines and points of a collection go, and a shape without an area is empty.

    Mending a polygon that touches or crosses itself may leave such collections, which overlays refuse.
    """
    other = ~shapes.geom_type.isin(("Polygon", "MultiPolygon"))
    if not other.any():
        return shapes
    parts = [_polygons_of(shape) for shape in shapes[other]]
    kept = shapes.copy()
    kept[other] = gpd.GeoSeries(parts, index=shapes.index[other], crs=shapes.crs)
    return kept


def _polygons_of(shape: shapely.Geometry | None) -> shapely.Geometry:
    pieces = shapely.get_parts(shapely.get_parts(shape))  # a MultiPolygon may lie in a collection
    return shapely.union_all([piece for piece in pieces if isinstance(piece, shapely.Polygon)])


def clean(outlines: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Mend invalid polygons, and leave out what has no area or stands there twice.

    In degrees, an outline on both sides of 180° goes on beyond 180°, in one piece.

    Twice is an outline of the same shape whose other columns agree too, but for those that number rows (`KEYS`), as the
    same shape may stand there for several years.

    Returns:
        The outlines that have an area, with their columns and index; and how many were treated in each way of `SAID`.
    """
    count = {}
    empty = outlines.geometry.isna() | outlines.geometry.is_empty
    count["empty"] = int(empty.sum())
    outlines = outlines[~empty]
    drawn = outlines.geom_type.isin(("Polygon", "MultiPolygon", "GeometryCollection"))
    count["lines"] = int((~drawn).sum())
    outlines = outlines[drawn]
    count["heights"] = int(outlines.has_z.sum())
    if count["heights"]:
        outlines = outlines.set_geometry(outlines.geometry.force_2d())
    outlines, count["across"] = _joined_at_180(outlines)  # first: sides across the whole map may cross one another
    invalid = ~outlines.geometry.is_valid
    given = outlines.geom_type == "GeometryCollection"
    outlines = outlines.set_geometry(area_parts(outlines.geometry.make_valid()))
    flat = outlines.geometry.is_empty  # a polygon whose corners lie on a line, or a collection of lines
    count["mended"], count["mixed"] = int((invalid & ~flat).sum()), int((given & ~flat).sum())
    count["collapsed"] = int(flat.sum())
    outlines = outlines[~flat]
    shapes = outlines.geometry.normalize().to_wkb(hex=True)
    twice = _without_keys(outlines).assign(shape=shapes).astype(str).duplicated()
    count["twice"] = int(twice.sum())
    return outlines[~twice], count


def _joined_at_180(outlines: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    if outlines.crs is None or not outlines.crs.is_geographic:
        return outlines, 0
    across = outlines.geometry.map(crosses_180).astype(bool)
    if not across.any():
        return outlines, 0
    shapes = outlines.geometry.copy()
    shapes[across] = shapes[across].map(join_at_180).make_valid().map(lambda shape: shapely.union_all([shape]))
    return outlines.set_geometry(shapes), int(across.sum())


def _without_keys(outlines: gpd.GeoDataFrame) -> pd.DataFrame:
    numbering = [name for name in outlines if str(name).lower() in KEYS]
    return pd.DataFrame(outlines.drop(columns=[outlines.geometry.name, *numbering]))


def same_shape(outlines: gpd.GeoDataFrame, years: pd.Series) -> int:
    """Count outlines that share shape and year with one before them, which is the same ice twice."""
    shapes = outlines.geometry.normalize().to_wkb(hex=True)
    return int(pd.DataFrame({"shape": shapes, "year": years}).astype(str).duplicated().sum())


def describe(count: dict[str, int]) -> str:
    """Say what was done with how many outlines; empty where nothing was."""
    return ", ".join(f"{count[name]} {said}" for name, said in SAID.items() if count.get(name))
